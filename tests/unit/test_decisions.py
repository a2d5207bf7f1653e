"""docs/architecture.md and docs/decisions: what they name is there, and the docstrings find them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xbuild

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PACKAGE = Path(xbuild.__file__).parent
PAGES = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))


def named() -> set[str]:
    """The pages that the package's sources name."""
    sources = PACKAGE.rglob("*.py")
    return {name for path in sources for name in re.findall(r"\b\d{4}-[a-z-]+\.md", path.read_text("utf-8"))}


def test_every_page_that_the_code_names_is_there() -> None:
    assert named() <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_can_be_found(page: str) -> None:
    assert page in named()
    assert f"({page})" in (DECISIONS / "index.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["architecture.md", *(f"decisions/{name}" for name in PAGES)])
def test_every_module_that_a_page_names_is_there(page: str) -> None:
    paths = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", (ROOT / "docs" / page).read_text("utf-8"))
    assert paths
    gone = [path for path in paths if not any((top / path).is_file() for top in (ROOT, PACKAGE))]
    assert gone == []


def test_every_room_has_its_row() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    rooms |= {path.stem for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert rooms == {room for row in rows for room in re.findall(r"`([a-z]+)`", row)}


def test_a_number_is_given_once() -> None:
    assert len({page[:4] for page in PAGES}) == len(PAGES)

"""The pages of docs/decisions, and the docstrings that send a reader there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xbuild

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))


def named() -> set[str]:
    """The pages that the package's sources name."""
    sources = Path(xbuild.__file__).parent.rglob("*.py")
    return {name for path in sources for name in re.findall(r"\b\d{4}-[a-z-]+\.md", path.read_text("utf-8"))}


def test_every_page_that_the_code_names_is_there() -> None:
    assert named() <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_can_be_found(page: str) -> None:
    assert page in named()
    assert f"({page})" in (DECISIONS / "index.md").read_text("utf-8")


def test_a_number_is_given_once() -> None:
    assert len({page[:4] for page in PAGES}) == len(PAGES)

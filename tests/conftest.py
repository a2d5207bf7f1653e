"""Fixtures and options that all tests share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.documents import check_all, check_reports
from support.fakes import FakeEngine, Recorder

GOLDEN = Path(__file__).parent / "golden"

FETCHING = frozenset({"build_image", "sdist", "tester_image", "toolchain_image"})
"""Fixtures that make images or fetch sources; what uses them is marked ``archives``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden/*.json from what the code gives now, instead of comparing with it",
    )

    parser.addoption(
        "--repeat", type=int, default=1, metavar="N", help="run each fault of tests/faults N times"
    )
    parser.addoption(
        "--repeat-races", type=int, default=1, metavar="N", help="the same for faults that are races"
    )
    parser.addoption("--exhaustive", action="store_true", help="also what takes minutes each")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if FETCHING.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.archives)
    if not config.getoption("--exhaustive"):
        chosen = [item for item in items if item.get_closest_marker("exhaustive") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.fixture(autouse=True)
def _reports_are_as_their_schema_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold every report that a test's runs have kept against the published schema."""
    yield
    folder = getattr(request.node, "funcargs", {}).get("tmp_path")
    if folder:
        check_reports(folder)


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    """An engine that sees this machine's files."""
    return FakeEngine(tmp_path / "engine")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Compare a JSON-ready value with a file of tests/golden.

    ``pytest tests/unit/plan --update-golden`` writes the files;
    read the difference before you commit.
    """

    def compare(name: str, value: Any) -> None:
        check_all(json.dumps(value))
        path = GOLDEN / f"{name}.json"
        text = json.dumps(value, indent=1, sort_keys=True) + "\n"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        assert json.loads(path.read_text("utf-8")) == value, f"differs from {path.name}; see --update-golden"

    return compare

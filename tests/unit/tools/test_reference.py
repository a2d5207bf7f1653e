"""The pages that are made from the code say what the code says; `python tools/reference.py` writes them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import pytest
from reference import MADE, PAGES, ROOT, commands, error_codes, exit_statuses, report, run_events, targets


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("error-codes", error_codes),
        ("events", run_events),
        ("exit-statuses", exit_statuses),
        ("report", report),
        ("targets", targets),
    ],
)
def test_a_page_is_what_the_code_says(name: str, page: Callable[[], str]) -> None:
    written = (PAGES / f"{name}.md").read_text("utf-8")
    assert written == f"{MADE}{page().rstrip()}\n", "run `python tools/reference.py`"


def test_the_page_of_the_commands_is_what_the_code_says() -> None:
    """It is in typer's words, which go by its version."""
    locked = f"typer=={version('typer')} "
    if locked not in (ROOT / "requirements" / "test.txt").read_text("utf-8"):
        pytest.skip("another typer than the one that is locked")
    written = (PAGES / "commands.md").read_text("utf-8")
    assert written == f"{MADE}{commands().rstrip()}\n", "run `python tools/reference.py`"

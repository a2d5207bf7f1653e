"""The pages that are made from the code say what the code says; `python tools/reference.py` writes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reference import MADE, PAGES, error_codes, exit_statuses, report, run_events, targets


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
    """The page of the commands is typer's, and goes by its version: `nox -s docs` compares it."""
    assert (PAGES / f"{name}.md").read_text("utf-8") == f"{MADE}{page().rstrip()}\n", (
        "run `python tools/reference.py`"
    )

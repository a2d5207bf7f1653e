"""What a run leaves beside the wheels and where the state is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.fakes import LINUX, WINDOWS
from support.workshop import Workshop

from xbuild.app.services import RunHandle
from xbuild.errors import ExitStatus


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def end_of(shop: Workshop, run: str) -> dict[str, Any]:
    """The last record of a run's log."""
    text = (shop.settings.state_dir / "runs" / run / "run.jsonl").read_text("utf-8")
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def build(shop: Workshop, *, room: bool = True, room_beside: bool = True) -> str:
    """A run that finds a folder in the place of a report that there is no room for; gives its name."""
    context = RunHandle()
    if not room:
        (shop.settings.state_dir / "runs" / context.run / "report.json").mkdir(parents=True)
    if not room_beside:
        (shop.out / ".xbuild" / "report.json").mkdir(parents=True)
    assert shop.build(context=context) == ExitStatus.OK
    return context.run


def test_the_log_beside_the_wheels_has_the_end_of_the_run(shop: Workshop) -> None:
    kept = shop.settings.state_dir / "runs" / build(shop) / "run.jsonl"
    beside = shop.out / ".xbuild" / "run.jsonl"
    assert beside.read_text("utf-8").count('"run-finished"') == 1
    assert beside.read_bytes() == kept.read_bytes()


def test_the_report_beside_the_wheels_needs_no_room_for_the_other(shop: Workshop) -> None:
    run = build(shop, room=False)
    assert len(list((shop.out / ".xbuild").glob("*.provenance.json"))) == 1
    assert end_of(shop, run)["report"] == str(shop.out / ".xbuild" / "report.json")


def test_a_report_that_is_nowhere_is_not_named(shop: Workshop) -> None:
    assert "report" not in end_of(shop, build(shop, room=False, room_beside=False))


def events_of(shop: Workshop, run: str) -> list[dict[str, Any]]:
    """The records of the run's own log."""
    text = (shop.settings.state_dir / "runs" / run / "run.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_begins_with_its_start_and_counts_to_its_end(shop: Workshop) -> None:
    found = events_of(shop, build(shop))
    assert (found[0]["event"], found[0]["number"], found[0]["jobs"]) == ("run-started", 1, [LINUX])
    numbers = [record["number"] for record in found]
    assert numbers == sorted(set(numbers))
    assert found[-1]["event"] == "run-finished"


def test_a_run_that_is_refused_has_a_start_and_the_ends_of_its_jobs(shop: Workshop) -> None:
    context = RunHandle()
    request = shop.request(LINUX, WINDOWS, source_digest=f"sha256:{'0' * 64}")
    assert shop.build(request, context=context) == ExitStatus.REFUSED
    found = [record["event"] for record in events_of(shop, context.run)]
    assert (found[0], found[-1]) == ("run-started", "run-finished")
    for triple in (LINUX, WINDOWS):
        log = shop.settings.state_dir / "runs" / context.run / f"{triple}.jsonl"
        (ended,) = map(json.loads, log.read_text("utf-8").splitlines())
        assert (ended["event"], ended["status"]) == ("job-finished", "refused")

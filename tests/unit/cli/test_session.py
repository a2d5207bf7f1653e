"""What a run leaves beside the wheels and where the state is kept."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support.fakes import LINUX, WINDOWS
from support.workshop import Workshop

from xbuild.cli.session import Session
from xbuild.errors import ExitStatus
from xbuild.ui.console import make_console


class Interrupting(io.StringIO):
    """A terminal at which Ctrl-C is pressed while the summary appears."""

    def write(self, text: str) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def end_of(shop: Workshop, session: Session) -> dict[str, Any]:
    """The last record of a run's log."""
    text = (shop.settings.state_dir / "runs" / session.run / "run.jsonl").read_text("utf-8")
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def build(shop: Workshop, *, room: bool = True, room_beside: bool = True) -> Session:
    """A run that finds a folder in the place of a report that there is no room for."""
    session = shop.session()
    if not room:
        (shop.settings.state_dir / "runs" / session.run / "report.json").mkdir(parents=True)
    if not room_beside:
        (shop.out / ".xbuild" / "report.json").mkdir(parents=True)
    assert session.build(shop.request(), shop.catalog) == ExitStatus.OK
    return session


def test_the_log_beside_the_wheels_has_the_end_of_the_run(shop: Workshop) -> None:
    session = build(shop)
    kept = shop.settings.state_dir / "runs" / session.run / "run.jsonl"
    beside = shop.out / ".xbuild" / "run.jsonl"
    assert beside.read_text("utf-8").count('"run-finished"') == 1
    assert beside.read_bytes() == kept.read_bytes()


def test_the_report_beside_the_wheels_needs_no_room_for_the_other(shop: Workshop) -> None:
    session = build(shop, room=False)
    assert len(list((shop.out / ".xbuild").glob("*.provenance.json"))) == 1
    assert end_of(shop, session)["report"] == str(shop.out / ".xbuild" / "report.json")


def test_a_report_that_is_nowhere_is_not_named(shop: Workshop) -> None:
    session = build(shop, room=False, room_beside=False)
    assert "report" not in end_of(shop, session)


def test_the_exit_status_stands_once_the_log_has_it(shop: Workshop) -> None:
    session = shop.session()
    stream = Interrupting()
    session.console = make_console(stream, environ={})
    assert session.build(shop.request(), shop.catalog) == ExitStatus.OK
    assert "1 wheel" in stream.getvalue()
    assert end_of(shop, session)["exit_status"] == ExitStatus.OK


def test_a_plan_tells_what_is_worth_a_notice(shop: Workshop) -> None:
    (shop.project / ".git").mkdir()
    os.chown(shop.project / ".git", 12_345, 12_345)
    session = shop.session()
    stream = io.StringIO()
    session.errors = make_console(stream, environ={})
    made = session.plan(shop.request(), shop.catalog)
    assert stream.getvalue().startswith("warning[foreign-repository]: ")
    assert [note.code for note in made.notes] == ["not-known"]
    assert not shop.engine.containers


def events_of(shop: Workshop, session: Session) -> list[dict[str, Any]]:
    """The records of the run's own log."""
    text = (shop.settings.state_dir / "runs" / session.run / "run.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_begins_with_its_start_and_counts_to_its_end(shop: Workshop) -> None:
    found = events_of(shop, build(shop))
    assert (found[0]["event"], found[0]["number"], found[0]["jobs"]) == ("run-started", 1, [LINUX])
    numbers = [record["number"] for record in found]
    assert numbers == sorted(set(numbers))
    assert found[-1]["event"] == "run-finished"


def test_a_run_that_is_refused_has_a_start_and_the_ends_of_its_jobs(shop: Workshop) -> None:
    (shop.project / "Cargo.toml").unlink()
    session = shop.session()
    assert session.build(shop.request(LINUX, WINDOWS), shop.catalog) == ExitStatus.REFUSED
    assert [record["event"] for record in events_of(shop, session)] == ["run-started", "run-finished"]
    folder = shop.settings.state_dir / "runs" / session.run
    for number, triple in enumerate((LINUX, WINDOWS), 2):
        (ended,) = map(json.loads, (folder / f"{triple}.jsonl").read_text("utf-8").splitlines())
        assert (ended["event"], ended["status"], ended["number"]) == ("job-finished", "refused", number)

"""Events as values."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from support.conditions import together
from support.fakes import Recorder

from xbuild import events
from xbuild.errors import EngineError, ExitStatus, RefusedError, XbuildError
from xbuild.events import (
    Event,
    JobFinished,
    Notice,
    Output,
    Progress,
    RunEvents,
    RunFinished,
    RunStarted,
    WheelReady,
    ended_by,
    event_types,
    field_names,
)


def test_an_event_is_json_ready_and_begins_with_its_name() -> None:
    event = Output(run="r", time=1.0, job="t", phase="build", stream="stderr", line="\x1b[31mx")
    body = event.as_dict()
    assert next(iter(body)) == "event"
    assert body == {
        "event": "output",
        "run": "r",
        "time": 1.0,
        "number": 0,
        "job": "t",
        "phase": "build",
        "stream": "stderr",
        "line": "\x1b[31mx",
    }
    json.dumps(body)


def test_empty_fields_are_left_out_and_zeros_are_not() -> None:
    progress = Progress(run="r", time=0.0, phase="build", done=0, total=0).as_dict()
    counts = {"number": 0, "done": 0, "total": 0}
    assert progress == {"event": "progress", "run": "r", "time": 0.0, "phase": "build", **counts}
    ended = RunFinished(run="r", time=1.0, status="ok", exit_status=0, seconds=0.0).as_dict()
    assert ended["exit_status"] == 0
    assert "report" not in ended
    assert "hint" not in Notice(run="r", time=1.0, level="info", code="c", message="m").as_dict()


def test_field_names() -> None:
    assert field_names(WheelReady) == (
        "run",
        "time",
        "job",
        "interpreter",
        "number",
        "path",
        "sha256",
        "size",
        "proof",
    )


def test_every_class_of_events_is_there_once() -> None:
    # In a process of its own, where nothing has been collected yet
    program = "from xbuild.events import event_types; print(*(cls.__name__ for cls in event_types()))"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert len(names) == len(set(names))
    assert set(names) == {cls.__name__ for cls in event_types()}
    for cls in event_types():
        assert getattr(events, cls.__name__) is cls
    assert WheelReady in event_types()


# The events of a run


class StoppedError(XbuildError):
    exit_status = ExitStatus.INTERRUPTED


def start(*jobs: str) -> RunStarted:
    return RunStarted(run="r", time=1.0, jobs=jobs, version="1")


def end(error: XbuildError | None = None) -> RunFinished:
    if error:
        return ended_by(error, run="r", now=9.0, seconds=8.0)
    return RunFinished(run="r", time=9.0, status="ok", exit_status=0, seconds=8.0)


def line(text: str) -> Output:
    return Output(run="r", time=2.0, phase="build", stream="stdout", line=text)


def test_events_are_numbered_in_the_order_in_which_they_come(recorder: Recorder) -> None:
    emit = RunEvents(recorder)

    def write() -> None:
        for number in range(50):
            emit(line(str(number)))

    emit(start())
    assert together(write, write) == []
    emit(end())
    assert [event.number for event in recorder.events] == list(range(1, 103))
    assert isinstance(recorder.events[0], RunStarted)
    assert isinstance(recorder.events[-1], RunFinished)


def test_every_sink_gets_the_same_numbers() -> None:
    one, other = Recorder(), Recorder()
    emit = RunEvents(one, other)
    emit(start())
    emit(line("x"))
    assert one.events == other.events


def test_nothing_comes_after_the_end(recorder: Recorder) -> None:
    emit = RunEvents(recorder)
    emit(start("a"))
    emit(end())
    emit(line("late"))
    emit(end(EngineError("gone")))
    assert [event.kind for event in recorder.events] == ["run-started", "job-finished", "run-finished"]
    assert emit.ended == recorder.events[-1]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (None, "not-run", ""),
        (EngineError("gone"), "not-run", "gone"),
        (RefusedError("it cannot work"), "refused", "it cannot work"),
        (StoppedError("interrupted"), "interrupted", "interrupted"),
    ],
)
def test_a_job_that_never_began_has_its_end(
    recorder: Recorder, error: XbuildError | None, status: str, reason: str
) -> None:
    emit = RunEvents(recorder)
    emit(start("a", "b", "c"))
    emit(JobFinished(run="r", time=3.0, job="b", status="built", seconds=1.0))
    emit(end(error))
    told = {event.job: (event.status, event.reason) for event in recorder.of(JobFinished)}
    assert told == {"b": ("built", ""), "a": (status, reason), "c": (status, reason)}
    assert len(recorder.of(JobFinished)) == 3


def test_where_a_run_begins_with_no_jobs_none_ends(recorder: Recorder) -> None:
    emit = RunEvents(recorder)
    emit(end())
    assert [(event.kind, event.number) for event in recorder.events] == [("run-finished", 1)]


def test_an_event_keeps_what_it_says(recorder: Recorder) -> None:
    said: Event = line("x")
    RunEvents(recorder)(said)
    assert recorder.events == [replace(said, number=1)]

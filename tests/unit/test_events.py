"""Events as values."""

from __future__ import annotations

import json
import subprocess
import sys

from xbuild import events
from xbuild.events import Notice, Output, Progress, RunFinished, WheelReady, event_types, field_names


def test_an_event_is_json_ready_and_begins_with_its_name() -> None:
    event = Output(run="r", time=1.0, job="t", phase="build", stream="stderr", line="\x1b[31mx")
    body = event.as_dict()
    assert next(iter(body)) == "event"
    assert body == {
        "event": "output",
        "run": "r",
        "time": 1.0,
        "job": "t",
        "phase": "build",
        "stream": "stderr",
        "line": "\x1b[31mx",
    }
    json.dumps(body)


def test_empty_fields_are_left_out_and_zeros_are_not() -> None:
    progress = Progress(run="r", time=0.0, phase="build", done=0, total=0).as_dict()
    assert progress == {"event": "progress", "run": "r", "time": 0.0, "phase": "build", "done": 0, "total": 0}
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

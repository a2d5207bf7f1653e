"""The published schemas, and the documents that they are of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import ValidationError
from support.attest_files import make_report
from support.cli_runner import xbuild
from support.documents import SCHEMAS, check, check_all
from support.fakes import LINUX

from xbuild.errors import ExitStatus, RefusedError
from xbuild.events import Notice, Output, RunFinished, RunStarted
from xbuild.images.pins import Lock, LockedImage, format_lock
from xbuild.report.schemas import NAMES, schema_of
from xbuild.util.toml import parse_toml


@pytest.mark.parametrize("name", NAMES)
def test_the_published_schema_is_what_the_code_says(name: str) -> None:
    ended = xbuild("schema", name)
    assert json.loads(ended.out) == schema_of(name)
    assert (SCHEMAS / f"{name}.json").read_text("utf-8") == ended.out, f"run `xbuild schema {name}`"


def test_every_schema_is_published_and_no_other() -> None:
    assert {path.stem for path in SCHEMAS.iterdir()} == set(NAMES)


def test_a_schema_that_there_is_none() -> None:
    ended = xbuild("schema", "wheel")
    assert (ended.status, ended.code) == (ExitStatus.USAGE, "no-schema")


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field that is not named": lambda body: body.update(mood="good"),
    "one that is missing": lambda body: body.pop("notes"),
    "one that is missing further in": lambda body: body["jobs"][0].pop("warm"),
    "another schema": lambda body: body.update(schema="xbuild.report/2"),
    "a status that is none": lambda body: body["jobs"][0].update(status="done"),
    "a digest that is none": lambda body: body["source"].update(digest="sha256:1"),
}


def test_a_report_is_as_its_schema_says() -> None:
    assert check_all(make_report().to_json().decode()) == 1


@pytest.mark.parametrize("case", DAMAGE)
def test_a_report_that_is_not_is_found(case: str) -> None:
    body = make_report().as_dict()
    DAMAGE[case](body)
    with pytest.raises(ValidationError):
        check("report", body)


def test_events_are_as_their_schema_says() -> None:
    for event in (
        RunStarted(run="r", time=1.0, jobs=(), version="1"),
        Output(run="r", time=1.0, phase="build", stream="stderr", line=""),
        RunFinished(run="", time=1.0, status="error", exit_status=3, seconds=0.0),
    ):
        check("event", event.as_dict())


@pytest.mark.parametrize(
    "change",
    [{"event": "strange"}, {"level": "fatal"}, {"mood": "good"}, {"time": "12:00"}, {"exit_status": 0}],
)
def test_an_event_that_is_not_is_found(change: dict[str, Any]) -> None:
    body = Notice(run="r", time=1.0, level="info", code="c", message="m").as_dict()
    check("event", body)
    with pytest.raises(ValidationError):
        check("event", {**body, **change})


def test_an_error_is_as_its_schema_says() -> None:
    check("error", RefusedError("no", details="d", code="c", retryable=True).as_dict())


@pytest.mark.parametrize(
    "image",
    [
        LockedImage(id="sha256:1"),
        LockedImage(id="own:1", recipe="r", layers="l", tools={"rustc": "1.91.1", "a b": "1"}),
    ],
)
def test_a_lock_is_as_its_schema_says(image: LockedImage) -> None:
    check("lock", parse_toml(format_lock(Lock(xbuild="0.1.0", images={LINUX: image, "base": image}))))
    check("lock", parse_toml(format_lock(Lock(xbuild="0.1.0", images={}))))

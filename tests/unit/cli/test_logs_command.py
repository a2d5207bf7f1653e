"""``xbuild logs``: which run, which targets, and in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli_runner import Ended, xbuild
from support.fakes import LINUX, WINDOWS

from xbuild.errors import ExitStatus

OLDER, LATEST = "20260102T030405Z-000000", "20260103T030405Z-000000"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two runs, whose logs are written as their jobs were: each by itself."""
    lines = {
        (OLDER, LINUX): ["2026-01-02T03:04:05.000Z old"],
        (LATEST, LINUX): ["2026-01-03T03:04:05.000Z first", "2026-01-03T03:04:07.000Z third"],
        (LATEST, WINDOWS): ["2026-01-03T03:04:06.000Z second"],
    }
    for (run, job), texts in lines.items():
        path = tmp_path / "runs" / run / f"{job}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        records = [dict(zip(("time", "line"), text.split(), strict=True)) for text in texts]
        path.write_text(
            "".join(json.dumps({**record, "event": "output", "target": job}) + "\n" for record in records),
            "utf-8",
        )
    return tmp_path


def logs(state: Path, *words: str) -> Ended:
    return xbuild("logs", "--json", *words, environ={"XBUILD_STATE_DIR": str(state)})


def lines(ended: Ended) -> list[str]:
    return [json.loads(line)["line"] for line in ended.out.splitlines()]


def test_the_last_run_by_time(state: Path) -> None:
    assert lines(logs(state)) == ["first", "second", "third"]


def test_one_target_of_a_run_by_the_start_of_its_name(state: Path) -> None:
    assert lines(logs(state, "--target", WINDOWS)) == ["second"]
    assert lines(logs(state, "20260102")) == ["old"]


@pytest.mark.parametrize(
    ("words", "code"), [(("2027",), "no-run"), (("--target", "x86_64-unknown-haiku"), "no-log")]
)
def test_what_there_is_not(state: Path, words: tuple[str, ...], code: str) -> None:
    ended = logs(state, *words)
    assert (ended.status, ended.code) == (ExitStatus.USAGE, code)

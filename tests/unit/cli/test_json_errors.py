"""What a reader of ``--json`` gets when a command ends with an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.cli_runner import xbuild, xbuild_without_engine
from support.fakes import make_crate
from support.workshop import Workshop

from xbuild.cli.build import build
from xbuild.cli.call import Call
from xbuild.errors import ExitStatus


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_end_of_a_run_says_what_failed_before_there_were_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Workshop(tmp_path)
    shop.engine.gone = True
    call = Call(shop.settings, as_json=True, engine=shop.engine)
    assert build(call, shop.checked()) == ExitStatus.ENGINE
    events = lines(capsys.readouterr().out)
    ends = [event for event in events if event["event"] == "run-finished"]
    assert events[-1:] == ends
    assert (ends[0]["status"], ends[0]["exit_status"]) == ("error", 7)
    assert (ends[0]["code"], ends[0]["brief"]) == ("engine-gone", "the Docker engine went away")
    logged = lines((shop.settings.state_dir / "runs" / call.context.run / "run.jsonl").read_text("utf-8"))[-1]
    assert (logged["event"], logged["code"], logged["brief"]) == (
        "run-finished",
        "engine-gone",
        "the Docker engine went away",
    )


def test_an_interrupted_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Workshop(tmp_path)
    call = Call(shop.settings, as_json=True, engine=shop.engine)
    call.context.cancel.cancel()
    assert build(call, shop.checked()) == ExitStatus.INTERRUPTED
    (end,) = [event for event in lines(capsys.readouterr().out) if event["event"] == "run-finished"]
    assert (end["status"], end["code"]) == ("interrupted", "interrupted")


def test_a_refused_run_ends_with_the_reason(tmp_path: Path) -> None:
    crate = make_crate(tmp_path / "demo").folder
    ended = xbuild("run", crate, "--target", "x86_64-pc-windos-msvc", "--json")
    (event,) = lines(ended.out)
    assert (event["event"], event["status"]) == ("run-finished", "error")
    assert (event["exit_status"], event["code"]) == (ended.status, ended.code)
    assert "x86_64-pc-windos-msvc" in event["brief"]
    assert "x86_64-pc-windows-msvc" in event["hint"]
    assert "run" not in event


def test_an_engine_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    crate = make_crate(tmp_path / "demo").folder
    ended = xbuild_without_engine("run", crate, "--json")
    ends = [line for line in ended.out.splitlines() if '"run-finished"' in line]
    assert len(ends) == 1
    assert json.loads(ends[0])["code"] == "engine-unreachable"
    assert ended.status == ExitStatus.ENGINE


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "/nowhere/demo", "--json"),
        ("check", "/nowhere/demo.whl", "--json"),
        ("verify", "no-such-run", "--json"),
        ("cache", "gc", "--older", "soon", "--json"),
    ],
)
def test_other_commands_give_the_error_as_their_document(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = xbuild(*words, environ={"XBUILD_STATE_DIR": str(tmp_path)})
    body = json.loads(ended.out)
    assert body["schema"] == "xbuild.error/1"
    assert (body["exit_status"], body["code"]) == (ended.status, ended.code)
    assert body["brief"]


def test_a_cache_that_cannot_be_written_is_no_fault_of_xbuild(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "trash").write_text("no folder", "utf-8")
    ended = xbuild("cache", "clear", "--json", environ={"XBUILD_CACHE_DIR": str(cache)})
    document = json.loads(ended.out)
    assert (ended.status, ended.code) == (ExitStatus.BUILD_FAILED, "storage")
    assert (document["code"], document["exit_status"]) == ("storage", 5)
    assert str(cache / "trash") in document["details"]


def test_a_full_disk_under_the_output_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            (sys.executable, "-m", "xbuild", "cache", "du"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "XBUILD_CACHE_DIR": str(tmp_path)},
        )
    assert done.returncode == ExitStatus.BUILD_FAILED
    assert "error[disk-full]" in done.stderr
    assert "Traceback" not in done.stderr

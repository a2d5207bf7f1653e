"""Situations that people met with this and other tools: small crates in tests/cases, each with what is right.

``case.toml`` of a case:

what, report   the situation, and where it was reported
crate          the folder below the case's that is built; "." by itself
git            whether the case is a git repository (its files committed, as far as git does not ignore them)
words          what is said to `xbuild run` besides the crate and the output folder; {cp} is the short name of
               the Python that runs the tests
own_out        true where the project says where its wheels go, and no flag does
engine         false where the outcome must be there without any engine
exhaustive     true where it takes minutes: tried with --exhaustive only

[right]
status         exit status
wheels         patterns, each of one wheel that must be there; there must be no other
files          patterns, each of a file that must be in the first wheel
python         "MODULE: EXPRESSION" that must be true for the Python that runs the tests with the first wheel
code           of the error that ends or refuses the run
notices        codes of notices that must be among the events
names          words that the error, a failed job's reason or a notice must hold: files, settings, programs
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from support.real import ROOT, Xbuild, wheel_names

CASES = ROOT / "tests" / "cases"
_GIT = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "init.defaultBranch=main")


def _cases() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*/case.toml")):
        case = tomllib.loads(path.read_text("utf-8"))
        marks = [] if case.get("engine") is False else [pytest.mark.docker, pytest.mark.archives]
        marks += [pytest.mark.exhaustive] if case.get("exhaustive") else []
        found.append(pytest.param(path.parent, case, id=path.parent.name, marks=marks))
    return found


def _placed(case: Path, folder: Path, *, git: bool) -> Path:
    place = folder / "sources" / case.name
    shutil.copytree(case, place, symlinks=True)
    (place / "case.toml").unlink()
    if git:
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all")):
            subprocess.run(["git", *_GIT, *words], cwd=place, check=True)
    return place


def _events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize(("folder", "case"), _cases())
def test_case(xbuild: Xbuild, folder: Path, case: dict[str, Any]) -> None:
    place = _placed(folder, xbuild.folder, git=case.get("git", False))
    version = f"{sys.version_info[0]}{sys.version_info[1]}"
    words = [word.format(cp=f"cp{version}") for word in case["words"]]
    env = {"DOCKER_HOST": "unix:///nonexistent"} if case.get("engine") is False else {}
    out = () if case.get("own_out") else ("--out", "out")
    done = xbuild("run", place / case.get("crate", "."), *out, "--json", *words, env=env)
    events = _events(done.stdout)
    right = case["right"]
    assert done.returncode == right["status"], done.stdout[-4000:] + done.stderr[-4000:]
    _compare_wheels(xbuild.folder / "out", right, version)
    _compare_words(events, right)


def _compare_wheels(out: Path, right: dict[str, Any], version: str) -> None:
    patterns = [pattern.format(cp=f"cp{version}") for pattern in right.get("wheels", ())]
    found = wheel_names(out)
    assert len(found) == len(patterns), found
    assert all(any(fnmatch(name, pattern) for name in found) for pattern in patterns), found
    if not patterns:
        return
    wheel = next(out / name for name in found if fnmatch(name, patterns[0]))
    unpacked = out / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(unpacked)
    for pattern in right.get("files", ()):
        assert any(fnmatch(name, pattern) for name in names), (pattern, names)
    if expression := right.get("python"):
        module, _, asked = expression.partition(":")
        script = f"import {module}; assert {asked.strip()}"
        subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(unpacked)}, check=True)


def _compare_words(events: list[dict[str, Any]], right: dict[str, Any]) -> None:
    last = events[-1]
    assert last["event"] == "run-finished"
    failed = [event for event in events if event["event"] == "job-finished" and event["status"] != "built"]
    if "code" in right:
        codes = [last.get("code"), *(event.get("code") for event in failed)]
        assert right["code"] in codes, [last, *failed]
    told = json.dumps([last, *failed, *(event for event in events if event["event"] == "notice")])
    for name in right.get("names", ()):
        assert name in told, told
    notices = [event["code"] for event in events if event["event"] == "notice"]
    for code in right.get("notices", ()):
        assert code in notices, notices

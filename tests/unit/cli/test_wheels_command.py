"""``xbuild check`` and ``xbuild test``, as far as they need no engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli_runner import Ended, xbuild
from support.wheel_files import INFO, make_wheel

from xbuild.errors import ExitStatus

TAGS = "cp311-cp311-manylinux_2_17_x86_64"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A wheel whose RECORD leaves out a file with a long name."""
    name = f"demo/{'long_' * 20}.py"
    return make_wheel(tmp_path, TAGS, {name: b"", "demo/__init__.py": b""}, replace={f"{INFO}/RECORD": b""})


def without_engine(*words: object) -> Ended:
    return xbuild(*words, environ={"DOCKER_HOST": "unix:///nonexistent", "COLUMNS": "80"})


def test_findings_are_one_line_each_in_a_pipe(bad: Path) -> None:
    ended = without_engine("check", bad)
    assert ended.status == ExitStatus.CHECK_FAILED
    assert any("long_" * 20 in line and "error [" in line for line in ended.out.splitlines()), ended.out


def test_a_wheel_that_fails_its_audit_is_not_run(bad: Path) -> None:
    ended = without_engine("test", bad)
    assert (ended.status, ended.code) == (ExitStatus.CHECK_FAILED, "")
    assert f"FAIL {bad.name}" in ended.out
    assert "error [" in ended.out


def test_a_good_wheel_comes_as_far_as_the_engine(tmp_path: Path) -> None:
    good = make_wheel(tmp_path, TAGS, {"demo/__init__.py": b""})
    assert without_engine("test", good).code == "engine-unreachable"

"""Names and paths of interpreters."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from xbuild.catalog import load_catalog
from xbuild.catalog.interpreters import Resolved, resolve_interpreter
from xbuild.errors import ExitStatus, RefusedError

PYENV = Path.home() / ".pyenv" / "versions"


def resolve(text: str, *, folder: Path = Path("/"), home: str = "/nonexistent") -> Resolved:
    environment = {"HOME": home, "PATH": os.defpath}
    return resolve_interpreter(text, load_catalog(), folder=folder, environment=environment)


def refusal(text: str, *, folder: Path = Path("/")) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        resolve(text, folder=folder)
    assert caught.value.exit_status == ExitStatus.REFUSED
    return caught.value


def fake_program(path: Path, answer: str, *, status: int = 0) -> Path:
    """A program that answers the probe, whatever it is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\nexit {status}\n", "utf-8")
    path.chmod(0o755)
    return path


def dead_file(path: Path) -> Path:
    """A file for another machine: it is there and does not run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\x02\x01\x01 not for this machine")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("python3.11", "python3.11"),
        ("Python3.11", "python3.11"),
        ("python-3.11", "python3.11"),
        ("python311", "python3.11"),
        ("cp311", "python3.11"),
        ("CP311", "python3.11"),
        ("cp3.11", "python3.11"),
        ("py311", "python3.11"),
        ("3.11", "python3.11"),
        ("311", "python3.11"),
        (" 3.11 ", "python3.11"),
        ("38", "python3.8"),
        ("pypy3.9", "pypy3.9"),
        ("PyPy3.9", "pypy3.9"),
        ("pypy39", "pypy3.9"),
        ("pypy-3.9", "pypy3.9"),
        ("pp39", "pypy3.9"),
        ("pp310", "pypy3.10"),
        ("pypy3.11", "pypy3.11"),
        ("3.14t", "python3.14t"),
        ("cp314t", "python3.14t"),
        ("python3.14t", "python3.14t"),
        ("3.14", "python3.14"),
    ],
)
def test_spellings(text: str, kind: str) -> None:
    found = resolve(text)
    assert found.interpreter.kind == kind
    assert found.how == "kind"


def test_every_kind_and_short_name_of_the_catalog_is_understood() -> None:
    for interpreter in load_catalog().interpreters.values():
        for text in (interpreter.kind, interpreter.tag, interpreter.kind.upper()):
            assert resolve(text).interpreter is interpreter


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("pypy3.99", "pypy3.9"),
        ("pyton3.11", "python3.11"),
        ("cp3111", "cp311"),
        ("3.13t", ""),
        ("python", ""),
        ("", ""),
        ("graalpy24", ""),
        ("3.99", "3.9"),
        ("python3.11; rm -rf", "python3.11"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(text: str, nearest: str) -> None:
    error = refusal(text)
    assert error.code == "unknown-interpreter"
    assert "python3.11" in error.details
    assert error.hint
    if nearest:
        assert f'"{nearest}"' in error.hint


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("3.8.18", "python3.8"),
        ("3.9.18", "python3.9"),
        ("3.10.13", "python3.10"),
        ("3.11.7", "python3.11"),
        ("3.12.1", "python3.12"),
        ("3.13.0", "python3.13"),
    ],
)
def test_real_interpreters_say_what_they_are(version: str, kind: str) -> None:
    path = PYENV / version / "bin" / "python"
    if not path.exists():
        pytest.skip(f"pyenv has no {version} here")
    assert resolve(str(path)) == Resolved(load_catalog().interpreters[kind], "ran")


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.7.16"])
def test_real_interpreters_that_are_too_old(version: str) -> None:
    path = PYENV / version / "bin" / "python"
    if not path.exists():
        pytest.skip(f"pyenv has no {version} here")
    error = refusal(str(path))
    assert error.code == "unsupported-interpreter"
    assert version.rpartition(".")[0] in error.brief


def test_the_running_interpreter_and_its_virtual_environment() -> None:
    found = resolve(sys.executable).interpreter
    assert found.version_info == sys.version_info[:2]
    assert found.implementation == sys.implementation.name


def test_what_it_says_counts_and_not_its_name(tmp_path: Path) -> None:
    path = fake_program(tmp_path / "python3.11" / "bin" / "python3.11", '["pypy", [3, 9], false]')
    assert resolve(str(path)) == Resolved(load_catalog().interpreters["pypy3.9"], "ran")


def test_free_threading_comes_from_the_interpreter(tmp_path: Path) -> None:
    path = fake_program(tmp_path / "python3.14", '["cpython", [3, 14], true]')
    assert resolve(str(path)).interpreter.kind == "python3.14t"


@pytest.mark.parametrize(
    "answer", ["", "3.11", "null", '{"a": 1}', '["cpython"]', '["cpython", 3, false]', "not json"]
)
def test_an_answer_that_is_none_falls_back_to_names(tmp_path: Path, answer: str) -> None:
    path = fake_program(tmp_path / "bin" / "pypy3.10", answer)
    assert resolve(str(path)) == Resolved(load_catalog().interpreters["pypy3.10"], "path")


def test_a_program_that_fails_falls_back_to_names(tmp_path: Path) -> None:
    path = fake_program(tmp_path / "bin" / "python3.9", '["cpython", [3, 11], false]', status=1)
    assert resolve(str(path)) == Resolved(load_catalog().interpreters["python3.9"], "path")


def test_only_home_and_path_are_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "python"
    seen = tmp_path / "seen"
    path.write_text(f"#!/bin/sh\nenv > {seen}\necho '[\"cpython\", [3, 11], false]'\n", "utf-8")
    path.chmod(0o755)
    environment = {"HOME": "/h", "PATH": os.defpath, "PYTHONPATH": "/evil", "TOKEN": "secret"}
    resolve_interpreter(str(path), load_catalog(), folder=tmp_path, environment=environment)
    names = {line.partition("=")[0] for line in seen.read_text("utf-8").splitlines()}
    assert {"HOME", "PATH"} <= names
    assert not {"PYTHONPATH", "TOKEN"} & names


def test_a_relative_path_starts_from_the_folder_and_a_tilde_from_home(tmp_path: Path) -> None:
    fake_program(tmp_path / "env" / "bin" / "python", '["cpython", [3, 12], false]')
    kind = load_catalog().interpreters["python3.12"]
    assert resolve("./env/bin/python", folder=tmp_path).interpreter is kind
    assert resolve("env/bin/python", folder=tmp_path).interpreter is kind
    assert resolve("~/env/bin/python", home=str(tmp_path)).interpreter is kind


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        # python -m venv of a PyPy: only its home tells
        ("home = /opt/pypy3.9-v7.3.16-linux64/bin\nversion = 3.9.19\n", "pypy3.9"),
        # virtualenv
        ("home = /opt/x/bin\nimplementation = PyPy\nversion_info = 3.10.14.final.0\n", "pypy3.10"),
        ("home = /usr/bin\nimplementation = CPython\nversion_info = 3.11.2.final.0\n", "python3.11"),
        # uv
        ("home=/opt/py/bin\nimplementation=CPython\nuv=0.9.0\nversion_info=3.13.1\n", "python3.13"),
        ("HOME = /usr/bin\nVersion = 3.12.1\n", "python3.12"),
        ("home = /opt/versions/3.14.0t/bin\nversion = 3.14.0\n", "python3.14t"),
        ("home = /u/cpython-3.14.0+freethreaded-linux-x86_64-gnu/bin\nversion = 3.14.0\n", "python3.14t"),
        ("home = /u/pypy-3.9.19-linux-x86_64-gnu/bin\nversion_info = 3.9.19\n", "pypy3.9"),
        ("home = /opt/pypy3/bin\nversion = 3.10.14\n", "pypy3.10"),
        # its program tells
        ("home = /usr/bin\nversion = 3.11.13\nexecutable = /usr/bin/pypy3.11\n", "pypy3.11"),
        ("home = /usr/bin\nversion = 3.11.13\nexecutable = /usr/bin/pypy3\n", "pypy3.11"),
        ("home = /usr/bin\nversion = 3.14.0\nexecutable = /usr/bin/python3.14t\n", "python3.14t"),
        ("home = /usr/bin\nexecutable = /usr/bin/pypy3.11\n", "pypy3.11"),
        ("home = /usr/bin\nversion_info = 3.9.19\nbase-executable = /opt/pypy3.9/bin/python\n", "pypy3.9"),
        ("home = /x\nversion = 3.14.0\nbase-executable = /v/3.14.0t/bin/python3.14\n", "python3.14t"),
        # the implementation is said, and another version's program says nothing
        ("implementation = CPython\nversion = 3.11.2\nexecutable = /opt/pypy/bin/python\n", "python3.11"),
        ("home = /usr/bin\nversion = 3.12.1\nexecutable = /usr/bin/pypy3.11\n", "python3.12"),
        # somebody's name is no interpreter
        ("home = /home/pypyfan/3.11/bin\nversion = 3.11.2\n", "python3.11"),
        ("home = /home/pypy/3.11/bin\nversion = 3.11.2\n", "python3.11"),
    ],
)
def test_virtual_environments_that_do_not_run(tmp_path: Path, lines: str, kind: str) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "python")
    (tmp_path / "venv" / "pyvenv.cfg").write_text(lines, "utf-8")
    assert resolve(str(path)) == Resolved(load_catalog().interpreters[kind], "pyvenv.cfg")
    # the environment's folder will do as well
    assert resolve(str(tmp_path / "venv")).interpreter.kind == kind


@pytest.mark.parametrize(
    ("program", "version", "kind"),
    [("pypy3.11", "3.11.13", "pypy3.11"), ("python3.14t", "3.14.0", "python3.14t")],
)
def test_a_virtual_environments_program_tells_too(
    tmp_path: Path, program: str, version: str, kind: str
) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / program)
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n", "utf-8")
    assert resolve(str(path)) == Resolved(load_catalog().interpreters[kind], "pyvenv.cfg")


def test_a_pyvenv_cfg_that_is_no_text(tmp_path: Path) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "python")
    (tmp_path / "venv" / "pyvenv.cfg").write_bytes(b"home = /caf\xe9/bin\nversion = 3.11.2\n")
    assert resolve(str(path)) == Resolved(load_catalog().interpreters["python3.11"], "pyvenv.cfg")


def test_a_pyvenv_cfg_without_a_version_is_passed_over(tmp_path: Path) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "pypy3.9")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n# nothing = 1\n", "utf-8")
    assert resolve(str(path)).how == "path"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pypy3.9-7.3.15/bin/python", "pypy3.9"),
        ("pypy3.10-7.3.17/bin/pypy3", "pypy3.10"),
        ("3.11.7/bin/python", "python3.11"),
        ("3.14.0t/bin/python", "python3.14t"),
        ("python3.12-venv/bin/python", "python3.12"),
        ("anything/bin/python3.13", "python3.13"),
        ("anything/bin/python3.14t", "python3.14t"),
        # the installation's name says what the program's does not
        ("pypy3.9-7.3.15/bin/python3.9", "pypy3.9"),
        ("3.14.0t/bin/python3.14", "python3.14t"),
        ("3.14.0t/python3.14", "python3.14t"),
        ("python3.9/bin/pypy3.9", "pypy3.9"),
        # and nothing where it speaks of another
        ("2.0-tools/bin/python3.11", "python3.11"),
        ("pypy3.9-tools/bin/python3.11", "python3.11"),
    ],
)
def test_names_of_what_does_not_run(tmp_path: Path, name: str, kind: str) -> None:
    path = dead_file(tmp_path / "versions" / name)
    assert resolve(str(path)) == Resolved(load_catalog().interpreters[kind], "path")


@pytest.mark.parametrize("name", ["python4", "bin/python", "cpython-dev/bin/python"])
def test_a_path_that_tells_nothing(tmp_path: Path, name: str) -> None:
    missing = refusal(str(tmp_path / name))
    assert missing.code == "interpreter-not-found"
    assert "no such interpreter" in missing.brief
    there = refusal(str(dead_file(tmp_path / name)))
    assert there.code == "interpreter-not-found"
    assert "cannot tell" in there.brief
    assert "--interp" in there.hint


def test_an_implementation_that_is_not_known(tmp_path: Path) -> None:
    error = refusal(str(fake_program(tmp_path / "python", '["graalvm", [3, 12], false]')))
    assert error.code == "unsupported-interpreter"
    assert "graalvm 3.12" in error.brief

"""What is known to be wrong. Each test fails until its bug is fixed; then it moves to where it belongs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from conditions import together
from fakes import LINUX, tar_bytes
from test_compose import request
from test_interpreters import dead_file, resolve

from xbuild.catalog import load_catalog
from xbuild.cli.compose import make_request as compose_request
from xbuild.errors import ImageError, UsageError
from xbuild.images.dockerfile import parse
from xbuild.images.layers import pack_layer
from xbuild.report import write_json
from xbuild.settings import Settings

# Races among them do not fail every time, so a pass is no error
pytestmark = pytest.mark.xfail(strict=False, reason="known bug: see the test")

# interpreters.py


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pypy3.9-7.3.15/bin/python3.9", "pypy3.9"), ("3.14.0t/bin/python3.14", "python3.14t")],
)
def test_pyenvs_folder_counts_before_the_files_name(tmp_path: Path, name: str, kind: str) -> None:
    assert resolve(str(dead_file(tmp_path / "versions" / name))).interpreter.kind == kind


def test_a_pyvenv_cfg_that_is_no_text(tmp_path: Path) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "python3.11")
    (tmp_path / "venv" / "pyvenv.cfg").write_bytes(b"home = /caf\xe9/bin\nversion = 3.11.2\n")
    assert resolve(str(path)).interpreter.kind == "python3.11"


def test_a_home_below_a_folder_called_pypy(tmp_path: Path) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "python")
    (tmp_path / "venv" / "pyvenv.cfg").write_text(
        "home = /home/pypyfan/3.11/bin\nversion = 3.11.2\n", "utf-8"
    )
    assert resolve(str(path)).interpreter.kind == "python3.11"


# report.py


def test_two_runs_write_the_report_beside_the_same_wheels(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    document = {"a": "x" * 1000}

    def write() -> None:
        for _ in range(40):
            write_json(path, document)

    assert together(write, write) == []
    assert json.loads(path.read_text("utf-8")) == document


# events.py


def test_every_class_of_events_is_there_once() -> None:
    program = "from xbuild.events import event_types; print(*(cls.kind for cls in event_types()))"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert len(words) == len(set(words))


# images/dockerfile.py, images/layers.py


@pytest.mark.parametrize(
    "line",
    [
        'RUN "make"',
        "RUN 5",
        "RUN []",
        'RUN ["a", 1]',
        'RUN {"a": 1}',
        "COPY",
        'COPY "a/ b/',
        "ENV A=1 B=2",
        "ENV A 1",
    ],
)
def test_recipes_that_are_misread(line: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(f"FROM a AS build\n{line}\nFROM scratch\n", {})
    assert caught.value.code == "bad-recipe"


def test_an_argument_that_is_not_given() -> None:
    with pytest.raises(ImageError):
        parse('ARG BASE\nFROM ${BASE} AS build\nRUN ["true"]\nFROM scratch\n', {})


def test_a_manifest_that_is_no_json(tmp_path: Path) -> None:
    body = tar_bytes({"layer/opt/xbuild/manifest.json": b"{"})
    with pytest.raises(ImageError):
        pack_layer(body, tmp_path / "layer.tar", strip=1, on_progress=lambda _: None)


# cli/compose.py


@contextmanager
def variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv(name, value)
        yield


@pytest.mark.parametrize("text", ["²", "1700000000\u00b2", "１７０００００００００²"])
def test_digits_that_are_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with variable(monkeypatch, "SOURCE_DATE_EPOCH", text), pytest.raises(UsageError):
        request(tmp_path)


def default_target(folder: Path) -> Sequence[str]:
    settings = Settings(interpreters=("cp311",), cache_dir=folder / "c", state_dir=folder / "s")
    return [item.target.triple for item in compose_request(settings, folder, load_catalog()).targets]


def test_cargo_takes_the_configuration_without_a_suffix_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If both exist, cargo uses the file without the extension (The Cargo Book, Configuration)."""
    monkeypatch.delenv("CARGO_BUILD_TARGET", raising=False)
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config").write_text('build.target = "aarch64-apple-darwin"\n', "utf-8")
    (tmp_path / ".cargo" / "config.toml").write_text(f'build.target = "{LINUX}"\n', "utf-8")
    assert default_target(tmp_path) == ["aarch64-apple-darwin"]


def test_a_cargo_configuration_of_another_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARGO_BUILD_TARGET", raising=False)
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config.toml").write_text("build = 3\n", "utf-8")
    with pytest.raises(UsageError):
        default_target(tmp_path)

"""Whose a container is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xbuild.engine.owner import owner_is_gone, owner_label


def test_this_process_is_there() -> None:
    label = owner_label()
    assert label == owner_label()
    assert str(os.getpid()) in label.split("/")
    assert not owner_is_gone(label)


def test_a_process_that_ended_is_gone() -> None:
    program = "from xbuild.engine.owner import owner_label; print(owner_label())"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert owner_is_gone(done.stdout.strip())


def test_another_process_with_the_same_number_is_another() -> None:
    place, pid, _ = owner_label().rsplit("/", 2)
    assert owner_is_gone(f"{place}/{pid}/1")


def test_a_process_that_is_there_and_not_shown_may_be_the_owner(tmp_path: Path) -> None:
    place, _, started = owner_label().rsplit("/", 2)
    assert not owner_is_gone(owner_label(), proc=tmp_path)
    with subprocess.Popen((sys.executable, "-c", "")) as process:
        process.wait()
    assert owner_is_gone(f"{place}/{process.pid}/{started}", proc=tmp_path)
    assert owner_is_gone(f"{place}/{1 << 80}/{started}")


def test_the_name_of_a_process_need_not_be_text() -> None:
    name = "import ctypes; ctypes.CDLL(None).prctl(15, b'\\xc3', 0, 0, 0)"
    program = f"{name}; from xbuild.engine.owner import owner_label; print(owner_label())"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("label", ["", "/", "x", "other-boot/4026531836/1/1", "unknown/0/1/1", "a/b/c/d"])
def test_a_process_elsewhere_is_never_gone(label: str) -> None:
    assert not owner_is_gone(label)

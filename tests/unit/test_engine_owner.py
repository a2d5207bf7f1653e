"""Whose a container is."""

from __future__ import annotations

import os
import subprocess
import sys

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


@pytest.mark.parametrize("label", ["", "/", "x", "other-boot/4026531836/1/1", "unknown/0/1/1", "a/b/c/d"])
def test_a_process_elsewhere_is_never_gone(label: str) -> None:
    assert not owner_is_gone(label)

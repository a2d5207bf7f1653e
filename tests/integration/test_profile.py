"""Profile-guided optimisation: a profile made by a real run, and builds that go by it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.real import Xbuild, wheel_names

from xbuild.util.files import sha256_of

pytestmark = [pytest.mark.docker, pytest.mark.archives, pytest.mark.exhaustive]

LINUX, WINDOWS = "x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc"


def test_a_profile_serves_the_platform_that_made_it_and_another(xbuild: Xbuild, tmp_path: Path) -> None:
    crate = Path(shutil.copytree(Path(__file__).parent / "crates" / "counted", tmp_path / "counted"))
    planned = xbuild("plan", crate, "-t", LINUX, "-i", "cp313")
    assert "pgo-command" in planned.stderr + planned.stdout
    made = xbuild("profile", crate)
    assert made.returncode == 0, made.stdout + made.stderr
    assert (crate / "xbuild.profdata").stat().st_size > 1000
    # Its training wrote into a copy of the crate's folder
    assert not (crate / "trained").exists()

    words = ("-t", LINUX, "-t", WINDOWS, "-i", "cp313", "--pgo-profile", crate / "xbuild.profdata")
    done = xbuild("run", crate, *words, "--test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pgo-command" not in done.stderr + done.stdout
    dist = xbuild.folder / "dist"
    assert len(wheel_names(dist)) == 2
    first = {name: sha256_of(dist / name) for name in wheel_names(dist)}

    again = xbuild("run", crate, "-t", LINUX, *words[4:], "--fresh", "--out", "again")
    assert again.returncode == 0, again.stdout + again.stderr
    plain = xbuild("run", crate, "-t", LINUX, "-i", "cp313", "--out", "plain")
    assert plain.returncode == 0, plain.stdout + plain.stderr
    (name,) = wheel_names(xbuild.folder / "again")
    assert sha256_of(xbuild.folder / "again" / name) == first[name]
    assert sha256_of(xbuild.folder / "plain" / name) != first[name]

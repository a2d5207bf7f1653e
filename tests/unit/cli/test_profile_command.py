"""``xbuild profile``, as far as it needs no engine."""

from __future__ import annotations

import shutil
from pathlib import Path

from support import ROOT
from support.cli_runner import xbuild


def test_a_project_that_names_a_profile_can_make_its_first(tmp_path: Path) -> None:
    crate = Path(shutil.copytree(ROOT / "tests" / "integration" / "crates" / "counted", tmp_path / "counted"))
    (crate / "xbuild.toml").write_text('pgo_profile = "xbuild.profdata"\n')
    environ = {"DOCKER_HOST": "unix:///nonexistent"}
    assert xbuild("profile", crate, environ=environ).code == "engine-unreachable"
    assert xbuild("run", crate, "-t", "x86_64-unknown-linux-gnu", environ=environ).code == "no-profile"

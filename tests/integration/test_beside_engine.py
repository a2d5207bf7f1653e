"""xbuild in a container of its own, beside the engine: the shape of a self-hosted runner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.real import ROOT, Xbuild, need, wheel_names

COMMAND = ("run", "greeting", "--target", "x86_64-pc-windows-msvc", "--interp", "pypy3.9")
USER = (61357, 61357)
"""Somebody without an account, here and in the container."""
pytestmark = [pytest.mark.docker, pytest.mark.archives]


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder to another user takes root")
def test_a_crate_is_built_beside_the_engine(xbuild: Xbuild, tmp_path: Path) -> None:
    need("docker-compose")
    made = xbuild("images", "build", "cli")
    assert made.returncode == 0, made.stdout + made.stderr
    work = tmp_path / "work"
    shutil.copytree(ROOT / "examples" / "greeting", work / "greeting")
    project = f"xbuildtest{os.getpid()}"
    compose = ["docker-compose", "--project-name", project, "--file", str(ROOT / "compose.yaml")]
    os.chown(work, *USER)
    environment = {
        **os.environ,
        "BESIDE_WORK": str(work),
        "BESIDE_USER": "{}:{}".format(*USER),
        "BESIDE_GROUP": str(Path("/var/run/docker.sock").stat().st_gid),
    }
    try:
        done = subprocess.run(
            [*compose, "run", "--rm", "-T", "xbuild", *COMMAND],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        subprocess.run([*compose, "down", "--volumes"], env=environment, check=False, capture_output=True)
    assert wheel_names(work / "dist") == ["greeting-0.1.0-pp39-pypy39_pp73-win_amd64.whl"]
    report = json.loads((work / "dist" / ".xbuild" / "report.json").read_text())
    assert report["transport"] == "archive"
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in (work / "dist").rglob("*")} == {USER}

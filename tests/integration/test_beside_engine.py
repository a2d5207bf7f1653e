"""xbuild in a container of its own, beside the engine: the shape of a self-hosted runner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from real import ROOT, Xbuild, need, wheel_names

COMMAND = ("run", "greeting", "--target", "x86_64-pc-windows-msvc", "--interp", "pypy3.9")
pytestmark = pytest.mark.docker


def test_a_crate_is_built_beside_the_engine(xbuild: Xbuild, tmp_path: Path) -> None:
    need("docker-compose")
    made = xbuild("images", "build", "cli")
    assert made.returncode == 0, made.stdout + made.stderr
    work = tmp_path / "work"
    shutil.copytree(ROOT / "examples" / "greeting", work / "greeting")
    project = f"xbuildtest{os.getpid()}"
    compose = ["docker-compose", "--project-name", project, "--file", str(ROOT / "compose.yaml")]
    environment = {**os.environ, "BESIDE_WORK": str(work)}
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

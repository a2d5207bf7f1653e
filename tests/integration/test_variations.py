"""The same inputs give the same bytes: some of tools/variations.py, and a crate that it has to find."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from circumstances import FAKETIME
from support.real import ROOT

CRATES = ROOT / "tests" / "integration" / "crates"
LINUX, WINDOWS, MACOS = "x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"


def vary(crate: Path, *words: str, targets: tuple[str, ...] = (LINUX,)) -> subprocess.CompletedProcess[str]:
    """Run the tool."""
    pairs = [word for triple in targets for word in ("--target", triple)]
    tool = str(ROOT / "tools" / "variations.py")
    return subprocess.run(
        [sys.executable, tool, str(crate), *pairs, "--interp", "cp311", "--json", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], str]:
    """The outcome of every variation on every target."""
    assert done.stdout, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return {(item["variation"], item["target"]): item["outcome"] for item in results}


def impossible_here() -> set[str]:
    """Parts of ``together`` that this machine cannot do, found out without the tool."""
    # xbuild starts Python once more, which has to be possible without what root may
    again = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import rich'], check=True)"
    strange = ("setpriv", "--reuid=61357", "--regid=61357", "--clear-groups", sys.executable, "-c", again)
    found = set()
    if not any(Path(path).is_file() for path in FAKETIME):
        found.add("other clock")
    if os.geteuid() != 0 or not shutil.which("unshare"):
        found.add("other host")
    may_change = os.geteuid() == 0 and shutil.which("setpriv")
    if not may_change or subprocess.run(strange, capture_output=True, check=False, cwd="/").returncode:
        found.add("other user")
    if not shutil.which("taskset"):
        found.add("one processor")
    return found


@pytest.mark.docker
@pytest.mark.archives
def test_a_program_with_c_is_the_same_everywhere() -> None:
    chosen = ("together", "warm", "archive")
    targets = (WINDOWS, LINUX, MACOS)
    # Two interpreters, because their order is a part of ``together``
    words = ("--interp", "cp312", *(f"--only={name}" for name in chosen))
    done = vary(CRATES / "steady", *words, targets=targets)
    found = outcomes(done)
    assert found == dict.fromkeys(((name, triple) for name in chosen for triple in targets), "identical"), (
        done.stdout + done.stderr
    )
    assert done.returncode == 0
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    (left_out,) = {tuple(item["left_out"].items()) for item in results if item["variation"] == "together"}
    assert {name for name, _ in left_out} == impossible_here()
    if left_out:
        pytest.skip("identical, but without " + "; ".join(f"{name}: {reason}" for name, reason in left_out))


@pytest.mark.docker
@pytest.mark.archives
def test_older_sources_are_not_taken_for_the_ones_that_were_built_before() -> None:
    done = vary(ROOT / "examples" / "greeting", "--only=edited")
    assert outcomes(done) == {("edited", LINUX): "identical"}, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.docker
@pytest.mark.archives
def test_the_order_of_a_hashmap_is_found_and_named(tmp_path: Path) -> None:
    done = vary(CRATES / "unsteady", "--only=storage", "--work", str(tmp_path / "work"))
    assert done.returncode == 10, done.stdout + done.stderr
    assert outcomes(done) == {("storage", LINUX): "differs"}
    wheel = json.loads(done.stdout)["results"][0]["wheels"][0]
    assert any(cause.startswith("[hash-order] ") for cause in wheel["causes"]), wheel["causes"]
    assert all(Path(path).is_file() for path in wheel["kept"])


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--only=weather"], 2, "there is no variation 'weather'"),
        (["--target=x86_64-pc-windows-mscv"], 3, "unknown target"),
        (["--faketime=/nowhere/libfaketime.so"], 2, "/nowhere/libfaketime.so does not exist"),
    ],
)
def test_what_the_tool_cannot_do_is_said_at_once(words: list[str], status: int, message: str) -> None:
    done = vary(ROOT / "examples" / "greeting", *words)
    assert done.returncode == status, done.stderr
    assert message in " ".join(done.stderr.split())
    assert not done.stdout

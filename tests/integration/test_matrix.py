"""Real projects, all targets, real interpreters."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.real import Xbuild, wheel_names

from xbuild.catalog import load_catalog
from xbuild.check.trial import QEMU_STEPS, runs_foreign

pytestmark = pytest.mark.docker

TARGETS = tuple(load_catalog().targets)
PLATFORMS = {triple: target.platform_tag for triple, target in load_catalog().targets.items()}
PAIRS = [word for triple in TARGETS for word in ("--target", triple)]


@dataclass(frozen=True)
class Built:
    """What a run left."""

    folder: Path
    status: int
    output: str
    report: dict[str, Any]

    def wheel(self, triple: str, tag: str) -> Path:
        """The wheel for a target and an interpreter's tag."""
        return next(self.folder.glob(f"*-{tag}-*{PLATFORMS[triple].split('.')[0]}*.whl"))


def build(
    make: pytest.TempPathFactory, environment: dict[str, str], project: Path, interpreters: list[str]
) -> Built:
    """Run the whole matrix for a project."""
    folder = make.mktemp("matrix")
    words = [word for name in interpreters for word in ("--interp", name)]
    done = Xbuild(folder, environment)("run", project, *PAIRS, *words)
    report = folder / "dist" / ".xbuild" / "report.json"
    assert report.is_file(), done.stdout + done.stderr
    return Built(folder / "dist", done.returncode, done.stdout + done.stderr, json.loads(report.read_text()))


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The environment of the command."""
    return dict(os.environ)


@pytest.fixture(scope="module")
def rpds(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], sdist: Callable[[str], Path]
) -> tuple[Built, Path]:
    """rpds-py for five targets and three interpreters, and its sources."""
    project = sdist("rpds-py==0.27.1")
    return build(tmp_path_factory, environment, project, ["pypy3.9", "cp311", "cp313"]), project


@pytest.fixture(scope="module")
def blake3(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], sdist: Callable[[str], Path]
) -> Built:
    """blake3, with C and assembly, for five targets."""
    return build(tmp_path_factory, environment, sdist("blake3==1.0.9"), ["cp311", "cp313"])


def test_all_pairs_but_musl_pypy_are_built(rpds: tuple[Built, Path]) -> None:
    built, _ = rpds
    assert built.status == 4, built.output
    tags = ("cp311-cp311", "cp313-cp313", "pp39-pypy39_pp73")
    assert wheel_names(built.folder) == sorted(
        f"rpds_py-0.27.1-{tag}-{PLATFORMS[triple]}.whl"
        for triple in TARGETS
        for tag in tags
        if not (triple.endswith("musl") and tag.startswith("pp"))
    )
    assert [(item["target"], item["interpreter"]) for item in built.report["refused"]] == [
        ("x86_64-unknown-linux-musl", "pypy3.9")
    ]
    assert "no installer accepts" in built.report["refused"][0]["reason"]


def test_the_report_holds_what_the_wheels_are(rpds: tuple[Built, Path]) -> None:
    built, _ = rpds
    assert built.report["schema"] == "xbuild.report/1"
    wheels = [wheel for job in built.report["jobs"] for wheel in job["wheels"]]
    assert len(wheels) == 14
    for job in built.report["jobs"]:
        assert job["image_digest"].startswith("sha256:")
        assert {"rustc", "cargo", "maturin", "zig", "lld"} <= set(job["tools"])
    assert all(wheel["audit"]["ok"] for wheel in wheels)


def test_every_wheel_passes_the_audit_on_its_own(rpds: tuple[Built, Path], xbuild: Xbuild) -> None:
    built, _ = rpds
    done = xbuild("check", *sorted(built.folder.glob("*.whl")))
    assert done.returncode == 0, done.stdout


def test_strict_refuses_the_whole_run(rpds: tuple[Built, Path], xbuild: Xbuild) -> None:
    _, project = rpds
    done = xbuild("run", project, *PAIRS, "-i", "pypy3.9", "-i", "cp311", "--strict")
    assert done.returncode == 3
    assert "PyPy has no musl build" in done.stderr
    assert not (xbuild.folder / "dist").exists()


AGAIN = pytest.mark.exhaustive
"""For a pair of which others of RUNS have the interpreter and the way of running."""

RUNS = [
    pytest.param("x86_64-pc-windows-msvc", "cp311", "under wine", marks=AGAIN),
    ("x86_64-pc-windows-msvc", "cp313", "under wine"),
    ("x86_64-unknown-linux-gnu", "cp311", "CPython 3.11"),
    ("x86_64-unknown-linux-gnu", "cp313", "CPython 3.13"),
    ("x86_64-unknown-linux-gnu", "pp39", "PyPy 3.9"),
    ("aarch64-unknown-linux-gnu", "cp311", "under qemu"),
    pytest.param("aarch64-unknown-linux-gnu", "pp39", "under qemu", marks=AGAIN),
]


def need_to_run(triple: str) -> None:
    """Skip where this machine is not set up for programs of the target; CI sets it up."""
    if triple.startswith("aarch64-") and not runs_foreign("arm64"):
        pytest.skip(f"qemu is not registered: {'; '.join(map(' '.join, QEMU_STEPS))}")


@pytest.mark.parametrize(("triple", "tag", "proof"), RUNS)
def test_its_own_test_suite_passes(
    rpds: tuple[Built, Path], xbuild: Xbuild, triple: str, tag: str, proof: str
) -> None:
    need_to_run(triple)
    built, project = rpds
    wheel = built.wheel(triple, tag)
    suite = project / "tests"
    done = xbuild("test", wheel, "--tests", suite, "--command", "{python} -m pytest -q", timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert proof in done.stdout


@pytest.mark.exhaustive
def test_blake3_builds_everywhere(blake3: Built) -> None:
    assert blake3.status == 0, blake3.output
    assert len(wheel_names(blake3.folder)) == 10


HASHES = """
import blake3
for size, wanted in (
    (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    (102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
):
    found = blake3.blake3(bytes(i % 251 for i in range(size))).hexdigest()
    assert found == wanted, (size, found)
"""
"""Test vectors of the BLAKE3 reference (test_vectors.json)."""


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("triple", "tag"),
    [
        ("x86_64-pc-windows-msvc", "cp313"),
        ("x86_64-unknown-linux-gnu", "cp313"),
        ("aarch64-unknown-linux-gnu", "cp313"),
    ],
)
def test_blake3_gives_right_hashes(blake3: Built, xbuild: Xbuild, triple: str, tag: str) -> None:
    need_to_run(triple)
    script = xbuild.folder / "suite"
    script.mkdir()
    (script / "check_hashes.py").write_text(HASHES)
    done = xbuild(
        "test",
        blake3.wheel(triple, tag),
        "--tests",
        script,
        "--command",
        "{python} check_hashes.py",
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""Projects of other shapes: the stable ABI, git dependencies, every interpreter, interpreters by path."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.real import ROOT, Xbuild, need, wheel_names

from xbuild.catalog import load_catalog
from xbuild.check.trial import runs_foreign
from xbuild.engine import ContainerSpec
from xbuild.engine.docker import DockerEngine

pytestmark = [pytest.mark.docker, pytest.mark.archives]

WINDOWS, LINUX = "x86_64-pc-windows-msvc", "x86_64-unknown-linux-gnu"
CRATES = Path(__file__).parent / "crates"
MANYLINUX = "manylinux2014_x86_64.manylinux_2_17_x86_64"


@pytest.fixture
def greeting(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(ROOT / "examples" / "greeting", tmp_path / "greeting"))


def test_a_stable_abi_crate_gives_one_wheel_per_target(xbuild: Xbuild, sdist: Callable[[str], Path]) -> None:
    words = ("-t", WINDOWS, "-t", LINUX, "-i", "cp311", "-i", "cp313")
    done = xbuild("run", sdist("nh3==0.3.2"), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    dist = xbuild.folder / "dist"
    assert wheel_names(dist) == [
        f"nh3-0.3.2-cp38-abi3-{MANYLINUX}.whl",
        "nh3-0.3.2-cp38-abi3-win_amd64.whl",
    ]
    for name, interpreter in zip(wheel_names(dist), ("cp313", "cp311"), strict=True):
        proven = xbuild("test", dist / name, "--interp", interpreter)
        assert proven.returncode == 0, proven.stdout + proven.stderr


def test_cmake_and_cxx_and_whole_program_optimisation(xbuild: Xbuild, tmp_path: Path) -> None:
    """C++ with exceptions and containers, fat LTO with the prebuilt standard library, panics that abort."""
    stout = Path(shutil.copytree(CRATES / "stout", tmp_path / "stout"))
    targets = load_catalog().targets
    done = xbuild("run", stout, *(word for triple in targets for word in ("-t", triple)), "--locked")
    assert done.returncode == 0, done.stdout + done.stderr
    dist = xbuild.folder / "dist"
    assert len(wheel_names(dist)) == len(targets)
    for platform in ("manylinux", "musllinux"):
        (wheel,) = dist.glob(f"*{platform}*_x86_64.whl")
        with zipfile.ZipFile(wheel) as archive:
            program = Path(archive.extract("stout-0.1.0.data/scripts/stout", tmp_path / platform))
        program.chmod(0o755)
        answers = [
            subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout
            for words in ((), ("more",))
        ]
        assert answers == ["1\n", "6\n"]


def test_every_interpreter_that_the_crate_allows(xbuild: Xbuild, greeting: Path) -> None:
    planned = json.loads(xbuild("plan", greeting, "-t", LINUX, "-i", "all", "--json").stdout)
    steps = planned["jobs"][0]["steps"]
    # PyO3 0.26 knows CPython up to 3.14 and PyPy from 3.9 to 3.11
    assert {step["wheel"].split("-")[3] for step in steps} == {
        *("cp39", "cp310", "cp311", "cp312", "cp313", "cp314", "cp314t"),
        *("pypy39_pp73", "pypy310_pp73", "pypy311_pp73"),
    }
    pyproject = greeting / "pyproject.toml"
    pyproject.write_text(pyproject.read_text("utf-8").replace(">=3.9", ">=3.13"), "utf-8")
    done = xbuild("run", greeting, "-t", LINUX, "-i", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    abis = {name.split("-")[3] for name in wheel_names(xbuild.folder / "dist")}
    assert abis == {"cp313", "cp314", "cp314t"}


def test_wheels_run_where_they_are_for(xbuild: Xbuild, greeting: Path) -> None:
    """On interpreters of Debian releases that the matrix does not reach."""
    targets = [LINUX] + (["aarch64-unknown-linux-gnu"] if runs_foreign("arm64") else [])
    words = [word for triple in targets for word in ("-t", triple)]
    done = xbuild("run", greeting, *words, "-i", "cp39", "-i", "pp311", "--test")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((xbuild.folder / "dist" / ".xbuild" / "report.json").read_text())
    proofs = [wheel["proof"] for job in report["jobs"] for wheel in job["wheels"]]
    assert [proof.partition("; ran on ")[2].partition(" (")[0].split(".")[0] for proof in proofs] == [
        "CPython 3",
        "PyPy 3",
    ] * len(targets), proofs


def test_an_interpreter_by_its_path(xbuild: Xbuild, greeting: Path, tmp_path: Path) -> None:
    pyenv = tmp_path / ".pyenv" / "versions" / "pypy3.9-7.3.15" / "bin" / "pypy3.9"
    pyenv.parent.mkdir(parents=True)
    pyenv.write_bytes(b"for another machine")
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    done = xbuild("run", greeting, "-t", LINUX, "-i", pyenv, "-i", sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    assert wheel_names(xbuild.folder / "dist") == [
        f"greeting-0.1.0-{tag}-{tag}-{MANYLINUX}.whl",
        f"greeting-0.1.0-pp39-pypy39_pp73-{MANYLINUX}.whl",
    ]


def test_cargos_own_settings_name_the_target(xbuild: Xbuild, greeting: Path) -> None:
    (greeting / ".cargo").mkdir()
    (greeting / ".cargo" / "config.toml").write_text(f'[build]\ntarget = "{WINDOWS}"\n', "utf-8")
    planned = xbuild("plan", greeting, "-i", "cp311", "--json")
    assert f'"target": "{WINDOWS}"' in planned.stdout, planned.stderr
    other = xbuild("plan", greeting, "-i", "cp311", "--json", env={"CARGO_BUILD_TARGET": LINUX})
    assert f'"target": "{LINUX}"' in other.stdout, other.stderr


@pytest.fixture
def git_server(tmp_path: Path, engine: DockerEngine) -> Iterator[tuple[str, Path]]:
    """Serves repositories below a folder to containers, as a git host does: its address, and the folder."""
    need("git")
    api = engine.client.api
    (config,) = api.inspect_network("bridge")["IPAM"]["Config"]
    address = config.get("Gateway") or config["Subnet"].rpartition(".")[0] + ".1"
    with socket.create_server((address, 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path / "git"
    folder.mkdir()
    words = [
        "git",
        "daemon",
        "--export-all",
        f"--base-path={folder}",
        f"--listen={address}",
        f"--port={port}",
    ]
    process = subprocess.Popen([*words, "--reuseaddr"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 20
    while time.monotonic() < patience:
        with socket.socket() as client:
            if client.connect_ex((address, port)) == 0:
                break
        time.sleep(0.1)
    yield f"git://{address}:{port}", folder
    process.terminate()
    process.wait(10)


def make_repository(folder: Path) -> None:
    """A crate in a git repository of its own."""
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "words"\nversion = "0.1.0"\nedition = "2021"\n')
    (folder / "src" / "lib.rs").write_text('pub fn word() -> &\'static str { "word" }\n')
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q", "-b", "main"), ("add", "."), (*who, "commit", "-q", "-m", "First")):
        subprocess.run(("git", *words), cwd=folder, check=True)


def test_a_dependency_from_git(xbuild: Xbuild, greeting: Path, git_server: tuple[str, Path]) -> None:
    address, folder = git_server
    make_repository(folder / "words")
    manifest = greeting / "Cargo.toml"
    manifest.write_text(f'{manifest.read_text()}words = {{ git = "{address}/words" }}\n')
    library = greeting / "src" / "lib.rs"
    library.write_text(library.read_text().replace('"Hello, {name}, from {}"', '"Hello, {name}, from {} {}"'))
    library.write_text(
        library.read_text().replace("std::env::consts::OS", "std::env::consts::OS, words::word()")
    )
    (greeting / "Cargo.lock").unlink()
    done = xbuild("run", greeting, "-t", LINUX, "-i", "cp311")
    assert done.returncode == 0, done.stdout + done.stderr
    again = xbuild("run", greeting, "-t", LINUX, "-i", "cp311", "--offline")
    # Without a lockfile there is nothing to be offline with
    assert again.returncode == 5
    assert "no Cargo.lock" in again.stderr


def test_a_sysroot_of_ones_own(
    xbuild: Xbuild,
    greeting: Path,
    engine: DockerEngine,
    toolchain_image: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """The open sysroot itself stands in for Microsoft's: it is laid out in the same way."""
    spec = ContainerSpec(image=toolchain_image(WINDOWS), user="0:0", labels={})
    with (
        engine.container(spec) as container,
        tarfile.open(fileobj=io.BytesIO(b"".join(container.get("/opt/xbuild/sysroot/xwin")))) as archive,
    ):
        archive.extractall(tmp_path / "sdk", filter="tar")
    words = ("-t", WINDOWS, "-i", "cp311")
    done = xbuild("run", greeting, *words, "--sysroot", tmp_path / "sdk" / "xwin")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((xbuild.folder / "dist" / ".xbuild" / "report.json").read_text("utf-8"))
    assert report["jobs"][0]["sysroot"] == str(tmp_path / "sdk" / "xwin")
    (tmp_path / "sdk" / "xwin" / "sdk" / "lib" / "um" / "x86_64").rename(tmp_path / "elsewhere")
    broken = xbuild("run", greeting, *words, "--sysroot", tmp_path / "sdk" / "xwin", "--fresh")
    assert broken.returncode == 5, broken.stdout

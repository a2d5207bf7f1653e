"""What the tests with a real engine share: the command as a user calls it, images, and real projects."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.toolchains import have_image, toolchain
from xbuild.check.trial.recipes import recipe_for
from xbuild.check.trial.testers import load_testers
from xbuild.engine.docker import DockerEngine
from xbuild.images.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
SDISTS = {
    "rpds-py==0.27.1": "26a1c73171d10b7acccbded82bf6a586ab8203601e565badc74bbbf8bc5a10f8",
    "blake3==1.0.9": "5fa374fa5070ca084368776c19b420157eb0f2d3f091343d6bc59189929d62e2",
    "nh3==0.3.2": "f394759a06df8b685a4ebfb1874fb67a9cbfd58c64fc5ed587a663c0e63ec376",
    "bcrypt==4.3.0": "3a3fd2204178b6d2adcf09cb4f6426ffef54762577a7c9b54c159008cb288c18",
}
"""Real projects and the sha256 of their sdists."""


@dataclass(frozen=True)
class Xbuild:
    """The command, in a folder."""

    folder: Path
    environment: dict[str, str]

    @property
    def state(self) -> Path:
        """Where it keeps what it remembers of runs."""
        return Path(self.environment["XBUILD_STATE_DIR"])

    def __call__(
        self, *words: str | Path, env: dict[str, str] | None = None, timeout: float = 3000
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "xbuild", *map(str, words)],
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def start(self, *words: str | Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "xbuild", *map(str, words)],
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def xbuild(tmp_path: Path) -> Xbuild:
    """The command in an empty folder, with the user's cache, so that images and crates are shared."""
    return Xbuild(tmp_path, {**os.environ, "XBUILD_STATE_DIR": str(tmp_path / "state")})


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """The engine."""
    found = DockerEngine()
    yield found
    found.close()


@pytest.fixture(scope="session")
def build_image(engine: DockerEngine) -> Callable[[Recipe], str]:
    """Makes an image that the engine does not have; gives its identifier."""
    return lambda recipe: have_image(engine, recipe).id


@pytest.fixture(scope="session")
def toolchain_image(build_image: Callable[[Recipe], str]) -> Callable[[str], str]:
    """The toolchain image of a target."""

    def image(triple: str) -> str:
        return build_image(toolchain(triple))

    return image


@pytest.fixture(scope="session")
def tester_image(build_image: Callable[[Recipe], str]) -> Callable[[str], str]:
    """The image of a tester, by its name or a part of it."""

    def image(name: str) -> str:
        tester = next(item for item in load_testers().rows if name in item.name)
        return build_image(recipe_for(tester))

    return image


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A real project from the package index, unpacked; kept between sessions."""
    kept = ROOT / "tests" / ".cache" / "sdists"

    def fetch(requirement: str) -> Path:
        archive = _archive(kept, requirement)
        folder = tmp_path_factory.mktemp("sdist")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        return next(folder.iterdir())

    return fetch


def _archive(kept: Path, requirement: str) -> Path:
    name = requirement.replace("-", "_").replace("==", "-")
    archive = kept / f"{name}.tar.gz"
    wanted = SDISTS[requirement]
    if not archive.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        work = kept / f".{name}.new"
        shutil.rmtree(work, ignore_errors=True)
        subprocess.run(
            [sys.executable, "-m", "unearth", requirement, "--no-binary", "--download", str(work)],
            check=True,
            capture_output=True,
        )
        next(work.glob("*.tar.gz")).replace(archive)
        shutil.rmtree(work)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert found == wanted, f"{requirement}: {found}"
    return archive


def runs(command: Xbuild) -> list[str]:
    """The runs of ``command``, by their names."""
    folder = command.state / "runs"
    return [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def leftovers(engine: DockerEngine, command: Xbuild) -> list[str]:
    """Containers and volumes that runs of ``command`` have left."""
    found = []
    for run in runs(command):
        mine = {"label": [f"xbuild.run={run}"]}
        found += [item["Id"][:12] for item in engine.client.api.containers(all=True, filters=mine)]
        found += [item["Name"][:12] for item in engine.client.api.volumes(filters=mine)["Volumes"] or ()]
    return found


@pytest.fixture
def nothing_left(engine: DockerEngine, xbuild: Xbuild) -> Iterator[None]:
    """After the test there is no container and no volume of its runs."""
    yield
    patience = time.monotonic() + 60
    while (found := leftovers(engine, xbuild)) and time.monotonic() < patience:
        time.sleep(0.5)
    assert found == []


def need(program: str) -> None:
    """Skip the test where a program of the host is missing; CI installs them all."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def wheel_names(folder: Path) -> Sequence[str]:
    """The wheels in a folder, sorted."""
    return sorted(path.name for path in folder.glob("*.whl"))

"""The open windows-msvc sysroot: C and C++ programs that use what a C runtime promises, run under wine, and
every function that Microsoft documents, compiled and linked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

if TYPE_CHECKING:
    from docker.client import DockerClient

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

TARGET = "x86_64-pc-windows-msvc"
HERE = Path(__file__).resolve().parent

# Program, its arguments, and a line that shows it came to its end.
PROGRAMS = {
    "seh": (("argument",), "ok arguments of wmain"),
    "cookie": ((), "ok an overrun ends the process: 0xC0000409"),
    "loader": ((), "ok failed attach is undone once"),
    "language": ((), "ok global destructor"),
}


CONFINED: dict[str, Any] = {
    "user": f"{os.getuid()}:{os.getgid()}",
    "read_only": True,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,exec,size=1g,mode=1777"},
}

# The tester's prefix is copied, because wine wants to own it. vcruntime140.dll is wine's own, or Microsoft's,
# which comes with each of the tester's CPythons.
RUN_UNDER_WINE = """
set -eu
cp -R -P /opt/xbuild/prefix "$WINEPREFIX"
mkdir /tmp/run
cp /programs/* /tmp/run/
cd /tmp/run
if [ "$1" = microsoft ]; then
    cp /opt/xbuild/windows/python3.11/vcruntime140.dll .
    export WINEDLLOVERRIDES="$WINEDLLOVERRIDES;vcruntime140=n"
fi
shift
exec /usr/lib/wine/wine64 "$@" < /dev/null
"""


def run(
    client: DockerClient,
    image: str,
    command: list[str],
    binds: Mapping[Path, str],
    *,
    writable: bool = False,
    **settings: Any,
) -> tuple[int, str]:
    """Exit status and output of a command in a container without network."""
    mounts = [
        docker.types.Mount(target, str(source), "bind", read_only=not (writable and source != HERE))
        for source, target in binds.items()
    ]
    container = client.containers.create(
        image, command, network_mode="none", mounts=mounts, stdin_open=False, init=True, **settings
    )
    try:
        container.start()
        status = container.wait(timeout=900)["StatusCode"]
        return status, container.logs().decode(errors="replace")
    finally:
        container.remove(force=True)


def compile_programs(client: DockerClient, image: str, folder: Path) -> None:
    """Compiles every program into the folder, in the container of a hermetic build."""
    status, output = run(
        client,
        image,
        ["/bin/sh", "/msvc/compile.sh", "/msvc/sources"],
        {HERE: "/msvc", folder: "/programs"},
        writable=True,
        working_dir="/programs",
        environment={"XWIN_CACHE_DIR": "/tmp/xwin", "LC_ALL": "C.UTF-8"},
        **CONFINED,
    )
    assert status == 0, output


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    found = docker.from_env()
    yield found
    found.close()


@pytest.fixture(scope="module")
def programs(
    client: DockerClient, toolchain_image: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    compile_programs(client, toolchain_image(TARGET), folder)
    return folder


@pytest.mark.parametrize("vcruntime", ["wine", "microsoft"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_runs(
    program: str,
    vcruntime: str,
    client: DockerClient,
    programs: Path,
    tester_image: Callable[[str], str],
) -> None:
    arguments, last = PROGRAMS[program]
    status, output = run(
        client,
        tester_image("wine"),
        ["/bin/sh", "-c", RUN_UNDER_WINE, "sh", vcruntime, f"{program}.exe", *arguments],
        {programs: "/programs"},
        # In the C locale wine cannot give a file a name that is not ASCII.
        environment={"LC_ALL": "C.UTF-8"},
        **CONFINED,
    )
    lines = output.splitlines()
    assert [line for line in lines if line.startswith("FAILED")] == [], output
    assert last in lines, output
    assert status == 0, output


def test_modules_are_reproducible(
    client: DockerClient, programs: Path, toolchain_image: Callable[[str], str], tmp_path: Path
) -> None:
    compile_programs(client, toolchain_image(TARGET), tmp_path)
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (programs, tmp_path)
    )
    assert first == second
    assert {"language.exe", "plugin.dll"} <= first.keys()


def test_documented_names(client: DockerClient, toolchain_image: Callable[[str], str]) -> None:
    """What works and what lacks is as names/lacking.txt has it.

    When names work that did not, or the other way round, ``check.py --write`` makes that list anew.
    """
    lists = [f"/msvc/names/{name}.txt" for name in ("windows", "inline", "crt")]
    lists += ["--lacking", "/msvc/names/lacking.txt"]
    status, output = run(
        client,
        toolchain_image(TARGET),
        [
            "/bin/sh",
            "-c",
            'prepare-windows-msvc && exec python3 /msvc/names/check.py "$@"',
            "sh",
            *lists,
        ],
        {HERE: "/msvc"},
        environment={"XWIN_CACHE_DIR": "/tmp/xwin", "LC_ALL": "C.UTF-8"},
        **CONFINED,
    )
    assert status == 0, output

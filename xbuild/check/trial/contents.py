"""What goes into a tester: an unpacked wheel and the user's test files, as tar streams."""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from xbuild.errors import CheckError
from xbuild.util.tar import END, tar_member

EPOCH = 1_577_836_800
"""Time stamp of what is sent, in seconds since the Unix epoch."""

File = tuple[str, int, Iterable[bytes]]
"""A path, a size, and the contents in pieces."""

_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises over a member that is damaged, encrypted, or compressed in a way that is not known."""
_SUFFIXES = (".so", ".pyd")
_PIECE = 1 << 20
_SKIPPED = ("__pycache__", ".git", ".venv", "target")


def installed_files(wheel: Path) -> dict[str, str]:
    """Where an installer puts the wheel's files, below site-packages: path there to name in the archive.

    :raises CheckError: ``bad-wheel``: it is no zip file, or a name leads out of its folder.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckError(f"{wheel.name} cannot be read", details=str(error), code="bad-wheel") from error
    placed = {}
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
            raise CheckError(f"{wheel.name}: the name {name!r} leads out of it", code="bad-wheel")
        if parts[0].endswith(".data"):
            if len(parts) < 3 or parts[1] not in {"purelib", "platlib"}:
                continue
            parts = parts[2:]
        placed["/".join(parts)] = name
    return placed


def modules(paths: Iterable[str]) -> tuple[str, ...]:
    """What to import: every top-level module and every native module, parents first."""
    found: set[str] = set()
    for path in paths:
        *folders, name = path.split("/")
        stem = name.partition(".")[0]
        if any(not folder.isidentifier() for folder in folders) or not stem.isidentifier():
            continue
        native = name.endswith(_SUFFIXES) and not stem.startswith("lib")
        if not folders and name.endswith(".py"):
            found.add(stem)
        elif folders and (name == "__init__.py" or native):
            found.add(folders[0])
        if native:
            found.add(".".join([*folders, stem]) if stem != "__init__" else ".".join(folders))
    return tuple(sorted(found, key=lambda module: (module.count("."), module)))


def tar_wheel(wheel: Path, *, folder: str, owner: tuple[int, int]) -> Iterator[bytes]:
    """The wheel's files as an installer places them, below ``folder``, as a tar stream.

    :raises CheckError: ``bad-wheel``, as for :func:`installed_files`, or a file in it is damaged.
    """
    placed = installed_files(wheel)
    with zipfile.ZipFile(wheel) as archive:
        files = (
            (f"{folder}/{path}", archive.getinfo(name).file_size, _pieces(archive, name))
            for path, name in placed.items()
        )
        yield from tar_stream(files, owner=owner)


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member's contents, of which a small wheel may have gigabytes."""
    try:
        with archive.open(name) as member:
            yield from iter(lambda: member.read(_PIECE), b"")
    except _UNREADABLE as error:
        where = Path(archive.filename or "").name
        raise CheckError(f"{where}: {name!r} cannot be read", details=str(error), code="bad-wheel") from error


def tar_tests(tests: Path, *, owner: tuple[int, int]) -> Iterator[bytes]:
    """A file, or the regular files of a folder, as a tar stream. Links are not followed and left out."""
    yield from tar_stream(_test_files(tests), owner=owner)


def _test_files(tests: Path) -> Iterator[File]:
    if tests.is_file():
        yield whole_file(tests.name, tests.read_bytes())
        return
    for folder, folders, names in os.walk(tests):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield whole_file(path.relative_to(tests).as_posix(), path.read_bytes())


def whole_file(path: str, body: bytes) -> File:
    """A file for a tar stream that is in memory."""
    return path, len(body), (body,)


def tar_stream(files: Iterable[File], *, owner: tuple[int, int]) -> Iterator[bytes]:
    """Files as a tar stream in which ``owner`` (uid, gid) may write everywhere."""
    made: set[str] = set()
    # Not ".": the engine passes that over, and the folder would stay root's
    yield _folder("/", owner)
    for path, size, pieces in files:
        folders = [str(parent) for parent in reversed(PurePosixPath(path).parents) if str(parent) != "."]
        for folder in folders:
            if folder not in made:
                made.add(folder)
                yield _folder(folder, owner)
        yield from tar_member(_info(path, tarfile.REGTYPE, owner, size), pieces)
    yield END


def _folder(path: str, owner: tuple[int, int]) -> bytes:
    return b"".join(tar_member(_info(path, tarfile.DIRTYPE, owner)))


def _info(path: str, kind: bytes, owner: tuple[int, int], size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.size = kind, size
    info.uid, info.gid = owner
    info.mtime = EPOCH
    info.mode = 0o755
    return info

"""The store of fetched crates, and the folder of unpacked ones that a build reads.

The store holds registry crates as the ``.crate`` files that Cargo.lock has checksums of, by checksum. Before
each build every one is hashed again, and the unpacked folder is compared with it byte by byte, so that a
damaged or tampered cache is found (docs/decisions/0011-crates-are-hashed-before-each-build.md). Packages from
git have no checksum in Cargo.lock; they are kept as tar files with their digest beside them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from filelock import FileLock

from xbuild.errors import FetchError
from xbuild.inspect.crate.cargo_lock import LockedPackage
from xbuild.util.files import keep, make_folder, mark_used, remove_tree, sealed, unsealed, write_whole

CONFIG = "config.toml"
_CHECKSUM_FILE = ".cargo-checksum.json"
_CONFIG_DIRECTORY = re.compile(r'^directory = ".*"$', re.MULTILINE)
_TURN_SECONDS = 600.0
_READ_AND_RUN = 0o555
_LATEST = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class VendorReport:
    """What was done: how many crates were there and whole, and which had to be unpacked (again)."""

    crates: int
    unpacked: tuple[str, ...]
    damaged: tuple[str, ...]


class CrateStore:
    """Fetched crates in a folder of the cache.

    :param folder: the store's own folder, on the same file system as the folders that it unpacks to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def missing(self, packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
        """Packages that are not in the store, or not whole."""
        wanted = [package for package in packages if package.is_registry or package.is_git]
        with ThreadPoolExecutor(max_workers=4) as pool:
            whole = list(pool.map(self._is_whole, wanted))
        return tuple(package for package, fine in zip(wanted, whole, strict=True) if not fine)

    def _path(self, package: LockedPackage) -> Path:
        if package.is_registry:
            return self._folder / "crates" / package.checksum[:2] / f"{package.checksum}.crate"
        key = hashlib.sha256(f"{package.source}\0{package.folder}".encode()).hexdigest()
        return self._folder / "git" / f"{key}.tar"

    def _is_whole(self, package: LockedPackage) -> bool:
        try:
            self._content(package)
        except FetchError:
            return False
        return True

    def _content(self, package: LockedPackage) -> bytes:
        """The archive of a package, compared with its digest."""
        path = self._path(package)
        try:
            content = path.read_bytes()
            expected = package.checksum or path.with_suffix(".sha256").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _damaged(package, str(error), retryable=True) from error
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise _damaged(package, f"expected sha256 {expected}, got {found}", retryable=True)
        return content

    def add_crate_file(self, package: LockedPackage, source: Path) -> None:
        """Take a ``.crate`` file in.

        :raises FetchError: ``checksum-mismatch`` or ``cache-unusable``.
        """
        with _told(f"cannot keep {package.folder}"):
            content = source.read_bytes()
            found = hashlib.sha256(content).hexdigest()
            if found != package.checksum:
                raise FetchError(
                    f"{package.folder} is not what Cargo.lock pins",
                    details=f"expected sha256 {package.checksum}, got {found}",
                    hint="the registry, a mirror or the network changed it; do not build from it",
                    code="checksum-mismatch",
                )
            keep(self._path(package), content)

    def add_git_package(self, package: LockedPackage, folder: Path) -> None:
        """Take a package in that cargo has checked out from git and vendored to ``folder``.

        :raises FetchError: ``fetch-failed``: it is not there; or ``cache-unusable``.
        """
        if not (folder / "Cargo.toml").is_file():
            raise FetchError(f"cargo did not fetch {package.folder}", code="fetch-failed")
        with _told(f"cannot keep {package.folder}"):
            content = _packed(package, folder)
            path = self._path(package)
            keep(path, content)
            keep(path.with_suffix(".sha256"), hashlib.sha256(content).hexdigest().encode())

    def config_path(self, lock_digest: str) -> Path:
        """Where the source replacement for a lockfile is kept."""
        return self._folder / "config" / f"{lock_digest}.toml"

    def add_config(self, lock_digest: str, text: str, *, mount: str) -> None:
        """Keep what ``cargo vendor`` printed, with its folder replaced by where builds see it.

        :raises FetchError: ``cache-unusable``.
        """
        body = _CONFIG_DIRECTORY.sub(f'directory = "{mount}"', text).encode()
        with _told("cannot keep cargo's configuration"):
            keep(self.config_path(lock_digest), sealed(body))

    def has_config(self, lock_digest: str) -> bool:
        """Whether the source replacement for a lockfile is there, and whole."""
        try:
            unsealed(self.config_path(lock_digest).read_bytes())
        except (OSError, ValueError):
            return False
        return True

    def write_config(self, lock_digest: str, folder: Path) -> None:
        """Put the source replacement for a lockfile into ``folder``, for all users to read.

        :raises FetchError: ``cache-unusable``.
        """
        path = folder / CONFIG
        with _told(f"cannot write {path}"):
            content = self.config_path(lock_digest).read_bytes()
            if not _holds(str(path), _File(content, executable=False, mtime=0)):
                write_whole(path, content, mode=0o644)

    def mark_used(self, packages: Iterable[LockedPackage], lock_digest: str) -> None:
        """Say that a run used packages and a lockfile's source replacement; see :mod:`xbuild.cache`."""
        paths = [self._path(package) for package in packages if package.is_registry or package.is_git]
        for path in (*paths, self.config_path(lock_digest)):
            mark_used(path)

    def vendor(self, packages: Iterable[LockedPackage], folder: Path) -> VendorReport:
        """Make ``folder`` hold exactly the locked packages, each compared with the store byte by byte.

        Runs that share a folder take turns. Containers of other runs may be reading from it meanwhile, so
        what is whole is not touched, and what is not is replaced by renaming, never edited.

        :raises FetchError: ``cache-damaged``: a package of the store is not whole; or ``cache-unusable``.
        """
        wanted = {item.folder: item for item in packages if item.is_registry or item.is_git}
        with _told(f"cannot unpack crates to {folder}"), self._turn(folder) as work:
            make_folder(folder)
            if folder.stat().st_mode & _READ_AND_RUN != _READ_AND_RUN:
                folder.chmod(0o755)
            for entry in list(folder.iterdir()):
                if entry.name not in wanted:
                    _discard(entry, work)
            # Few: unpacking needs the interpreter's lock, and more of them only wait for it
            with ThreadPoolExecutor(max_workers=2) as pool:
                states = dict(pool.map(lambda item: self._vendor_one(item, folder, work), wanted.values()))
        return VendorReport(
            crates=len(states),
            unpacked=tuple(name for name, state in states.items() if state != "whole"),
            damaged=tuple(name for name, state in states.items() if state == "damaged"),
        )

    @contextmanager
    def _turn(self, folder: Path) -> Iterator[Path]:
        """The right to change ``folder``, and a private place for what goes there and what comes from there.

        Both are kept away from ``folder``, all of which containers get to see.
        """
        key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
        make_folder(self._folder / "turns")
        work = self._folder / "turns" / key
        with FileLock(f"{work}.lock", timeout=_TURN_SECONDS):
            remove_tree(work)
            make_folder(work)
            try:
                yield work
            finally:
                remove_tree(work)

    def _vendor_one(self, package: LockedPackage, folder: Path, work: Path) -> tuple[str, str]:
        files = _files_of(package, self._content(package))
        target = folder / package.folder
        state = "damaged" if os.path.lexists(target) else "new"
        if state == "damaged" and _same(target, files):
            return package.folder, "whole"
        fresh = Path(tempfile.mkdtemp(dir=work)) / package.folder
        _unpack(files, fresh)
        if state == "damaged":
            _discard(target, work)
        fresh.rename(target)
        return package.folder, state


class _File(NamedTuple):
    body: bytes
    executable: bool
    mtime: int


def _damaged(package: LockedPackage, why: str, *, retryable: bool = False) -> FetchError:
    return FetchError(
        f"{package.folder} in the cache is damaged", details=why, code="cache-damaged", retryable=retryable
    )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """An error of the file system becomes one that says what was being done."""
    try:
        yield
    except OSError as error:
        raise FetchError(
            what,
            details=str(error),
            hint="see whether the cache's disk is full or write-protected, or name another cache",
            code="cache-unusable",
        ) from error


def _packed(package: LockedPackage, folder: Path) -> bytes:
    """The regular files of a folder as an archive like those of registries."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                info = tarfile.TarInfo(f"{package.folder}/{path.relative_to(folder).as_posix()}")
                info.size = path.stat().st_size
                info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                with path.open("rb") as stream:
                    archive.addfile(info, stream)
    return buffer.getvalue()


def _files_of(package: LockedPackage, content: bytes) -> dict[str, _File]:
    """The files of a package, by name below its folder."""
    try:
        files = dict(_members(package, content))
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise _damaged(package, str(error)) from error
    if package.is_registry:
        files.pop(".cargo-ok", None)
        checksum = json.dumps({"files": {}, "package": package.checksum}).encode()
        files[_CHECKSUM_FILE] = _File(checksum, executable=False, mtime=0)
    both = {parent for name in files for parent in _parents(name)} & set(files)
    if both:
        raise _damaged(package, f"a file and a folder at once: {', '.join(sorted(both))}")
    return files


def _members(package: LockedPackage, content: bytes) -> Iterator[tuple[str, _File]]:
    plain = gzip.decompress(content) if package.is_registry else content
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            if not member.isreg() or len(parts) < 2 or ".." in parts or parts[0] != package.folder:
                continue
            if "\0" in member.name:
                raise ValueError(f"a name with a NUL byte: {member.name!r}")
            stream = archive.extractfile(member)
            body = stream.read() if stream else b""
            mtime = min(max(int(member.mtime), 0), _LATEST)
            yield "/".join(parts[1:]), _File(body, bool(member.mode & 0o100), mtime)


def _parents(name: str) -> Iterator[str]:
    """The folders that a file is in, below its package's."""
    yield from (parent.as_posix() for parent in PurePosixPath(name).parents)


def _unpack(files: Mapping[str, _File], folder: Path) -> None:
    make_folder(folder)
    for name, file in files.items():
        path = folder / name
        make_folder(path.parent)
        path.write_bytes(file.body)
        path.chmod(0o755 if file.executable else 0o644)
        os.utime(path, (file.mtime, file.mtime))


def _discard(path: Path, work: Path) -> None:
    """Take a file, folder or link away by renaming it: whoever has it open can go on reading."""
    path.rename(Path(tempfile.mkdtemp(dir=work)) / "old")


def _same(folder: Path, files: Mapping[str, _File]) -> bool:
    """Whether a folder holds exactly these files, readable for all, and no other folders than they need."""
    expected = {parent for name in files for parent in _parents(name)} | {"."}
    try:
        if folder.is_symlink() or not folder.is_dir():
            return False
        return _count_same(str(folder), files, expected) == len(files)
    except (OSError, ValueError):
        return False


def _count_same(top: str, files: Mapping[str, _File], expected: Collection[str]) -> int:
    """How many of ``files`` are in a folder and those in it.

    Strings and one listing for each folder, not paths: this looks at thousands of files before every build.

    :raises ValueError: something else is there.
    """
    count = 0
    waiting = [(top, "")]
    while waiting:
        folder, below = waiting.pop()
        if Path(folder).stat().st_mode & _READ_AND_RUN != _READ_AND_RUN:
            raise ValueError(f"not readable for all: {folder}")
        with os.scandir(folder) as entries:
            for entry in entries:
                name = below + entry.name
                if entry.is_dir(follow_symlinks=False) and name in expected:
                    waiting.append((entry.path, f"{name}/"))
                elif name in files and _holds(entry.path, files[name]):
                    count += 1
                else:
                    raise ValueError(f"not as it was: {entry.path}")
    return count


def _holds(path: str, file: _File) -> bool:
    """Whether a path is a regular file with that content, readable (and runnable) for all."""
    modes = 0o555 if file.executable else 0o444
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        status, size = os.fstat(handle), len(file.body)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & _READ_AND_RUN != modes:
            return False
        return status.st_size == size and _read(handle, size + 1) == file.body
    except OSError:
        return False
    finally:
        os.close(handle)


def _read(handle: int, size: int) -> bytes:
    """All that can be read, up to a size: one call is enough, but for an interrupted one or a huge file."""
    pieces: list[bytes] = []
    while size and (piece := os.read(handle, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)

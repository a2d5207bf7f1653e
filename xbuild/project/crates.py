"""The store of fetched crates, and the folder of unpacked ones that a build reads.

The store holds registry crates as the ``.crate`` files that Cargo.lock has checksums of, by checksum. Before
each build every one is hashed again, and the unpacked folder is compared with it byte by byte, so that a
damaged or tampered cache is found. Packages from git have no checksum in Cargo.lock; they are kept as tar
files whose digest is part of their name.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from xbuild.errors import FetchError
from xbuild.project.lockfile import LockedPackage

CONFIG = "config.toml"
VENDOR = "vendor"
_CHECKSUM_FILE = ".cargo-checksum.json"
_CONFIG_DIRECTORY = re.compile(r'^directory = ".*"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class VendorReport:
    """What was done: how many crates were there and whole, and which had to be unpacked (again)."""

    crates: int
    unpacked: tuple[str, ...]
    damaged: tuple[str, ...]


class CrateStore:
    """Fetched crates in a folder of the cache.

    :param folder: the store's own folder.
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
        path = self._path(package)
        try:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if package.is_registry:
                return digest == package.checksum
            return digest == path.with_suffix(".sha256").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return False

    def add_crate_file(self, package: LockedPackage, source: Path) -> None:
        """Take a ``.crate`` file in.

        :raises FetchError: ``checksum-mismatch``.
        """
        content = source.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != package.checksum:
            raise FetchError(
                f"{package.folder} is not what Cargo.lock pins",
                details=f"expected sha256 {package.checksum}, got {found}",
                hint="the registry, a mirror or the network changed it; do not build from it",
                code="checksum-mismatch",
            )
        _write(self._path(package), content)

    def add_git_package(self, package: LockedPackage, folder: Path) -> None:
        """Take a package in that cargo has checked out from git and vendored to ``folder``."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    info = tarfile.TarInfo(f"{package.folder}/{path.relative_to(folder).as_posix()}")
                    info.size = path.stat().st_size
                    info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                    with path.open("rb") as stream:
                        archive.addfile(info, stream)
        content = buffer.getvalue()
        _write(self._path(package), content)
        _write(self._path(package).with_suffix(".sha256"), hashlib.sha256(content).hexdigest().encode())

    def config_path(self, lock_digest: str) -> Path:
        """Where the source replacement for a lockfile is kept."""
        return self._folder / "config" / f"{lock_digest}.toml"

    def add_config(self, lock_digest: str, text: str, *, mount: str) -> None:
        """Keep what ``cargo vendor`` printed, with its folder replaced by where builds see it."""
        _write(self.config_path(lock_digest), _CONFIG_DIRECTORY.sub(f'directory = "{mount}"', text).encode())

    def vendor(self, packages: Iterable[LockedPackage], folder: Path) -> VendorReport:
        """Make ``folder`` hold exactly the locked packages, each compared with the store byte by byte.

        :raises FetchError: ``cache-damaged``: a package of the store is not whole.
        """
        wanted = {item.folder: item for item in packages if item.is_registry or item.is_git}
        folder.mkdir(parents=True, exist_ok=True)
        for entry in folder.iterdir():
            if entry.name not in wanted:
                shutil.rmtree(entry)
        unpacked: list[str] = []
        damaged: list[str] = []
        with ThreadPoolExecutor(max_workers=4) as pool:
            for name, state in pool.map(lambda item: self._vendor_one(item, folder), wanted.values()):
                if state != "whole":
                    unpacked.append(name)
                if state == "damaged":
                    damaged.append(name)
        return VendorReport(len(wanted), tuple(unpacked), tuple(damaged))

    def _vendor_one(self, package: LockedPackage, folder: Path) -> tuple[str, str]:
        content = self._path(package).read_bytes()
        if package.is_registry and hashlib.sha256(content).hexdigest() != package.checksum:
            raise FetchError(
                f"{package.folder} in the cache is damaged", code="cache-damaged", retryable=True
            )
        files = _files_of(package, content)
        target = folder / package.folder
        if not target.exists():
            state = "new"
        elif _same(target, files):
            return package.folder, "whole"
        else:
            state = "damaged"
            shutil.rmtree(target)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as work:
            place = Path(work) / package.folder
            for name, (body, executable, mtime) in files.items():
                path = place / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                path.chmod(0o755 if executable else 0o644)
                os.utime(path, (mtime, mtime))
            for made in (place, *(path for path in place.rglob("*") if path.is_dir())):
                made.chmod(0o755)
            place.rename(target)
        return package.folder, state


_File = tuple[bytes, bool, int]


def _files_of(package: LockedPackage, content: bytes) -> dict[str, _File]:
    """The files of a package, by name below its folder."""
    files: dict[str, _File] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                parts = PurePosixPath(member.name).parts
                if not member.isreg() or len(parts) < 2 or ".." in parts or parts[0] != package.folder:
                    continue
                stream = archive.extractfile(member)
                body = stream.read() if stream else b""
                files["/".join(parts[1:])] = (body, bool(member.mode & 0o100), int(member.mtime))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FetchError(
            f"{package.folder} in the cache is damaged", details=str(error), code="cache-damaged"
        ) from error
    if package.is_registry:
        files.pop(".cargo-ok", None)
        checksum = json.dumps({"files": {}, "package": package.checksum}).encode()
        files[_CHECKSUM_FILE] = (checksum, False, 0)
    return files


def _same(folder: Path, files: dict[str, _File]) -> bool:
    """Whether a folder holds exactly these files."""
    found = 0
    for where, folders, names in os.walk(folder):
        if any((Path(where) / name).is_symlink() for name in folders):
            return False
        for name in names:
            path = Path(where) / name
            wanted = files.get(path.relative_to(folder).as_posix())
            if wanted is None or path.is_symlink() or path.stat().st_size != len(wanted[0]):
                return False
            if path.read_bytes() != wanted[0]:
                return False
            found += 1
    return found == len(files)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(stream.name).replace(path)

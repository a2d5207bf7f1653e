"""A private folder where wheels wait to be judged, and from which they are published whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from xbuild.check.model import AuditResult
from xbuild.errors import ArtifactError

Validate = Callable[[Path], AuditResult]
"""Judges a private copy; the copy already has its right file name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a build may leave behind. Sizes in bytes."""

    file: int = 512 << 20
    files: int = 64
    total: int = 4 << 30


DEFAULT_LIMITS = Limits()
_PREFIX = ".xbuild-collect-"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A wheel in its place."""

    path: Path
    sha256: str
    size: int
    audit: AuditResult


@dataclass(frozen=True, slots=True)
class _Copy:
    path: Path
    sha256: str
    size: int


class Staging:
    """A private folder inside the destination (so on its file system) where copies wait to be published.

    Leaving the context removes it with all that is still in it. One that a killed process left behind is
    removed by whoever collects next: the folder of a process that lives is locked.
    """

    def __init__(self, destination: Path, *, validate: Validate, limits: Limits) -> None:
        self._destination = destination
        self._validate = validate
        self._limits = limits
        self._folder: Path | None = None
        self._lock = -1
        self._copies: dict[str, _Copy] = {}

    def __enter__(self) -> Self:
        try:
            self._destination.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(self._destination)
            self._folder, self._lock = _make_locked(self._destination)
        except OSError as error:
            raise cannot_write(self._destination, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)

    @property
    def folder(self) -> Path:
        """The private folder; only inside the context."""
        if self._folder is None:
            raise RuntimeError("the staging folder is not open")
        return self._folder

    def add(self, name: str, pieces: Iterable[bytes], size: int) -> None:
        """Copy one file, hash it on the way, and bring it to the disk.

        :raises ArtifactError: one too many, too much in all, or not ``size`` bytes.
        """
        if name in self._copies:
            raise refused("duplicate-artifact", "a name occurs twice", name)
        if len(self._copies) >= self._limits.files:
            raise refused("too-many-artifacts", f"more than {self._limits.files} files", name)
        if size + sum(copy.size for copy in self._copies.values()) > self._limits.total:
            raise refused("artifact-too-large", f"more than {self._limits.total} bytes in all", name)
        path = self.folder / name
        digest = hashlib.sha256()
        written = 0
        try:
            with path.open("xb") as copy:
                for piece in pieces:
                    copy.write(piece)
                    digest.update(piece)
                    written += len(piece)
                copy.flush()
                os.fchmod(copy.fileno(), 0o644)
                os.fsync(copy.fileno())
        except OSError as error:
            raise cannot_write(path, error) from error
        if written != size:
            raise refused("artifact-changed", f"{written} bytes instead of {size}", name)
        self._copies[name] = _Copy(path, digest.hexdigest(), size)

    def publish(self) -> list[Collected]:
        """Validate every copy, then move all to their places.

        :raises ArtifactError: a copy is not sound, or the destination cannot be written; nothing moved.
        """
        ready = []
        for name, copy in sorted(self._copies.items()):
            audit = self._validate(copy.path)
            _check_audit(name, copy, audit)
            ready.append(
                Collected(path=self._destination / name, sha256=copy.sha256, size=copy.size, audit=audit)
            )
        _move_all([(self.folder / wheel.path.name, wheel.path) for wheel in ready], self.folder)
        return ready


def _make_locked(destination: Path) -> tuple[Path, int]:
    """A new private folder, and the handle that holds its lock."""
    folder = destination
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=destination))
        handle = _lock(folder)
        # Before it was locked, another process may have taken it for an abandoned one
        if handle >= 0 and folder.is_dir():
            return folder, handle
        _close(handle)
    # A file system without locks: then nobody takes it for an abandoned one either
    return folder, os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _remove_abandoned(destination: Path) -> None:
    """Remove private folders whose process was killed. What cannot be removed is left."""
    for folder in destination.glob(f"{_PREFIX}*"):
        handle = _lock(folder)
        if handle >= 0:
            shutil.rmtree(folder, ignore_errors=True)
        _close(handle)


def _lock(folder: Path) -> int:
    """A handle that holds a folder's lock until it is closed, or -1 where another has it."""
    handle = -1
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _close(handle)
        return -1
    return handle


def _close(handle: int) -> None:
    if handle >= 0:
        os.close(handle)


def _check_audit(name: str, copy: _Copy, audit: AuditResult) -> None:
    if audit.sha256 != copy.sha256:
        raise refused("artifact-changed", "the copy changed while it was validated", name)
    if not audit.ok:
        first = audit.errors[0]
        details = [f"{item.code}: {plain(item.where)} {plain(item.message)}" for item in audit.errors[:20]]
        raise ArtifactError(
            f"{name} failed its audit: {first.code}",
            details="\n".join(details),
            hint=first.hint,
            code="bad-wheel",
        )


def _move_all(moves: list[tuple[Path, Path]], folder: Path) -> None:
    """Rename each file into its place; if one cannot be, put back what was there before."""
    done: list[tuple[Path, Path | None]] = []
    try:
        for index, (source, target) in enumerate(moves):
            kept = folder / f"kept-{index}" if target.is_file() and not target.is_symlink() else None
            if kept is not None:
                _keep(target, kept)
            source.replace(target)
            done.append((target, kept))
        _sync_directory(folder.parent)
    except OSError as error:
        for target, kept in reversed(done):
            if kept is None:
                target.unlink(missing_ok=True)
            else:
                kept.replace(target)
        raise cannot_write(moves[len(done)][1] if len(done) < len(moves) else folder.parent, error) from error


def _keep(target: Path, kept: Path) -> None:
    try:
        os.link(target, kept)
    except OSError:  # a file system without hard links
        shutil.copyfile(target, kept)


def _sync_directory(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_size(name: str, size: int, limits: Limits) -> None:
    """Refuse a file that is empty or too large, before it is read.

    :raises ArtifactError: ``artifact-too-large`` or ``bad-artifact``.
    """
    if size <= 0:
        raise refused("bad-artifact", "an empty file", name)
    if size > limits.file:
        raise refused("artifact-too-large", f"{size} bytes; the limit is {limits.file}", name)


def plain(text: str) -> str:
    """Untrusted text for a message: one line, printable ASCII, bounded."""
    quoted = ascii(text)[1:-1]
    return quoted if len(quoted) <= 300 else quoted[:297] + "..."


def refused(code: str, brief: str, name: str, hint: str = "") -> ArtifactError:
    """The error for output that is not accepted; ``name`` is untrusted."""
    return ArtifactError(
        f"the build's output is refused: {brief}",
        details=plain(name),
        hint=hint or "look at what the build writes into its output folder; nothing of it was published",
        code=code,
    )


def cannot_write(path: Path, error: OSError) -> ArtifactError:
    """The error for a destination that cannot be written."""
    return ArtifactError(
        "a wheel cannot be written",
        details=f"{plain(str(path))}: {error.strerror or error}",
        hint="check the free space and the permissions of the output folder",
        code="cannot-write",
        retryable=True,
    )

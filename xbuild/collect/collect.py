"""From an untrusted directory, or an untrusted tar stream of it, to wheels that may be published.

The build wrote the directory, and a build runs strangers' code: names, kinds, sizes and contents are hostile
until shown otherwise. Nothing is opened that could block or lead elsewhere; what is judged is a private copy
that the build cannot reach; and a wheel appears in its place whole and at once, or not at all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from xbuild.collect.staging import DEFAULT_LIMITS, Collected, Limits, Staging, Validate, check_size, refused
from xbuild.collect.tarstream import REGULAR, Reader, read_headers
from xbuild.errors import ArtifactError
from xbuild.wheels.naming import parse_name

__all__ = ["Collected", "Limits", "Validate", "check_name", "collect_directory", "collect_stream"]

_PIECE = 1 << 20
_SPARSE_FROM = 1 << 20


def collect_directory(
    out: Path,
    expected: Collection[str],
    destination: Path,
    *,
    validate: Validate,
    limits: Limits = DEFAULT_LIMITS,
    others: Collection[str] = (),
) -> list[Collected]:
    """Publish the wheels that a build left in ``out``, also while something of it still writes there.

    :param expected: names of the wheels that may be there. Fewer is no error here: a job may be partly built.
    :param others: names that may be there too, and are not looked at: wheels of other steps.
    :param destination: folder that the wheels go to; made if need be.
    :raises ArtifactError: something in ``out`` is not an expected, sound wheel. Nothing was published then,
        and what ``destination`` held before is as it was.
    """
    with Staging(destination, validate=validate, limits=limits) as staging:
        handle = _open_directory(out)
        try:
            for name in _list_names(handle, limits):
                if name in others:
                    continue
                check_name(name, expected)
                with _open_regular(handle, name, limits) as source:
                    staging.add(name, source.pieces(), source.size)
                    source.check_unchanged()
        finally:
            os.close(handle)
        return staging.publish()


def collect_stream(
    chunks: Iterable[bytes],
    expected: Collection[str],
    destination: Path,
    *,
    validate: Validate,
    limits: Limits = DEFAULT_LIMITS,
    others: Collection[str] = (),
    root: str = "out",
) -> list[Collected]:
    """Publish the wheels in a tar stream of the build's output folder, as ``docker get_archive`` gives it.

    :param others: as for :func:`collect_directory`.
    :param root: the folder's name in the stream; every member must be a file directly in it.
    :raises ArtifactError: as :func:`collect_directory`. The rest of the stream is not read; close it.
    """
    reader = Reader(chunks)
    passed = 0
    with Staging(destination, validate=validate, limits=limits) as staging:
        for header in read_headers(reader):
            if header.isdir() and header.name.rstrip("/") == root:
                continue
            folder, _, name = header.name.rpartition("/")
            if folder == root and name in others and header.type in REGULAR:
                # It takes time all the same: a hole is sent as so many zeros
                passed += header.size
                if not 0 <= header.size <= passed <= limits.total:
                    raise refused("artifact-too-large", f"more than {limits.total} bytes in all", name)
                reader.skip(header.size)
                reader.skip_padding(header.size)
                continue
            if header.type not in REGULAR:
                raise refused("not-a-regular-file", "a link, folder or special file", header.name)
            if folder != root:
                raise refused("unexpected-artifact", "a file that is not in the output folder", header.name)
            check_name(name, expected)
            check_size(name, header.size, limits)
            staging.add(name, reader.pieces(header.size), header.size)
            reader.skip_padding(header.size)
        return staging.publish()


def check_name(name: str, expected: Collection[str]) -> None:
    """Refuse a name that is not one of the expected wheels.

    :raises ArtifactError: ``bad-wheel-name`` or ``unexpected-artifact``.
    """
    if len(name) <= 255:
        parse_name(name)
    if name not in expected:
        known = ", ".join(sorted(expected)) or "none"
        hint = f"expected: {known}"
        raise refused("unexpected-artifact", "the build left a file that was not expected", name, hint)


@dataclass(slots=True)
class _Source:
    """An open regular file of the untrusted directory."""

    handle: int
    name: str
    status: os.stat_result = field(init=False)

    def __post_init__(self) -> None:
        self.status = os.fstat(self.handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.handle)

    @property
    def size(self) -> int:
        return self.status.st_size

    def pieces(self) -> Iterator[bytes]:
        """The contents, and no more than one byte beyond the size that was seen first."""
        left = self.size + 1
        while left > 0:
            piece = os.read(self.handle, min(_PIECE, left))
            if not piece:
                return
            left -= len(piece)
            yield piece

    def check_unchanged(self) -> None:
        now, then = os.fstat(self.handle), self.status
        if (now.st_size, now.st_mtime_ns, now.st_nlink) != (then.st_size, then.st_mtime_ns, then.st_nlink):
            raise refused("artifact-changed", "the file changed while it was copied", self.name)


def _open_directory(out: Path) -> int:
    try:
        return os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise refused(
            "bad-output", f"the output folder cannot be opened: {error.strerror}", str(out)
        ) from None


def _list_names(handle: int, limits: Limits) -> list[str]:
    """The names in the directory, counted before they are sorted."""
    names: list[str] = []
    with os.scandir(handle) as entries:
        for entry in entries:
            if len(names) >= limits.files:
                raise refused("too-many-artifacts", f"more than {limits.files} files", entry.name)
            names.append(entry.name)
    return sorted(names)


def _open_regular(directory: int, name: str, limits: Limits) -> _Source:
    """Open a file without following, blocking or waking anything, and look at what was really opened."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        _check_status(os.stat(name, dir_fd=directory, follow_symlinks=False), name, limits)
        source = _Source(os.open(name, flags, dir_fd=directory), name)
    except OSError as error:
        raise refused("not-a-regular-file", f"cannot be opened: {error.strerror}", name) from None
    try:
        _check_status(source.status, name, limits)
    except ArtifactError:
        os.close(source.handle)
        raise
    return source


def _check_status(status: os.stat_result, name: str, limits: Limits) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise refused("not-a-regular-file", "a link, folder or special file", name)
    if status.st_nlink != 1:
        raise refused("not-a-regular-file", "a file that has another name elsewhere", name)
    check_size(name, status.st_size, limits)
    # A wheel is compressed, so a file system that compresses gains little: half its size missing is a hole.
    if status.st_size >= _SPARSE_FROM and status.st_blocks * 512 < status.st_size // 2:
        raise refused("sparse-artifact", "a file with holes", name)

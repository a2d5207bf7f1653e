"""Reading files that somebody else may have made: regular ones only, and never more than a limit."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xbuild.errors import UsageError
from xbuild.util import files


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """The file at ``path``; a FIFO or a device is refused instead of waited for.

    :raises UsageError: ``unreadable-file``.
    """
    try:
        with files.open_regular(path) as file:
            yield file
    except OSError as error:
        raise UsageError(f"cannot read {path}", details=str(error), code="unreadable-file") from error


def read_bounded(path: Path, limit: int) -> bytes:
    """The contents of a small file.

    :raises UsageError: ``unreadable-file``, or ``file-too-large`` beyond ``limit`` bytes.
    """
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise UsageError(f"{path} has more than {limit} bytes", code="file-too-large")
    return data


def sha256_of(path: Path) -> str:
    """sha256 of a file, in hexadecimal.

    :raises UsageError: ``unreadable-file``.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

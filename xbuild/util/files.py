"""Folders and files that other processes read while they are written, or that they wrote."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that every user can read them.

    A build runs as another user than the one whose umask holds here.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def is_file(path: Path) -> bool:
    """Whether there is a file. There is none of a name that is too long, of which ``Path.is_file`` of older
    Pythons raises an error."""
    return os.path.isfile(path)  # noqa: PTH113


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """A file that somebody else may have made, for reading.

    :raises OSError: it cannot be read, or is a FIFO or a device: reading these may never end.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        yield file


def sha256_of(path: Path) -> str:
    """sha256 of such a file, in hexadecimal.

    :raises OSError: as for :func:`open_regular`.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def write_whole(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file so that its readers see the old one or the new one, never a part.

    :param mode: its permissions; without them, the umask decides.
    :raises OSError: it cannot be written; the old one is still there.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with fresh.open("xb") as stream:
            stream.write(content)
            stream.flush()
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def keep(path: Path, content: bytes) -> None:
    """Write a file of the cache as :func:`write_whole` does, whatever is in its place.

    :raises OSError: it cannot be written.
    """
    make_folder(path.parent)
    remove_tree(path)
    write_whole(path, content)


def sealed(body: bytes) -> bytes:
    """A content of the cache below a line, a comment in TOML, that tells whether it is whole."""
    return f"# sha256:{hashlib.sha256(body).hexdigest()}\n".encode() + body


def unsealed(content: bytes) -> bytes:
    """What was sealed.

    :raises ValueError: it is not whole.
    """
    body = content.partition(b"\n")[2]
    if sealed(body) != content:
        raise ValueError("its digest is another")
    return body


def mark_used(path: Path) -> None:
    """Let the modification time of a file or folder of the cache say that it was used now.

    Where it cannot be said, it seems to be older than it is, and may be fetched or made again.
    """
    with suppress(OSError):
        os.utime(path)


def remove_tree(folder: Path) -> None:
    """Remove a folder that a build wrote, whatever its modes are and however deep it goes.

    What cannot be removed is left. Folders are first moved up to ``folder``, so that no path gets long and
    nothing calls itself: either has a limit that a build can reach.
    """
    waiting = [folder] if folder.is_dir() and not folder.is_symlink() else []
    while waiting:
        where = waiting.pop()
        # Taking something out of a folder, and moving a folder elsewhere, writes to it
        with suppress(OSError):
            where.chmod(0o700)
        for path in _inside(where):
            with suppress(OSError):
                if path.is_symlink() or not path.is_dir():
                    path.unlink()
                    continue
                path.chmod(0o700)
                waiting.append(path.rename(folder / secrets.token_hex(16)))
        if where != folder:
            with suppress(OSError):
                where.rmdir()
    with suppress(OSError):
        folder.rmdir()


def _inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []

"""Takes out of a container what cargo left there."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from xbuild.errors import FetchError
from xbuild.util.tar import ChunkReader


def unpack(chunks: Iterator[bytes], folder: Path, *, strip: int = 1) -> None:
    """Unpack what cargo left in a container's folder: regular files only."""
    try:
        with tarfile.open(fileobj=io.BufferedReader(ChunkReader(chunks)), mode="r|") as archive:
            for member in archive:
                _unpack_member(archive, member, folder, strip)
    except tarfile.TarError as error:
        raise FetchError(
            "the engine sent a broken archive", details=str(error), code="fetch-failed", retryable=True
        ) from error


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, strip: int) -> None:
    parts = [part for part in member.name.split("/") if part not in {"", "."}][strip:]
    stream = archive.extractfile(member) if member.isreg() else None
    if not parts or ".." in parts or stream is None:
        return
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        shutil.copyfileobj(stream, out)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)

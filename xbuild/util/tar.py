"""Tar streams, written piece by piece, and chunks that are read as a file.

Output of a build is not read with this, but within fixed memory (``xbuild.collect.tarstream``).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from typing import Any, Literal

END = b"\0" * tarfile.RECORDSIZE
"""What a tar stream ends with."""


class ChunkReader(io.RawIOBase):
    """A stream of chunks as a file to read from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._held = memoryview(chunk)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


def tar_member(
    info: tarfile.TarInfo, pieces: Iterable[bytes] = (), *, form: Literal[1, 2] = tarfile.GNU_FORMAT
) -> Iterator[bytes]:
    """A member of a tar stream: its header, its body (``info.size`` bytes) and what fills the last block."""
    yield info.tobuf(form)
    yield from pieces
    yield b"\0" * (-info.size % tarfile.BLOCKSIZE)

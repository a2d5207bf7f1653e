"""The engine's multiplexed streams, cut into frames.

Engine API, "Attach to a container", stream format: one byte for the stream, three of zero, four for the size
(big-endian), and then that many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from xbuild.events import Stream

_HEADER = struct.Struct(">BxxxL")
_STREAMS: Mapping[int, Stream] = {0: "stdout", 1: "stdout", 2: "stderr"}


class FrameReader:
    """Cuts pieces of any size into the bytes of each stream. Holds no more than a header."""

    def __init__(self) -> None:
        self._header = b""
        self._stream: Stream = "stdout"
        self._left = 0

    def feed(self, piece: bytes) -> Iterator[tuple[Stream, bytes]]:
        """The bytes in ``piece``, each part with its stream.

        :raises ConnectionError: these are no frames.
        """
        rest = memoryview(piece)
        while rest:
            if not self._left:
                rest = self._read_header(rest)
                continue
            part, rest = rest[: self._left], rest[self._left :]
            self._left -= len(part)
            yield self._stream, bytes(part)

    def _read_header(self, rest: memoryview) -> memoryview:
        missing = _HEADER.size - len(self._header)
        self._header += bytes(rest[:missing])
        if len(self._header) == _HEADER.size:
            number, self._left = _HEADER.unpack(self._header)
            self._header = b""
            if number not in _STREAMS:
                raise ConnectionError(f"the engine sent a frame of an unknown stream: {number}")
            self._stream = _STREAMS[number]
        return rest[missing:]

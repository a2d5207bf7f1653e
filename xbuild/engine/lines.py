"""Bytes of a container's streams into bounded lines."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE = 16 * 1024
"""Longest line that is passed on, in bytes; the rest of a longer one is dropped with a marker."""

_MARKER = " [clipped]"


class LineSplitter:
    """Cuts a byte stream into text lines, holding at most ``limit`` bytes."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that ``chunk`` completes."""
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            self._hold(part)
            yield self._take()
        self._hold(rest)

    def flush(self) -> Iterator[str]:
        """What is left when the stream has ended."""
        if self._held:
            yield self._take()

    def _hold(self, part: bytes) -> None:
        room = self._limit - len(self._held)
        if len(part) > room:
            self._skipping = True
        self._held += part[: max(room, 0)]

    def _take(self) -> str:
        text = self._held.rstrip(b"\r").decode("utf-8", "replace")
        if self._skipping:
            text += _MARKER
        self._held.clear()
        self._skipping = False
        return text

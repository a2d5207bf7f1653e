"""The headers of an untrusted tar stream, read without a temporary file and within fixed memory.

``tarfile`` parses single blocks here and reads nothing: left alone, it would read an extended header of
any size into memory (docs/decisions/0009-tar-headers-within-fixed-memory.md). Formats: POSIX.1-2017, pax,
"pax Extended Header"; GNU's long names.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from itertools import chain

from xbuild.collect.staging import refused

_PIECE = 1 << 20
_BLOCK = 512
_EXTENDED_LIMIT = 1 << 16
_PADDING_LIMIT = 1 << 20
_PAX_RECORD = re.compile(rb"(\d{1,6}) ([^=\n]{1,256})=")
REGULAR = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})
"""Types of members that are plain files."""


class Reader:
    """Reads exact numbers of bytes from chunks of any size."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next ``size`` bytes.

        :raises ArtifactError: ``bad-stream``, the stream ends before.
        """
        while size:
            if not self._rest:
                self._rest = memoryview(self._next_full())
            piece = bytes(self._rest[: min(size, _PIECE)])
            self._rest = self._rest[len(piece) :]
            size -= len(piece)
            yield piece

    def _next_full(self) -> bytes:
        for chunk in self._chunks:
            if chunk:
                return chunk
        raise refused("bad-stream", "the stream of the output folder is cut off", "")

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes at once."""
        return b"".join(self.pieces(size))

    def skip(self, size: int) -> None:
        """Pass over the next ``size`` bytes."""
        for _ in self.pieces(size):
            pass

    def skip_padding(self, size: int) -> None:
        """Go to the next block after a member of ``size`` bytes."""
        self.skip(-size % _BLOCK)

    def at_end(self) -> bool:
        """Whether nothing but padding is left."""
        seen = 0
        for chunk in chain((self._rest,), self._chunks):
            seen += len(chunk)
            if seen > _PADDING_LIMIT or any(chunk):
                return False
        return True


def read_headers(reader: Reader) -> Iterator[tarfile.TarInfo]:
    """Headers of files and folders; the caller reads each one's data and padding before it goes on.

    :raises ArtifactError: ``bad-stream`` or ``sparse-artifact``.
    """
    more: dict[str, str] = {}
    while True:
        block = reader.read(_BLOCK)
        if not any(block):
            break
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            raise refused("bad-stream", f"a damaged header: {error}", "") from None
        if header.type in {tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME}:
            more |= _read_extended(reader, header)
            continue
        header.name = more.get("path", header.name)
        header.size = int(more.get("size", header.size))
        more = {}
        yield header
    if any(reader.read(_BLOCK)) or not reader.at_end():
        raise refused("bad-stream", "there are data after the end of the archive", "")


def _read_extended(reader: Reader, header: tarfile.TarInfo) -> dict[str, str]:
    if not 0 < header.size <= _EXTENDED_LIMIT:
        raise refused("bad-stream", f"an extended header of {header.size} bytes", header.name)
    raw = reader.read(header.size)
    reader.skip_padding(header.size)
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": raw.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    return _pax_records(raw)


def _pax_records(raw: bytes) -> dict[str, str]:
    """The records of a pax header."""
    records: dict[str, str] = {}
    position = 0
    while position < len(raw):
        match = _PAX_RECORD.match(raw, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(raw) or raw[end - 1 : end] != b"\n":
            raise refused("bad-stream", "a damaged extended header", "")
        key = match[2].decode("utf-8", "surrogateescape")
        records[key] = raw[match.end() : end - 1].decode("utf-8", "surrogateescape")
        position = end
    if any(key.startswith("GNU.sparse") for key in records):
        raise refused("sparse-artifact", "a file with holes", records.get("path", ""))
    if not records.get("size", "0").isdecimal() or len(records.get("size", "")) > 20:
        raise refused("bad-stream", "a damaged extended header", "")
    return records

"""Reading the members of an archive without trusting their headers: in bounded pieces, checked at the end."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from xbuild.wheels.zip import Entry, refusal

_PIECE = 1 << 18
_STORED = 0


@dataclass(frozen=True, slots=True)
class Member:
    """What was seen of a member while it was read once."""

    entry: Entry
    sha256: bytes
    head: bytes


def read_pieces(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """The contents of ``entry`` in pieces of at most 256 KiB.

    :raises ArtifactError: the data are not what the headers say; no more than they say is inflated.
    """
    crc = size = 0
    for piece in _compressed(file, entry) if entry.method == _STORED else _inflated(file, entry):
        size += len(piece)
        if size > entry.size:
            raise refusal("lying-header", "there is more data than the headers say", entry.name)
        crc = zlib.crc32(piece, crc)
        yield piece
    if size != entry.size or crc != entry.crc:
        raise refusal("lying-header", "the data are not what the headers say", entry.name)


def read_whole(file: BinaryIO, entry: Entry, limit: int) -> bytes:
    """The contents of a small member.

    :raises ArtifactError: it is larger than ``limit``, or damaged.
    """
    if entry.size > limit:
        raise refusal("member-too-large", f"{entry.size} bytes; the limit is {limit}", entry.name)
    return b"".join(read_pieces(file, entry))


def scan_members(file: BinaryIO, entries: tuple[Entry, ...]) -> tuple[Member, ...]:
    """Read every file once: its hash, and its first bytes.

    :raises ArtifactError: a member's data are not what its headers say.
    """
    return tuple(_scan(file, entry) for entry in entries if not entry.is_directory)


def _scan(file: BinaryIO, entry: Entry) -> Member:
    digest = hashlib.sha256()
    head = b""
    for piece in read_pieces(file, entry):
        digest.update(piece)
        if len(head) < 8:
            head = (head + piece)[:8]
    return Member(entry, digest.digest(), head)


def _compressed(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    position, left = entry.start, entry.compressed
    while left:
        file.seek(position)
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise refusal("bad-zip", "the file is cut off", entry.name)
        position += len(piece)
        left -= len(piece)
        yield piece


def _inflated(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in _compressed(file, entry):
            waiting = piece
            while waiting and not inflater.eof:
                yield inflater.decompress(waiting, _PIECE)
                waiting = inflater.unconsumed_tail
            if inflater.unused_data or (inflater.eof and waiting):
                raise refusal("hidden-data", "there are bytes after the compressed data", entry.name)
        while not inflater.eof:
            rest = inflater.decompress(inflater.unconsumed_tail, _PIECE)
            if not rest and not inflater.eof:
                raise refusal("lying-header", "the compressed data are cut off", entry.name)
            yield rest
    except zlib.error:
        raise refusal("lying-header", "the compressed data are damaged", entry.name) from None

"""Wheels that are sound but for one thing, made from one that is sound."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from support.wheel_files import record_line

_STORED, _DEFLATED = 0, 8
_REGULAR = 0o100644 << 16


@dataclass(frozen=True, kw_only=True)
class Part:
    """A member as the archive has it. ``local_*`` is what only its local header says, where it lies."""

    name: str
    method: int
    crc: int
    size: int
    packed: bytes
    local_name: str = ""
    local_size: int = -1


def make_part(name: str, data: bytes, method: int = _DEFLATED) -> Part:
    """A member with nothing wrong."""
    packed = data
    if method == _DEFLATED:
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(data) + packer.flush()
    return Part(name=name, method=method, crc=zlib.crc32(data), size=len(data), packed=packed)


def write_parts(parts: Iterable[Part]) -> bytes:
    """The archive of them."""
    body, directory, count = bytearray(), bytearray(), 0
    for part in parts:
        name, offset = part.name.encode(), len(body)
        local = (part.local_name or part.name).encode()
        size = part.size if part.local_size < 0 else part.local_size
        same = (20, 0, part.method, 0, 33, part.crc, len(part.packed))
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *same, size, len(local), 0) + local + part.packed
        numbers = (*same, part.size, len(name), 0, 0, 0, 0, _REGULAR, offset)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 3 << 8 | 20, *numbers) + name
        count += 1
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def read_parts(wheel: bytes) -> dict[str, Part]:
    """The members of a sound wheel by their names."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return {name: make_part(name, archive.read(name)) for name in archive.namelist()}


def with_parts(wheel: bytes, more: Iterable[Part], records: str) -> bytes:
    """The wheel with more members, and more lines in its RECORD."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        table = archive.read(record) + records.encode()
    parts = read_parts(wheel)
    parts[record] = make_part(record, table)
    return write_parts([*parts.values(), *more])


def with_file(wheel: bytes, name: str, data: bytes, method: int = _DEFLATED) -> bytes:
    """The wheel with one more file, which RECORD lists."""
    return with_parts(wheel, [make_part(name, data, method)], record_line(name, data))


def bomb(wheel: bytes) -> bytes:
    """One file unpacks to a thousand times its size."""
    return with_file(wheel, "tiny/zeros", bytes(128 << 20))


def bomb_of_parts(wheel: bytes) -> bytes:
    """No file is large enough for its ratio to count; together they are more than 2 GiB."""
    data = bytes((1 << 20) - 1)
    one, line = make_part("", data), record_line("NAME", data)
    names = [f"tiny/zeros-{number}" for number in range(2100)]
    lines = "".join(line.replace("NAME", name, 1) for name in names)
    return with_parts(wheel, [replace(one, name=name) for name in names], lines)


def holes(wheel: bytes) -> bytes:
    """A sound wheel, most of which is zeros that are not compressed."""
    return with_file(wheel, "tiny/zeros", bytes(8 << 20), _STORED)


def outside(wheel: bytes) -> bytes:
    """A file would be unpacked beside the root."""
    return with_file(wheel, "../../outside.txt", b"x")


def _lie(wheel: bytes, **lies: str | int) -> bytes:
    part = replace(make_part("tiny/word", b"y" * 5000), **lies)  # type: ignore[arg-type]
    return with_parts(wheel, [part], record_line("tiny/word", b"y" * 5000))


def other_name(wheel: bytes) -> bytes:
    """The local header has another name."""
    return _lie(wheel, local_name="tiny/wort")


def other_size(wheel: bytes) -> bytes:
    """The local header has another size."""
    return _lie(wheel, local_size=50)


def more_than_said(wheel: bytes) -> bytes:
    """Both headers say 50 bytes, and 128 MiB are there, most of them after what RECORD lists."""
    data = bytes(128 << 20)
    part = replace(make_part("tiny/word", data), size=50, crc=zlib.crc32(data[:50]))
    return with_parts(wheel, [part], record_line("tiny/word", data[:50]))


def other_hash(wheel: bytes) -> bytes:
    """RECORD has another hash of a file."""
    return with_parts(wheel, [make_part("tiny/word", b"one")], record_line("tiny/word", b"two"))


def hidden(wheel: bytes) -> bytes:
    """Bytes before the archive, as an archive that is also a script has them."""
    return b"#!/bin/sh\n" + wheel


def no_archive(_: bytes) -> bytes:
    """Something else."""
    return b"no archive\n" * 100


WHEELS: Mapping[str, Callable[[bytes], bytes]] = {
    item.__name__: item
    for item in (
        bomb,
        bomb_of_parts,
        holes,
        outside,
        other_name,
        other_size,
        more_than_said,
        other_hash,
        hidden,
        no_archive,
    )
}

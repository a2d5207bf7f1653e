"""The layout of a zip archive, read strictly: one meaning, or refused.

Installers read the central directory, other tools the local headers; an archive in which the two differ,
or that has bytes which neither names, is a different archive to different readers. So this reader takes
only what wheel builders write: entries one after the other from the first byte, the central directory in
the same order, and the end record as the last bytes (docs/decisions/0006-a-strict-reader-of-archives.md).
Format: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.4.

Nothing is inflated here, and no more is read than the directory's own bounded size.
"""

from __future__ import annotations

import stat
import struct
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from xbuild.errors import ArtifactError

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<4s3L")
_STORED, _DEFLATED = 0, 8
_HAS_DESCRIPTOR = 0x0008
_KNOWN_FLAGS = _HAS_DESCRIPTOR | 0x0806
_NEWEST_VERSION = 63
"""Of the format, in tenths, that an entry may need; Python's reader takes no archive with a newer one."""
_UNIX = 3
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an archive is looked at before it is refused. Sizes in bytes."""

    entries: int = 10_000
    inflated: int = 2 << 30
    ratio: int = 200
    ratio_from: int = 1 << 20
    directory: int = 8 << 20
    name: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry, as its central and its local header agree; ``start`` is where its data begin."""

    name: str
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int
    start: int
    mode: int

    @property
    def is_directory(self) -> bool:
        """Whether the entry stands for a folder."""
        return self.name.endswith("/")


def refusal(code: str, message: str, where: str = "", hint: str = "") -> ArtifactError:
    """The error for an archive that is not looked at any further."""
    return ArtifactError(
        message, details=where, code=code, hint=hint or "build the wheel again; do not install it"
    )


def read_entries(file: BinaryIO, limits: Limits) -> tuple[Entry, ...]:
    """All entries of the archive in ``file``, in their order.

    :raises ArtifactError: the archive is not one that every reader reads alike, or goes beyond ``limits``.
    """
    count, size, offset = _read_end(file, limits)
    file.seek(offset)
    directory = file.read(size)
    entries = []
    position = expected = 0
    for _ in range(count):
        header, raw, extra, position = _read_central(directory, position)
        entry = _check_local(file, header, raw, extra, limits)
        if entry.offset != expected:
            raise refusal("hidden-data", "there are bytes between entries", entry.name)
        expected = _end_of(file, entry)
        if expected > offset:
            raise refusal("bad-zip", "an entry reaches into the directory", entry.name)
        entries.append(entry)
    if position != size or expected != offset:
        raise refusal("hidden-data", "there are bytes that no entry names")
    _check_sizes(entries, limits)
    _check_names(entries)
    return tuple(entries)


def _read_end(file: BinaryIO, limits: Limits) -> tuple[int, int, int]:
    """Number of entries, and size and offset of the central directory."""
    length = file.seek(0, 2)
    if length < _END.size:
        raise refusal("bad-zip", "the file is too short for a zip archive")
    file.seek(length - _END.size)
    magic, disk, start_disk, here, count, size, offset, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\x05\x06" or comment:
        raise refusal("bad-zip", "the file does not end with a zip directory")
    if disk or start_disk or here != count or 0xFFFF in (here, count) or 0xFFFFFFFF in (size, offset):
        raise refusal("bad-zip", "archives of several parts and zip64 archives are not accepted")
    if count > limits.entries:
        raise refusal("too-many-entries", f"{count} entries; the limit is {limits.entries}")
    if size > limits.directory:
        raise refusal("too-many-entries", f"a directory of {size} bytes; the limit is {limits.directory}")
    if offset + size != length - _END.size:
        raise refusal(
            "hidden-data", "there are bytes before, within or after the archive that no entry names"
        )
    return count, size, offset


def _read_central(directory: bytes, position: int) -> tuple[tuple[int, ...], bytes, bytes, int]:
    """The numbers, name and extra field of the central header at ``position``, and where the next one is."""
    if position + _CENTRAL.size > len(directory):
        raise refusal("bad-zip", "the directory is cut off")
    magic, *numbers = _CENTRAL.unpack_from(directory, position)
    name_length, extra_length, comment_length = numbers[9:12]
    start = position + _CENTRAL.size
    after = start + name_length + extra_length + comment_length
    if magic != b"PK\x01\x02" or after > len(directory):
        raise refusal("bad-zip", "the directory is damaged")
    raw = directory[start : start + name_length]
    return tuple(numbers), raw, directory[start + name_length : after - comment_length], after


def _check_local(file: BinaryIO, numbers: tuple[int, ...], raw: bytes, extra: bytes, limits: Limits) -> Entry:
    """The entry of a central header, if its local header says the same."""
    made_by, _, flags, method, _, _, crc, compressed, size, _, _, _, disk, _, attributes, offset = numbers
    name = _decode(raw, flags, limits)
    if disk or flags & ~_KNOWN_FLAGS or method not in {_STORED, _DEFLATED}:
        raise refusal("bad-zip", f"compression {method} with flags {flags:#x} is not accepted", name)
    needed = numbers[1] & 0xFF
    if needed > _NEWEST_VERSION:
        raise refusal("bad-zip", f"version {needed / 10} of the format is not accepted", name)
    file.seek(offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        raise refusal("bad-zip", "there is no local header where the directory says", name)
    _, _, *local, name_length, extra_length = _LOCAL.unpack(header)
    local_raw, local_extra = file.read(name_length), file.read(extra_length)
    sums = [crc, compressed, size]
    late = bool(flags & _HAS_DESCRIPTOR) and local[4:] == [0, 0, 0]
    same = local[:2] == [flags, method] and (late or local[4:] == sums)
    if not same or local_raw != raw:
        raise refusal("lying-header", "the local header and the directory differ", name)
    for field in (extra, local_extra):
        _check_extra(field, name)
    if method == _STORED and compressed != size:
        raise refusal("lying-header", "a stored entry has two sizes", name)
    return Entry(
        name=name,
        flags=flags,
        method=method,
        crc=crc,
        compressed=compressed,
        size=size,
        offset=offset,
        start=offset + _LOCAL.size + name_length + extra_length,
        mode=attributes >> 16 if made_by >> 8 == _UNIX else 0,
    )


def _check_extra(extra: bytes, name: str) -> None:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4 + length
        if kind in {_ZIP64_EXTRA, _UNICODE_PATH_EXTRA}:
            raise refusal("bad-zip", f"the extra field {kind:#06x} may give the entry another meaning", name)
    if position != len(extra):
        raise refusal("bad-zip", "the extra field is damaged", name)


def _end_of(file: BinaryIO, entry: Entry) -> int:
    """Where the entry ends, data descriptor included."""
    end = entry.start + entry.compressed
    if not entry.flags & _HAS_DESCRIPTOR:
        return end
    file.seek(end)
    raw = file.read(_DESCRIPTOR.size)
    sums = (entry.crc, entry.compressed, entry.size)
    if len(raw) < _DESCRIPTOR.size or _DESCRIPTOR.unpack(raw) != (b"PK\x07\x08", *sums):
        raise refusal("lying-header", "the data descriptor and the directory differ", entry.name)
    return end + _DESCRIPTOR.size


def _decode(raw: bytes, flags: int, limits: Limits) -> str:
    """The name of an entry, which must be a plain relative path."""
    if not raw or len(raw) > limits.name:
        raise refusal("bad-name", f"an entry's name has {len(raw)} bytes")
    try:
        name = raw.decode("utf-8" if flags & 0x0800 else "ascii")
    except UnicodeDecodeError:
        raise refusal("bad-name", "an entry's name cannot be decoded", ascii(raw)) from None
    parts = name.removesuffix("/").split("/")
    if not name.isprintable() or "\\" in name or ":" in name:
        raise refusal("bad-name", "an entry's name has characters that are not portable", ascii(name))
    if any(part in {"", ".", ".."} for part in parts):
        raise refusal("bad-name", "an entry's name leaves the archive or is not normal", ascii(name))
    return name


def _check_sizes(entries: list[Entry], limits: Limits) -> None:
    total = sum(entry.size for entry in entries)
    if total > limits.inflated:
        raise refusal("zip-bomb", f"{total} bytes when unpacked; the limit is {limits.inflated}")
    for entry in entries:
        if entry.size >= limits.ratio_from and entry.size > limits.ratio * entry.compressed:
            raise refusal("zip-bomb", f"unpacks to more than {limits.ratio} times its size", entry.name)


def _check_names(entries: list[Entry]) -> None:
    """Refuse what would not give one plain file per name."""
    counts = Counter(entry.name.removesuffix("/") for entry in entries)
    twice = next((name for name, count in counts.items() if count > 1), "")
    if twice:
        raise refusal("duplicate-entry", "a name occurs twice", twice)
    # With the lowest character for a slash, what is in a folder comes right after a file of the folder's name
    ordered = sorted(entries, key=lambda entry: entry.name.replace("/", "\0"))
    for entry, after in pairwise(ordered):
        if not entry.is_directory and after.name.startswith(f"{entry.name}/"):
            raise refusal("duplicate-entry", "a name is a file and a folder", after.name)
    for entry in entries:
        kind = stat.S_IFMT(entry.mode)
        if kind not in {0, stat.S_IFDIR if entry.is_directory else stat.S_IFREG}:
            raise refusal("not-a-file", "a link or special file", entry.name)
        if entry.is_directory and (entry.size or entry.compressed):
            raise refusal("bad-zip", "a folder with contents", entry.name)

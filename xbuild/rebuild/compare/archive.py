"""The zip archives of two wheels beside each other: which entries, in which order, with which headers."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from xbuild.rebuild.compare.model import Aspect, Difference
from xbuild.wheels.members import Member, scan_members
from xbuild.wheels.zip import Limits, read_entries

_METHODS = {0: "stored", 8: "deflated"}
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Part:
    """An entry, what its headers say besides, and (for a file) what was seen of its contents."""

    info: zipfile.ZipInfo
    compressed: int
    member: Member | None

    def facts(self) -> Iterator[tuple[Aspect, str]]:
        """What can differ about the headers, as texts."""
        info = self.info
        yield "time", "{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*info.date_time)
        yield "mode", f"{info.external_attr >> 16:o}/{info.external_attr & 0xFFFF:#x}"
        yield "flags", f"{info.flag_bits:#06x}, by {info.create_system}.{info.create_version}"
        yield "extra", info.extra.hex()


def read_archive(file: BinaryIO) -> dict[str, Part]:
    """The entries of a wheel by name, in their order, every file's contents hashed.

    :raises ArtifactError: the archive is not one that every reader reads alike, or a bomb.
    """
    entries = read_entries(file, Limits())
    members = {member.entry.name: member for member in scan_members(file, entries)}
    # The layout is known to be sound and small by now, so this reader sees the same entries
    with zipfile.ZipFile(file) as archive:
        return {
            entry.name: Part(info, entry.compressed, members.get(entry.name))
            for entry, info in zip(entries, archive.infolist(), strict=True)
        }


def compare_archives(a: dict[str, Part], b: dict[str, Part]) -> Iterator[Difference]:
    """What differs about two archives, contents aside."""
    for name in [name for name in a if name not in b]:
        yield Difference("removed", name, f"{a[name].info.file_size} bytes", "")
    for name in [name for name in b if name not in a]:
        yield Difference("added", name, "", f"{b[name].info.file_size} bytes")
    yield from _order([name for name in a if name in b], [name for name in b if name in a])
    for name, part in a.items():
        if name in b:
            yield from _headers(name, part, b[name])


def _order(a: Sequence[str], b: Sequence[str]) -> Iterator[Difference]:
    first = next((index for index, pair in enumerate(zip(a, b, strict=True)) if pair[0] != pair[1]), -1)
    if first >= 0:
        end = first + _SHOWN
        yield Difference("order", "", ", ".join(a[first:end]), ", ".join(b[first:end]))


def _headers(name: str, a: Part, b: Part) -> Iterator[Difference]:
    for (aspect, first), (_, second) in zip(a.facts(), b.facts(), strict=True):
        if first != second:
            yield Difference(aspect, name, first, second)
    same = a.member is not None and b.member is not None and a.member.sha256 == b.member.sha256
    methods = (a.info.compress_type, b.info.compress_type)
    if methods[0] != methods[1] or (same and a.compressed != b.compressed):
        said = [f"{_METHODS.get(part.info.compress_type, '?')} to {part.compressed} bytes" for part in (a, b)]
        yield Difference("compression", name, *said)

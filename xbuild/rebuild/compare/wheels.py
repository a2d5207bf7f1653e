"""Compares two wheels. Both may be hostile: nothing of them is run, no more is read than in an audit."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from xbuild.check.native.probing import looks_native
from xbuild.errors import ArtifactError
from xbuild.rebuild.compare.archive import Part, compare_archives, read_archive
from xbuild.rebuild.compare.causes import archive_causes, native_causes, text_causes, trace_causes
from xbuild.rebuild.compare.external import run_diffoscope
from xbuild.rebuild.compare.model import Cause, Comparison, Difference, EntryDifference
from xbuild.rebuild.compare.native import (
    compare_headers,
    compare_sections,
    compare_symbols,
    describe_symbols,
    probe,
)
from xbuild.rebuild.compare.texts import as_text, text_diff
from xbuild.rebuild.compare.traces import compare_traces
from xbuild.wheels.members import read_pieces

_LOOKED_AT = 128 << 20
"""Larger files are compared by their hashes only, in bytes."""
_MOST_DETAILED = 100
"""Of more files than that only the first ones are looked into."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """An entry with two contents, and where these are unpacked."""

    name: str
    a: Part
    b: Part
    paths: tuple[Path, Path]


def compare_wheels(a: Path, b: Path, *, diffoscope: Path | None = None, timeout: float = 300.0) -> Comparison:
    """What differs between two wheels, and probably why.

    An archive that cannot be read is a difference (``unreadable``), never an exception.

    :param diffoscope: the program, where it is installed; its report is added.
    :param timeout: seconds that each other program may take, and after which no more files are looked into.
    :raises OSError: a file cannot be read.
    """
    with ExitStack() as stack:
        files = tuple(stack.enter_context(path.open("rb")) for path in (a, b))
        sums = [hashlib.file_digest(file, "sha256").hexdigest() for file in files]
        result = Comparison(sha256_a=sums[0], sha256_b=sums[1])
        if result.identical:
            return result
        result = _compare(result, files[0], files[1], timeout)
    if diffoscope is None or any(item.aspect == "unreadable" for item in result.archive):
        return result
    text, problem = run_diffoscope(diffoscope, a, b, timeout=timeout)
    return replace(result, external=text, external_problem=problem)


def _compare(result: Comparison, a: BinaryIO, b: BinaryIO, timeout: float) -> Comparison:
    parts = []
    unreadable = []
    for file, side in ((a, "a"), (b, "b")):
        try:
            parts.append(read_archive(file))
        except ArtifactError as error:
            said = f"{error.brief} {error.details}".strip()
            unreadable.append(Difference("unreadable", "", *((said, "") if side == "a" else ("", said))))
    if unreadable:
        return replace(result, archive=tuple(unreadable))
    first, second = parts
    archive = tuple(compare_archives(first, second))
    causes: list[Cause] = []
    entries: list[EntryDifference] = []
    until = time.monotonic() + timeout
    with tempfile.TemporaryDirectory(prefix="xbuild-compare-") as folder:
        for pair in _unpack(first, second, a, b, Path(folder)):
            detailed = len(entries) < _MOST_DETAILED and time.monotonic() < until
            entry, why = _compare_entry(pair, timeout, detailed=detailed)
            entries.append(entry)
            causes += why
    if not archive and not entries:
        archive = (_in_bytes(a, b),)
    entries = [replace(entry, consequence=_is_record(entry.name) and len(entries) > 1) for entry in entries]
    causes = [*archive_causes(archive), *causes]
    return replace(result, archive=archive, entries=tuple(entries), causes=tuple(causes))


def _in_bytes(a: BinaryIO, b: BinaryIO) -> Difference:
    """Where two archives differ in nothing that a reader of wheels looks at: comments, local headers, or the
    same contents compressed otherwise to as many bytes."""
    a.seek(0)
    b.seek(0)
    at = _first(a, b)
    said = []
    for file in (a, b):
        file.seek(at)
        said.append(f"{file.read(8).hex()} from byte {at} on")
    return Difference("bytes", "", *said)


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")


def _unpack(
    a: dict[str, Part], b: dict[str, Part], file_a: BinaryIO, file_b: BinaryIO, folder: Path
) -> Iterator[_Pair]:
    """The entries with two contents, one after the other, unpacked under plain names."""
    for name, part in a.items():
        other = b.get(name)
        if part.member is None or other is None or other.member is None:
            continue
        if part.member.sha256 == other.member.sha256:
            continue
        paths = (folder / "content-a", folder / "content-b")
        for path, member, file in zip(paths, (part.member, other.member), (file_a, file_b), strict=True):
            with path.open("wb") as copy:
                for piece in read_pieces(file, member.entry):
                    copy.write(piece)
        yield _Pair(name, part, other, paths)


def _compare_entry(pair: _Pair, timeout: float, *, detailed: bool) -> tuple[EntryDifference, list[Cause]]:
    sizes = [path.stat().st_size for path in pair.paths]
    with pair.paths[0].open("rb") as one, pair.paths[1].open("rb") as other:
        first = _first(one, other)
    entry = EntryDifference(name=pair.name, kind="data", size_a=sizes[0], size_b=sizes[1], first=first)
    if max(sizes) > _LOOKED_AT or not detailed:
        return entry, []
    a, b = (path.read_bytes() for path in pair.paths)
    if any(part.member and looks_native(part.member) for part in (pair.a, pair.b)):
        return _compare_native(entry, pair, (a, b), timeout)
    lines = as_text(a), as_text(b)
    if lines[0] is None or lines[1] is None:
        return entry, list(trace_causes(pair.name, compare_traces(a, b)))
    entry = replace(entry, kind="text", diff=text_diff(lines[0], lines[1]))
    if _is_record(pair.name):
        return entry, []
    causes = [
        *text_causes(pair.name, lines[0], lines[1]),
        *trace_causes(pair.name, compare_traces(a, b)),
    ]
    return entry, causes


def _compare_native(
    entry: EntryDifference, pair: _Pair, contents: tuple[bytes, bytes], timeout: float
) -> tuple[EntryDifference, list[Cause]]:
    first, second = probe(pair.paths, timeout=timeout)
    headers = tuple(compare_headers(pair.name, first, second))
    sections = tuple(compare_sections(first, second))
    symbols = compare_symbols(first, second)
    traces = compare_traces(*contents)
    entry = replace(
        entry, kind="native", sections=sections, facts=(*headers, *describe_symbols(pair.name, symbols))
    )
    causes = [
        *native_causes(pair.name, headers, sections, symbols, traces),
        *trace_causes(pair.name, traces),
    ]
    return entry, causes


def _first(a: BinaryIO, b: BinaryIO) -> int:
    """The offset of the first byte that differs, from where both files are."""
    offset = 0
    while True:
        one, two = a.read(1 << 16), b.read(1 << 16)
        if one != two:
            pairs = enumerate(zip(one, two, strict=False))
            return offset + next((at for at, (x, y) in pairs if x != y), min(len(one), len(two)))
        if not one:
            return offset
        offset += len(one)

"""Probable causes of differences. Each is a guess, with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xbuild.rebuild.compare.model import Cause, Difference, SectionDifference
from xbuild.rebuild.compare.native import Symbols
from xbuild.rebuild.compare.traces import Trace

_MESSAGES = {
    "timestamp": "a time of the build is in it",
    "path": "it names files by paths that differ: the sources or the caches were in another place",
    "toolchain": "it was made with other versions of the tools",
    "dependencies": "it holds other crates, or other versions of them",
    "random-id": "it holds an identifier that is made anew each time",
}
_HASH_ORDER = (
    "it holds the same things in another order: a proc-macro or a build script that goes through a HashMap, "
    "or codegen units that were merged in another order"
)
_CODE = {".text", "__TEXT,__text"}
_TABLES = {".strtab", ".dynstr", ".symtab", ".dynsym", ".shstrtab", ".note.gnu.build-id"}
"""Sections whose bytes say nothing besides what the symbols say."""


def archive_causes(differences: Iterable[Difference]) -> Iterator[Cause]:
    """Causes of what differs about the archives themselves."""
    by_aspect: dict[str, list[Difference]] = {}
    for item in differences:
        by_aspect.setdefault(item.aspect, []).append(item)
    if times := by_aspect.get("time"):
        yield Cause(
            "timestamp",
            "",
            "the entries have other times: SOURCE_DATE_EPOCH was not the same",
            (f"{times[0].where}: {times[0].a} and {times[0].b}",),
        )
    if packed := by_aspect.get("compression"):
        yield Cause(
            "compressor",
            "",
            "the same contents were compressed in another way: another version of the packer",
            (f"{packed[0].where}: {packed[0].a} and {packed[0].b}",),
        )
    ways = ("order", "mode", "flags", "extra", "bytes")
    written = [item for aspect in ways for item in by_aspect.get(aspect, ())]
    if written:
        aspects = sorted({item.aspect for item in written})
        yield Cause("archive", "", f"the archive was written by other rules ({', '.join(aspects)})")


def text_causes(name: str, a: Sequence[str], b: Sequence[str]) -> Iterator[Cause]:
    """Causes that show in the lines of a text file."""
    bare_a, bare_b = ([line.strip(" ,\r") for line in lines] for lines in (a, b))
    if bare_a != bare_b and sorted(bare_a) == sorted(bare_b):
        moved = next((line for line, other in zip(a, b, strict=False) if line != other), "")
        yield Cause("hash-order", name, _HASH_ORDER, (moved[:200],) if moved else ())


def trace_causes(name: str, traces: Iterable[Trace]) -> Iterator[Cause]:
    """Causes that show in texts inside of a file."""
    for trace in traces:
        yield Cause(trace.kind, name, _MESSAGES[trace.kind], trace.examples)


def native_causes(
    name: str,
    headers: Iterable[Difference],
    sections: Sequence[SectionDifference],
    symbols: Symbols,
    traces: Iterable[Trace],
) -> Iterator[Cause]:
    """Causes that show in the parts of a native file."""
    stamps = [item for item in headers if item.where.endswith("timestamp")]
    if stamps:
        yield Cause(
            "timestamp",
            name,
            "the linker wrote the time of the build into it",
            tuple(f"{item.where}: {item.a} and {item.b}" for item in stamps[:2]),
        )
    reordered = [part.name for part in sections if part.reordered and part.name not in _TABLES]
    if symbols.moved or reordered:
        evidence = (*(("symbols",) if symbols.moved else ()), *(f"section {part}" for part in reordered[:4]))
        yield Cause("hash-order", name, _HASH_ORDER, evidence)
    if symbols.rehashed:
        yield Cause(
            "metadata-hash",
            name,
            "names differ only in the compiler's hashes: crates were compiled from other paths, with other "
            "features, flags or versions",
            symbols.rehashed[:4],
        )
    explained = {trace.kind for trace in traces} & {"toolchain", "dependencies"}
    code = [section for section in sections if section.name.rpartition(":")[2] in _CODE]
    inside = any(".llvm." in symbol for symbol in (*symbols.only_a, *symbols.only_b))
    if not explained and not symbols.moved and (inside or symbols.resized or code):
        yield Cause(
            "codegen-units",
            name,
            "the compiler cut or inlined the code otherwise: more than one codegen unit "
            "(rust-lang/rust#128675), or a proc-macro that wrote other code",
            (*symbols.resized[:4], *(f"{part.name}: {part.size_a} and {part.size_b} bytes" for part in code)),
        )

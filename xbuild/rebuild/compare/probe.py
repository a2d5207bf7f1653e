"""Child process that takes native files apart with lief and writes what it saw, one JSON line per file.

The files are hostile and lief is a large C++ parser, so it runs here: with limits on memory, processor time
and output, and free to crash. It imports nothing of xbuild, to start fast; ``native.py`` starts it.
docs/decisions/0007-native-files-in-a-child-process.md tells why it is a process.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lief

_SYMBOLS = 100_000
_NAME = 1024
_SECTIONS = 1000
_BAG = 128 << 20
_LIMITS = (
    (resource.RLIMIT_AS, 2 << 30),
    (resource.RLIMIT_CPU, 240),
    (resource.RLIMIT_FSIZE, 128 << 20),
    (resource.RLIMIT_CORE, 0),
)


def main() -> None:
    """Take apart every file named on standard input."""
    for kind, limit in _LIMITS:
        _, hard = resource.getrlimit(kind)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bound, bound))
    lief.logging.disable()
    for line in sys.stdin:
        path = line.rstrip("\n")
        sys.stdout.write(json.dumps({"path": path, **describe(Path(path))}) + "\n")
        sys.stdout.flush()


def describe(path: Path) -> dict[str, Any]:
    """Headers, sections and symbols of a native file; nothing where lief cannot make sense of it."""
    parts = []
    try:
        for part in _parts(path):
            parts.append(part)  # noqa: PERF402  # what came before a failure is kept
    except (ValueError, TypeError, AttributeError, RuntimeError, MemoryError):
        pass
    return {"parts": parts}


def _parts(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"MZ":
        pe_config = lief.PE.ParserConfig()
        pe_config.parse_signature = pe_config.parse_rsrc = pe_config.parse_exceptions = False
        pe = lief.PE.parse(str(path), pe_config)
        if pe is not None:
            yield _part("", _pe_headers(pe), pe.sections, _pe_symbols(pe))
    elif magic == b"\x7fELF":
        elf_config = lief.ELF.ParserConfig()
        elf_config.parse_relocations = elf_config.parse_overlay = False
        elf = lief.ELF.parse(str(path), elf_config)
        if elf is not None:
            symbols = ((item.name, item.size, item.value) for item in elf.symbols if item.shndx)
            yield _part("", _elf_headers(elf), elf.sections, symbols)
    else:
        macho_config = lief.MachO.ParserConfig()
        macho_config.parse_dyld_bindings = macho_config.parse_dyld_rebases = False
        fat = lief.MachO.parse(str(path), macho_config)
        for index in range(fat.size if fat else 0):
            binary = fat.at(index) if fat else None
            if binary is not None:
                named = ((item.name, 0, item.value) for item in binary.symbols if item.value)
                prefix = f"{binary.header.cpu_type.name}:"
                yield _part(prefix, _macho_headers(binary), binary.sections, named)


def _part(
    prefix: str,
    headers: dict[str, str],
    sections: Iterable[Any],
    symbols: Iterable[tuple[str | bytes, int, int]],
) -> dict[str, Any]:
    named = sorted((value, _text(name), size) for name, size, value in symbols if name)
    return {
        "headers": {prefix + name: value for name, value in headers.items()},
        "sections": list(_sections(prefix, sections)),
        "symbols": [(name, size) for _, name, size in named[:_SYMBOLS]],
    }


def _sections(prefix: str, sections: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for index, section in enumerate(sections):
        if index >= _SECTIONS:
            return
        content = bytes(section.content)
        segment = getattr(section, "segment_name", "")
        name = _text(section.name)
        yield {
            "name": prefix + (f"{segment},{name}" if segment else name),
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "bag": _bag(content),
        }


def _bag(content: bytes) -> str:
    """What two contents share when one is the other in another order."""
    counts = Counter(content[:_BAG])
    return hashlib.sha256(repr(sorted(counts.items())).encode()).hexdigest()


def _text(value: str | bytes) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[:_NAME]


def _pe_headers(binary: lief.PE.Binary) -> dict[str, str]:
    found = {
        "timestamp": str(binary.header.time_date_stamps),
        "checksum": f"{binary.optional_header.checksum:#x}",
        "linker": f"{binary.optional_header.major_linker_version}."
        f"{binary.optional_header.minor_linker_version}",
    }
    for index, entry in enumerate(binary.debug):
        found[f"debug {index} {entry.type.name} timestamp"] = str(entry.timestamp)
        if isinstance(entry, lief.PE.CodeViewPDB):
            found[f"debug {index} guid"] = _text(entry.guid)
            found[f"debug {index} pdb"] = _text(entry.filename)
    return found


def _pe_symbols(binary: lief.PE.Binary) -> Iterator[tuple[str | bytes, int, int]]:
    table = binary.get_export()
    for entry in table.entries if table else ():
        yield entry.name, 0, entry.address


def _elf_headers(binary: lief.ELF.Binary) -> dict[str, str]:
    found = {"entry point": f"{binary.header.entrypoint:#x}"}
    for note in binary.notes:
        if note.type == lief.ELF.Note.TYPE.GNU_BUILD_ID:
            found["build-id"] = bytes(note.description).hex()
    comment = binary.get_section(".comment") if binary.has_section(".comment") else None
    if comment is not None:
        found["comment"] = _text(bytes(comment.content).replace(b"\0", b" "))
    return found


def _macho_headers(binary: lief.MachO.Binary) -> dict[str, str]:
    found = {}
    uuid = binary.uuid if binary.has_uuid else None
    if uuid is not None:
        found["uuid"] = bytes(uuid.uuid).hex()
    build = binary.build_version if binary.has_build_version else None
    if build is not None:
        found["sdk"] = ".".join(map(str, build.sdk))
        found["oldest system"] = ".".join(map(str, build.minos))
    return found


if __name__ == "__main__":
    main()

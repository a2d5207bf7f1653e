"""Child process that takes native files apart with lief and writes what it saw, one JSON line per file.

lief is a large C++ parser and the files are hostile, so it runs here, away from the program: with limits on
memory, processor time and output, and free to crash. The names of files come on standard input, one a line;
its argument says what is asked about them (:data:`QUESTIONS`). ``parser.py`` starts it; who asks judges what
it says. It imports nothing of xbuild, to start fast.
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

_NAMES = 200_000
_LENGTH = 4096
_LIMITS = (
    (resource.RLIMIT_AS, 6 << 30),
    (resource.RLIMIT_CPU, 240),
    (resource.RLIMIT_FSIZE, 128 << 20),
    (resource.RLIMIT_CORE, 0),
)
_MEMORY = 1 << 30
_BY_SIZE = 4
"""Bytes of memory for each one of a file. lief takes less than two; a few bytes that lie make it take all."""
_WEAK_REFERENCE = 0x0040
_DYNAMIC_LOOKUP = 0xFE
_MAIN_PROGRAM = 0xFF
_TWO_LEVEL = 0x80
_EXTERNAL_IN_SECTION = 0x0F
_SYMBOLS = 100_000
_SHORT = 1024
_SECTIONS = 1000
_BAG = 128 << 20


def main() -> None:
    """Answer the question about every file named on standard input."""
    answer = QUESTIONS[sys.argv[1]]
    for kind, limit in _LIMITS:
        bound = _within(kind, limit)
        resource.setrlimit(kind, (bound, bound))
    lief.logging.disable()
    for line in sys.stdin:
        path = line.rstrip("\n")
        bound_memory(Path(path).stat().st_size)
        sys.stdout.write(json.dumps({"path": path, **answer(Path(path))}) + "\n")
        sys.stdout.flush()


def bound_memory(size: int) -> None:
    """Let a file of ``size`` bytes take no more memory than becomes it."""
    bound = _within(resource.RLIMIT_AS, _MEMORY + _BY_SIZE * size)
    resource.setrlimit(resource.RLIMIT_AS, (bound, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _within(kind: int, limit: int) -> int:
    """The limit, or the one that this process may not go beyond."""
    _, hard = resource.getrlimit(kind)
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


def describe(path: Path) -> dict[str, Any]:
    """Format and slices of a native file; ``format`` is ``""`` where lief cannot make sense of it."""
    with path.open("rb") as file:
        magic = file.read(4)
    try:
        if magic[:2] == b"MZ":
            return {"format": "pe", "slices": list(_pe(path))}
        if magic == b"\x7fELF":
            return {"format": "elf", "slices": list(_elf(path))}
        return {"format": "macho", "slices": list(_macho(path))}
    except (ValueError, TypeError, AttributeError, RuntimeError, MemoryError) as error:
        return {"format": "", "slices": [], "error": f"{type(error).__name__}: {error}"[:200]}


def _text(value: str | bytes) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > _LENGTH:
        raise ValueError("a name is too long")
    return text


def _texts(values: Iterable[str | bytes]) -> list[str]:
    found = sorted({_text(value) for value in values})
    if len(found) > _NAMES:
        raise ValueError("too many names")
    return found


def _undefined(name: str | bytes, **more: str | bool) -> dict[str, str | bool]:
    return {"name": _text(name), **{key: value for key, value in more.items() if value}}


def _pe(path: Path) -> Iterator[dict[str, Any]]:
    config = lief.PE.ParserConfig()
    config.parse_signature = config.parse_reloc = config.parse_rsrc = config.parse_exceptions = False
    binary = lief.PE.parse(str(path), config)
    if binary is None:
        raise ValueError("not a PE file")
    undefined, ordinals, needed = [], set(), []
    for library in binary.imports:
        dll = _text(library.name)
        needed.append(dll)
        for entry in library.entries:
            if entry.is_ordinal:
                ordinals.add(dll)
            else:
                undefined.append(_undefined(entry.name, library=dll))
    table = binary.get_export()
    flags = lief.PE.Header.CHARACTERISTICS
    program = not binary.header.has_characteristic(flags.DLL)
    yield {
        "machine": binary.header.machine.name,
        "kind": "program" if program else "library",
        "needed": needed,
        "delayed": [_text(library.name) for library in binary.delay_imports],
        "undefined": undefined[:_NAMES],
        "ordinals": sorted(ordinals),
        "exports": _texts(entry.name for entry in table.entries if entry.name) if table else [],
    }


def _elf(path: Path) -> Iterator[dict[str, Any]]:
    config = lief.ELF.ParserConfig()
    config.parse_relocations = config.parse_notes = config.parse_overlay = config.parse_symtab_symbols = False
    binary = lief.ELF.parse(str(path), config)
    if binary is None:
        raise ValueError("not an ELF file")
    header = binary.header
    sizes = {lief.ELF.Header.CLASS.ELF32: "32", lief.ELF.Header.CLASS.ELF64: "64"}
    orders = {lief.ELF.Header.ELF_DATA.LSB: "LSB", lief.ELF.Header.ELF_DATA.MSB: "MSB"}
    size, order = sizes.get(header.identity_class, "?"), orders.get(header.identity_data, "?")
    stack = [part for part in binary.segments if part.type == lief.ELF.Segment.TYPE.GNU_STACK]
    yield {
        "machine": f"{header.machine_type.name}/{size}/{order}",
        "kind": _elf_kind(binary),
        "needed": [_text(name) for name in binary.libraries],
        "undefined": [item for item in map(_elf_undefined, binary.dynamic_symbols) if item],
        "exports": _texts(item.name for item in binary.dynamic_symbols if item.shndx != 0 and item.name),
        "versions": [
            (_text(need.name), _texts(part.name for part in need.get_auxiliary_symbols()))
            for need in binary.symbols_version_requirement
        ],
        "rpaths": list(_elf_rpaths(binary)),
        "executable_stack": not stack or any(part.has(lief.ELF.Segment.FLAGS.X) for part in stack),
    }


def _elf_kind(binary: lief.ELF.Binary) -> str:
    if binary.header.file_type == lief.ELF.Header.FILE_TYPE.EXEC or binary.has_interpreter:
        return "program"
    return "library" if binary.header.file_type == lief.ELF.Header.FILE_TYPE.DYN else "other"


def _elf_undefined(symbol: lief.ELF.Symbol) -> dict[str, str | bool] | None:
    local = symbol.binding == lief.ELF.Symbol.BINDING.LOCAL
    if symbol.shndx != 0 or not symbol.name or local:
        return None
    version = symbol.symbol_version
    wanted = version.symbol_version_auxiliary if version and version.has_auxiliary_version else None
    weak = symbol.binding == lief.ELF.Symbol.BINDING.WEAK
    return _undefined(symbol.name, library=_text(wanted.name) if wanted else "", weak=weak, dynamic=True)


def _elf_rpaths(binary: lief.ELF.Binary) -> Iterator[str]:
    for entry in binary.dynamic_entries:
        if isinstance(entry, lief.ELF.DynamicEntryRpath):
            yield from _text(entry.rpath).split(":")
        elif isinstance(entry, lief.ELF.DynamicEntryRunPath):
            yield from _text(entry.runpath).split(":")


def _macho(path: Path) -> Iterator[dict[str, Any]]:
    config = lief.MachO.ParserConfig()
    config.parse_dyld_exports = True
    config.parse_dyld_bindings = config.parse_dyld_rebases = False
    fat = lief.MachO.parse(str(path), config)
    if fat is None or not fat.size:
        raise ValueError("not a Mach-O file")
    for index in range(fat.size):
        binary = fat.at(index)
        if binary is not None:
            yield _macho_slice(binary)


def _macho_slice(binary: lief.MachO.Binary) -> dict[str, Any]:
    kinds = lief.MachO.Header.FILE_TYPE
    command = lief.MachO.LoadCommand.TYPE
    links = {command.LOAD_DYLIB, command.LOAD_WEAK_DYLIB, command.REEXPORT_DYLIB, command.LOAD_UPWARD_DYLIB}
    libraries = {kinds.DYLIB: "library", kinds.BUNDLE: "library", kinds.EXECUTE: "program"}
    two_level = bool(binary.header.flags & _TWO_LEVEL)
    exports = (item.name for item in (*binary.exported_symbols, *filter(_macho_defines, binary.symbols)))
    return {
        "machine": binary.header.cpu_type.name,
        "kind": libraries.get(binary.header.file_type, "other"),
        "needed": [_text(item.name) for item in binary.libraries if item.command in links],
        "undefined": [_macho_undefined(item, two_level=two_level) for item in binary.imported_symbols],
        "exports": sorted({name.removeprefix("_") for name in _texts(exports)}),
        "rpaths": [_text(item.path) for item in binary.rpaths] if binary.has_rpath else [],
        **_macho_platform(binary),
        "signed": binary.has_code_signature,
    }


def _macho_defines(symbol: lief.MachO.Symbol) -> bool:
    """Whether the symbol table alone shows an export: external, in a section, not private."""
    return bool(symbol.name) and symbol.raw_type == _EXTERNAL_IN_SECTION


def _macho_undefined(symbol: lief.MachO.Symbol, *, two_level: bool) -> dict[str, str | bool]:
    lookup = not two_level or symbol.library_ordinal & 0xFF in {_DYNAMIC_LOOKUP, _MAIN_PROGRAM}
    weak = bool(symbol.description & _WEAK_REFERENCE)
    return _undefined(_text(symbol.name).removeprefix("_"), weak=weak, dynamic=lookup)


def _macho_platform(binary: lief.MachO.Binary) -> dict[str, Any]:
    build = binary.build_version if binary.has_build_version else None
    if build is not None:
        return {"minimum_os": list(build.minos[:2]), "platform": build.platform.name}
    old = binary.version_min if binary.has_version_min else None
    if old is not None:
        mac = old.command == lief.MachO.LoadCommand.TYPE.VERSION_MIN_MACOSX
        return {"minimum_os": list(old.version[:2]), "platform": "MACOS" if mac else old.command.name}
    return {"minimum_os": [], "platform": ""}


def take_apart(path: Path) -> dict[str, Any]:
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
    named = sorted((value, _short(name), size) for name, size, value in symbols if name)
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
        name = _short(section.name)
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


def _short(value: str | bytes) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[:_SHORT]


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
            found[f"debug {index} guid"] = _short(entry.guid)
            found[f"debug {index} pdb"] = _short(entry.filename)
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
        found["comment"] = _short(bytes(comment.content).replace(b"\0", b" "))
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


QUESTIONS = {"interface": describe, "contents": take_apart}
"""What a file needs and offers, for the audit; what it is made of, for the comparison of two builds."""

if __name__ == "__main__":
    main()

"""Tiny native files, written byte by byte: just enough of them for lief to see what a test needs."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

AMD64, ARM64 = 0x8664, 0xAA64
X86_64, AARCH64, I386 = 62, 183, 3
MAC_X86_64, MAC_ARM64 = 0x01000007, 0x0100000C
DYNAMIC_LOOKUP = 0xFE


class Strings:
    """A string table: NUL-ended strings, the empty one first."""

    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, text: str) -> int:
        position = len(self.data)
        self.data += text.encode() + b"\0"
        return position


def pad(data: bytes, size: int) -> bytes:
    return data + b"\0" * (-len(data) % size)


@dataclass(frozen=True, kw_only=True)
class Elf:
    """A 64-bit shared object without sections; ``undefined``: names to "library:VERSION", "weak" or ""."""

    machine: int = X86_64
    needed: Sequence[str] = ("libc.so.6",)
    undefined: Mapping[str, str] = field(default_factory=dict)
    exports: Sequence[str] = ()
    rpath: str = ""
    executable_stack: bool = False

    def build(self) -> bytes:
        strings = Strings()
        versions = sorted({what for what in self.undefined.values() if ":" in what})
        indexes = {what: index + 2 for index, what in enumerate(versions)}
        symbols, versym = [bytes(24)], [0]
        for name, what in self.undefined.items():
            binding = 2 if what == "weak" else 1
            symbols.append(struct.pack("<IBBHQQ", strings.add(name), binding << 4, 0, 0, 0, 0))
            versym.append(indexes.get(what, 1))
        for name in self.exports:
            symbols.append(struct.pack("<IBBHQQ", strings.add(name), 0x12, 0, 1, 0x40, 1))
            versym.append(1)
        verneed = self._verneed(versions, indexes, strings)
        tags = [(1, strings.add(name)) for name in self.needed]
        tags += [(29, strings.add(self.rpath))] if self.rpath else []
        return self._lay_out(strings, symbols, versym, verneed, tags)

    @staticmethod
    def _verneed(versions: list[str], indexes: Mapping[str, int], strings: Strings) -> list[bytes]:
        needs = []
        for number, what in enumerate(versions):
            library, version = what.split(":")
            last = number == len(versions) - 1
            head = struct.pack("<HHIII", 1, 1, strings.add(library), 16, 0 if last else 32)
            needs.append(head + struct.pack("<IHHII", 0, 0, indexes[what], strings.add(version), 0))
        return needs

    def _lay_out(
        self,
        strings: Strings,
        symbols: list[bytes],
        versym: list[int],
        verneed: list[bytes],
        tags: list[tuple[int, int]],
    ) -> bytes:
        start = 64 + 3 * 56
        hashes = struct.pack(f"<{3 + len(symbols)}I", 1, len(symbols), *([0] * (1 + len(symbols))))
        parts = (
            pad(b"".join(symbols), 8),
            pad(hashes, 8),
            pad(struct.pack(f"<{len(versym)}H", *versym), 8),
            pad(b"".join(verneed), 8),
            pad(strings.data, 8),
        )
        places = [start + sum(map(len, parts[:index])) for index in range(len(parts) + 1)]
        tags += [(6, places[0]), (11, 24), (4, places[1]), (5, places[4]), (10, len(strings.data))]
        if verneed:
            tags += [(0x6FFFFFF0, places[2]), (0x6FFFFFFE, places[3]), (0x6FFFFFFF, len(verneed))]
        dynamic = b"".join(struct.pack("<QQ", *tag) for tag in (*tags, (0, 0)))
        end = places[5] + len(dynamic)
        stack = 7 if self.executable_stack else 6
        segments = (
            struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, end, end, 0x1000),
            struct.pack("<IIQQQQQQ", 2, 6, places[5], places[5], places[5], len(dynamic), len(dynamic), 8),
            struct.pack("<IIQQQQQQ", 0x6474E551, stack, 0, 0, 0, 0, 0, 16),
        )
        identity = b"\x7fELF\x02\x01\x01" + bytes(9)
        header = struct.pack("<HHIQQQIHHHHHH", 3, self.machine, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
        return identity + header + b"".join(segments) + b"".join(parts) + dynamic


@dataclass(frozen=True, kw_only=True)
class Pe:
    """A 64-bit DLL with one section."""

    machine: int = AMD64
    imports: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exports: Sequence[str] = ()

    def build(self) -> bytes:
        base = 0x1000
        body = bytearray(20 * (len(self.imports) + 1))
        for index, (dll, names) in enumerate(self.imports.items()):
            hints = []
            for name in names:
                hints.append(base + len(body))
                body += pad(b"\0\0" + name.encode() + b"\0", 2)
            body += bytes(-len(body) % 8)
            table = base + len(body)
            body += struct.pack(f"<{len(hints) + 1}Q", *hints, 0)
            name_at = base + len(body)
            body += pad(dll.encode() + b"\0", 8)
            struct.pack_into("<5I", body, 20 * index, table, 0, 0, name_at, table)
        exports_at = base + len(body)
        exports = self._export_table(exports_at)
        body += exports
        raw = pad(bytes(body), 0x200)
        return pad(self._headers(len(body), len(raw), (exports_at, len(exports))), 0x200) + raw

    def _export_table(self, at: int) -> bytes:
        if not self.exports:
            return b""
        count = len(self.exports)
        functions, names, ordinals = at + 40, at + 40 + 4 * count, at + 40 + 8 * count
        text_at = ordinals + pad_length(2 * count, 4)
        text, places = b"module.dll\0", []
        for name in sorted(self.exports):
            places.append(text_at + len(text))
            text += name.encode() + b"\0"
        head = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, text_at, 1, count, count, functions, names, ordinals)
        tables = struct.pack(f"<{2 * count}I", *([0x1000] * count), *places)
        return head + tables + pad(struct.pack(f"<{count}H", *range(count)), 4) + text

    def _headers(self, size: int, raw: int, exports: tuple[int, int]) -> bytes:
        directories = [(0, 0)] * 16
        if self.exports:
            directories[0] = exports
        if self.imports:
            directories[1] = (0x1000, 20 * (len(self.imports) + 1))
        dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
        coff = struct.pack("<HHIIIHH", self.machine, 1, 0, 0, 0, 240, 0x2022)
        optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, raw, 0, 0, 0x1000)
        optional += struct.pack(
            "<QIIHHHHHHIIIIHH", 0x180000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x3000, 0x200, 0, 2, 0x160
        )
        optional += struct.pack("<QQQQII", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
        optional += b"".join(struct.pack("<II", *item) for item in directories)
        section = struct.pack("<8sIIIIIIHHI", b".rdata", size, 0x1000, raw, 0x200, 0, 0, 0, 0, 0x40000040)
        return dos + b"PE\0\0" + coff + optional + section


def pad_length(size: int, unit: int) -> int:
    return size + -size % unit


@dataclass(frozen=True, kw_only=True)
class MachO:
    """A 64-bit dylib; ``undefined`` maps names (with their underscore) to ordinals."""

    cpu: int = MAC_ARM64
    minimum: tuple[int, int] = (11, 0)
    platform: int = 1
    libraries: Sequence[str] = ("/usr/lib/libSystem.B.dylib",)
    undefined: Mapping[str, int] = field(default_factory=dict)
    exports: Sequence[str] = ()
    signed: bool = True

    def build(self) -> bytes:
        strings = Strings()
        exported = [struct.pack("<IBBHQ", strings.add(name), 0x0F, 1, 0, 0x400) for name in self.exports]
        needed = [
            struct.pack("<IBBHQ", strings.add(name), 0x01, 0, ordinal << 8, 0)
            for name, ordinal in self.undefined.items()
        ]
        table, text = pad(b"".join((*exported, *needed)), 8), pad(strings.data, 8)
        start = 0x1000
        counts = (len(exported), len(needed))
        commands = self._commands(start, len(table), len(text), counts)
        header = struct.pack(
            "<IIIIIIII", 0xFEEDFACF, self.cpu, 0, 6, len(commands), sum(map(len, commands)), 0x85, 0
        )
        return (
            (header + b"".join(commands)).ljust(start, b"\0") + table + text + bytes(64 if self.signed else 0)
        )

    def _commands(self, start: int, table: int, text: int, counts: tuple[int, int]) -> list[bytes]:
        exported, needed = counts
        version = self.minimum[0] << 16 | self.minimum[1] << 8
        section = struct.pack(
            "<16s16sQQIIIIIIII", b"__text", b"__TEXT", 0x400, 16, 0x400, 0, 0, 0, 0, 0, 0, 0
        )
        link = struct.pack(
            "<II16sQQQQIIII",
            0x19,
            72,
            b"__LINKEDIT",
            start,
            0x1000,
            start,
            table + text + 64 * self.signed,
            1,
            1,
            0,
            0,
        )
        commands = [
            struct.pack("<II16sQQQQIIII", 0x19, 72 + 80, b"__TEXT", 0, start, 0, start, 5, 5, 1, 0) + section,
            link,
            *(_dylib(name) for name in self.libraries),
            struct.pack("<IIIIII", 0x02, 24, start, (exported + needed), start + table, text),
            struct.pack("<IIIIIIII", 0x0B, 80, 0, 0, 0, exported, exported, needed) + bytes(48),
            struct.pack("<IIIIII", 0x32, 24, self.platform, version, version, 0),
        ]
        if self.signed:
            commands.append(struct.pack("<IIII", 0x1D, 16, start + table + text, 64))
        return commands


def _dylib(name: str) -> bytes:
    text = pad(name.encode() + b"\0", 8)
    return struct.pack("<IIIIII", 0x0C, 24 + len(text), 24, 2, 0x10000, 0x10000) + text


def fat(*slices: MachO) -> bytes:
    """A universal file."""
    bodies = [part.build() for part in slices]
    header, position = struct.pack(">II", 0xCAFEBABE, len(slices)), 0x4000
    data = b""
    for part, body in zip(slices, bodies, strict=True):
        header += struct.pack(">IIIII", part.cpu, 0, position + len(data), len(body), 14)
        data += pad(body, 0x4000)
    return header.ljust(0x4000, b"\0") + data

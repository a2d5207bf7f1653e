"""Wheels and native files for comparisons."""

from __future__ import annotations

import base64
import hashlib
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

NAME = "demo-1.2.3-cp311-cp311-manylinux_2_17_x86_64.whl"
INFO = "demo-1.2.3.dist-info"
MODULE = "demo/demo.so"
EPOCH = (2020, 1, 1, 0, 0, 0)
Time = tuple[int, int, int, int, int, int]


def make_wheel(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    time: Time = EPOCH,
    mode: int = 0o100644,
    level: int = 6,
) -> Path:
    """A wheel with the files, and a RECORD of them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    members = {**files, f"{INFO}/RECORD": "".join(lines).encode()}
    path = folder / NAME
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, time)
            info.external_attr = mode << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, level)
    return path


def make_elf(sections: Mapping[str, bytes], symbols: Sequence[tuple[str, int]] = ()) -> bytes:
    """A 64-bit shared object with these sections and, one after the other in the first one, these symbols."""
    names, texts = b"\0", b"\0"
    table = bytes(24)
    position = 0
    for name, size in symbols:
        table += struct.pack("<IBBHQQ", len(texts), 0x12, 0, 1, 0x1000 + position, size)
        texts += name.encode() + b"\0"
        position += size
    contents = [
        *((name, 1, 2, data, 0, 0) for name, data in sections.items()),
        (".symtab", 2, 0, table, len(sections) + 2, 24),
        (".strtab", 3, 0, texts, 0, 0),
    ]
    headers = bytes(64)
    body = b""
    for index, (name, kind, flags, data, link, size) in enumerate(contents):
        address = 0x1000 if index == 0 else 0
        start = 64 + len(body)
        headers += struct.pack(
            "<IIQQQQIIQQ", len(names), kind, flags, address, start, len(data), link, 1 if size else 0, 1, size
        )
        names += name.encode() + b"\0"
        body += data
    names_at = len(names)
    names += b".shstrtab\0"
    headers += struct.pack("<IIQQQQIIQQ", names_at, 3, 0, 0, 64 + len(body), len(names), 0, 0, 1, 0)
    body += names
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(contents) + 2
    header = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, 64 + len(body), 0, 64, 56, 0, 64, count, count - 1)
    return ident + header + body + headers


def make_pe(timestamp: int, text: bytes = b"\xc3" * 16) -> bytes:
    """A DLL with one section."""
    stub = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, timestamp, 0, 0, 240, 0x2022)
    optional = struct.pack(
        "<HBBIIIIIQII", 0x20B, 14, 0, 512, 0, 0, 0x1000, 0x1000, 0x180000000, 0x1000, 0x200
    )
    optional += struct.pack(
        "<6H4I2H4QII", 6, 0, 0, 0, 6, 0, 0, 0x2000, 0x200, 0, 2, 0, *[0x100000] * 4, 0, 16
    )
    optional += bytes(128)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", len(text), 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    return (stub + coff + optional + section).ljust(512, b"\0") + text.ljust(512, b"\0")

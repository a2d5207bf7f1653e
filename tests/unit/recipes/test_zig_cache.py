"""docker/zig/bin/zig-cache-inodes: manifests of a cache that fit any machine, and then the one at hand."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

from support import ROOT

PROGRAM = ROOT / "docker" / "zig" / "bin" / "zig-cache-inodes"
TIME = 1_577_836_800_000_000_000


def entry(path: str, *, size: int, inode: int, time: int = TIME, flags: int = 4) -> bytes:
    return struct.pack("<QQq16sB", size, inode, time, b"d" * 16, flags) + path.encode() + b"\0"


def run(*argv: Path) -> None:
    subprocess.run([sys.executable, "-SE", PROGRAM, *argv], check=True)


def test_a_cache_fits_any_machine_and_then_this_one(tmp_path: Path) -> None:
    lib, cache = tmp_path / "lib", tmp_path / "cache"
    (cache / "h").mkdir(parents=True)
    (lib / "libc").mkdir(parents=True)
    for name, text in (("libc/a.c", "int a;"), ("libc/b.c", "int b;")):
        (lib / name).write_text(text)
        os.utime(lib / name, ns=(TIME, TIME))
    manifest, other = cache / "h" / "1", cache / "h" / "2"
    parts = [
        entry("libc/a.c", size=6, inode=77),
        entry("libc/b.c", size=99, inode=78),
        entry("libc/gone.c", size=6, inode=79),
        entry("o/1/made.s", size=6, inode=80, flags=8),
    ]
    manifest.write_bytes(b"".join(parts) + b"\0")
    other.write_bytes(b"of another format")

    run(cache)
    anywhere = manifest.read_bytes()
    expected = [
        entry("libc/a.c", size=6, inode=0),
        entry("libc/b.c", size=99, inode=0),
        entry("libc/gone.c", size=6, inode=0),
        entry("o/1/made.s", size=6, inode=0, time=0, flags=8),
    ]
    assert anywhere == b"".join(expected) + b"\0"

    run(cache, lib)
    expected[0] = entry("libc/a.c", size=6, inode=(lib / "libc" / "a.c").stat().st_ino)
    assert manifest.read_bytes() == b"".join(expected) + b"\0", (
        "only the file that is the same gets its inode"
    )
    assert other.read_bytes() == b"of another format"

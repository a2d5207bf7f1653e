"""The zip reader against hostile archives."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from support import ROOT
from support.wheel_files import write_zip

from xbuild.errors import ArtifactError
from xbuild.wheels.members import scan_members
from xbuild.wheels.zip import Limits, read_entries

Mutation = Callable[[bytes], bytes]


def refuse(path: Path, limits: Limits | None = None) -> ArtifactError:
    with path.open("rb") as file, pytest.raises(ArtifactError) as caught:
        scan_members(file, read_entries(file, limits or Limits()))
    assert caught.value.brief
    assert caught.value.hint
    return caught.value


def plain(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "a.zip", {"a/b.txt": b"hello" * 100, "c.txt": b"x"})


def test_plain_archive_is_read(tmp_path: Path) -> None:
    with plain(tmp_path).open("rb") as file:
        members = scan_members(file, read_entries(file, Limits()))
    assert [member.entry.name for member in members] == ["a/b.txt", "c.txt"]
    assert members[0].head == b"hellohel"


def test_data_descriptors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with path.open("wb") as file, zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "hello" * 50)
        archive.writestr("b.txt", "hello")
    with path.open("rb") as written:
        assert len(scan_members(written, read_entries(written, Limits()))) == 2


class Unseekable:
    """A file that zipfile has to write in one go."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes, /) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize(
    "name",
    [
        "../up.txt",
        "a/../../up.txt",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/./b",
        "C:/x",
        "a\\b",
        "a\x1b[31m",
        "a\nb",
        "a\u202eb",
        "x" * 2000,
    ],
)
def test_hostile_names(tmp_path: Path, name: str) -> None:
    assert refuse(write_zip(tmp_path / "a.zip", {name: b"x"})).code == "bad-name"


def test_nul_in_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a_b": b"x"})
    path.write_bytes(path.read_bytes().replace(b"a_b", b"a\0b"))
    assert refuse(path).code == "bad-name"


def test_symlink(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert refuse(path).code == "not-a-file"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a", "2")
    assert refuse(path).code == "duplicate-entry"


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b/c", "a!", "a-b", "a"), ("a/b", "a/b-c", "a/b/c/d")])
def test_file_that_is_also_a_folder(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert refuse(write_zip(tmp_path / "a.zip", dict.fromkeys(names, b""))).code == "duplicate-entry"


def test_deep_names_take_no_time(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"{'a/' * 509}{number}": b"" for number in range(7000)})
    with path.open("rb") as file:
        started = time.monotonic()
        assert len(read_entries(file, Limits())) == 7000
        assert time.monotonic() - started < 5


def central(data: bytes) -> int:
    return data.index(b"PK\x01\x02")


def prefixed(data: bytes) -> bytes:
    return b"#!/bin/sh\n" + data


def with_trailer(data: bytes) -> bytes:
    return data + b"PK\x05\x06junk"


def with_gap(data: bytes) -> bytes:
    """Bytes between the last entry and the directory, whose offset is told rightly."""
    at = central(data)
    end = data[:at] + b"hidden" + data[at:]
    return end[:-6] + struct.pack("<I", at + 6) + end[-2:]


def local_name(data: bytes) -> bytes:
    return data.replace(b"c.txt", b"d.txt", 1)


def local_size(data: bytes) -> bytes:
    return data[:22] + struct.pack("<I", 5) + data[26:]


def both_sizes(data: bytes) -> bytes:
    at = central(data)
    lie = struct.pack("<I", 5)
    data = data[:22] + lie + data[26:]
    return data[: at + 24] + lie + data[at + 28 :]


def both_checksums(data: bytes) -> bytes:
    at = central(data)
    data = data[:14] + bytes(4) + data[18:]
    return data[: at + 16] + bytes(4) + data[at + 20 :]


def encrypted(data: bytes) -> bytes:
    at = central(data)
    data = data[:6] + b"\1\0" + data[8:]
    return data[: at + 8] + b"\1\0" + data[at + 10 :]


def lzma(data: bytes) -> bytes:
    at = central(data)
    data = data[:8] + b"\x0e\0" + data[10:]
    return data[: at + 10] + b"\x0e\0" + data[at + 12 :]


def too_new(data: bytes) -> bytes:
    at = central(data)
    return data[: at + 6] + b"\x63" + data[at + 7 :]


def fewer_entries(data: bytes) -> bytes:
    return data[:-14] + struct.pack("<HH", 1, 1) + data[-10:]


def commented(data: bytes) -> bytes:
    return data[:-2] + b"\3\0abc"


def empty(_: bytes) -> bytes:
    return b""


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        (prefixed, "hidden-data"),
        (with_trailer, "bad-zip"),
        (with_gap, "hidden-data"),
        (local_name, "lying-header"),
        (local_size, "lying-header"),
        (both_sizes, "lying-header"),
        (both_checksums, "lying-header"),
        (encrypted, "bad-zip"),
        (lzma, "bad-zip"),
        (too_new, "bad-zip"),
        (fewer_entries, "hidden-data"),
        (commented, "bad-zip"),
        (empty, "bad-zip"),
        (half, "bad-zip"),
    ],
)
def test_mutations(tmp_path: Path, mutation: Mutation, code: str) -> None:
    path = plain(tmp_path)
    path.write_bytes(mutation(path.read_bytes()))
    assert refuse(path).code == code


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = plain(tmp_path).read_bytes()
    path = tmp_path / "cut.zip"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refuse(path)


def test_bytes_after_the_compressed_data(tmp_path: Path) -> None:
    """The compressed size covers more than the deflate stream."""
    data = zlib.compress(b"hello" * 10, 9)[2:-4] + b"smuggled"
    name = b"a.txt"
    sums = struct.pack("<III", zlib.crc32(b"hello" * 10), len(data), 50)
    local = (
        struct.pack("<4s5H", b"PK\x03\x04", 20, 0, 8, 0, 0) + sums + struct.pack("<HH", 5, 0) + name + data
    )
    entry = struct.pack("<4s6H", b"PK\x01\x02", 0x314, 20, 0, 8, 0, 0) + sums
    entry += struct.pack("<5HII", 5, 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4HIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    path = tmp_path / "a.zip"
    path.write_bytes(local + entry + end)
    assert refuse(path).code == "hidden-data"


def test_too_many_entries(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"f{number}": b"" for number in range(20)})
    assert refuse(path, Limits(entries=19)).code == "too-many-entries"


def test_too_much_when_unpacked(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a": os.urandom(600), "b": os.urandom(600)})
    assert refuse(path, Limits(inflated=1000)).code == "zip-bomb"


def test_declared_bomb(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a": bytes(8 << 20)})
    assert refuse(path).code == "zip-bomb"


BOMB_PROGRAM = """
import sys
from pathlib import Path
from xbuild.errors import ArtifactError
from xbuild.wheels.zip import Limits, read_entries
from xbuild.wheels.members import scan_members
with Path(sys.argv[1]).open("rb") as file:
    try:
        scan_members(file, read_entries(file, Limits()))
        code = "accepted"
    except ArtifactError as error:
        code = error.code
status = Path("/proc/self/status").read_text()
print(code, status.split("VmHWM:")[1].split()[0])
"""


@pytest.mark.parametrize("lying", [False, True])
def test_bomb_within_memory_and_time(tmp_path: Path, *, lying: bool) -> None:
    """256 MiB of zeros, also with headers that say 1 KiB: refused in 64 MiB, soon."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w") as file:
        for _ in range(256):
            file.write(bytes(1 << 20))
    if lying:
        data = path.read_bytes()
        at = central(data)
        lie = struct.pack("<I", 1024)
        data = data[:22] + lie + data[26 : at + 24] + lie + data[at + 28 :]
        path.write_bytes(data)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", BOMB_PROGRAM, str(path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    code, peak = done.stdout.split()
    assert code == ("lying-header" if lying else "zip-bomb")
    assert int(peak) < 64 << 10
    assert time.monotonic() - started < 20  # 5 s on an idle machine; most of it is the interpreter's start

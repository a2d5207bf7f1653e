"""Comparisons of wheels."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.compare_files import EPOCH, INFO, MODULE, NAME, make_elf, make_pe, make_wheel

from xbuild.rebuild.compare import Comparison, compare_wheels

FILES = {"demo/__init__.py": b"from .demo import *\n", f"{INFO}/METADATA": b"Name: demo\n"}


def compared(folder: Path, a: Mapping[str, bytes], b: Mapping[str, bytes]) -> Comparison:
    found = compare_wheels(make_wheel(folder / "a", a), make_wheel(folder / "b", b))
    json.dumps(found.as_dict())
    return found


def causes(found: Comparison) -> set[str]:
    return {cause.code for cause in found.causes}


def natives(folder: Path, a: bytes, b: bytes) -> Comparison:
    return compared(folder, {MODULE: a}, {MODULE: b})


def test_same(tmp_path: Path) -> None:
    found = compared(tmp_path, FILES, FILES)
    assert found.identical
    assert (found.archive, found.entries, found.causes) == ((), (), ())


def test_times(tmp_path: Path) -> None:
    a = make_wheel(tmp_path / "a", FILES)
    b = make_wheel(tmp_path / "b", FILES, time=(2024, 2, 3, 4, 5, 6))
    found = compare_wheels(a, b)
    assert not found.identical
    assert {item.aspect for item in found.archive} == {"time"}
    assert len(found.archive) == 3
    assert (found.archive[0].a, found.archive[0].b) == ("2020-01-01 00:00:00", "2024-02-03 04:05:06")
    assert causes(found) == {"timestamp"}
    assert found.entries == ()


def test_modes(tmp_path: Path) -> None:
    a, b = make_wheel(tmp_path / "a", FILES), make_wheel(tmp_path / "b", FILES, mode=0o100755)
    found = compare_wheels(a, b)
    assert {item.aspect for item in found.archive} == {"mode"}
    assert found.archive[0].a.startswith("100644/")
    assert causes(found) == {"archive"}


def test_compression(tmp_path: Path) -> None:
    files = {"demo/data": bytes(range(256)) * 40 + b"abcabcabd" * 999}
    found = compare_wheels(
        make_wheel(tmp_path / "a", files, level=9), make_wheel(tmp_path / "b", files, level=1)
    )
    assert "compression" in {item.aspect for item in found.archive}
    assert "compressor" in causes(found)
    assert found.entries == ()


@pytest.mark.parametrize("at", [5, 11])
def test_what_no_reader_looks_at(tmp_path: Path, at: int) -> None:
    """The version and the time of a local header."""
    a, b = make_wheel(tmp_path / "a", FILES), make_wheel(tmp_path / "b", FILES)
    data = bytearray(b.read_bytes())
    data[at] ^= 0x01
    b.write_bytes(data)
    found = compare_wheels(a, b)
    assert not found.identical
    assert [(item.aspect, item.where) for item in found.archive] == [("bytes", "")]
    assert found.archive[0].b.endswith(f"from byte {at} on")
    assert causes(found) == {"archive"}


def test_order_and_set(tmp_path: Path) -> None:
    a = {"one": b"1", "two": b"2", "gone": b""}
    b = {"two": b"2", "one": b"1", "new": b""}
    found = compared(tmp_path, a, b)
    aspects = {item.aspect: item for item in found.archive}
    assert aspects["removed"].where == "gone"
    assert aspects["added"].where == "new"
    assert aspects["order"].a.startswith("one, two")
    (record,) = found.entries
    assert record.name == f"{INFO}/RECORD"
    assert not record.consequence


def test_text(tmp_path: Path) -> None:
    a = {**FILES, "demo/info.txt": b"made\n2026-01-02 03:04:05\nhere\n"}
    b = {**FILES, "demo/info.txt": b"made\n2026-02-02 03:04:05\nhere\n"}
    found = compared(tmp_path, a, b)
    entry, record = found.entries
    assert (entry.kind, entry.first) == ("text", 11)
    assert "-2026-01-02 03:04:05" in entry.diff
    assert "+2026-02-02 03:04:05" in entry.diff
    assert record.consequence
    (cause,) = found.causes
    assert (cause.code, cause.where) == ("timestamp", "demo/info.txt")
    assert cause.evidence == ("a: 2026-01-02 03:04:05", "b: 2026-02-02 03:04:05")


def test_lines_in_another_order(tmp_path: Path) -> None:
    found = compared(tmp_path, {"x.json": b'{\n"a": 1,\n"b": 2\n}\n'}, {"x.json": b'{\n"b": 2,\n"a": 1\n}\n'})
    assert causes(found) == {"hash-order"}


@pytest.mark.parametrize("other", [b"a,\r\nb\r\n", b"a\n  b\n"])
def test_the_same_lines_in_the_same_order(tmp_path: Path, other: bytes) -> None:
    found = compared(tmp_path, {"x.json": b"a,\nb\n"}, {"x.json": other})
    assert found.entries[0].diff
    assert causes(found) == set()


def test_identifier_and_path_in_an_sbom(tmp_path: Path) -> None:
    text = '{"serialNumber": "urn:uuid:%s", "ref": "path+file://%s#demo@1.2.3"}'
    a = text % ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "/home/one/demo")
    b = text % ("2b4e28ba-2fa1-11d2-883f-0016d3cca427", "/home/two/demo")
    found = compared(tmp_path, {f"{INFO}/sboms/x.json": a.encode()}, {f"{INFO}/sboms/x.json": b.encode()})
    assert causes(found) == {"random-id", "path"}


def test_large_text_has_no_diff(tmp_path: Path) -> None:
    a = "".join(f"{index}\n" for index in range(5000))
    found = compared(tmp_path, {"x": a.encode()}, {"x": a.encode() + b"more\n"})
    assert (found.entries[0].kind, found.entries[0].diff) == ("text", ())


def test_files_are_looked_into_for_so_long(tmp_path: Path) -> None:
    a, b = make_wheel(tmp_path / "a", FILES), make_wheel(tmp_path / "b", dict.fromkeys(FILES, b"other"))
    looked, passed = compare_wheels(a, b), compare_wheels(a, b, timeout=0)
    assert {entry.kind for entry in looked.entries} == {"text"}
    assert {entry.kind for entry in passed.entries} == {"data"}
    assert [entry.name for entry in passed.entries] == [entry.name for entry in looked.entries]


def test_clipped_diff(tmp_path: Path) -> None:
    a, b = ("".join(f"{side}{index}{'x' * 1000}\n" for index in range(900)) for side in "ab")
    diff = compared(tmp_path, {"x": a.encode()}, {"x": b.encode()}).entries[0].diff
    assert len(diff) == 201
    assert max(map(len, diff)) < 410


def test_native_sections_and_symbols_in_another_order(tmp_path: Path) -> None:
    a = make_elf({".text": b"\x90" * 32, ".rodata": b"alphabetagamma"}, [("one", 8), ("two", 8)])
    b = make_elf({".text": b"\x90" * 32, ".rodata": b"gammaalphabeta"}, [("two", 8), ("one", 8)])
    found = natives(tmp_path, a, b)
    entry = found.entries[0]
    assert entry.kind == "native"
    sections = {section.name: section for section in entry.sections}
    assert sections[".rodata"].reordered
    assert ".text" not in sections
    assert "symbols" in {item.aspect for item in entry.facts}
    assert causes(found) == {"hash-order"}
    (cause,) = found.causes
    assert cause.evidence[:2] == ("symbols", "section .rodata")


def test_native_code(tmp_path: Path) -> None:
    a = make_elf({".text": b"\x90" * 32, ".rodata": b"same"}, [("one", 8), ("two", 8)])
    b = make_elf({".text": b"\x91" * 40, ".rodata": b"same"}, [("one", 8), ("two", 16)])
    found = natives(tmp_path, a, b)
    text = found.entries[0].sections[0]
    assert (text.name, text.size_a, text.size_b, text.reordered) == (".text", 32, 40, False)
    assert causes(found) == {"codegen-units"}
    assert "two" in found.causes[0].evidence


def test_native_metadata_hash(tmp_path: Path) -> None:
    code = {".text": b"\x90" * 32}
    a = make_elf(code, [("_ZN4demo3add17h0123456789abcdefE", 8)])
    b = make_elf(code, [("_ZN4demo3add17hfedcba9876543210E", 8)])
    assert causes(natives(tmp_path, a, b)) == {"metadata-hash"}


def test_native_path_without_separators(tmp_path: Path) -> None:
    before, after = b"some text", b"attempt to add"
    a = make_elf({".rodata": before + b"/home/one/demo/src/lib.rs" + after})
    b = make_elf({".rodata": before + b"/home/two/demo/src/lib.rs" + after})
    found = natives(tmp_path, a, b)
    assert causes(found) == {"path"}
    assert found.causes[0].evidence == ("a: /home/one/demo/src/lib.rs", "b: /home/two/demo/src/lib.rs")


def test_native_toolchain_and_crates(tmp_path: Path) -> None:
    crate = b"/vendor/pyo3-0.%d.0/src/gil.rs"
    a = make_elf({".text": b"\x90", ".comment": b"rustc version 1.85.0\0", ".rodata": crate % 26})
    b = make_elf({".text": b"\x91", ".comment": b"rustc version 1.86.0\0", ".rodata": crate % 27})
    found = natives(tmp_path, a, b)
    assert causes(found) == {"toolchain", "dependencies", "path"}
    comment = next(item for item in found.entries[0].facts if item.where.endswith("comment"))
    assert comment.a.startswith("rustc version 1.85.0")


def test_pe_timestamp(tmp_path: Path) -> None:
    found = natives(tmp_path, make_pe(1), make_pe(2))
    assert causes(found) == {"timestamp"}
    assert found.entries[0].facts[0].where == f"{MODULE}: timestamp"


@pytest.mark.parametrize("damage", [b"", b"\x7fELF", b"\x7fELF" + b"\xff" * 200, b"MZ" + b"\xff" * 200])
def test_broken_native_file(tmp_path: Path, damage: bytes) -> None:
    found = natives(tmp_path, make_elf({".text": b"\x90"}), damage)
    assert found.entries[0].kind == "native"


def test_archive_that_cannot_be_read(tmp_path: Path) -> None:
    a, b = make_wheel(tmp_path / "a", FILES), make_wheel(tmp_path / "b", FILES)
    b.write_bytes(b.read_bytes() + b"hidden")
    found = compare_wheels(a, b, diffoscope=Path("/nonexistent"))
    (difference,) = found.archive
    assert (difference.aspect, difference.a) == ("unreadable", "")
    assert difference.b
    assert found.external_problem == ""


def test_bomb(tmp_path: Path) -> None:
    a = make_wheel(tmp_path / "a", FILES)
    b = make_wheel(tmp_path / "b", {"x": bytes(64 << 20)})
    assert compare_wheels(a, b).archive[0].aspect == "unreadable"


def program(folder: Path, text: str) -> Path:
    path = folder / "diffoscope"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


WRITES = """
out = next(word for word in sys.argv if word.startswith("--text="))
open(out[7:], "w").write("report of " + sys.argv[-1].rpartition("/")[2])
sys.exit(1)
"""


@pytest.mark.parametrize(
    ("text", "report", "problem"),
    [
        (WRITES, f"report of {NAME}", ""),
        ("sys.exit(2)", "", "diffoscope failed with status 2"),
        ("sys.exit(1)", "", "diffoscope wrote no report"),
        ("time.sleep(60)", "", "diffoscope was stopped after 1 s"),
    ],
)
def test_diffoscope(tmp_path: Path, text: str, report: str, problem: str) -> None:
    a = make_wheel(tmp_path / "a", FILES)
    b = make_wheel(tmp_path / "b", FILES, time=(*EPOCH[:3], 1, 1, 2))
    found = compare_wheels(a, b, diffoscope=program(tmp_path, text), timeout=1 if "sleep" in text else 60)
    assert (found.external, found.external_problem) == (report, problem)
    assert found.archive

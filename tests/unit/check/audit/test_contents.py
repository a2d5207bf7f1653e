"""RECORD, METADATA and WHEEL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.native_files import Pe
from support.wheel_files import (
    INFO,
    METADATA,
    VERSION,
    make_wheel,
    record_line,
    wheel_members,
    wheel_text,
    write_zip,
)

from xbuild.catalog import load_catalog
from xbuild.check.audit import audit

TAGS = "cp311-cp311-win_amd64"
MODULE = Pe(
    imports={"python311.dll": ["PyList_New"], "KERNEL32.dll": ["Sleep"]}, exports=["PyInit_demo"]
).build()
FILES = {"demo/__init__.py": b""}
"""Without a native file no parser is started: these tests are about the records alone."""
RECORD = wheel_members(TAGS, FILES)[f"{INFO}/RECORD"].decode()


def codes(folder: Path, replace: Mapping[str, bytes | None] | None = None, tags: str = TAGS) -> set[str]:
    result = audit(make_wheel(folder, tags, FILES, replace=replace), catalog=load_catalog())
    return {finding.code for finding in result.errors}


def test_right_wheel(tmp_path: Path) -> None:
    files = {**FILES, "demo/demo.cp311-win_amd64.pyd": MODULE}
    result = audit(make_wheel(tmp_path, TAGS, files), catalog=load_catalog())
    assert result.findings == ()
    assert result.ok
    assert result.target == "x86_64-pc-windows-msvc"
    assert result.interpreters == ("cp311",)
    assert result.tags == ("cp311-cp311-win_amd64",)
    body = result.as_dict()
    assert body["ok"] is True
    assert body["modules"][0]["python_symbols"] == ["PyList_New"]
    assert body["modules"][0]["reference"] == "windows dll"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (RECORD.replace("demo/__init__.py", "demo/other.py"), "record-incomplete"),
        (RECORD.split("\n", 1)[1], "record-incomplete"),
        (RECORD + "demo/ghost.py,sha256=AAAA,1\n", "record-extra"),
        (RECORD + RECORD, "record-invalid"),
        (RECORD.replace("sha256=47DEQ", "sha256=48DEQ"), "record-hash"),
        (RECORD.replace("sha256=47DEQ", "md5=47DEQ"), "record-hash"),
        (RECORD.replace(record_line("demo/__init__.py", b""), "demo/__init__.py,,\n"), "record-hash"),
        (RECORD.replace(",0\n", ",7\n"), "record-size"),
        ("one,two\n", "record-invalid"),
        ('"\0', "record-invalid"),
    ],
)
def test_record(tmp_path: Path, record: str, code: str) -> None:
    assert code in codes(tmp_path, {f"{INFO}/RECORD": record.encode()})


@pytest.mark.parametrize("name", ["RECORD", "METADATA", "WHEEL"])
def test_missing_records(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"demo-{VERSION}-{TAGS}.whl"
    members = wheel_members(TAGS, FILES)
    del members[f"{INFO}/{name}"]
    result = audit(write_zip(path, members), catalog=load_catalog())
    assert [finding.code for finding in result.findings] == ["missing-metadata"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (wheel_text("cp312-cp312-win_amd64"), "tag-mismatch"),
        (wheel_text("cp311-cp311-win_amd64.win32"), "tag-mismatch"),
        (wheel_text(TAGS, purelib="true"), "purelib"),
        (wheel_text(TAGS).replace("Wheel-Version: 1.0", "Wheel-Version: 2.0"), "wheel-version"),
        (wheel_text(TAGS) + "Build: 7\n", "build-mismatch"),
    ],
)
def test_wheel_file(tmp_path: Path, text: str, code: str) -> None:
    assert code in codes(tmp_path, {f"{INFO}/WHEEL": text.encode()})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (METADATA.replace("demo", "other"), "name-mismatch"),
        (METADATA.replace(VERSION, "9.9"), "version-mismatch"),
        (METADATA.replace(VERSION, "not a version"), "version-mismatch"),
    ],
)
def test_metadata(tmp_path: Path, text: str, code: str) -> None:
    assert code in codes(tmp_path, {f"{INFO}/METADATA": text.encode()})


MANY = ".".join(f"x{number}" for number in range(100))
HOSTILE = {
    "a tag that stands for a million": (
        "WHEEL",
        f"{wheel_text(TAGS)}Tag: {MANY}-{MANY}-{MANY}\n",
        "metadata-unreadable",
    ),
    "many tags": ("WHEEL", wheel_text(TAGS) + "Tag: a-b-c\n" * 2000, "metadata-unreadable"),
    "what is no tag": ("WHEEL", wheel_text(TAGS) + "Tag: cp'311-cp311-win_amd64\n", "metadata-unreadable"),
    "a version that is no number": (
        "METADATA",
        METADATA.replace(VERSION, "1" * 5000),
        "version-mismatch",
    ),
    "a type of a thousand comments": (
        "METADATA",
        f"{METADATA}Description-Content-Type: {'(' * 1000}\n",
        "metadata-unreadable",
    ),
    "more files than an archive may have": (
        "RECORD",
        "".join(f"{number},,\n" for number in range(30_000)),
        "record-invalid",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_costs_more_than_it_may(tmp_path: Path, what: str) -> None:
    name, text, code = HOSTILE[what]
    assert code in codes(tmp_path, {f"{INFO}/{name}": text.encode()})


def test_metadata_not_utf8(tmp_path: Path) -> None:
    assert codes(tmp_path, {f"{INFO}/METADATA": METADATA.encode() + b"Summary: \xff\n"}) == {
        "metadata-unreadable"
    }


def test_metadata_that_an_index_refuses_is_a_warning(tmp_path: Path) -> None:
    replace = {f"{INFO}/METADATA": METADATA.encode() + b"Requires-Python: what?\n"}
    result = audit(make_wheel(tmp_path, TAGS, FILES, replace=replace), catalog=load_catalog())
    found = {(finding.code, finding.severity) for finding in result.findings}
    assert found == {("metadata-invalid", "warning"), ("no-extension", "warning")}


def test_metadata_folder_of_another_project(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, TAGS, FILES)
    other = path.rename(path.with_name(f"other-{VERSION}-{TAGS}.whl"))
    found = {finding.code for finding in audit(other, catalog=load_catalog()).errors}
    assert found == {"metadata-folder", "name-mismatch"}


def test_name_that_is_not_a_wheels(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, TAGS, FILES)
    for name in (
        "demo.whl",
        f"demo-{VERSION}-{TAGS}.zip",
        f"demo-x-{TAGS}.whl",
        f"de\x1bmo-{VERSION}-{TAGS}.whl",
    ):
        result = audit(path.rename(tmp_path / name), catalog=load_catalog())
        path = tmp_path / name
        assert [finding.code for finding in result.findings] == ["bad-wheel-name"]
        assert not result.ok


def test_not_a_zip(tmp_path: Path) -> None:
    path = tmp_path / f"demo-{VERSION}-{TAGS}.whl"
    path.write_bytes(b"#!/bin/sh\necho hello\n" * 10)
    assert [finding.code for finding in audit(path, catalog=load_catalog()).findings] == ["bad-zip"]


@pytest.mark.parametrize("purelib", ["true", "false"])
def test_a_wheel_for_any_platform_may_go_where_it_likes(tmp_path: Path, purelib: str) -> None:
    wheel = f"Wheel-Version: 1.0\nGenerator: maturin\nRoot-Is-Purelib: {purelib}\nTag: py3-none-any\n"
    path = make_wheel(tmp_path, "py3-none-any", FILES, replace={f"{INFO}/WHEEL": wheel.encode()})
    assert audit(path, catalog=load_catalog()).findings == ()

"""Cargo.lock of all versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import CRATES_IO

from xbuild.errors import RefusedError
from xbuild.inspect.crate.cargo_lock import parse_lock, read_lock

SUM = "ab" * 32


def test_today() -> None:
    text = f"""
version = 4
[[package]]
name = "demo"
version = "1.0.0"
dependencies = ["itoa"]
[[package]]
name = "itoa"
version = "1.0.9+x"
source = "{CRATES_IO}"
checksum = "{SUM}"
[[package]]
name = "fork"
version = "0.1.0"
source = "git+https://example.org/fork?rev=abc#abcdef"
"""
    own, itoa, fork = parse_lock(text, where="Cargo.lock")
    assert not own.is_registry
    assert not own.is_git
    assert (itoa.folder, itoa.checksum, itoa.is_registry) == ("itoa-1.0.9+x", SUM, True)
    assert fork.is_git
    assert not fork.is_registry


def test_checksums_of_the_first_version() -> None:
    text = f"""
[[package]]
name = "itoa"
version = "1.0.9"
source = "{CRATES_IO}"
[metadata]
"checksum itoa 1.0.9 ({CRATES_IO})" = "{SUM}"
"""
    (itoa,) = parse_lock(text, where="Cargo.lock")
    assert itoa.checksum == SUM


def test_packages_of_the_first_version_without_a_checksum() -> None:
    text = f"""
[[package]]
name = "itoa"
version = "1.0.9"
source = "{CRATES_IO}"
[metadata]
"checksum itoa 1.0.9 ({CRATES_IO})" = "<none>"
"""
    (itoa,) = parse_lock(text, where="Cargo.lock")
    assert itoa.checksum == ""


@pytest.mark.parametrize("name", ["serde_json", "x", "a-b", "_own", "3d", "straße"])
@pytest.mark.parametrize("version", ["0.0.0", "1.0.9+x", "1.0.0-alpha.1", "2.0.0-rc.1+wasi-0.2.4"])
def test_names_and_versions(name: str, version: str) -> None:
    (found,) = parse_lock(f'[[package]]\nname = "{name}"\nversion = "{version}"\n', where="Cargo.lock")
    assert found.folder == f"{name}-{version}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("name", value) for value in ("../../evil", "a/b", "/etc", "..", "", "-a", "a b", "a\\n")),
        *(("version", value) for value in ("", "1", "1.0", "1.0.0/../../x", "..", "1.0.0-a/b", "1.0.0\\n")),
        *(("checksum", value) for value in ("../../evil", "ab", "AB" * 32, f"{SUM}0", "<none>")),
        ("source", "registry+https://example.org\\u0000"),
    ],
)
def test_what_becomes_a_file_name_cannot_be_a_path(key: str, value: str) -> None:
    values = {"name": "itoa", "version": "1.0.9", "source": CRATES_IO, "checksum": SUM, key: value}
    lines = [f'{name} = "{text}"' for name, text in values.items()]
    with pytest.raises(RefusedError) as caught:
        parse_lock("\n".join(["[[package]]", *lines]), where="Cargo.lock")
    assert caught.value.code == "bad-lockfile"
    assert key in caught.value.details


@pytest.mark.parametrize("key", ["name", "version", "source", "checksum"])
@pytest.mark.parametrize("value", ["3", "true", "[]", "{}", "['a']"])
def test_values_that_are_no_text(key: str, value: str) -> None:
    values = {"name": "'itoa'", "version": "'1.0.9'", "source": "'x'", key: value}
    lines = [f"{name} = {text}" for name, text in values.items()]
    with pytest.raises(RefusedError):
        parse_lock("\n".join(["[[package]]", *lines]), where="Cargo.lock")


@pytest.mark.parametrize(
    "text",
    [
        "[[package",
        "[[package]]\nname = 'x'\n",
        "package = 3\n",
        "[package]\nname = 'x'\n",
        "package = ['x']\n",
        "metadata = 3\n[[package]]\nname = 'x'\nversion = '1'\n",
        "<<<<<<< HEAD\n",
        f"a = {'[' * 5000}",
    ],
)
def test_what_cargo_never_wrote(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_lock(text, where="some/Cargo.lock")
    assert caught.value.code == "bad-lockfile"
    assert "some/Cargo.lock" in caught.value.brief


def test_empty_and_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "Cargo.lock"
    path.write_text("", "utf-8")
    assert read_lock(path) == ()
    path.write_bytes(b"\xff\xfe")
    for bad in (path, tmp_path, tmp_path / "missing"):
        with pytest.raises(RefusedError) as caught:
            read_lock(bad)
        assert caught.value.code == "bad-lockfile"

"""Cargo.lock of all versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import CRATES_IO

from xbuild.errors import RefusedError
from xbuild.project.lockfile import parse_lock, read_lock

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

"""Folders that everybody can read, and files that are written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.conditions import together, umask

from xbuild.storage.cache import size_of
from xbuild.util.files import make_folder, open_regular, remove_tree, write_whole


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_that_are_made_can_be_read_and_others_keep_their_modes(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    with umask(0o077):
        make_folder(tmp_path / "private" / "a" / "b")
    assert [mode(tmp_path / "private" / name) for name in ("", "a", "a/b")] == [0o700, 0o755, 0o755]
    make_folder(tmp_path / "private")
    assert mode(tmp_path / "private") == 0o700


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x", "utf-8")
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(OSError, match="a"):
            make_folder(folder)


def test_runs_that_make_the_same_folders(tmp_path: Path) -> None:
    for number in range(50):
        folder = tmp_path / str(number) / "a" / "b"
        assert together(*[lambda folder=folder: make_folder(folder)] * 4) == []
        assert folder.is_dir()


def test_a_file_is_replaced_and_not_edited(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"one")
    before = path.stat().st_ino
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_ends_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"x"
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, tmp_path / "missing", Path("/dev/zero")):
        with pytest.raises(OSError, match=path.name), open_regular(path):
            pass


def test_permissions(tmp_path: Path) -> None:
    with umask(0o077):
        write_whole(tmp_path / "own", b"")
        write_whole(tmp_path / "everybody's", b"", mode=0o644)
    assert (mode(tmp_path / "own"), mode(tmp_path / "everybody's")) == (0o600, 0o644)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "file", b"x")


def test_writers_of_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    bodies = [bytes([65 + number]) * 100_000 for number in range(3)]

    def work(body: bytes) -> None:
        for _ in range(20):
            write_whole(path, body)
            assert path.read_bytes() in bodies

    assert together(*[lambda body=body: work(body) for body in bodies]) == []
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_deeper_than_paths_and_calls_can_be(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2100):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    (tmp_path / "d" / "link").symlink_to(tmp_path)
    assert size_of(tmp_path / "d") > 0
    remove_tree(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []

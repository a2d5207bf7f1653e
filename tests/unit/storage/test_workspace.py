"""Folders of runs: of this one, of live ones, and of dead ones."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xbuild.errors import ExitStatus
from xbuild.storage.workspace import clear_abandoned, new_run_id, storage_error, work_folder
from xbuild.util.files import remove_tree

DYING = """
import os, sys
from pathlib import Path
from xbuild.storage.workspace import work_folder
with work_folder(Path(sys.argv[1]), "20260102T030405Z-00dead") as folder:
    (folder / "src").mkdir()
    (folder / "src" / "file").write_text("x")
    os._exit(9)
"""


OLD = "20260102T030405Z-000000"


def test_a_private_folder_that_vanishes(tmp_path: Path) -> None:
    with work_folder(tmp_path, "run") as folder:
        assert folder == tmp_path / "work" / "run"
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x", "utf-8")
    assert list((tmp_path / "work").iterdir()) == []


def test_it_vanishes_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), work_folder(tmp_path, "run"):
        raise RuntimeError
    assert list((tmp_path / "work").iterdir()) == []


def test_live_folders_are_kept_and_abandoned_ones_are_not(tmp_path: Path) -> None:
    done = subprocess.run((sys.executable, "-c", DYING, str(tmp_path)), check=False)
    assert done.returncode == 9
    assert (tmp_path / "work" / "20260102T030405Z-00dead" / "src" / "file").exists()
    with work_folder(tmp_path, "alive") as folder:
        clear_abandoned(tmp_path)
        assert folder.is_dir()
        assert {path.name for path in (tmp_path / "work").iterdir()} == {"alive", "alive.lock"}


def test_a_folder_without_a_lock_is_abandoned(tmp_path: Path) -> None:
    (tmp_path / "work" / OLD / "src").mkdir(parents=True)
    (tmp_path / "work" / "stray file").write_text("x", "utf-8")
    (tmp_path / "work" / "thesis").mkdir()
    clear_abandoned(tmp_path)
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"stray file", "thesis"}


def test_nothing_to_clear(tmp_path: Path) -> None:
    clear_abandoned(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_folders_of_whatever_modes_go(tmp_path: Path) -> None:
    inner = tmp_path / "work" / OLD / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x", "utf-8")
    inner.chmod(0o000)
    inner.parent.chmod(0o555)
    clear_abandoned(tmp_path)
    assert list((tmp_path / "work").iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(outside)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert outside.stat().st_mode & 0o777 == 0o500


def test_identifiers_sort_by_time_and_differ() -> None:
    first, again, later = new_run_id(1_700_000_000), new_run_id(1_700_000_000), new_run_id(1_700_000_001)
    assert first != again
    assert max(first, again) < later
    assert first.startswith("20231114T221320Z-")


def test_a_full_disk_is_told_from_a_forbidden_one() -> None:
    full = storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/x"))
    assert (full.code, full.exit_status) == ("disk-full", ExitStatus.BUILD_FAILED)
    assert full.brief == "the disk is full"
    assert "/cache/x" in full.details
    denied = storage_error(OSError(errno.EACCES, os.strerror(errno.EACCES), "/cache/x"))
    assert denied.code == "storage"
    assert "Permission denied" in denied.details

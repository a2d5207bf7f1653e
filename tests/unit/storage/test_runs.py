"""Folders of runs: their retention, and that no run loses its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from calendar import timegm
from pathlib import Path

import pytest
from filelock import FileLock
from support.fakes import LINUX
from support.workshop import Workshop

from xbuild.errors import ExitStatus
from xbuild.storage.cache import size_of
from xbuild.storage.runs import Retention, amount, prune, run_folder, run_folders

DAY = 86_400.0
NOW = float(timegm((2026, 1, 31, 12, 0, 0)))
FOREVER = Retention(max_age=None, max_size=None)
DYING = """
import os, sys
from pathlib import Path
from xbuild.storage.runs import run_folder
with run_folder(Path(sys.argv[1]), sys.argv[2]):
    os._exit(9)
"""


def name(day: int) -> str:
    """A run that began at noon of a day of January 2026."""
    return f"202601{day:02}T120000Z-0000{day:02}"


def left(runs: Path, *days: int, size: int = 10_000) -> None:
    for day in days:
        folder = runs / name(day)
        folder.mkdir(parents=True)
        (folder / "run.jsonl").write_bytes(b"x" * size)


def days(runs: Path) -> list[int]:
    return [int(folder.name[6:8]) for folder in run_folders(runs)]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    left(tmp_path, 1, 20, 21, 30)
    removed = prune(tmp_path, Retention(max_age=10 * DAY, max_size=None), now=NOW)
    assert days(tmp_path) == [21, 30]
    assert removed.entries == 2
    assert removed.size >= 20_000
    assert {path.name for path in tmp_path.iterdir()} <= {name(21), name(30), "gate.lock"}


def test_the_oldest_of_too_much_go(tmp_path: Path) -> None:
    left(tmp_path, 1, 2, 3, 4)
    one = size_of(tmp_path / name(1))
    assert prune(tmp_path, Retention(max_age=None, max_size=2 * one), now=NOW).entries == 2
    assert days(tmp_path) == [3, 4]
    assert amount(tmp_path).size == 2 * one


def test_without_limits_all_is_kept(tmp_path: Path) -> None:
    left(tmp_path, 1, 2)
    assert prune(tmp_path, FOREVER, now=NOW + 10_000 * DAY).entries == 0
    assert days(tmp_path) == [1, 2]


def test_the_latest_run_is_kept_whatever_it_is(tmp_path: Path) -> None:
    left(tmp_path, 1, 2)
    prune(tmp_path, Retention(max_age=1, max_size=1), now=NOW)
    assert days(tmp_path) == [2]


def test_a_run_that_is_going_on_is_kept_until_it_ends(tmp_path: Path) -> None:
    strictest = Retention(max_age=1, max_size=1)
    with run_folder(tmp_path, name(1)) as folder:
        (folder / "run.jsonl").write_text("begun", "utf-8")
        left(tmp_path, 2)
        prune(tmp_path, strictest, now=NOW)
        assert (folder / "run.jsonl").read_text("utf-8") == "begun"
    assert days(tmp_path) == [1, 2]
    prune(tmp_path, strictest, now=NOW)
    assert days(tmp_path) == [2]


def test_a_run_that_was_killed_counts_as_ended(tmp_path: Path) -> None:
    done = subprocess.run((sys.executable, "-c", DYING, str(tmp_path), name(1)), check=False)
    assert done.returncode == 9
    left(tmp_path, 2)
    prune(tmp_path, Retention(max_age=1, max_size=None), now=NOW)
    assert days(tmp_path) == [2]
    assert not list(tmp_path.glob("2*.lock"))


def test_no_folder_is_made_while_others_are_removed(tmp_path: Path) -> None:
    made = threading.Event()

    def begin() -> None:
        with run_folder(tmp_path, name(3)):
            made.set()

    with FileLock(tmp_path / "gate.lock"):
        other = threading.Thread(target=begin)
        other.start()
        assert not made.wait(0.2)
        assert not (tmp_path / name(3)).exists()
    other.join()
    assert made.is_set()


def test_runs_and_prunings_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    lost: list[str] = []

    def work(day: int) -> None:
        with run_folder(tmp_path, name(day)) as folder:
            prune(tmp_path, Retention(max_age=1, max_size=1), now=NOW)
            try:
                (folder / "run.jsonl").write_text("x", "utf-8")
            except OSError as error:
                lost.append(str(error))

    threads = [threading.Thread(target=work, args=(day,)) for day in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []


def test_what_is_no_run_stays(tmp_path: Path) -> None:
    left(tmp_path, 5)
    (tmp_path / "thesis").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / name(1)).symlink_to(elsewhere)
    impossible = tmp_path / "20269999T999999Z-000000"
    impossible.mkdir()
    os.utime(impossible, (0, 0))
    prune(tmp_path, Retention(max_age=1, max_size=None), now=NOW)
    assert {path.name for path in tmp_path.iterdir()} - {"gate.lock"} == {
        "thesis",
        "elsewhere",
        name(1),
        impossible.name,
    }


def test_what_a_killed_pruning_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".trash-00ff" / "deep").mkdir(parents=True)
    prune(tmp_path, FOREVER, now=NOW)
    assert not (tmp_path / ".trash-00ff").exists()


def test_no_runs_at_all(tmp_path: Path) -> None:
    assert prune(tmp_path / "nothing", FOREVER, now=NOW).entries == amount(tmp_path / "nothing").entries == 0
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(("max_age", "there"), [("1d", False), ("", True)])
def test_a_build_removes_what_earlier_ones_left(tmp_path: Path, max_age: str, *, there: bool) -> None:
    shop = Workshop(tmp_path)
    runs = shop.settings.state_dir / "runs"
    left(runs, 1)
    kept = shop.settings.runs.model_validate({"max_age": max_age})
    shop.settings = shop.settings.model_copy(update={"runs": kept})
    assert shop.build(shop.request(LINUX)) == ExitStatus.OK
    assert (runs / name(1)).exists() is there
    assert len(run_folders(runs)) == 1 + there
    assert not list(runs.glob("2*.lock"))

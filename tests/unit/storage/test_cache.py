"""What the cache holds, and its cleaning beside runs that use it."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock
from support.cli_runner import Ended, xbuild
from support.fakes import LINUX, WINDOWS, Command
from support.workshop import Workshop

from xbuild.engine import ExecResult
from xbuild.errors import ExitStatus
from xbuild.storage.cache import ROOMS, active_runs, amounts, clean, entries, size_of
from xbuild.storage.runs import run_folders
from xbuild.storage.workspace import gate, work_folder
from xbuild.util.files import remove_tree

RUN = "20260102T030405Z-00a1b2"
LONG_AGO = 1_000_000_000.0
"""A time before every test, in seconds since the Unix epoch."""


class Place(Workshop):
    """A workshop whose cache is what a run left."""

    @property
    def cache(self) -> Path:
        return self.settings.cache_dir

    def run(self, *triples: str) -> None:
        assert self.build(self.request(*triples)) == ExitStatus.OK

    def age(self) -> None:
        """Let everything in the cache be of long ago."""
        for path in self.cache.rglob("*"):
            os.utime(path, (LONG_AGO, LONG_AGO))

    def counts(self) -> dict[str, int]:
        return {amount.room: amount.entries for amount in amounts(self.cache) if amount.entries}

    def cached(self, *words: str) -> Ended:
        folders = {
            "XBUILD_CACHE_DIR": str(self.cache),
            "XBUILD_STATE_DIR": str(self.settings.state_dir),
        }
        return xbuild("cache", *words, environ=folders)


FULL = {"crates": 1, "config": 1, "vendor": 1, "details": 2, "target": 2}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.run(LINUX, WINDOWS)
    assert made.counts() == FULL
    return made


def test_sizes_are_what_the_file_system_gave(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(os.urandom(100_000))
    (tmp_path / "outside").write_bytes(os.urandom(1_000_000))
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "outside")
    assert 100_000 <= size_of(tmp_path / "folder") < 200_000
    assert size_of(tmp_path / "nothing") == 0


def test_links_are_no_entries(place: Place) -> None:
    (place.cache / "vendor" / "link").symlink_to(place.project)
    assert place.counts() == FULL
    clean(place.cache)
    assert (place.project / "Cargo.toml").is_file()


def test_what_was_used_lately_stays(place: Place) -> None:
    assert clean(place.cache, before=LONG_AGO + 1).removed == ()
    assert place.counts() == FULL


def test_what_was_not_used_for_long_goes(place: Place) -> None:
    place.age()
    cleaned = clean(place.cache, before=LONG_AGO + 1)
    assert {amount.room: amount.entries for amount in cleaned.removed} == FULL
    assert all(amount.size > 0 for amount in cleaned.removed if amount.room != "target")
    assert (cleaned.runs, cleaned.busy) == ((), ())
    assert place.counts() == {}
    assert not list((place.cache / "trash").iterdir())
    place.run(LINUX, WINDOWS)
    assert place.counts() == FULL


def test_a_run_uses_what_it_uses(place: Place) -> None:
    place.age()
    place.run(LINUX)
    clean(place.cache, before=LONG_AGO + 1)
    assert place.counts() == {**FULL, "details": 1, "target": 1}
    (kept,) = entries(place.cache, next(room for room in ROOMS if room.name == "target"))
    assert kept.name.startswith(LINUX)


def test_a_target_directory_in_use_stays(place: Place) -> None:
    (kept, other) = entries(place.cache, next(room for room in ROOMS if room.name == "target"))
    with FileLock(f"{kept}.lock"):
        cleaned = clean(place.cache)
    assert kept.is_dir()
    assert not other.exists()
    assert cleaned.busy == (kept.relative_to(place.cache).as_posix(),)


def test_runs_that_are_going_on_keep_their_crates(place: Place) -> None:
    place.age()
    with work_folder(place.cache, RUN) as folder:
        cleaned = clean(place.cache)
        assert folder.is_dir()
    assert cleaned.runs == (RUN,)
    assert [amount.room for amount in cleaned.removed] == ["target"]
    assert place.counts() == {room: count for room, count in FULL.items() if room != "target"}


def test_cleaning_in_mid_build_hurts_nothing(place: Place) -> None:
    good = place.maturin
    seen: list[bool] = []

    def play(command: Command) -> int | ExecResult:
        clean(place.cache)
        source = command.container.mount("/vendor").source
        target = command.container.mount("/target").source
        seen.append(bool(source and (source / "config.toml").is_file() and target and target.is_dir()))
        return good(command)

    place.engine.on("maturin", play)
    place.run(LINUX)
    assert seen == [True]


def test_no_run_begins_while_the_gate_is_held(tmp_path: Path) -> None:
    tmp_path.joinpath("work").mkdir()
    begun = threading.Event()

    def run() -> None:
        with work_folder(tmp_path, RUN):
            begun.set()

    thread = threading.Thread(target=run)
    with gate(tmp_path):
        thread.start()
        assert not begun.wait(0.3)
        assert active_runs(tmp_path) == ()
    assert begun.wait(10)
    thread.join()


def test_what_killed_runs_and_cleanings_left_goes(place: Place) -> None:
    (place.cache / "work" / RUN).mkdir()
    (place.cache / "work" / RUN / "file").write_bytes(b"x")
    (place.cache / "work" / f"{RUN}.lock").touch()
    (place.cache / "trash" / ("0" * 16) / "vendor").mkdir(parents=True)
    clean(place.cache, before=LONG_AGO)
    assert list((place.cache / "work").iterdir()) == []
    assert list((place.cache / "trash").iterdir()) == []


def test_what_killed_runs_were_writing_goes(place: Place) -> None:
    end = "0a" * 8
    names = (f"store/crates/ab/.ab.crate.{end}", f"store/config/.c.toml.{end}", f"store/git/.g.tar.{end}")
    unfinished = [
        place.cache / name for name in (*names, f"details/.d.json.{end}", "store/turns/ab/old/lib.rs")
    ]
    (digest,) = (place.cache / "vendor").iterdir()
    unfinished.append(digest / f".config.toml.{end}")
    for path in unfinished:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    with work_folder(place.cache, RUN):
        clean(place.cache, before=LONG_AGO)
    assert all(path.is_file() for path in unfinished)
    clean(place.cache, before=LONG_AGO)
    assert not any(path.exists() for path in unfinished)
    assert not list((place.cache / "trash").iterdir())
    assert place.counts() == FULL


def test_two_cleanings_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    (tmp_path / "vendor" / ("a" * 64)).mkdir(parents=True)
    problems: list[BaseException] = []

    def clear() -> None:
        try:
            clean(tmp_path)
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=clear)
    with gate(tmp_path):
        thread.start()
        time.sleep(0.2)
        # What a cleaning does that holds the gate
        for path in (tmp_path / "trash").glob("*"):
            remove_tree(path)
    thread.join()
    assert problems == []
    assert not list((tmp_path / "vendor").iterdir())


def test_files_that_are_not_the_caches_stay(place: Place) -> None:
    names = ("state/runs/one", "work/thesis", "vendor/lib", "trash/letters", "target/release/deps")
    for name in names:
        (place.cache / name).mkdir(parents=True)
        (place.cache / name).with_suffix(".lock").touch()
    clean(place.cache)
    place.run(LINUX)
    assert all((place.cache / name).is_dir() for name in names)
    assert all((place.cache / name).with_suffix(".lock").is_file() for name in names)


def test_no_cache_at_all(tmp_path: Path) -> None:
    assert clean(tmp_path / "nothing").removed == ()
    assert sum(amount.entries for amount in amounts(tmp_path / "nothing")) == 0
    assert not (tmp_path / "nothing").exists()


# The command


def test_the_command_shows_what_there_is(place: Place) -> None:
    text = place.cached("du").out
    assert "unpacked crates of each Cargo.lock" in text
    assert str(place.cache) in text.replace("\n", "")
    body = json.loads(place.cached("du", "--json").out)
    assert {room["room"]: room["entries"] for room in body["rooms"] if room["entries"]} == {**FULL, "runs": 1}
    assert body["runs_folder"] == str(place.settings.state_dir / "runs")
    assert body["total_size"] == sum(room["size"] for room in body["rooms"])


def test_the_command_removes_what_is_old(place: Place) -> None:
    assert "0 B removed" in place.cached("gc").out
    assert place.counts() == FULL
    old = time.time() - 31 * 86_400
    for path in (place.cache / "vendor").iterdir():
        os.utime(path, (old, old))
    (place.settings.state_dir / "runs" / RUN).mkdir()
    body = json.loads(place.cached("gc", "--older", "30d", "--json").out)
    assert [(amount["room"], amount["entries"]) for amount in body["removed"]] == [("vendor", 1), ("runs", 1)]
    assert not (place.settings.state_dir / "runs" / RUN).exists()


def test_the_command_removes_everything(place: Place) -> None:
    with work_folder(place.cache, RUN):
        text = place.cached("clear").out
        assert "crates are kept" in text
        assert RUN in text
    assert place.cached("clear").status == ExitStatus.OK
    assert place.counts() == {}
    assert len(run_folders(place.settings.state_dir / "runs")) == 1


def test_an_age_that_is_none(place: Place) -> None:
    ended = place.cached("gc", "--older", "yesterday")
    assert (ended.status, ended.code) == (ExitStatus.USAGE, "bad-setting")
    assert place.counts() == FULL

"""The folders of runs in the state directory, each with the run's logs and report, and their retention.

A run holds a lock beside its folder while it writes there; the kernel lets go of it where the process is
killed. Whoever makes or removes a folder holds the gate, so that a folder without a held lock is of an
ended run. What a run left cannot be made again: only age and size remove it, and the latest run stays.
docs/decisions/0017-runs-hold-locks.md has the alternatives.
"""

from __future__ import annotations

import calendar
import math
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from xbuild.storage.cache import Amount, size_of
from xbuild.storage.workspace import RUNS
from xbuild.util.files import remove_tree

PURPOSE = "logs and reports of runs"
_TRASH = ".trash-"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long runs are kept, and how much of them.

    :ivar max_age: seconds since a run began; ``None`` for no end.
    :ivar max_size: bytes of all runs together, of which the oldest go first; ``None`` for any number.
    """

    max_age: float | None
    max_size: int | None


@contextmanager
def run_folder(runs: Path, run: str) -> Iterator[Path]:
    """The folder of a run, which nobody removes until the context ends. It stays.

    :raises OSError: it cannot be made.
    """
    runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _lock_of(runs / run)
    with ExitStack() as stack:
        with _gate(runs):
            stack.enter_context(FileLock(lock))
            (runs / run).mkdir(exist_ok=True, mode=0o700)
        try:
            yield runs / run
        finally:
            lock.unlink(missing_ok=True)


def run_folders(runs: Path) -> list[Path]:
    """The folders of all runs, the oldest first. What others keep there is none."""
    return sorted(path for path in runs.glob(RUNS) if path.is_dir() and not path.is_symlink())


def amount(runs: Path) -> Amount:
    """How much of runs there is."""
    return _amount(run_folders(runs))


def prune(runs: Path, retention: Retention, *, now: float) -> Amount:
    """Remove runs that are too old, and the oldest of too many. The latest, and those going on, stay.

    :param now: seconds since the Unix epoch.
    :raises OSError: the folder cannot be written.
    """
    if not runs.is_dir():
        return _amount([])
    with _gate(runs):
        # What killed prunings left, or others are removing; nothing is added to it without the gate
        trash = list(runs.glob(f"{_TRASH}*"))
        moved = [found for path in _surplus(runs, retention, now) if (found := _discard(path))]
        for lock in runs.glob(f"{RUNS}.lock"):
            _clear_lock(lock)
    removed = _amount(moved)
    for path in (*moved, *trash):
        remove_tree(path)
    return removed


def _surplus(runs: Path, retention: Retention, now: float) -> list[Path]:
    """The runs that are not to be kept, whether or not they are going on."""
    found: list[Path] = []
    kept = 0
    for number, folder in enumerate(reversed(run_folders(runs))):
        size = size_of(folder)
        too_old = retention.max_age is not None and now - _began(folder) > retention.max_age
        too_much = retention.max_size is not None and kept + size > retention.max_size
        if number and (too_old or too_much):
            found.append(folder)
        else:
            kept += size
    return found


def _began(folder: Path) -> float:
    """When a run began, by its name; that is what :func:`xbuild.storage.workspace.new_run_id` gave it."""
    try:
        return calendar.timegm(time.strptime(folder.name.partition("-")[0], _STAMP))
    except ValueError:
        # Digits that are no date: nothing says that it is old
        return math.inf


def _discard(folder: Path) -> Path | None:
    """Move a run's folder away, which is quick; ``None`` where the run is going on. Needs the gate."""
    try:
        with FileLock(_lock_of(folder), timeout=0):
            return folder.rename(folder.with_name(f"{_TRASH}{secrets.token_hex(8)}"))
    except Timeout:
        return None


def _clear_lock(lock: Path) -> None:
    """Remove the lock of a run that no longer holds it. Needs the gate."""
    try:
        with FileLock(lock, timeout=0):
            lock.unlink(missing_ok=True)
    except Timeout:
        return


def _amount(folders: list[Path]) -> Amount:
    size = sum(map(size_of, folders))
    return Amount(room="runs", purpose=PURPOSE, entries=len(folders), size=size)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _gate(runs: Path) -> FileLock:
    return FileLock(runs / "gate.lock")

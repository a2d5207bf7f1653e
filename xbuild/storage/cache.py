"""What the cache holds, and its cleaning. Everything in it can be fetched or made again.

Two rules keep runs and cleaning apart. A run takes its own lock while it holds the gate for a moment, so that
whoever holds the gate sees every run that is going on, and no other begins. And what any run may be about to
use, such as crates, is only removed while no run is going on; a target directory has a lock of its own
(docs/decisions/0017-runs-hold-locks.md).

Whoever names a folder as the cache may have other things in it: entries are known by their whole names.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from xbuild.storage.workspace import RUNS, clear_abandoned, gate
from xbuild.util.files import remove_tree

_TRASH = "trash"
_HEX = "[0-9a-f]"
_UNFINISHED = (
    "store/turns",
    *(f"{room}/.*.{_HEX * 16}" for room in ("store/*", "store/crates/*", f"vendor/{_HEX * 64}", "details")),
)
"""What is being unpacked, and what :func:`xbuild.util.files.write_whole` has not put in its place yet."""
_BLOCK = 512
"""Bytes of the unit that ``st_blocks`` counts in (stat(2))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One kind of thing in the cache.

    :ivar pattern: where its entries are, below the cache.
    :ivar beside: suffixes of files that belong to an entry and go with it.
    :ivar locked: an entry's name with ``.lock`` is a lock that its user holds, and touched when it took it.
    :ivar shared: any run may be about to use its entries.
    """

    name: str
    purpose: str
    pattern: str
    beside: tuple[str, ...] = ()
    locked: bool = False
    shared: bool = False


ROOMS = (
    Room(name="crates", purpose="downloaded crates", pattern="store/crates/*/*.crate", shared=True),
    Room(
        name="git",
        purpose="crates of git repositories",
        pattern="store/git/*.tar",
        beside=(".sha256",),
        shared=True,
    ),
    Room(name="config", purpose="cargo's sources of crates", pattern="store/config/*.toml", shared=True),
    Room(
        name="vendor",
        purpose="unpacked crates of each Cargo.lock",
        pattern=f"vendor/{_HEX * 64}",
        shared=True,
    ),
    Room(name="details", purpose="what cargo says of crates", pattern="details/*.json", shared=True),
    Room(
        name="target",
        purpose="target directories to go on in",
        pattern=f"target/*-{_HEX * 16}/*",
        locked=True,
    ),
    Room(name="work", purpose="private folders of runs", pattern=f"work/{RUNS}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of a room there is, or was removed. Sizes in bytes, as the file system allocates them."""

    room: str
    purpose: str
    entries: int
    size: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"room": self.room, "purpose": self.purpose, "entries": self.entries, "size": self.size}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What a cleaning did.

    :ivar runs: runs that were going on. Rooms that they share were left alone.
    :ivar busy: entries that somebody was using, below the cache.
    """

    removed: tuple[Amount, ...]
    runs: tuple[str, ...]
    busy: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "schema": "xbuild.cache-cleaned/1",
            "removed": [amount.as_dict() for amount in self.removed],
            "runs": list(self.runs),
            "busy": list(self.busy),
        }


def amounts(cache: Path) -> tuple[Amount, ...]:
    """What the cache holds, room by room. Links are not followed."""
    return tuple(
        _amount(room, [path for entry in entries(cache, room) for path in _parts(entry, room)])
        for room in ROOMS
    )


def _amount(room: Room, paths: list[Path]) -> Amount:
    count = sum(1 for path in paths if path.suffix not in room.beside)
    return Amount(
        room=room.name, purpose=room.purpose, entries=count, size=sum(size_of(path) for path in paths)
    )


def entries(cache: Path, room: Room) -> Iterator[Path]:
    """The entries of a room: files where the pattern says a suffix, else folders."""
    wants_files = Path(room.pattern).suffix != ""
    for path in sorted(cache.glob(room.pattern)):
        if not path.is_symlink() and (path.is_file() if wants_files else path.is_dir()):
            yield path


def _parts(entry: Path, room: Room) -> Iterator[Path]:
    yield entry
    for suffix in room.beside:
        companion = entry.with_suffix(suffix)
        if companion.is_file():
            yield companion


def size_of(path: Path) -> int:
    """The bytes that are allocated for a file, or a folder and all in it; nothing for what is not there."""
    total = _allocated(path)
    waiting = [path] if path.is_dir() and not path.is_symlink() else []
    # Not os.walk, which calls itself for each level: a build can make more levels than Python allows
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                total += _allocated(Path(entry.path))
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
    return total


def _allocated(path: Path) -> int:
    try:
        return path.lstat().st_blocks * _BLOCK
    except OSError:
        return 0


def clean(cache: Path, *, before: float | None = None) -> Cleaned:
    """Remove what killed runs left, and what was last used before a time and is not in use.

    :param before: seconds since the Unix epoch; ``None`` for everything that is not in use.
    :raises OSError: the cache cannot be written.
    """
    if not cache.is_dir():
        return Cleaned(removed=(), runs=(), busy=())
    clear_abandoned(cache)
    trash = cache / _TRASH / secrets.token_hex(8)
    with gate(cache):
        # Not before: a cleaning that holds the gate removes all that others left there
        trash.mkdir(parents=True)
        # What other cleanings left; nothing is added to it, because that takes the gate
        left = [path for path in trash.parent.glob(_HEX * 16) if path != trash]
        runs = active_runs(cache)
        # Only renamed while runs wait at the gate; removing takes its time
        rooms = [room for room in ROOMS if room.name != "work" and not (room.shared and runs)]
        busy = [
            entry.relative_to(cache).as_posix()
            for room in rooms
            for entry in entries(cache, room)
            if not _discard(entry, room, trash / room.name, before)
        ]
        for path in () if runs else _unfinished(cache):
            path.rename(trash / secrets.token_hex(8))
    removed = [_amount(room, list((trash / room.name).glob("*"))) for room in ROOMS]
    for path in (trash, *left):
        remove_tree(path)
    return Cleaned(removed=tuple(amount for amount in removed if amount.entries), runs=runs, busy=tuple(busy))


def _unfinished(cache: Path) -> list[Path]:
    """What runs were writing, which no run is going to finish when none is going on."""
    return [path for pattern in _UNFINISHED for path in cache.glob(pattern)]


def _discard(entry: Path, room: Room, trash: Path, before: float | None) -> bool:
    """Move an entry away if it is old enough; whether that could be said and done."""
    with ExitStack() as stack:
        if room.locked:
            try:
                stack.enter_context(FileLock(_lock_of(entry), timeout=0))
            except Timeout:
                return False
        if before is None or last_used(entry, room) < before:
            trash.mkdir(exist_ok=True)
            name = secrets.token_hex(8)
            for path in _parts(entry, room):
                path.rename(trash / f"{name}{path.suffix if path.is_file() else ''}")
    return True


def _lock_of(entry: Path) -> Path:
    return entry.with_name(f"{entry.name}.lock")


def last_used(entry: Path, room: Room) -> float:
    """When a run last used an entry, in seconds since the Unix epoch."""
    lock = _lock_of(entry)
    return (lock if room.locked and lock.is_file() else entry).stat().st_mtime


def active_runs(cache: Path) -> tuple[str, ...]:
    """The runs that are going on. Complete while the caller holds the gate."""
    found = []
    for lock in sorted((cache / "work").glob(f"{RUNS}.lock")):
        try:
            with FileLock(lock, timeout=0):
                lock.unlink(missing_ok=True)
        except Timeout:
            found.append(lock.stem)
    return tuple(found)

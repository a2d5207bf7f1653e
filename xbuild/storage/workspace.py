"""Folders of a run: private ones that vanish with it, and what is left of runs that were killed."""

from __future__ import annotations

import errno
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xbuild.errors import StorageError
from xbuild.util.files import remove_tree

RUNS = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z-{'[0-9a-f]' * 6}"
"""Matches what :func:`new_run_id` gives, and nothing that others keep in a folder of that name."""
_FULL = {errno.ENOSPC, errno.EDQUOT}


def new_run_id(now: float) -> str:
    """A name that sorts by time and that no other run has."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}-{secrets.token_hex(3)}"


def gate(cache: Path) -> FileLock:
    """What runs pass when they begin: whoever holds it knows all runs that use the cache."""
    return FileLock(cache / "gate.lock")


@contextmanager
def work_folder(cache: Path, run: str) -> Iterator[Path]:
    """A private folder for a run. Its lock tells others that it is in use, and that the run is going on."""
    root = cache / "work"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / run
    with ExitStack() as stack:
        with gate(cache):
            stack.enter_context(FileLock(root / f"{run}.lock"))
        folder.mkdir(mode=0o711)
        try:
            yield folder
        finally:
            remove_tree(folder)
            (root / f"{run}.lock").unlink(missing_ok=True)


def clear_abandoned(cache: Path) -> None:
    """Remove the folders of runs that no longer hold their lock."""
    root = cache / "work"
    for folder in list(root.glob(RUNS)):
        if not folder.is_dir():
            continue
        lock_path = root / f"{folder.name}.lock"
        try:
            with FileLock(lock_path, timeout=0):
                remove_tree(folder)
                lock_path.unlink(missing_ok=True)
        except Timeout:
            continue


def forget_work(cache: Path, run: str) -> None:
    """Remove what a run of this process keeps while it goes on, where it does not come to its end."""
    root = cache / "work"
    remove_tree(root / run)
    (root / f"{run}.lock").unlink(missing_ok=True)


def storage_error(error: OSError) -> StorageError:
    """What the file system's refusal means for the user."""
    full = error.errno in _FULL
    todo = "make room there, or name" if full else "check the permissions there, or name"
    return StorageError(
        "the disk is full" if full else "a file cannot be read or written",
        details=f"{error.filename or 'a file'}: {error.strerror or error}",
        hint=f"{todo} other folders (settings: cache_dir, state_dir, out)",
        code="disk-full" if full else "storage",
        retryable=full,
    )

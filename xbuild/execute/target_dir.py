"""The folder that cargo compiles in: a fresh one, or one kept between runs as far as it can be believed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from xbuild.plan.model import Job
from xbuild.util.files import mark_used, remove_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDirs:
    """Gives jobs their target directories.

    :ivar kept: folder for those that outlive the run, or ``None`` where all are fresh.
    :ivar work: private folder of the run, for fresh ones.
    :ivar source: the snapshot, whose files are touched where cargo would take older ones for up to date.
    :ivar source_digest: what identifies the snapshot's contents.
    :ivar lock_digest: what identifies the unpacked crates.
    """

    kept: Path | None
    work: Path
    source: Path
    source_digest: str
    lock_digest: str

    @contextmanager
    def use(self, job: Job, *, complete: Callable[[], bool]) -> Iterator[tuple[Path, bool]]:
        """The job's target directory, and whether an earlier run left something in it.

        The kept one belongs to one run at a time; a run that finds it taken gets a fresh one.

        :param complete: whether the job has been built to its end, asked when it ends.
        """
        kept = self.kept / f"{job.target.triple}-{_file_name(job.image)}" if self.kept else None
        lock = _lock(kept) if kept else None
        if kept is None or lock is None:
            fresh = self.work / f"target-{job.id}"
            try:
                yield fresh, False
            finally:
                remove_tree(fresh)
            return
        try:
            self._keep_apart(kept, job, now=Path(lock.lock_file).stat().st_mtime_ns)
            warm = kept.is_dir()
            with self._noted(kept, job, complete):
                yield kept, warm
        finally:
            lock.release()

    def _keep_apart(self, kept: Path, job: Job, *, now: int) -> None:
        """Empty a kept target directory of other crates, of another sysroot, or of a time to come.

        Each build script can write to all of it, and cargo believes what it finds there: crates that are no
        longer among the dependencies would go on having a say. It does not see that a sysroot is another. And
        where the clock was set back, it takes for up to date whatever was compiled before that.

        :param now: nanoseconds since the epoch, as the file system has it.
        """
        note = kept.with_name(f"{kept.name}.crates")
        crates = hashlib.sha256(
            f"{self.lock_digest} {_sysroot_fingerprint(job.sysroot)}".encode()
        ).hexdigest()
        same = note.is_file() and note.read_text("utf-8") == crates
        is_folder = kept.is_dir() and not kept.is_symlink()
        if not (is_folder and same and _newest(kept) <= now):
            remove_tree(kept)
            if not is_folder:
                kept.unlink(missing_ok=True)
        note.write_text(crates, "utf-8")

    @contextmanager
    def _noted(self, kept: Path, job: Job, complete: Callable[[], bool]) -> Iterator[None]:
        """Note beside a kept target directory what it was made of, so that cargo compiles anew what changed.

        cargo goes by modification times: it would keep what it made of other sources, where these are newer
        than the ones at hand (an older release that was unpacked, a file that was moved back).
        """
        note = kept.with_name(f"{kept.name}.made-of")
        made_of = _made_of(job, self.source_digest)
        if not note.is_file() or note.read_text("utf-8") != made_of:
            note.unlink(missing_ok=True)
            if kept.is_dir():
                _touch(self.source)
        yield
        # A part of it may be of the sources before, where it was not built to its end
        if complete():
            note.write_text(made_of, "utf-8")


def _lock(kept: Path) -> FileLock | None:
    """The lock on a kept target directory, taken; or ``None`` where another run has it."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(kept.with_name(f"{kept.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    mark_used(Path(lock.lock_file))
    return lock


def _file_name(image: str) -> str:
    """A digest in short, or the reference of an image of the user's own as a file name."""
    kind, _, digest = image.partition("sha256:")
    return re.sub(r"[^A-Za-z0-9_.-]", "-", image) if kind or not digest else digest[:12]


def _made_of(job: Job, source_digest: str) -> str:
    """What identifies everything of this project that goes into a target directory."""
    return hashlib.sha256(repr((source_digest, sorted(job.env.items()))).encode()).hexdigest()


def _sysroot_fingerprint(sysroot: str | None) -> str:
    """What tells one state of a sysroot of the caller's own from another: names, sizes and times."""
    if not sysroot:
        return ""
    state = hashlib.sha256(sysroot.encode())
    for where, folders, names in os.walk(sysroot):
        folders.sort()
        for name in sorted(names):
            status = (Path(where) / name).lstat()
            state.update(f"{where}/{name} {status.st_size} {status.st_mtime_ns}\n".encode("utf-8", "replace"))
    return state.hexdigest()


def _newest(folder: Path) -> int:
    """Modification time of the newest file, in nanoseconds since the epoch; 0 where there is none."""
    newest = 0
    for where, _, names in os.walk(folder):
        for name in names:
            # A container whose xbuild was killed may just be going
            with suppress(FileNotFoundError):
                newest = max(newest, (Path(where) / name).lstat().st_mtime_ns)
    return newest


def _touch(folder: Path) -> None:
    """Make every file of a copy as new as this moment."""
    for where, _, names in os.walk(folder):
        for name in names:
            os.utime(Path(where) / name, follow_symlinks=False)

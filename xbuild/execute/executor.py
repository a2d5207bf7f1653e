"""Runs a plan: one container for each job, its steps in sequence, jobs in parallel."""

from __future__ import annotations

import hashlib
import os
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from xbuild.check.audit import AuditResult
from xbuild.collect.collect import Collected, collect_directory, collect_stream
from xbuild.engine import Container, ContainerSpec, Engine, ExecResult, Mount
from xbuild.engine.layout import OUT, SRC, TARGET_DIR, USER_SYSROOT, VENDOR
from xbuild.engine.transport import Transport, tar_tree
from xbuild.errors import ArtifactError, EngineError, XbuildError
from xbuild.events import Event, JobStatus, Notice, Output, PhaseStarted, Progress, Stream
from xbuild.execute.diagnosis import Finder, Scene, build_platform, hint_of, is_known
from xbuild.execute.outcome import StepReport
from xbuild.plan.planner import Job, Step
from xbuild.util.files import mark_used, remove_tree

_COMPILING = re.compile(r"^\s*(?:Compiling|Fresh) (?P<crate>\S+) v")
_ENGINE_PATIENCE = 15.0
"""Seconds for an engine to come back: a restart takes one or two, and stopping containers up to ten."""
_STOPPING: tuple[JobStatus, ...] = ("interrupted", "timeout", "out-of-memory")
_STATUS_OF_ARTIFACT = {"bad-wheel": "check-failed", "no-wheel": "failed", "cannot-write": "failed"}
_LAST_STATUSES = {*_STOPPING, "refused-output"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Where a run's files are on this machine.

    :ivar source: the snapshot.
    :ivar source_digest: what identifies the snapshot's contents.
    :ivar lock_digest: what identifies the unpacked crates.
    :ivar vendor: the folder with cargo's configuration and the unpacked crates.
    :ivar work: private folder of the run.
    :ivar target_cache: folder for target directories that outlive the run, or ``None`` for fresh ones.
    :ivar destination: where wheels go.
    """

    source: Path
    vendor: Path
    work: Path
    target_cache: Path | None
    destination: Path
    source_digest: str = ""
    lock_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """How a job ended.

    :ivar attempts: 2 where the engine went away in the middle and came back.
    """

    job: Job
    status: JobStatus
    seconds: float
    steps: tuple[StepReport, ...]
    collected: tuple[Collected, ...]
    warm: bool
    attempts: int = 1
    reason: str = ""

    @property
    def hint(self) -> str:
        """The ways out that its steps know."""
        return "\n".join(dict.fromkeys(step.hint for step in self.steps if step.hint))


@dataclass(slots=True)
class _Done:
    """What a job has done so far, in all its attempts."""

    warm: bool = False
    seconds: float = 0.0
    """What its commands took, which the time limit counts."""
    steps: list[StepReport] = field(default_factory=list)
    collected: list[Collected] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Runs jobs.

    :ivar user: ``uid:gid`` of the build containers.
    :ivar packages: how many crates a build may compile, for progress.
    :ivar validate: the static audit of a wheel.
    :ivar stopping: whether the run was interrupted.
    """

    engine: Engine
    transport: Transport
    rooms: Rooms
    user: str
    labels: Mapping[str, str]
    run: str
    runtime: str
    packages: int
    emit: Callable[[Event], None]
    clock: Callable[[], float]
    validate: Callable[[Path], AuditResult]
    stopping: Callable[[], bool]

    def execute(self, job: Job) -> JobOutcome:
        """Run one job to its end. A failed build is a result, never an exception.

        Where the engine goes away in the middle, and is back soon, what is left of the job is run once more.
        """
        started = time.monotonic()
        done = _Done()
        attempts = 1
        error = self._attempt(job, done)
        if self._is_worth_waiting(error) and self._engine_is_back(job):
            attempts = 2
            error = self._attempt(job, done)
        if error:
            status, reason = self._status_of(error), reason_of(error)
        else:
            status, reason = _judge(done.steps)
        return JobOutcome(
            job=job,
            status=status,
            seconds=time.monotonic() - started,
            steps=tuple(done.steps),
            collected=tuple(done.collected),
            warm=done.warm,
            attempts=attempts,
            reason=reason,
        )

    def _attempt(self, job: Job, done: _Done) -> Exception | None:
        """Run those steps that are not done; gives what stopped them.

        A fault of xbuild's own too: the other jobs, and the wheels of this one, must not be lost by it.
        """
        try:
            with self._target_dir(job) as (target_dir, warm), self._noted(job, target_dir, done):
                done.warm = done.warm or warm
                self._in_container(job, target_dir, done)
        except Exception as error:  # noqa: BLE001  # told as the job's result
            return error
        return None

    def _is_worth_waiting(self, error: Exception | None) -> bool:
        return isinstance(error, EngineError) and error.retryable and not self.stopping()

    def _engine_is_back(self, job: Job) -> bool:
        self._notice(job, "engine-gone", "the Docker engine went away; waiting for it")
        if not self.engine.comes_back(_ENGINE_PATIENCE) or self.stopping():
            return False
        self._notice(job, "engine-back", "the Docker engine is back: the job is run once more")
        return True

    def _notice(self, job: Job, code: str, message: str) -> None:
        self.emit(
            Notice(run=self.run, time=self.clock(), job=job.id, level="warning", code=code, message=message)
        )

    def _status_of(self, error: Exception) -> JobStatus:
        if self.stopping():
            return "interrupted"
        return status_of(error)

    @contextmanager
    def _target_dir(self, job: Job) -> Iterator[tuple[Path, bool]]:
        """The job's target directory, and whether an earlier run left something in it.

        The kept one belongs to one run at a time; a run that finds it taken gets a fresh one.
        """
        name = f"{job.target.triple}-{_file_name(job.image)}"
        if self.rooms.target_cache and self.transport.local:
            kept = self.rooms.target_cache / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(kept.with_name(f"{name}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                pass
            else:
                mark_used(Path(lock.lock_file))
                try:
                    self._keep_apart(kept, job, now=Path(lock.lock_file).stat().st_mtime_ns)
                    yield kept, kept.is_dir()
                finally:
                    lock.release()
                return
        fresh = self.rooms.work / f"target-{job.id}"
        try:
            yield fresh, False
        finally:
            remove_tree(fresh)

    def _keep_apart(self, kept: Path, job: Job, *, now: int) -> None:
        """Empty a kept target directory of other crates, of another sysroot, or of a time to come.

        Each build script can write to all of it, and cargo believes what it finds there: crates that are no
        longer among the dependencies would go on having a say. It does not see that a sysroot is another. And
        where the clock was set back, it takes for up to date whatever was compiled before that.

        :param now: nanoseconds since the epoch, as the file system has it.
        """
        note = kept.with_name(f"{kept.name}.crates")
        crates = hashlib.sha256(f"{self.rooms.lock_digest} {_look_of(job.sysroot)}".encode()).hexdigest()
        same = note.is_file() and note.read_text("utf-8") == crates
        is_folder = kept.is_dir() and not kept.is_symlink()
        if not (is_folder and same and _newest(kept) <= now):
            remove_tree(kept)
            if not is_folder:
                kept.unlink(missing_ok=True)
        note.write_text(crates, "utf-8")

    @contextmanager
    def _noted(self, job: Job, target_dir: Path, done: _Done) -> Iterator[None]:
        """Note beside a kept target directory what it was made of, so that cargo compiles anew what changed.

        cargo goes by modification times: it would keep what it made of other sources, where these are newer
        than the ones at hand (an older release that was unpacked, a file that was moved back).
        """
        if target_dir.parent != self.rooms.target_cache:
            yield
            return
        note = target_dir.with_name(f"{target_dir.name}.made-of")
        made_of = _made_of(job, self.rooms.source_digest)
        if not note.is_file() or note.read_text("utf-8") != made_of:
            note.unlink(missing_ok=True)
            if target_dir.is_dir():
                _touch(self.rooms.source)
        yield
        # A part of it may be of the sources before, where it was not built to its end
        if all(step.status == "built" for step in done.steps):
            note.write_text(made_of, "utf-8")

    def _in_container(self, job: Job, target_dir: Path, done: _Done) -> None:
        out = self.rooms.work / f"out-{job.id}"
        local = self.transport.local
        spec = ContainerSpec(
            image=job.image,
            user=self.user,
            labels={**self.labels, "xbuild.purpose": "build", "xbuild.job": job.id},
            env=job.env,
            mounts=(
                Mount(target=SRC, source=self.transport.source(self.rooms.source), read_only=local),
                Mount(target=VENDOR, source=self.transport.source(self.rooms.vendor), read_only=local),
                Mount(
                    target=TARGET_DIR,
                    source=self.transport.folder(target_dir, owner=self.user) if local else None,
                ),
                Mount(target=OUT, source=self.transport.folder(out, owner=self.user) if local else None),
                *_sysroot_mounts(job, self.transport),
            ),
            network=False,
            limits=job.limits,
            runtime=self.runtime,
            workdir="/",
        )
        try:
            with self.engine.container(spec) as container:
                if not local:
                    self._fill(container, job)
                self._run_steps(container, job, out, done)
        finally:
            remove_tree(out)

    def _fill(self, container: Container, job: Job) -> None:
        # Owned by root, so that the build cannot change its own inputs
        container.put(SRC, tar_tree(self.rooms.source, owner="0:0"))
        container.put(VENDOR, tar_tree(self.rooms.vendor, owner="0:0"))
        container.put(TARGET_DIR, tar_tree(None, owner=self.user))
        container.put(OUT, tar_tree(None, owner=self.user))
        if job.sysroot:
            container.put(USER_SYSROOT, tar_tree(Path(job.sysroot), owner="0:0"))

    def _run_steps(self, container: Container, job: Job, out: Path, done: _Done) -> None:
        for step in job.prepare:
            outcome, finder = self._run(container, job, step, done)
            report = self._report(step, outcome, finder, job)
            if report.status in _STOPPING:
                done.steps.append(report)
                return
            if not outcome.ok:
                raise XbuildError("preparing the toolchain failed", details=report.reason, code="prepare")
        finished = {report.wheel for report in done.steps}
        for step in job.steps:
            if step.wheel in finished:
                continue
            self._phase(job, "build", step)
            outcome, finder = self._run(container, job, step, done)
            report = self._report(step, outcome, finder, job)
            if report.status == "built":
                self._phase(job, "collect", step)
                try:
                    done.collected.append(self._collect(container, job, step, out))
                except ArtifactError as error:
                    report = self._without_wheel(report, error)
            done.steps.append(report)
            if report.status in _LAST_STATUSES:
                return

    def _collect(self, container: Container, job: Job, step: Step, out: Path) -> Collected:
        """Take a step's wheel before any other step runs, so that none can change or lose it.

        :raises ArtifactError: it is not there, or not sound.
        """
        expected, others = {step.wheel}, job.expected - {step.wheel}
        destination, validate = self.rooms.destination, self.validate
        if self.transport.local:
            # What a step left running may go on: a private copy is judged
            found = collect_directory(out, expected, destination, validate=validate, others=others)
        else:
            # Engines are not made to read what changes meanwhile
            container.end_leftovers()
            with closing(container.get(OUT)) as stream:
                found = collect_stream(stream, expected, destination, validate=validate, others=others)
        if not found:
            raise ArtifactError(f"maturin succeeded and left no {step.wheel}", code="no-wheel")
        return found[0]

    def _without_wheel(self, report: StepReport, error: ArtifactError) -> StepReport:
        if self.stopping():
            return replace(report, status="interrupted", reason="interrupted")
        status = _STATUS_OF_ARTIFACT.get(error.code, "refused-output")
        return replace(report, status=status, reason=f"[{error.code}] {reason_of(error)}")

    def _run(self, container: Container, job: Job, step: Step, done: _Done) -> tuple[ExecResult, Finder]:
        finder = Finder(is_known)
        crates = 0

        def on_line(stream: Stream, line: str) -> None:
            nonlocal crates
            finder.take(line)
            self.emit(
                Output(
                    run=self.run,
                    time=self.clock(),
                    job=job.id,
                    interpreter=step.label,
                    phase="build",
                    stream=stream,
                    line=line,
                )
            )
            compiling = _COMPILING.match(line)
            if compiling:
                crates += 1
                self.emit(
                    Progress(
                        run=self.run,
                        time=self.clock(),
                        job=job.id,
                        interpreter=step.label,
                        phase="build",
                        done=crates,
                        total=max(self.packages, crates),
                        what=compiling["crate"],
                    )
                )

        started = time.monotonic()
        try:
            result = container.run(
                step.argv,
                env=step.env,
                workdir=job.workdir,
                timeout=max(job.timeout - done.seconds, 0.01) if job.timeout else None,
                on_line=on_line,
            )
        finally:
            done.seconds += time.monotonic() - started
        return result, finder

    def _report(self, step: Step, outcome: ExecResult, finder: Finder, job: Job) -> StepReport:
        status, reason, hint = "built", "", ""
        if self.stopping():
            status, reason = "interrupted", "interrupted"
        elif outcome.timed_out:
            status, reason = "timeout", f"stopped after {job.timeout:.0f} s (setting: timeout)"
            reason += f", in the middle of: {finder.last.strip()}" if finder.last else ""
        elif outcome.out_of_memory:
            limit = job.limits.memory / 2**30
            status, reason = "out-of-memory", f"the build needs more than {limit:.1f} GiB (setting: memory)"
            reason = f"{reason}\n{finder.diagnosis().text}".rstrip()
        elif not outcome.ok:
            diagnosis = finder.diagnosis()
            status, reason = "failed", diagnosis.text or f"exit status {outcome.exit_code}"
            hint = hint_of(diagnosis, self._scene(job))
        return StepReport(
            interpreters=step.interpreters,
            argv=step.argv,
            wheel=step.wheel,
            status=status,
            exit_code=outcome.exit_code,
            seconds=outcome.seconds,
            reason=reason,
            hint=hint,
        )

    def _scene(self, job: Job) -> Scene:
        return Scene(
            target=job.target,
            host=build_platform(),
            source=self.rooms.source,
            vendor=self.rooms.vendor / "vendor",
            limits=job.limits,
        )

    def _phase(self, job: Job, phase: str, step: Step | None = None) -> None:
        self.emit(
            PhaseStarted(
                run=self.run,
                time=self.clock(),
                job=job.id,
                interpreter=step.label if step else "",
                phase="collect" if phase == "collect" else "build",
            )
        )


def _file_name(image: str) -> str:
    """A digest in short, or the reference of an image of the user's own as a file name."""
    kind, _, digest = image.partition("sha256:")
    return re.sub(r"[^A-Za-z0-9_.-]", "-", image) if kind or not digest else digest[:12]


def _made_of(job: Job, source_digest: str) -> str:
    """What identifies everything of this project that goes into a target directory."""
    return hashlib.sha256(repr((source_digest, sorted(job.env.items()))).encode()).hexdigest()


def _look_of(sysroot: str | None) -> str:
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


def _sysroot_mounts(job: Job, transport: Transport) -> tuple[Mount, ...]:
    if not job.sysroot:
        return ()
    source = transport.source(Path(job.sysroot))
    return (Mount(target=USER_SYSROOT, source=source, read_only=transport.local),)


def status_of(error: Exception) -> JobStatus:
    """How a job ended that an error ended."""
    if isinstance(error, EngineError):
        return "engine-error"
    return "failed" if isinstance(error, XbuildError | OSError) else "internal-error"


def reason_of(error: Exception) -> str:
    """What a report says of an error that ended a job; of a fault of xbuild's own, also where it is."""
    if isinstance(error, XbuildError):
        hint = error.hint if isinstance(error, EngineError) else ""
        return "\n".join(part for part in (error.brief, error.details, hint) if part)
    if isinstance(error, OSError):
        return str(error)
    *_, frame = traceback.extract_tb(error.__traceback__) or [None]
    place = f" ({Path(frame.filename).name}, line {frame.lineno})" if frame else ""
    return f"a fault of xbuild itself: {type(error).__name__}: {error}{place}"


def _judge(steps: list[StepReport]) -> tuple[JobStatus, str]:
    """What a job's steps mean for it, and why."""
    reason = "\n".join(dict.fromkeys(step.reason for step in steps if step.reason))
    statuses = {step.status for step in steps}
    for status in _STOPPING:
        if status in statuses:
            return status, reason
    if statuses == {"built"}:
        return "built", ""
    if "built" in statuses:
        return "partly", reason
    return ("check-failed" if statuses <= {"check-failed", "refused-output"} else "failed"), reason

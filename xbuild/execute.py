"""Runs a plan: one container for each job, its steps in sequence, jobs in parallel."""

from __future__ import annotations

import re
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from xbuild.collect import Collected, collect_directory, collect_stream
from xbuild.diagnosis import last_error
from xbuild.engine import Container, ContainerSpec, Engine, ExecResult, Mount
from xbuild.errors import ArtifactError, EngineError, XbuildError
from xbuild.events import Event, JobStatus, Output, PhaseStarted, Progress, Stream
from xbuild.plan import OUT, SRC, TARGET_DIR, USER_SYSROOT, VENDOR, Job, Step
from xbuild.report import StepReport
from xbuild.transport import Transport, tar_tree
from xbuild.wheels import AuditResult

_COMPILING = re.compile(r"^\s*(?:Compiling|Fresh) (?P<crate>\S+) v")
_TAIL_LINES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Where a run's files are on this machine.

    :ivar source: the snapshot.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """How a job ended."""

    job: Job
    status: JobStatus
    seconds: float
    steps: tuple[StepReport, ...]
    collected: tuple[Collected, ...]
    warm: bool
    reason: str = ""


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
        """Run one job to its end. A failed build is a result, never an exception."""
        started = time.monotonic()
        steps: list[StepReport] = []
        try:
            with self._target_dir(job) as (target_dir, warm):
                collected, problem = self._in_container(job, target_dir, steps)
        except XbuildError as error:
            status: JobStatus = "engine-error" if isinstance(error, EngineError) else "failed"
            if self.stopping():
                status = "interrupted"
            reason = "\n".join(part for part in (error.brief, error.details) if part)
            return JobOutcome(
                job=job,
                status=status,
                seconds=time.monotonic() - started,
                steps=tuple(steps),
                collected=(),
                warm=False,
                reason=reason,
            )
        status, reason = self._judge(steps, collected, problem)
        return JobOutcome(
            job=job,
            status=status,
            seconds=time.monotonic() - started,
            steps=tuple(steps),
            collected=tuple(collected),
            warm=warm,
            reason=reason,
        )

    @contextmanager
    def _target_dir(self, job: Job) -> Iterator[tuple[Path, bool]]:
        """The job's target directory, and whether an earlier run left something in it.

        The kept one belongs to one run at a time; a run that finds it taken gets a fresh one.
        """
        name = f"{job.target.triple}-{job.image.removeprefix('sha256:')[:12]}"
        if self.rooms.target_cache and self.transport.local:
            kept = self.rooms.target_cache / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(kept.with_name(f"{name}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                pass
            else:
                try:
                    yield kept, kept.is_dir()
                finally:
                    lock.release()
                return
        fresh = self.rooms.work / f"target-{job.id}"
        try:
            yield fresh, False
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _in_container(
        self, job: Job, target_dir: Path, steps: list[StepReport]
    ) -> tuple[list[Collected], str]:
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
        with self.engine.container(spec) as container:
            if not local:
                self._fill(container, job)
            self._run_steps(container, job, steps)
            if not local and not any(step.status in {"timeout", "out-of-memory"} for step in steps):
                self._phase(job, "collect")
                container.pause()
                return self._collected(lambda: self._from_stream(container, job))
        if not local:
            return [], ""
        self._phase(job, "collect")
        try:
            return self._collected(lambda: self._from_folder(out, job))
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def _fill(self, container: Container, job: Job) -> None:
        # Owned by root, so that the build cannot change its own inputs
        container.put(SRC, tar_tree(self.rooms.source, owner="0:0"))
        container.put(VENDOR, tar_tree(self.rooms.vendor, owner="0:0"))
        container.put(TARGET_DIR, tar_tree(None, owner=self.user))
        container.put(OUT, tar_tree(None, owner=self.user))
        if job.sysroot:
            container.put(USER_SYSROOT, tar_tree(Path(job.sysroot), owner="0:0"))

    def _from_folder(self, out: Path, job: Job) -> list[Collected]:
        return collect_directory(out, job.expected, self.rooms.destination, validate=self.validate)

    def _from_stream(self, container: Container, job: Job) -> list[Collected]:
        stream = container.get(OUT)
        return collect_stream(stream, job.expected, self.rooms.destination, validate=self.validate)

    @staticmethod
    def _collected(collect: Callable[[], list[Collected]]) -> tuple[list[Collected], str]:
        try:
            return collect(), ""
        except ArtifactError as error:
            return [], "\n".join(part for part in (f"[{error.code}] {error.brief}", error.details) if part)

    def _run_steps(self, container: Container, job: Job, steps: list[StepReport]) -> None:
        for step in job.prepare:
            outcome, tail = self._run(container, job, step)
            if not outcome.ok:
                raise XbuildError("preparing the toolchain failed", details="\n".join(tail), code="prepare")
        for step in job.steps:
            self._phase(job, "build", step)
            outcome, tail = self._run(container, job, step)
            steps.append(self._report(step, outcome, tail, job))
            if self.stopping() or outcome.timed_out or outcome.out_of_memory:
                return

    def _run(self, container: Container, job: Job, step: Step) -> tuple[ExecResult, list[str]]:
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        done = 0

        def on_line(stream: Stream, line: str) -> None:
            nonlocal done
            tail.append(line)
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
                done += 1
                self.emit(
                    Progress(
                        run=self.run,
                        time=self.clock(),
                        job=job.id,
                        interpreter=step.label,
                        phase="build",
                        done=done,
                        total=max(self.packages, done),
                        what=compiling["crate"],
                    )
                )

        result = container.run(
            step.argv, env=step.env, workdir=job.workdir, timeout=job.timeout, on_line=on_line
        )
        return result, list(tail)

    def _report(self, step: Step, outcome: ExecResult, tail: list[str], job: Job) -> StepReport:
        status, reason = "built", ""
        if self.stopping():
            status, reason = "interrupted", "interrupted"
        elif outcome.timed_out:
            status, reason = "timeout", f"stopped after {job.timeout:.0f} s (setting: timeout)"
        elif outcome.out_of_memory:
            limit = job.limits.memory / 2**30
            status, reason = "out-of-memory", f"the build needs more than {limit:.1f} GiB (setting: memory)"
        elif not outcome.ok:
            status, reason = "failed", last_error(tail) or f"exit status {outcome.exit_code}"
        return StepReport(
            interpreters=step.interpreters,
            argv=step.argv,
            wheel=step.wheel,
            status=status,
            exit_code=outcome.exit_code,
            seconds=outcome.seconds,
            reason=reason,
        )

    def _judge(
        self, steps: list[StepReport], collected: list[Collected], problem: str
    ) -> tuple[JobStatus, str]:
        names = {item.path.name for item in collected}
        reasons = [step.reason for step in steps if step.reason]
        lost = [step.wheel for step in steps if step.status == "built" and step.wheel not in names]
        if problem:
            reasons.append(problem)
        elif lost:
            reasons.append(f"maturin succeeded and left no {', '.join(lost)}")
        reason = "\n".join(dict.fromkeys(reasons))
        for status in ("interrupted", "timeout", "out-of-memory"):
            if any(step.status == status for step in steps):
                return status, reason
        if not reasons:
            return "built", ""
        return ("partly" if names else "failed"), reason

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


def _sysroot_mounts(job: Job, transport: Transport) -> tuple[Mount, ...]:
    if not job.sysroot:
        return ()
    source = transport.source(Path(job.sysroot))
    return (Mount(target=USER_SYSROOT, source=source, read_only=transport.local),)

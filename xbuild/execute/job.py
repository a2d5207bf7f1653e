"""Runs one job in its container: its steps in sequence, each wheel taken as soon as it is there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from xbuild.check.audit import AuditResult
from xbuild.collect.collect import Collected, collect_directory, collect_stream
from xbuild.engine import Container, ContainerSpec, Engine, Mount, OnLine
from xbuild.engine.layout import OUT, SRC, TARGET_DIR, USER_SYSROOT, VENDOR
from xbuild.engine.transport import Transport, tar_tree
from xbuild.errors import ArtifactError, XbuildError
from xbuild.events import Event, Output, Phase, PhaseStarted, Progress, Stream
from xbuild.execute.diagnosis import Finder, Scene, build_platform, is_known
from xbuild.execute.outcome import StepReport
from xbuild.execute.verdict import LAST_STATUSES, STOPPING, interrupted, step_report, without_wheel
from xbuild.plan.model import Job, Step
from xbuild.util.files import remove_tree

_COMPILING = re.compile(r"^\s*(?:Compiling|Fresh) (?P<crate>\S+) v")


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


@dataclass(slots=True)
class Done:
    """What a job has done so far, in all its attempts."""

    warm: bool = False
    seconds: float = 0.0
    """What its commands took, which the time limit counts."""
    steps: list[StepReport] = field(default_factory=list)
    collected: list[Collected] = field(default_factory=list)

    @property
    def built(self) -> bool:
        """Whether no step that ran has failed."""
        return all(step.status == "built" for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What all jobs of a run are run with.

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


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs what is left of a job, and notes in ``done`` what it did."""

    context: RunContext
    job: Job
    done: Done

    def in_container(self, target_dir: Path) -> None:
        """Run the steps that are not done, in a container of their own.

        :param target_dir: what cargo compiles in, where the engine sees this machine's folders.
        :raises EngineError: the engine went away, or cannot do it.
        :raises XbuildError: ``prepare``, the toolchain could not be made ready.
        """
        out = self.context.rooms.work / f"out-{self.job.id}"
        try:
            with self.context.engine.container(self._spec(target_dir, out)) as container:
                if not self.context.transport.local:
                    self._fill(container)
                if self._prepare(container):
                    self._run_steps(container, out)
        finally:
            remove_tree(out)

    def _spec(self, target_dir: Path, out: Path) -> ContainerSpec:
        job, rooms, user = self.job, self.context.rooms, self.context.user
        transport = self.context.transport
        local = transport.local
        return ContainerSpec(
            image=job.image,
            user=user,
            labels={**self.context.labels, "xbuild.purpose": "build", "xbuild.job": job.id},
            env=job.env,
            mounts=(
                Mount(target=SRC, source=transport.source(rooms.source), read_only=local),
                Mount(target=VENDOR, source=transport.source(rooms.vendor), read_only=local),
                Mount(target=TARGET_DIR, source=transport.folder(target_dir, owner=user) if local else None),
                Mount(target=OUT, source=transport.folder(out, owner=user) if local else None),
                *_sysroot_mounts(job, transport),
            ),
            network=False,
            limits=job.limits,
            runtime=self.context.runtime,
            workdir="/",
        )

    def _fill(self, container: Container) -> None:
        # Owned by root, so that the build cannot change its own inputs
        container.put(SRC, tar_tree(self.context.rooms.source, owner="0:0"))
        container.put(VENDOR, tar_tree(self.context.rooms.vendor, owner="0:0"))
        container.put(TARGET_DIR, tar_tree(None, owner=self.context.user))
        container.put(OUT, tar_tree(None, owner=self.context.user))
        if self.job.sysroot:
            container.put(USER_SYSROOT, tar_tree(Path(self.job.sysroot), owner="0:0"))

    def _prepare(self, container: Container) -> bool:
        """Make the toolchain ready; whether the steps can be run then."""
        for step in self.job.prepare:
            report = self._run(container, step)
            if report.status in STOPPING:
                self.done.steps.append(report)
                return False
            if report.status != "built":
                raise XbuildError("preparing the toolchain failed", details=report.reason, code="prepare")
        return True

    def _run_steps(self, container: Container, out: Path) -> None:
        finished = {report.wheel for report in self.done.steps}
        for step in self.job.steps:
            if step.wheel in finished:
                continue
            self._phase("build", step)
            report = self._run(container, step)
            if report.status == "built":
                report = self._take_wheel(container, step, report, out)
            self.done.steps.append(report)
            if report.status in LAST_STATUSES:
                return

    def _take_wheel(self, container: Container, step: Step, report: StepReport, out: Path) -> StepReport:
        self._phase("collect", step)
        try:
            self.done.collected.append(self._collect(container, step, out))
        except ArtifactError as error:
            return interrupted(report) if self.context.stopping() else without_wheel(report, error)
        return report

    def _collect(self, container: Container, step: Step, out: Path) -> Collected:
        """Take a step's wheel before any other step runs, so that none can change or lose it.

        :raises ArtifactError: it is not there, or not sound.
        """
        expected, others = {step.wheel}, self.job.expected - {step.wheel}
        destination, validate = self.context.rooms.destination, self.context.validate
        if self.context.transport.local:
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

    def _run(self, container: Container, step: Step) -> StepReport:
        """Run one command to its end, or until the job's time is over."""
        finder = Finder(is_known)
        done, timeout = self.done, self.job.timeout
        started = time.monotonic()
        try:
            result = container.run(
                step.argv,
                env=step.env,
                workdir=self.job.workdir,
                timeout=max(timeout - done.seconds, 0.01) if timeout else None,
                on_line=self._listener(step, finder),
            )
        finally:
            done.seconds += time.monotonic() - started
        report = step_report(step, result, finder, self.job, self._scene())
        return interrupted(report) if self.context.stopping() else report

    def _listener(self, step: Step, finder: Finder) -> OnLine:
        """What becomes of each line: an event, progress, and what the finder makes of a failure."""
        context = self.context
        crates = 0

        def on_line(stream: Stream, line: str) -> None:
            nonlocal crates
            finder.take(line)
            context.emit(
                Output(
                    run=context.run,
                    time=context.clock(),
                    job=self.job.id,
                    interpreter=step.label,
                    phase="build",
                    stream=stream,
                    line=line,
                )
            )
            compiling = _COMPILING.match(line)
            if compiling:
                crates += 1
                context.emit(
                    Progress(
                        run=context.run,
                        time=context.clock(),
                        job=self.job.id,
                        interpreter=step.label,
                        phase="build",
                        done=crates,
                        total=max(context.packages, crates),
                        what=compiling["crate"],
                    )
                )

        return on_line

    def _scene(self) -> Scene:
        return Scene(
            target=self.job.target,
            host=build_platform(),
            source=self.context.rooms.source,
            vendor=self.context.rooms.vendor / "vendor",
            limits=self.job.limits,
        )

    def _phase(self, phase: Phase, step: Step) -> None:
        self.context.emit(
            PhaseStarted(
                run=self.context.run,
                time=self.context.clock(),
                job=self.job.id,
                interpreter=step.label,
                phase=phase,
            )
        )


def _sysroot_mounts(job: Job, transport: Transport) -> tuple[Mount, ...]:
    if not job.sysroot:
        return ()
    source = transport.source(Path(job.sysroot))
    return (Mount(target=USER_SYSROOT, source=source, read_only=transport.local),)

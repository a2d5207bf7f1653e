"""The way of a build: inspect, plan, execute, collect, check, report. Every source of requests takes it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from xbuild.catalog import Catalog
from xbuild.check.audit import Parsers, audit
from xbuild.engine import Engine
from xbuild.engine.layout import build_user
from xbuild.engine.transport import Transport, find_transport
from xbuild.errors import RefusedError, XbuildError
from xbuild.events import Emitter, JobFinished, RunFinished, Sink
from xbuild.execute.diagnosis.leftout import Remark, left_out, unseen
from xbuild.execute.executor import Executor
from xbuild.execute.job import Rooms
from xbuild.execute.jobs import JobResult, PlanRunner, WheelTrial, jobs_with_room
from xbuild.images.builder import ImageBuilder
from xbuild.images.recipe import base_recipe
from xbuild.inspect.dependencies.network import Network
from xbuild.inspect.inspection import (
    Dependencies,
    DependencyReader,
    Sources,
    read_configuration,
    take_sources,
)
from xbuild.plan.model import Plan
from xbuild.plan.precheck import Checked
from xbuild.plan.toolchains import (
    Toolchains,
    absent,
    check_pins,
    find_toolchains,
    make_toolchains,
    plan_run,
)
from xbuild.plan.tools import Note
from xbuild.report.assemble import Ended, assemble_report
from xbuild.report.model import Report
from xbuild.report.report import run_status
from xbuild.storage.workspace import clear_abandoned, work_folder
from xbuild.util.cancel import interruption
from xbuild.util.phases import Phases

_UNKNOWN = "what the crate depends on is not known yet, nor features such as abi3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a build works with; made at the edge.

    :ivar cache: folder for everything that can be fetched or made again.
    :ivar runs: folder of the logs and reports of all runs.
    :ivar log_path: where the full log of a job is.
    """

    engine: Engine
    images: ImageBuilder
    catalog: Catalog
    cache: Path
    runs: Path
    network: Network
    emit: Sink
    clock: Callable[[], float]
    cancelled: threading.Event
    log_path: Callable[[str], Path]


class Pipeline:
    """One run: its stages, called in their order.

    :param checked: what is asked for, and the crate.
    :param run: a name that no other run has.
    """

    def __init__(self, checked: Checked, tools: Tools, run: str) -> None:
        self._checked = checked
        self._request = checked.request
        self._tools = tools
        self._run = run
        self._labels = {"xbuild.run": run}
        self._emitter = Emitter(run=run, sink=tools.emit, clock=tools.clock)
        self._phases = Phases(self._emitter, tools.cancelled)

    def plan(self) -> Plan:
        """Inspect the crate, and give what would run.

        No image is made or pulled for it, and nothing is fetched: one container at most is run, in which
        cargo says what it knows of the crate, without a network. What is not known so is a note of the plan.
        """
        checked, request, tools = self._checked, self._request, self._tools
        base = tools.images.present(base_recipe())
        if base is None:
            note = f"{_UNKNOWN}: the base image is not there; `xbuild images build` makes the images"
            return replace(checked.draft, notes=(*checked.draft.notes, Note(note, "not-known")))
        with interruption(tools.cancelled), work_folder(tools.cache, self._run) as work:
            toolchains = find_toolchains(request, checked.manifest, base, tools.engine)
            check_pins(request, checked.manifest, toolchains, self._emitter)
            reader = self._reader(toolchains, work)
            sources = self._take_sources(work)
            notes = tuple(absent(request, toolchains))
            known: Dependencies | None = None
            try:
                known = self._read(reader, sources, offline=True)
            except XbuildError as error:
                if request.offline or error.code not in {"offline", "lockfile-outdated"}:
                    raise
                note = f"{_UNKNOWN}: {error.brief}; `xbuild run` fetches what is missing"
                notes = (*notes, Note(note, "not-known"))
            return plan_run(checked, toolchains, known, tools.catalog, sources=sources, notes=notes)

    def build(self) -> Report:
        """Build, collect, check, and give the report.

        :raises XbuildError: the run could not be done; a failed build is part of the report instead.
        """
        started, wall = self._tools.clock(), time.monotonic()
        checked, request, tools = self._checked, self._request, self._tools
        tools.engine.reap()
        clear_abandoned(tools.cache)
        with interruption(tools.cancelled), work_folder(tools.cache, self._run) as work:
            toolchains = make_toolchains(request, checked.manifest, tools.images, self._phases)
            check_pins(request, checked.manifest, toolchains, self._emitter)
            reader = self._reader(toolchains, work)
            sources = self._take_sources(work)
            dependencies = self._read(reader, sources, offline=request.offline)
            plan = plan_run(checked, toolchains, dependencies, tools.catalog, sources=sources)
            crates = reader.unpack(dependencies)
            # Asked now, because an engine that is lost in mid-build is told of in the report
            engine = tools.engine.info()
            self._announce(plan)
            executor = self._executor(sources, dependencies, crates, work, reader.transport)
            workers = request.jobs or jobs_with_room(engine, plan.jobs)
            results = self._run_jobs(plan, executor, sources, workers)
        ended = Ended(
            run=self._run,
            request=request,
            started=started,
            seconds=time.monotonic() - wall,
            sources=sources,
            dependencies=dependencies,
            images=toolchains.present,
            plan=plan,
            engine=engine,
            local=reader.transport.local,
            results=results,
            phases=self._phases.durations(),
            log_path=tools.log_path,
        )
        return assemble_report(ended)

    def _take_sources(self, work: Path) -> Sources:
        manifest, tools = self._checked.manifest, self._tools
        self._phases.enter("fetch", manifest.name)
        taken = take_sources(self._request, manifest, work / "src", leave_out=(tools.cache, tools.runs))
        self._tell(unseen(manifest, taken.snapshot, self._request.home))
        return read_configuration(self._request, taken)

    def _reader(self, toolchains: Toolchains, work: Path) -> DependencyReader:
        tools = self._tools
        return DependencyReader(
            engine=tools.engine,
            base=toolchains.base,
            transport=find_transport(tools.engine, work, image=toolchains.base.id),
            cache=tools.cache,
            work=work,
            network=tools.network,
            user=build_user(),
            labels=self._labels,
            emitter=self._emitter,
        )

    def _read(self, reader: DependencyReader, sources: Sources, *, offline: bool) -> Dependencies:
        try:
            return reader.read(self._request, sources, offline=offline)
        except RefusedError as error:
            self._tell(self._missing(sources, error.details))
            raise

    def _missing(self, sources: Sources, text: str) -> tuple[Remark, ...]:
        """What a failure misses of files that are here, and why they were not there."""
        exclude = self._request.source_exclude
        return left_out(text.splitlines(), sources.manifest, sources.snapshot, exclude=exclude)

    def _tell(self, remarks: Iterable[Remark]) -> None:
        for remark in remarks:
            self._emitter.notice("warning", remark.code, remark.message, hint=remark.hint)

    def _announce(self, plan: Plan) -> None:
        for refusal in plan.refused:
            message = f"{refusal.interpreter}: {refusal.reason}"
            self._emitter.of(refusal.target).notice("warning", refusal.code, message, hint=refusal.hint)
        for note in plan.notes:
            self._emitter.notice("info", note.code, note.text)
        planned = {job.id for job in plan.jobs}
        for wanted in self._request.targets:
            if wanted.target.triple not in planned:
                self._end_refused(wanted.target.triple, plan)

    def _end_refused(self, triple: str, plan: Plan) -> None:
        """The end of a job of which nothing can work."""
        refusals = [item for item in plan.refused if item.target == triple]
        self._emitter.of(triple).emit(
            JobFinished,
            status="refused",
            seconds=0.0,
            reason="\n".join(dict.fromkeys(item.reason for item in refusals)),
            hint="\n".join(dict.fromkeys(item.hint for item in refusals if item.hint)),
        )

    def _executor(
        self, sources: Sources, dependencies: Dependencies, crates: Path, work: Path, transport: Transport
    ) -> Callable[[Parsers], Executor]:
        request, tools, manifest = self._request, self._tools, sources.manifest
        key = hashlib.sha256(str(manifest.project).encode()).hexdigest()[:16]
        # What earlier builds left is pinned by nothing
        keep = not (request.fresh or request.locked)
        rooms = Rooms(
            source=sources.snapshot.folder,
            source_digest=sources.snapshot.digest,
            lock_digest=dependencies.fetched.lock_digest,
            vendor=crates,
            work=work,
            target_cache=tools.cache / "target" / f"{manifest.wheel_name}-{key}" if keep else None,
            destination=request.out,
        )
        return lambda parsers: Executor(
            engine=tools.engine,
            transport=transport,
            rooms=rooms,
            user=build_user(),
            labels=self._labels,
            run=self._run,
            runtime=request.runtime,
            packages=dependencies.packages,
            emit=tools.emit,
            clock=tools.clock,
            validate=partial(audit, catalog=tools.catalog, parsers=parsers),
            stopping=tools.cancelled.is_set,
        )

    def _run_jobs(
        self, plan: Plan, executor: Callable[[Parsers], Executor], sources: Sources, workers: int
    ) -> list[JobResult]:
        tools = self._tools
        trial = WheelTrial(
            wanted=self._request.test,
            engine=tools.engine,
            images=tools.images,
            catalog=tools.catalog,
            labels=self._labels,
            runtime=self._request.runtime,
            cancel=tools.cancelled,
            emitter=self._emitter,
            phases=self._phases,
        )
        self._phases.begin("build")
        with Parsers(sum(len(job.steps) for job in plan.jobs), ahead=workers) as parsers:
            runner = PlanRunner(
                executor=executor(parsers),
                trial=trial,
                emitter=self._emitter,
                cancel=tools.cancelled,
                explain=partial(self._missing, sources),
                log_path=tools.log_path,
            )
            return runner.run(plan.jobs, workers=workers)


def finished(report: Report, *, now: float, path: Path | None) -> RunFinished:
    """The terminal event that a report means.

    :param path: where the report is, if there was room for it.
    """
    return RunFinished(
        run=report.run,
        time=now,
        status=run_status(report),
        exit_status=report.exit_status,
        seconds=report.seconds,
        report=str(path or ""),
    )

"""The way of a build: inspect, plan, execute, collect, check, report. Every source of requests takes it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from xbuild import __version__
from xbuild.catalog import Catalog
from xbuild.check.audit import Parsers, audit
from xbuild.check.trial.prove import Prover
from xbuild.collect.collect import Collected
from xbuild.engine import Engine, EngineInfo, Image
from xbuild.engine.layout import build_user
from xbuild.engine.transport import Transport, find_transport
from xbuild.errors import EngineError, ExitStatus, RefusedError, XbuildError
from xbuild.events import (
    Event,
    JobFinished,
    Level,
    Notice,
    Output,
    Phase,
    PhaseStarted,
    Progress,
    RunFinished,
    Stream,
    WheelReady,
)
from xbuild.execute.diagnosis.leftout import Remark, left_out, unseen
from xbuild.execute.executor import Executor, JobOutcome, Rooms, reason_of, status_of
from xbuild.images.builder import ImageBuilder
from xbuild.images.manifest import PINNED_LABEL, layers_digest, tool_versions
from xbuild.images.pins import drift_error
from xbuild.images.recipe import base_recipe, pinned_maturin
from xbuild.images.released import is_pinned
from xbuild.inspect.configuration.configured import drop_remote_sources
from xbuild.inspect.crate.cargoconfig import CargoConfig, read_config
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.dependencies.fetch import Fetched, Fetcher, Network, View
from xbuild.inspect.dependencies.store import CrateStore
from xbuild.inspect.sources.snapshot import Snapshot, take_snapshot
from xbuild.plan.pinning import BASE, check_pinned, image_drift
from xbuild.plan.planner import Job, Plan, Step, make_plan
from xbuild.plan.precheck import precheck
from xbuild.plan.tools import Note, Versions, check_tools
from xbuild.report.assemble import (
    audit_report,
    engine_report,
    lockfile_report,
    request_options,
    source_report,
)
from xbuild.report.model import JobReport, Report, WheelReport
from xbuild.report.report import exit_status, run_status
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.storage.workspace import clear_abandoned, work_folder
from xbuild.util.files import mark_used

_UNKNOWN = "what the crate depends on is not known yet, nor features such as abi3"
_DOWNLOADED = re.compile(r"^\s*Downloaded (?P<crate>\S+ v\S+)")


class InterruptedRunError(XbuildError):
    """The run was told to stop."""

    exit_status = ExitStatus.INTERRUPTED
    default_code = "interrupted"


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
    emit: Callable[[Event], None]
    clock: Callable[[], float]
    cancelled: threading.Event
    log_path: Callable[[str], Path]


@dataclass(slots=True)
class _Done:
    outcome: JobOutcome
    wheels: list[WheelReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inspected:
    manifest: Manifest
    snapshot: Snapshot
    fetched: Fetched
    packages: int
    plan: Plan
    images: Mapping[str, Image]
    transport: Transport
    vendor: Path


@dataclass(frozen=True, slots=True)
class _Looked:
    manifest: Manifest
    snapshot: Snapshot
    fetcher: Fetcher
    images: Mapping[str, Image | None]
    versions: Versions


class Pipeline:
    """One run."""

    def __init__(self, request: BuildRequest, tools: Tools, run: str) -> None:
        self._request = request
        self._tools = tools
        self._run = run
        self._user = build_user()
        self._labels = {"xbuild.run": run}
        self._failed_proofs: set[str] = set()
        self._fetched = 0
        self._begun: dict[str, float] = {}

    def plan(self) -> Plan:
        """Inspect the crate, and give what would run.

        No image is made or pulled for it, and nothing is fetched: one container at most is run, in which
        cargo says what it knows of the crate, without a network. What is not known so is a note of the plan.
        """
        manifest, plan = precheck(self._request, self._tools.catalog)
        base = self._tools.images.present(base_recipe())
        if base is None:
            note = f"{_UNKNOWN}: the base image is not there; `xbuild images build` makes the images"
            return replace(plan, notes=(*plan.notes, Note(note, "not-known")))
        with self._interruptible(), work_folder(self._tools.cache, self._run) as work:
            looked = self._look(manifest, work, base, build_images=False)
            try:
                by_view = self._fetch(looked, offline=True)
            except XbuildError as error:
                if self._request.offline or error.code not in {"offline", "lockfile-outdated"}:
                    raise
                note = f"{_UNKNOWN}: {error.brief}; `xbuild run` fetches what is missing"
                return self._plan(looked, {}, *self._absent(looked), Note(note, "not-known"))
            return self._plan(looked, by_view, *self._absent(looked))

    def _absent(self, looked: _Looked) -> Iterator[Note]:
        """What a plan says of images that are not there."""
        for wanted in self._request.targets:
            triple = wanted.target.triple
            if looked.images[triple] is None:
                how = "pulls" if wanted.image else "makes"
                yield Note(f"the image of {triple} is not there: `xbuild run` {how} it", "image-not-here")

    def build(self) -> Report:
        """Build, collect, check, and give the report.

        :raises XbuildError: the run could not be done; a failed build is part of the report instead.
        """
        started, wall = self._tools.clock(), time.monotonic()
        manifest, _ = precheck(self._request, self._tools.catalog)
        self._tools.engine.reap()
        clear_abandoned(self._tools.cache)
        with self._interruptible(), work_folder(self._tools.cache, self._run) as work:
            inspected = self._inspect(manifest, work)
            # Asked now, because an engine that is lost in mid-build is told of in the report
            engine = self._tools.engine.info()
            self._announce(inspected)
            done = self._execute(inspected, work, engine)
            self._stop_if_cancelled(allow=bool(done))
        return self._report(inspected, engine, done, started, time.monotonic() - wall)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """An error because everything was killed is no error but the interruption."""
        try:
            yield
        except InterruptedRunError:
            raise
        except Exception as error:
            if self._tools.cancelled.is_set():
                raise InterruptedRunError("interrupted") from error
            raise

    def _stop_if_cancelled(self, *, allow: bool = False) -> None:
        if self._tools.cancelled.is_set() and not allow:
            raise InterruptedRunError("interrupted")

    def _phase(self, phase: Phase, what: str = "", job: str = "") -> None:
        self._stop_if_cancelled()
        self._begun.setdefault(phase, time.monotonic())
        self._tools.emit(
            PhaseStarted(run=self._run, time=self._tools.clock(), phase=phase, what=what, job=job)
        )

    def _notice(self, level: Level, code: str, message: str, *, hint: str = "", job: str = "") -> None:
        self._tools.emit(
            Notice(
                run=self._run,
                time=self._tools.clock(),
                level=level,
                code=code,
                message=message,
                hint=hint,
                job=job,
            )
        )

    # Inspect and plan

    def _look(self, manifest: Manifest, work: Path, base: Image, *, build_images: bool) -> _Looked:
        """Take the sources, and find the images."""
        request, tools = self._request, self._tools
        known = tool_versions(base)
        versions = Versions(rust=known.get("rustc", ""), maturin=known.get("maturin", pinned_maturin()))
        # Before toolchain images are made and anything is fetched
        list(check_tools(request, manifest, (), versions))
        images = dict(self._images(build=build_images))
        self._check_pins(manifest, {BASE: base, **images})
        transport = find_transport(tools.engine, work, image=base.id)
        self._phase("fetch", manifest.name)
        snapshot = take_snapshot(
            manifest.root,
            work / "src",
            include=request.source_include,
            exclude=request.source_exclude,
            leave_out=[
                folder
                for folder in (request.out, tools.cache, tools.runs, *request.leave_out)
                if not manifest.project.is_relative_to(folder)
            ],
            parts=manifest.folders,
            always=manifest.files,
            project=manifest.project,
            history=request.source_git,
        )
        self._tell(unseen(manifest, snapshot, request.home))
        manifest = replace(manifest, config=_configuration(manifest, snapshot))
        _expect(request.source_digest, snapshot.digest, "the sources", manifest.root, "source-changed")
        fetcher = Fetcher(
            engine=tools.engine,
            image=base.id,
            transport=transport,
            store=CrateStore(tools.cache / "store"),
            cache=tools.cache / "details",
            work=work,
            network=tools.network,
            user=self._user,
            labels=self._labels,
            on_line=self._fetch_line,
            views=tuple(dict.fromkeys(_view(manifest, wanted) for wanted in request.targets)),
        )
        return _Looked(manifest, snapshot, fetcher, images, versions)

    def _inspect(self, manifest: Manifest, work: Path) -> _Inspected:
        self._phase("image", "base")
        looked = self._look(manifest, work, self._tools.images.ensure(base_recipe()), build_images=True)
        by_view = self._fetch(looked, offline=self._request.offline)
        plan = self._plan(looked, by_view)
        fetcher, fetched = looked.fetcher, next(iter(by_view.values()))
        return _Inspected(
            manifest=manifest,
            snapshot=looked.snapshot,
            fetched=replace(fetched, used_network=any(item.used_network for item in by_view.values())),
            packages=max(item.details.packages for item in by_view.values()),
            plan=plan,
            images={triple: image for triple, image in looked.images.items() if image},
            transport=fetcher.transport,
            vendor=self._vendor(fetcher, fetched),
        )

    def _fetch(self, looked: _Looked, *, offline: bool) -> dict[View, Fetched]:
        """Fetch what the crate needs, and ask about it as each target sees it."""
        request, manifest = self._request, looked.manifest
        try:
            by_view = {
                view: looked.fetcher.fetch(
                    manifest, looked.snapshot, view=view, locked=request.locked, offline=offline
                )
                for view in looked.fetcher.views
            }
        except RefusedError as error:
            self._tell_of_missing(error.details, manifest, looked.snapshot)
            raise
        fetched = next(iter(by_view.values()))
        _expect(request.lock_digest, fetched.lock_digest, "Cargo.lock", manifest.lock_path, "lock-changed")
        if fetched.generated_lock:
            self._notice(
                "warning",
                "lock-generated",
                f"{manifest.name} has no Cargo.lock: one was made for this run only",
                hint="commit a Cargo.lock, so that the next build uses the same crates",
            )
        if fetched.pruned:
            self._notice(
                "info",
                "lock-pruned",
                f"Cargo.lock has {fetched.pruned + len(fetched.packages)} packages, of which the sources "
                f"need {len(fetched.packages)}; the rest is left out for this run",
            )
        return by_view

    def _tell(self, remarks: Iterable[Remark], job: str = "") -> None:
        for remark in remarks:
            self._notice("warning", remark.code, remark.message, hint=remark.hint, job=job)

    def _tell_of_missing(self, text: str, manifest: Manifest, snapshot: Snapshot, job: str = "") -> None:
        """Say of a failure that it misses files which are here, and why they were not there."""
        exclude = self._request.source_exclude
        self._tell(left_out(text.splitlines(), manifest, snapshot, exclude=exclude), job)

    def _plan(self, looked: _Looked, by_view: Mapping[View, Fetched], *notes: Note) -> Plan:
        """What would run.

        :param by_view: what was fetched; empty before it is there.
        :param notes: what the plan has to say besides.
        """
        request, manifest, images = self._request, looked.manifest, looked.images
        details = (
            {wanted.target.triple: by_view[_view(manifest, wanted)].details for wanted in request.targets}
            if by_view
            else None
        )
        packages = next((item.packages for item in by_view.values()), manifest.locked)
        made = make_plan(
            request,
            replace(manifest, locked=packages),
            details,
            self._tools.catalog,
            images={triple: image.id for triple, image in images.items() if image} | self._tags(images),
            versions=looked.versions,
            epoch=looked.snapshot.epoch if request.epoch is None else request.epoch,
        )
        return replace(made, notes=(*made.notes, *notes))

    def _fetch_line(self, stream: Stream, line: str) -> None:
        now = self._tools.clock()
        self._tools.emit(Output(run=self._run, time=now, phase="fetch", stream=stream, line=line))
        fetched = _DOWNLOADED.match(line)
        if fetched:
            self._fetched += 1
            what, done = fetched["crate"], self._fetched
            self._tools.emit(Progress(run=self._run, time=now, phase="fetch", done=done, total=0, what=what))

    def _check_pins(self, manifest: Manifest, images: Mapping[str, Image | None]) -> None:
        """Hold the images against xbuild.lock, where there is one."""
        here = {name: image for name, image in images.items() if image}
        if self._request.locked:
            check_pinned(manifest.project, here)
        found = image_drift(manifest.project, here)
        if found and self._request.locked:
            raise drift_error(found)
        if found:
            self._notice(
                "warning",
                "drift",
                f"{drift_error(found).brief}: {'; '.join(map(str, found[:3]))}",
                hint="`xbuild lock` pins what is here; --locked refuses to build with it",
            )

    def _tags(self, images: Mapping[str, Image | None]) -> dict[str, str]:
        """What images that are not built yet will be called."""
        return {
            wanted.target.triple: wanted.recipe.tag
            for wanted in self._request.targets
            if images[wanted.target.triple] is None
        }

    def _images(self, *, build: bool) -> Iterator[tuple[str, Image | None]]:
        for wanted in self._request.targets:
            triple = wanted.target.triple
            recipe = wanted.recipe
            if wanted.image and build:
                yield triple, self._tools.images.named(wanted.image)
            elif wanted.image:
                yield triple, self._tools.engine.image(wanted.image)
            elif build:
                self._phase("image", triple)
                yield triple, self._tools.images.ensure(recipe)
            else:
                yield triple, self._tools.engine.image(recipe.tag)

    def _vendor(self, fetcher: Fetcher, fetched: Fetched) -> Path:
        """The unpacked crates of this lockfile, each compared with the store."""
        folder = self._tools.cache / "vendor" / fetched.lock_digest
        report = fetcher.store.vendor(fetched.packages, folder / "vendor")
        fetcher.write_config(fetched, folder)
        mark_used(folder)
        fetcher.store.mark_used(fetched.packages, fetched.lock_digest)
        if report.damaged:
            self._notice(
                "warning",
                "cache-repaired",
                f"the cache had damaged crates, which were unpacked again: {', '.join(report.damaged)}",
            )
        return folder

    # Execute, collect, check

    def _announce(self, inspected: _Inspected) -> None:
        for refusal in inspected.plan.refused:
            self._notice(
                "warning",
                refusal.code,
                f"{refusal.interpreter}: {refusal.reason}",
                hint=refusal.hint,
                job=refusal.target,
            )
        for note in inspected.plan.notes:
            self._notice("info", note.code, note.text)
        planned = {job.id for job in inspected.plan.jobs}
        for wanted in self._request.targets:
            if wanted.target.triple not in planned:
                self._tools.emit(self._refused(wanted.target.triple, inspected.plan))

    def _refused(self, triple: str, plan: Plan) -> JobFinished:
        """The end of a job of which nothing can work."""
        refusals = [item for item in plan.refused if item.target == triple]
        return JobFinished(
            run=self._run,
            time=self._tools.clock(),
            job=triple,
            status="refused",
            seconds=0.0,
            reason="\n".join(dict.fromkeys(item.reason for item in refusals)),
            hint="\n".join(dict.fromkeys(item.hint for item in refusals if item.hint)),
        )

    def _execute(self, inspected: _Inspected, work: Path, engine: EngineInfo) -> list[_Done]:
        self._begun["build"] = time.monotonic()
        jobs = inspected.plan.jobs
        workers = self._request.jobs or jobs_with_room(engine, jobs)
        parsers = Parsers(sum(len(job.steps) for job in jobs), ahead=workers)
        with parsers, ThreadPoolExecutor(max_workers=workers) as pool:
            executor = self._executor(inspected, work, parsers)
            return list(pool.map(lambda job: self._run_job(executor, job, inspected), jobs))

    def _executor(self, inspected: _Inspected, work: Path, parsers: Parsers) -> Executor:
        key = hashlib.sha256(str(inspected.manifest.project).encode()).hexdigest()[:16]
        return Executor(
            engine=self._tools.engine,
            transport=inspected.transport,
            rooms=Rooms(
                source=inspected.snapshot.folder,
                source_digest=inspected.snapshot.digest,
                lock_digest=inspected.fetched.lock_digest,
                vendor=inspected.vendor,
                work=work,
                # What earlier builds left is pinned by nothing
                target_cache=None
                if self._request.fresh or self._request.locked
                else self._tools.cache / "target" / f"{inspected.manifest.wheel_name}-{key}",
                destination=self._request.out,
            ),
            user=self._user,
            labels=self._labels,
            run=self._run,
            runtime=self._request.runtime,
            packages=inspected.packages,
            emit=self._tools.emit,
            clock=self._tools.clock,
            validate=partial(audit, catalog=self._tools.catalog, parsers=parsers),
            stopping=self._tools.cancelled.is_set,
        )

    def _run_job(self, executor: Executor, job: Job, inspected: _Inspected) -> _Done:
        if self._tools.cancelled.is_set():
            return _Done(
                JobOutcome(job=job, status="interrupted", seconds=0, steps=(), collected=(), warm=False)
            )
        collected = _Done(executor.execute(job))
        steps = {step.wheel: step for step in job.steps}
        for item in collected.outcome.collected:
            step = steps[item.path.name]
            proven = False
            try:
                proof = self._prove(item, job, step)
                proven = item.path.name not in self._failed_proofs
            except InterruptedRunError:
                # It is in its place all the same, and the report has to say so
                proof = "audited; not run: interrupted"
                collected.outcome = replace(collected.outcome, status="interrupted", reason="interrupted")
            except Exception as error:  # noqa: BLE001  # told as the job's result
                reason = reason_of(error)
                proof = f"audited; not run: {error.brief if isinstance(error, XbuildError) else reason}"
                collected.outcome = replace(collected.outcome, status=status_of(error), reason=reason)
            wheel = WheelReport(
                file=item.path.name,
                path=item.path,
                sha256=item.sha256,
                size=item.size,
                target=job.id,
                interpreters=step.interpreters,
                tags=tuple(sorted(map(str, item.audit.tags))),
                audit=audit_report(item.audit),
                proof=proof,
                proven=proven,
            )
            collected.wheels.append(wheel)
            self._tools.emit(
                WheelReady(
                    run=self._run,
                    time=self._tools.clock(),
                    job=job.id,
                    interpreter=step.label,
                    path=str(wheel.path),
                    sha256=wheel.sha256,
                    size=wheel.size,
                    proof=wheel.proof,
                )
            )
        outcome = collected.outcome
        if outcome.status == "failed":
            self._tell_of_missing(outcome.reason, inspected.manifest, inspected.snapshot, job.id)
        self._tools.emit(
            JobFinished(
                run=self._run,
                time=self._tools.clock(),
                job=job.id,
                status=outcome.status,
                seconds=outcome.seconds,
                reason=outcome.reason,
                hint=outcome.hint,
                log=str(self._tools.log_path(job.id)),
            )
        )
        return collected

    def _prove(self, item: Collected, job: Job, step: Step) -> str:
        """What proved a wheel: its audit, and with ``test`` the interpreters that ran it.

        :raises InterruptedRunError: it was to be run, and everything was killed.
        :raises EngineError: the engine went away meanwhile.
        """
        if not self._request.test:
            return "audited"
        self._phase("test", step.wheel, job.id)
        prover = Prover(
            engine=self._tools.engine,
            images=self._tools.images,
            catalog=self._tools.catalog,
            labels=self._labels,
            limits=lambda _: job.limits,
            stopping=self._tools.cancelled.is_set,
            runtime=self._request.runtime,
            on_line=lambda stream, line: self._tools.emit(
                Output(
                    run=self._run,
                    time=self._tools.clock(),
                    job=job.id,
                    interpreter=step.label,
                    phase="test",
                    stream=stream,
                    line=line,
                )
            ),
        )
        try:
            with self._interruptible():
                proofs = prover.prove(item.path, item.audit, kinds=step.interpreters)
        except InterruptedRunError:
            raise
        except XbuildError as error:
            if isinstance(error, EngineError) and error.retryable:
                raise
            self._failed_proofs.add(item.path.name)
            return f"audited; not run: {error.brief}"
        if any(not proof.ok for proof in proofs):
            self._failed_proofs.add(item.path.name)
        return "audited; " + "; ".join(dict.fromkeys(proof.text for proof in proofs))

    # Report

    def _report(
        self, inspected: _Inspected, info: EngineInfo, done: list[_Done], started: float, seconds: float
    ) -> Report:
        jobs = tuple(self._job_report(item, inspected) for item in done)
        fetched = inspected.fetched
        return Report(
            run=self._run,
            started=started,
            seconds=seconds,
            version=__version__,
            project=inspected.manifest.project,
            name=inspected.manifest.name,
            project_version=inspected.manifest.version,
            source=source_report(inspected.snapshot, self._request),
            lockfile=lockfile_report(fetched),
            options=request_options(self._request),
            engine=engine_report(info, self._request, fetched),
            transport="bind" if inspected.transport.local else "archive",
            phases=self._durations(),
            cache={
                "crates": sum(item.is_registry or item.is_git for item in fetched.packages),
                "downloaded": self._fetched,
            },
            jobs=jobs,
            refused=inspected.plan.refused,
            notes=tuple(map(str, inspected.plan.notes)),
            exit_status=int(self._exit_status(jobs, inspected.plan)),
        )

    def _durations(self) -> dict[str, float]:
        """Seconds of making images, of fetching, and of the jobs with all that follows until now."""
        names = [name for name in ("image", "fetch", "build") if name in self._begun]
        times = [*(self._begun[name] for name in names), time.monotonic()]
        return {name: b - a for name, (a, b) in zip(names, pairwise(times), strict=True)}

    def _exit_status(self, jobs: tuple[JobReport, ...], plan: Plan) -> ExitStatus:
        status = exit_status(jobs, plan.refused)
        interrupted = status is ExitStatus.INTERRUPTED
        return ExitStatus.CHECK_FAILED if self._failed_proofs and not interrupted else status

    def _job_report(self, item: _Done, inspected: _Inspected) -> JobReport:
        outcome = item.outcome
        image = inspected.images[outcome.job.id]
        return JobReport(
            target=outcome.job.id,
            status=outcome.status,
            seconds=outcome.seconds,
            steps=outcome.steps,
            wheels=tuple(item.wheels),
            image=image.tags[0] if image.tags else image.id,
            image_digest=image.id,
            recipe_digest=image.labels.get("xbuild.recipe", ""),
            tools=tool_versions(image),
            sysroot=outcome.job.sysroot or "the image's",
            warm=outcome.warm,
            layers_digest=layers_digest(image),
            pinned=is_pinned(image) if PINNED_LABEL in image.labels else None,
            attempts=outcome.attempts,
            reason=outcome.reason,
            log=str(self._tools.log_path(outcome.job.id)),
        )


def _configuration(manifest: Manifest, snapshot: Snapshot) -> CargoConfig:
    """cargo's configuration as the sources have it; what cargo has to be kept from is taken out of them."""

    def copy(folder: Path) -> Path:
        return snapshot.folder / folder.relative_to(manifest.root)

    crate = copy(manifest.cargo_toml.parent)
    config = read_config(copy(manifest.project), crate, snapshot.folder, shown=manifest.root)
    drop_remote_sources(config)
    return config


def jobs_with_room(engine: EngineInfo, jobs: Sequence[Job]) -> int:
    """How many of a run's jobs the processors and the memory of the engine's machine carry at once."""
    largest = max((job.limits.memory for job in jobs), default=0)
    return max(1, min(engine.cpus, engine.memory // max(largest, 1 << 30)))


def _view(manifest: Manifest, wanted: TargetRequest) -> View:
    """The crate with the dependencies of a target, and the features that maturin builds it with."""
    features = {*manifest.maturin_features, *wanted.features}
    every = wanted.all_features or manifest.maturin.get("all-features")
    bare = wanted.no_default_features or manifest.maturin.get("no-default-features")
    words = (
        *(("--features", ",".join(sorted(features))) if features else ()),
        *(("--all-features",) if every else ()),
        *(("--no-default-features",) if bare else ()),
    )
    return View(features=words, target=wanted.target.triple)


def _expect(wanted: str, found: str, what: str, where: Path, code: str) -> None:
    if wanted and wanted != found:
        raise RefusedError(
            f"{what} changed since the run that is repeated",
            details=f"{where} has the digest {found}, and then it had {wanted}",
            hint="check out what was built, and name its folder with --source",
            code=code,
        )


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

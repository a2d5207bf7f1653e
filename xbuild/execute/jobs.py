"""All jobs of a plan, as many at once as the machine carries, and the proof of their wheels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from xbuild.catalog import Catalog
from xbuild.check.trial.prove import Prover
from xbuild.collect.collect import Collected
from xbuild.engine import Engine, EngineInfo
from xbuild.errors import EngineError, InterruptedRunError, XbuildError
from xbuild.events import Emitter, JobFinished, WheelReady
from xbuild.execute.diagnosis.leftout import Remark
from xbuild.execute.executor import Executor
from xbuild.execute.outcome import JobOutcome
from xbuild.execute.verdict import reason_of, status_of
from xbuild.images.builder import ImageBuilder
from xbuild.plan.model import Job, Step
from xbuild.util.cancel import interruption
from xbuild.util.phases import Phases


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenWheel:
    """A wheel in its place.

    :ivar proof: what proved it: ``audited`` or where it ran.
    :ivar proven: false where it was to be run, and failed or could not be run.
    """

    collected: Collected
    step: Step
    proof: str
    proven: bool


@dataclass(slots=True)
class JobResult:
    """How a job and the proof of its wheels ended.

    :ivar failed_proofs: the names of the wheels that failed their trial, or could not be tried.
    """

    outcome: JobOutcome
    wheels: list[ProvenWheel] = field(default_factory=list)
    failed_proofs: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelTrial:
    """Runs the wheels of a run, where that was asked for.

    :ivar wanted: whether it was.
    :ivar runtime: the container runtime, ``""`` for the engine's default.
    :ivar cancel: set when everything is being killed.
    """

    wanted: bool
    engine: Engine
    images: ImageBuilder
    catalog: Catalog
    labels: Mapping[str, str]
    runtime: str
    cancel: threading.Event
    emitter: Emitter
    phases: Phases

    def prove(self, item: Collected, job: Job, step: Step) -> tuple[str, bool]:
        """What proved a wheel, its audit and the interpreters that ran it; and whether nothing failed.

        :raises InterruptedRunError: it was to be run, and everything was killed.
        :raises EngineError: the engine went away meanwhile.
        """
        if not self.wanted:
            return "audited", True
        self.phases.enter("test", step.wheel, job=job.id)
        emitter = self.emitter.of(job.id, step.label)
        prover = Prover(
            engine=self.engine,
            images=self.images,
            catalog=self.catalog,
            labels=self.labels,
            limits=lambda _: job.limits,
            stopping=self.cancel.is_set,
            runtime=self.runtime,
            on_line=lambda stream, line: emitter.output("test", stream, line),
        )
        try:
            with interruption(self.cancel):
                proofs = prover.prove(item.path, item.audit, kinds=step.interpreters)
        except InterruptedRunError:
            raise
        except XbuildError as error:
            if isinstance(error, EngineError) and error.retryable:
                raise
            return f"audited; not run: {error.brief}", False
        text = "audited; " + "; ".join(dict.fromkeys(proof.text for proof in proofs))
        return text, all(proof.ok for proof in proofs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRunner:
    """Runs the jobs of a plan.

    :ivar explain: what a failure misses of files that are on this machine, by its words.
    :ivar log_path: where the full log of a job is.
    """

    executor: Executor
    trial: WheelTrial
    emitter: Emitter
    cancel: threading.Event
    explain: Callable[[str], Sequence[Remark]]
    log_path: Callable[[str], Path]

    def run(self, jobs: Sequence[Job], *, workers: int) -> list[JobResult]:
        """Run them all; a failed one is a result, never an exception. The results are in the jobs' order."""
        with ThreadPoolExecutor(max_workers=workers) as pool:
            return list(pool.map(self._run_job, jobs))

    def _run_job(self, job: Job) -> JobResult:
        if self.cancel.is_set():
            outcome = JobOutcome(job=job, status="interrupted", seconds=0, steps=(), collected=(), warm=False)
            result = JobResult(outcome)
        else:
            result = JobResult(self.executor.execute(job))
            self._prove_wheels(job, result)
        self._finish(job, result.outcome)
        return result

    def _prove_wheels(self, job: Job, result: JobResult) -> None:
        steps = {step.wheel: step for step in job.steps}
        for item in result.outcome.collected:
            step, proven = steps[item.path.name], False
            try:
                proof, proven = self.trial.prove(item, job, step)
                if not proven:
                    result.failed_proofs.add(item.path.name)
            except InterruptedRunError:
                # It is in its place all the same, and the report has to say so
                proof = "audited; not run: interrupted"
                result.outcome = replace(result.outcome, status="interrupted", reason="interrupted")
            except Exception as error:  # noqa: BLE001  # told as the job's result
                reason = reason_of(error)
                proof = f"audited; not run: {error.brief if isinstance(error, XbuildError) else reason}"
                result.outcome = replace(result.outcome, status=status_of(error), reason=reason)
            result.wheels.append(ProvenWheel(collected=item, step=step, proof=proof, proven=proven))
            self.emitter.of(job.id, step.label).emit(
                WheelReady, path=str(item.path), sha256=item.sha256, size=item.size, proof=proof
            )

    def _finish(self, job: Job, outcome: JobOutcome) -> None:
        emitter = self.emitter.of(job.id)
        if outcome.status == "failed":
            for remark in self.explain(outcome.reason):
                emitter.notice("warning", remark.code, remark.message, hint=remark.hint)
        emitter.emit(
            JobFinished,
            status=outcome.status,
            seconds=outcome.seconds,
            reason=outcome.reason,
            hint=outcome.hint,
            log=str(self.log_path(job.id)),
        )


def jobs_with_room(engine: EngineInfo, jobs: Sequence[Job]) -> int:
    """How many of a run's jobs the processors and the memory of the engine's machine carry at once."""
    largest = max((job.limits.memory for job in jobs), default=0)
    return max(1, min(engine.cpus, engine.memory // max(largest, 1 << 30)))

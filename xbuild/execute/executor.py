"""Runs the jobs of a plan, a container for each; one whose engine went away is run once more."""

from __future__ import annotations

import time
from dataclasses import dataclass

from xbuild.errors import EngineError
from xbuild.events import JobStatus, Notice
from xbuild.execute.job import Done, JobRunner, RunContext
from xbuild.execute.outcome import JobOutcome
from xbuild.execute.target_dir import TargetDirs
from xbuild.execute.verdict import judge, reason_of, status_of
from xbuild.plan.model import Job

_ENGINE_PATIENCE = 15.0
"""Seconds for an engine to come back: a restart takes one or two, and stopping containers up to ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor(RunContext):
    """Runs jobs, each in a thread of the caller's."""

    def execute(self, job: Job) -> JobOutcome:
        """Run one job to its end. A failed build is a result, never an exception.

        Where the engine goes away in the middle, and is back soon, what is left of the job is run once more.
        """
        started = time.monotonic()
        done = Done()
        attempts = 1
        error = self._attempt(job, done)
        if self._is_worth_waiting(error) and self._engine_is_back(job):
            attempts = 2
            error = self._attempt(job, done)
        if error:
            status, reason = self._status_of(error), reason_of(error)
        else:
            status, reason = judge(done.steps)
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

    def _attempt(self, job: Job, done: Done) -> Exception | None:
        """Run those steps that are not done; gives what stopped them.

        A fault of xbuild's own too: the other jobs, and the wheels of this one, must not be lost by it.
        """
        try:
            with self._target_dirs.use(job, complete=lambda: done.built) as (target_dir, warm):
                done.warm = done.warm or warm
                JobRunner(self, job, done).in_container(target_dir)
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

    @property
    def _target_dirs(self) -> TargetDirs:
        rooms = self.rooms
        return TargetDirs(
            # Elsewhere the engine makes a fresh one by itself
            kept=rooms.target_cache if self.transport.local else None,
            work=rooms.work,
            source=rooms.source,
            source_digest=rooms.source_digest,
            lock_digest=rooms.lock_digest,
        )

"""A run that is logged, and that ends with exactly one terminal event, whatever becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from xbuild import __version__
from xbuild.app.requests import retention_of
from xbuild.app.services import RunHandle, Services
from xbuild.errors import InterruptedRunError, XbuildError
from xbuild.events import RunEvents, RunFinished, RunStarted, Sink, ended_by
from xbuild.pipeline import Pipeline, finished
from xbuild.plan.precheck import Checked
from xbuild.report.model import Report
from xbuild.storage.logs import JobLogs
from xbuild.storage.runs import prune, run_folder
from xbuild.storage.workspace import storage_error

Keep = Callable[[Report, Sink], Path | None]
"""Keeps a report, and gives what the terminal event names as its path."""


class RecordedRun:
    """One run of the pipeline with its log.

    :ivar folder: where the logs are, and what else is kept of the run.
    """

    def __init__(self, checked: Checked, services: Services, context: RunHandle) -> None:
        self.folder = services.runs / context.run
        self._checked = checked
        self._services = services
        self._context = context
        self._emit = RunEvents(context.emit)
        self._started = time.monotonic()

    @property
    def ended(self) -> RunFinished | None:
        """The terminal event, once there is one."""
        return self._emit.ended

    def execute(self, keep: Keep) -> Report:
        """Build, log, and have the report kept before the run ends.

        :raises XbuildError: the build could not be done; the terminal event has said so already, unless it
            was the folder for logs that could not be made.
        """
        self._started = time.monotonic()
        with ExitStack() as stack:
            logs = self._open(stack)
            emit = self._emit = RunEvents(logs, self._context.emit)
            emit(self._start())
            try:
                with self._services.cancellable(self._context.cancel):
                    tools = self._services.tools(replace(self._context, emit=emit), logs.path)
                    report = Pipeline(self._checked, tools, self._context.run).build()
                ended = finished(report, now=time.time(), path=keep(report, emit))
            except XbuildError as error:
                emit(self._failed(error))
                raise
            except OSError as error:
                emit(self._failed(storage_error(error)))
                raise storage_error(error) from error
            except BaseException:
                emit(self._failed(XbuildError("a fault of xbuild itself")))
                raise
            emit(ended)
        return report

    def _open(self, stack: ExitStack) -> JobLogs:
        """The run's folder and its logs, and room for them where earlier runs are kept."""
        runs = self._services.runs
        try:
            folder = stack.enter_context(run_folder(runs, self._context.run))
            logs = JobLogs(folder)
            prune(runs, retention_of(self._services.settings), now=time.time())
        except OSError as error:
            raise storage_error(error) from error
        return stack.enter_context(logs)

    def abandon(self) -> None:
        """Say the last word for a run that does not stop in time."""
        self._emit(self._failed(InterruptedRunError("interrupted")))

    def _start(self) -> RunStarted:
        jobs = tuple(wanted.target.triple for wanted in self._checked.request.targets)
        return RunStarted(run=self._context.run, time=time.time(), jobs=jobs, version=__version__)

    def _failed(self, error: XbuildError) -> RunFinished:
        seconds = time.monotonic() - self._started
        return ended_by(error, run=self._context.run, now=time.time(), seconds=seconds)

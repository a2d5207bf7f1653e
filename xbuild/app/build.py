"""The use case behind ``xbuild run``: build, log, report and attest."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.app.recording import RecordedRun
from xbuild.app.services import RunHandle, Services
from xbuild.engine.layout import BESIDE
from xbuild.events import Notice, RunFinished, Sink
from xbuild.plan.precheck import Checked
from xbuild.report.model import REPORT, Report
from xbuild.report.report import copy_logs, write_json
from xbuild.storage.workspace import storage_error

if TYPE_CHECKING:
    from xbuild.report.attest import SigningKey


class BuildRun:
    """One build, for which :meth:`execute` is called once, in any thread.

    :param key: signs the attestations; without one they are statements that nobody vouches for.
    :ivar late: what was worth a notice only after the run had ended.
    """

    def __init__(
        self,
        checked: Checked,
        services: Services,
        context: RunHandle,
        *,
        key: SigningKey | None = None,
    ) -> None:
        self.late: tuple[Notice, ...] = ()
        self._beside = checked.request.out / BESIDE
        self._builder = services.settings.attest.builder
        self._run = context.run
        self._key = key
        self._recorded = RecordedRun(checked, services, context)

    @property
    def ended(self) -> RunFinished | None:
        """The terminal event, once there is one."""
        return self._recorded.ended

    def abandon(self) -> None:
        """Say the last word for a run that does not stop in time."""
        self._recorded.abandon()

    def execute(self) -> Report:
        """Build, and leave wheels, report, attestations and logs.

        :raises XbuildError: the build could not be done; a failed build is part of the report instead.
        """
        report = self._recorded.execute(self._keep)
        try:
            # Not before the run has ended: its log has the end too
            copy_logs(self._recorded.folder, self._beside)
        except OSError as error:
            self.late = (self._no_room("the log", error),)
        return report

    def _keep(self, report: Report, emit: Sink) -> Path | None:
        """The report and the attestations, where the state is kept and beside the wheels.

        Gives the report's path, ``None`` where there is room for it in neither place. What was built is
        there, whether or not there is room for a report about it.
        """
        path = None
        try:
            write_json(self._recorded.folder / REPORT, report.as_dict())
            path = self._recorded.folder / REPORT
        except OSError as error:
            emit(self._no_room("the report", error))
        try:
            self._beside.mkdir(parents=True, exist_ok=True)
            write_json(self._beside / REPORT, report.as_dict())
            path = self._beside / REPORT
            self._attest(report)
        except OSError as error:
            emit(self._no_room("the report", error))
        return path

    def _attest(self, report: Report) -> None:
        if any(job.wheels for job in report.jobs):
            # Imported late: cryptography takes a while to load
            from xbuild.report.attest import write_attestations  # noqa: PLC0415

            write_attestations(report, self._beside, key=self._key, builder=self._builder)

    def _no_room(self, what: str, error: OSError) -> Notice:
        reason = storage_error(error)
        return Notice(
            run=self._run,
            time=time.time(),
            level="warning",
            code=reason.code,
            message=f"{what} cannot be written: {reason.brief}: {reason.details}",
            hint=reason.hint,
        )

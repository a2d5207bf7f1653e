"""The use case behind ``xbuild verify``: wheels of an earlier run built again, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xbuild.app.recording import RecordedRun
from xbuild.app.requests import jobs_of, limits_of
from xbuild.app.services import RunHandle, Services
from xbuild.catalog import load_catalog
from xbuild.plan.precheck import Checked, precheck
from xbuild.rebuild.rebuild import Means, Outcome, Places, judge, rebuild_request, with_images
from xbuild.rebuild.record import record_of_run, record_of_wheel
from xbuild.report.model import Report, WheelReport
from xbuild.settings import Settings
from xbuild.util.files import is_file


def find_record(what: str, runs: Path) -> tuple[Report, dict[Path, WheelReport]]:
    """The run, and where the wheels to build again should be: one, or all of a run.

    :param what: a wheel, or a run by the start of its name.
    :raises UsageError: there is no such run, or nothing tells of the wheel.
    """
    path = Path(what)
    if path.suffix == ".whl" or is_file(path):
        record, wheel = record_of_wheel(path, runs)
        return record, {path: wheel}
    record = record_of_run(what, runs)
    return record, {wheel.path: wheel for wheel in record.wheels}


def means_of(mine: Settings, configured: Settings, triple: str, *, sysroot: Path | None) -> Means:
    """What the caller gives to a rebuild for one target.

    :param mine: the settings without the project's files.
    :param configured: the settings with them.
    """
    own = mine.for_target(triple)
    folder = sysroot or own.sysroot
    return Means(
        limits=limits_of(mine, triple),
        timeout=own.timeout,
        sysroot=folder.resolve() if folder else None,
        environment=configured.for_target(triple).environment,
    )


def check_rebuild(
    record: Report,
    wheels: Sequence[WheelReport],
    mine: Settings,
    configured: Settings,
    *,
    out: Path,
    source: Path | None = None,
    sysroot: Path | None = None,
) -> Checked:
    """The request that builds some wheels of a run again, with nothing that speaks against it so far.

    :param mine: the settings without the project's files: they speak for whoever wrote them.
    :param configured: the settings with them.
    :param out: a folder for the new wheels, which has none of these yet.
    :param source: the crate's folder, where it is not where it was.
    :param sysroot: the sysroot of the run, where it had one of its own.
    :raises RefusedError: something that the run had is not to be had.
    """
    catalog = load_catalog()
    places = Places(
        source=(source or record.project).absolute(),
        out=out.resolve(),
        jobs=jobs_of(configured),
        runtime=mine.runtime,
        means={
            triple: means_of(mine, configured, triple, sysroot=sysroot)
            for triple in {wheel.target for wheel in wheels}
        },
    )
    return precheck(rebuild_request(record, wheels, catalog, places), catalog)


class RebuildRun:
    """Builds some wheels of an earlier run again, with its images, and compares.

    :param checked: a request of :func:`xbuild.rebuild.rebuild.rebuild_request`.
    :param wheels: where they should be, and what the record says of them.
    :param diffoscope: the program, where it is installed.
    """

    def __init__(
        self,
        checked: Checked,
        record: Report,
        wheels: Mapping[Path, WheelReport],
        services: Services,
        context: RunHandle,
        *,
        diffoscope: Path | None = None,
    ) -> None:
        self._checked = checked
        self._record = record
        self._wheels = wheels
        self._services = services
        self._context = context
        self._diffoscope = diffoscope
        self._recorded: RecordedRun | None = None

    def abandon(self) -> None:
        """Say the last word for a run that does not stop in time."""
        if self._recorded:
            self._recorded.abandon()

    def execute(self) -> Outcome:
        """Build and compare. The log is kept and no report, because nobody gets what is made.

        :raises XbuildError: the build could not be done.
        """
        with self._services.cancellable(self._context.cancel):
            request = with_images(self._checked.request, self._record, self._services.engine)
        checked = replace(self._checked, request=request)
        run = self._recorded = RecordedRun(checked, self._services, self._context)
        report = run.execute(lambda _report, _emit: run.folder)
        return judge(report, self._record, self._wheels, diffoscope=self._diffoscope)

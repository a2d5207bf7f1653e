"""The public face: values in, a typed result out. No terminal, no signals, no exit; any thread may call.

The functions share nothing: each connects to the engine for itself, unless it is given one, so one may follow
another in the same process, also after one that was cancelled or failed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from xbuild.app.build import BuildRun
from xbuild.app.plan import plan_build
from xbuild.app.rebuild import RebuildRun, check_rebuild, find_record
from xbuild.app.requests import make_request
from xbuild.app.services import RunHandle, Services, ignore
from xbuild.app.signing import make_signing_key
from xbuild.catalog import load_catalog
from xbuild.check.audit import AuditResult, audit
from xbuild.engine import Engine
from xbuild.events import Sink
from xbuild.inspect.sources.snapshot import source_folders
from xbuild.plan.model import Plan
from xbuild.plan.precheck import Checked, precheck
from xbuild.rebuild.rebuild import Outcome
from xbuild.report.model import Report
from xbuild.settings import Settings, load_settings
from xbuild.util.cancel import CancelToken


def configure(project: Path, **values: Any) -> Settings:
    """Settings as the command would have them: these values over the environment over files over defaults.

    :param project: the crate's folder.
    :param values: what is said here, by the names of the settings.
    :raises UsageError: a value cannot be understood.
    """
    folder = project.absolute()
    return load_settings(flags=values, environ=os.environ, project_dir=folder).settings


def plan_wheels(
    project: Path,
    settings: Settings | None = None,
    *,
    on_event: Sink = ignore,
    cancel: CancelToken | None = None,
    engine: Engine | None = None,
) -> Plan:
    """What :func:`build_wheels` would run. Nothing is fetched, and no image is made.

    :param project: the crate's folder.
    :param settings: what is wanted; without any, what files and environment say, as for the command.
    :param on_event: gets what is worth a notice.
    :param cancel: ends the work early, from any thread.
    :param engine: in place of Docker's.
    :raises XbuildError: it cannot be said; its class and code say why.
    """
    chosen = settings or _configured(project.absolute())
    with Services(chosen, engine=engine.session() if engine else None) as services:
        context = RunHandle(emit=on_event, cancel=cancel or CancelToken())
        return plan_build(_check(project, services), services, context)


def build_wheels(
    project: Path,
    settings: Settings | None = None,
    *,
    on_event: Sink = ignore,
    cancel: CancelToken | None = None,
    engine: Engine | None = None,
) -> Report:
    """Build, and leave wheels, report, provenance and logs, as ``xbuild run`` does.

    A build that fails is a result: the report has a job for each target, and the exit status that it means.

    :param project: the crate's folder.
    :param settings: what is wanted; without any, what files and environment say, as for the command.
    :param on_event: gets what happens, from any thread, the end of the run last.
    :param cancel: ends the work early, from any thread.
    :param engine: in place of Docker's.
    :raises InterruptedRunError: it was cancelled before there was anything to report.
    :raises XbuildError: the build could not be done; its class and code say why.
    """
    chosen = settings or _configured(project.absolute())
    with Services(chosen, engine=engine.session() if engine else None) as services:
        checked = _check(project, services)
        sources = source_folders(checked.manifest.root, checked.manifest.folders)
        key = make_signing_key(chosen, sources, os.environ)
        context = RunHandle(emit=on_event, cancel=cancel or CancelToken())
        return BuildRun(checked, services, context, key=key).execute()


def rebuild_wheels(
    what: str | Path,
    settings: Settings | None = None,
    *,
    out: Path,
    source: Path | None = None,
    sysroot: Path | None = None,
    on_event: Sink = ignore,
    cancel: CancelToken | None = None,
    engine: Engine | None = None,
) -> Outcome:
    """Build wheels of an earlier run again, and say what differs, as ``xbuild verify`` does.

    :param what: a wheel, or a run by the start of its name.
    :param settings: limits, folders and environment; without any, the caller's own files and environment.
    :param out: a folder for the new wheels, which has none of these yet.
    :param source: the crate's folder, where it is not where it was.
    :param sysroot: the sysroot of the run, where it had one of its own.
    :param on_event: gets what happens, from any thread.
    :param cancel: ends the work early, from any thread.
    :param engine: in place of Docker's.
    :raises XbuildError: the build could not be done; other bytes are no error but in the outcome.
    """
    chosen = settings or _configured(None)
    with Services(chosen, engine=engine.session() if engine else None) as services:
        record, wheels = find_record(str(what), services.runs)
        checked = check_rebuild(
            record, tuple(wheels.values()), chosen, chosen, out=out, source=source, sysroot=sysroot
        )
        context = RunHandle(emit=on_event, cancel=cancel or CancelToken())
        return RebuildRun(checked, record, wheels, services, context).execute()


def audit_wheels(*wheels: Path) -> tuple[AuditResult, ...]:
    """What the static audit finds in each wheel, as ``xbuild check`` does. It needs no engine.

    :raises OSError: one cannot be read.
    """
    catalog = load_catalog()
    return tuple(audit(wheel, catalog=catalog) for wheel in wheels)


def _configured(project: Path | None) -> Settings:
    return load_settings(flags={}, environ=os.environ, project_dir=project).settings


def _check(project: Path, services: Services) -> Checked:
    request = make_request(services.settings, project.absolute(), services.catalog)
    return precheck(request, services.catalog)

"""``xbuild verify``."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from xbuild.catalog import load_catalog
from xbuild.cli.compose import jobs_of, limits_of, load
from xbuild.plan.precheck import precheck
from xbuild.util.files import is_file

if TYPE_CHECKING:
    from xbuild.rebuild.rebuild import Means
    from xbuild.report.model import Report, WheelReport
    from xbuild.settings import Settings


def verify(
    what: Annotated[
        str, typer.Argument(help="A wheel, or a run by the start of its name.", metavar="WHEEL|RUN")
    ],
    source: Annotated[
        Path | None, typer.Option("--source", help="The crate's folder, where it is not where it was.")
    ] = None,
    sysroot: Annotated[
        Path | None, typer.Option("--sysroot", help="The sysroot of the run, where it had one of its own.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Keep the new wheels in this folder.")
    ] = None,
    jobs: Annotated[
        str | None, typer.Option("--jobs", "-j", help="Targets built at once, or `auto`.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Longest time of a job: a target with all its interpreters (1h).")
    ] = None,
    memory: Annotated[str | None, typer.Option(help="Memory of a build container (4g).")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the builds' output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
) -> None:
    """Build wheels again as their report says, and say what differs."""
    from xbuild.rebuild.rebuild import Places, rebuild_request
    from xbuild.ui.comparison import render_outcome
    from xbuild.ui.lines import show

    catalog = load_catalog()
    # Without the project's files: they are where the report says, and speak for whoever wrote them
    mine = load({"timeout": timeout, "memory": memory}, None).settings
    record, wheels = _wanted(what, mine.state_dir / "runs")
    folder = (source or record.project).absolute()
    settings = load({"jobs": jobs}, folder if folder.is_dir() else None).settings
    with ExitStack() as stack:
        private = "" if out else stack.enter_context(TemporaryDirectory(prefix="xbuild-verify-"))
        places = Places(
            source=folder,
            out=out.resolve() if out else Path(private),
            jobs=jobs_of(settings),
            runtime=mine.runtime,
            means={
                triple: means_of(mine, settings, triple, sysroot=sysroot)
                for triple in {wheel.target for wheel in wheels.values()}
            },
        )
        request = rebuild_request(record, tuple(wheels.values()), catalog, places)
        precheck(request, catalog)
        # Imported late: what is refused is refused before the engine's SDK is loaded
        from xbuild.cli.session import Session

        session = Session(settings, quiet=as_json, verbose=verbose)
        outcome = session.verify(request, record, wheels, catalog, diffoscope=_diffoscope())
    if as_json:
        typer.echo(json.dumps(outcome.as_dict(), indent=1))
    else:
        show(session.console, render_outcome(outcome))
    if mismatch := outcome.mismatch():
        raise mismatch
    raise SystemExit(int(outcome.exit_status))


def means_of(mine: Settings, configured: Settings, triple: str, *, sysroot: Path | None) -> Means:
    """What the caller gives to a rebuild for one target.

    :param mine: the settings without the project's files.
    :param configured: the settings with them.
    """
    from xbuild.rebuild.rebuild import Means

    own = mine.for_target(triple)
    folder = sysroot or own.sysroot
    return Means(
        limits=limits_of(mine, triple),
        timeout=own.timeout,
        sysroot=folder.resolve() if folder else None,
        environment=configured.for_target(triple).environment,
    )


def _wanted(what: str, runs: Path) -> tuple[Report, dict[Path, WheelReport]]:
    """The run, and where the wheels to build again should be: one, or all of a run."""
    from xbuild.rebuild.record import record_of_run, record_of_wheel

    path = Path(what)
    if path.suffix == ".whl" or is_file(path):
        record, wheel = record_of_wheel(path, runs)
        return record, {path: wheel}
    record = record_of_run(what, runs)
    return record, {wheel.path: wheel for wheel in record.wheels}


def _diffoscope() -> Path | None:
    program = shutil.which("diffoscope", path=os.environ.get("PATH"))
    return Path(program) if program else None

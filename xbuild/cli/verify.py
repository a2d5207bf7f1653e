"""``xbuild verify``."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from xbuild.cli.settings import load


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
    from xbuild.app.rebuild import RebuildRun, check_rebuild, find_record
    from xbuild.cli.call import Call
    from xbuild.ui.comparison import render_outcome
    from xbuild.ui.lines import show

    # Without the project's files: they are where the report says, and speak for whoever wrote them
    mine = load({"timeout": timeout, "memory": memory}, None).settings
    record, wheels = find_record(what, mine.state_dir / "runs")
    folder = (source or record.project).absolute()
    settings = load({"jobs": jobs}, folder if folder.is_dir() else None).settings
    with ExitStack() as stack:
        private = "" if out else stack.enter_context(TemporaryDirectory(prefix="xbuild-verify-"))
        checked = check_rebuild(
            record,
            tuple(wheels.values()),
            mine,
            settings,
            out=out or Path(private),
            source=source,
            sysroot=sysroot,
        )
        call = Call(settings, quiet=as_json, verbose=verbose)
        run = RebuildRun(checked, record, wheels, call.services, call.context, diffoscope=_diffoscope())
        call.interrupts.last_words = run.abandon
        with call.screen:
            outcome = call.interruptible(run.execute)
    if as_json:
        typer.echo(json.dumps(outcome.as_dict(), indent=1))
    else:
        show(call.console, render_outcome(outcome))
    if mismatch := outcome.mismatch():
        raise mismatch
    raise SystemExit(int(outcome.exit_status))


def _diffoscope() -> Path | None:
    program = shutil.which("diffoscope", path=os.environ.get("PATH"))
    return Path(program) if program else None

"""``xbuild targets``, ``doctor``, ``config`` and ``logs``: what there is, and whether it works."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from xbuild.catalog import Catalog, Target, load_catalog
from xbuild.cli.settings import load
from xbuild.errors import ExitStatus, UsageError
from xbuild.ui.console import make_console, make_table_console

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def _proofs(catalog: Catalog, target: Target) -> dict[str, str]:
    """The target's interpreters, and what proves their wheels: how a tester runs them, or ``audit``."""
    from xbuild.check.trial import choose

    known = (item for item in catalog.interpreters.values() if not catalog.supports(target, item))
    choices = {item.tag: choose(target, item).tester for item in known}
    return {tag: tester.how if tester else "audit" for tag, tester in choices.items()}


def targets(as_json: AsJson = False) -> None:
    """List the targets, their interpreters, and what can prove a wheel of theirs."""
    catalog = load_catalog()
    if as_json:
        rows = [
            {
                "triple": target.triple,
                "platform_tag": target.platform_tag,
                "interpreters": _proofs(catalog, target),
                "refused": dict(target.no),
            }
            for target in catalog.targets.values()
        ]
        typer.echo(json.dumps({"schema": "xbuild.targets/1", "targets": rows}, indent=1))
        return
    console = make_table_console(sys.stdout, environ=os.environ)
    table = Table(box=None, pad_edge=False)
    table.add_column("target", no_wrap=True)
    table.add_column("platform tag", overflow="fold")
    table.add_column("run by `xbuild test`", overflow="fold")
    table.add_column("audited only", overflow="fold")
    for target in catalog.targets.values():
        proofs = _proofs(catalog, target)
        ways = {
            how: " ".join(tag for tag, proof in proofs.items() if proof == how) for how in proofs.values()
        }
        audited = ways.pop("audit", "-")
        table.add_row(
            Text(target.triple),
            Text(target.platform_tag.split(".")[-1]),
            Text("; ".join(f"{how}: {tags}" for how, tags in ways.items()) or "-"),
            Text(audited),
        )
    console.print(table)


def doctor(as_json: AsJson = False) -> None:
    """Check the engine, space, certificates, sources and emulation, with the fix for what is wrong."""
    from xbuild.app.doctor import examine
    from xbuild.cli.call import Call

    settings = load({}, Path.cwd()).settings
    findings = Call(settings, quiet=True).interruptible(lambda: examine(settings, environ=os.environ))
    failed = any(item.level == "error" for item in findings)
    if as_json:
        body = {"schema": "xbuild.doctor/1", "findings": [item.as_dict() for item in findings]}
        typer.echo(json.dumps(body, indent=1))
    else:
        from xbuild.ui.lines import safe, show

        console = make_console(sys.stdout, environ=os.environ)
        marks = {"ok": ("ok", "green"), "warning": ("warn", "yellow"), "error": ("FAIL", "bold red")}
        for item in findings:
            mark, style = marks[item.level]
            show(console, Text(f"{mark:>4} ", style=style) + safe(f"{item.name}: {item.message}"))
            if item.fix:
                show(console, safe(f"     fix: {item.fix}", "cyan"))
    raise SystemExit(int(ExitStatus.ENGINE if failed else ExitStatus.OK))


def config(
    project: Annotated[Path, typer.Argument(help="The crate's folder.")] = Path(),
    config_file: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
) -> None:
    """Show every value and where it came from."""
    from xbuild.settings import describe

    loaded = load({}, project.absolute(), config_file)
    console = make_table_console(sys.stdout, environ=os.environ)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for key, value, origin in describe(loaded):
        table.add_row(Text(key), Text(value), Text(origin, style="dim"))
    console.print(table)


def logs(
    run: Annotated[str, typer.Argument(help="A run, by the start of its name; the last one without.")] = "",
    target: Annotated[str, typer.Option("--target", "-t", help="Only this target.")] = "",
    raw: Annotated[bool, typer.Option("--json", help="The records as they are.")] = False,
) -> None:
    """Show the log of a run."""
    from xbuild.storage.logs import format_record, read_logs
    from xbuild.storage.runs import run_folders

    every = run_folders(load({}, None).settings.state_dir / "runs")
    runs = [path for path in every if path.name.startswith(run)]
    if not runs:
        known = ", ".join(path.name for path in every[-5:])
        raise UsageError(
            f"no run {run!r}" if run else "no run yet",
            details=f"latest: {known}" if known else "",
            code="no-run",
        )
    files = sorted(runs[-1].glob(f"{target or '*'}.jsonl"))
    if not files:
        names = ", ".join(path.stem for path in sorted(runs[-1].glob("*.jsonl")))
        raise UsageError(
            f"run {runs[-1].name} has no log of {target!r}", details=f"it has: {names}", code="no-log"
        )
    for record in read_logs(files):
        typer.echo(json.dumps(record) if raw else format_record(record))

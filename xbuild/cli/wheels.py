"""``xbuild check`` and ``xbuild test``."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from xbuild.catalog import load_catalog
from xbuild.errors import ExitStatus, UsageError
from xbuild.util.files import is_file

if TYPE_CHECKING:
    from xbuild.check.audit import AuditResult

Wheels = Annotated[list[Path], typer.Argument(help="Wheel files.")]


def _existing(paths: list[Path]) -> list[Path]:
    for path in paths:
        if not is_file(path):
            raise UsageError(f"{path} does not exist", code="no-wheel")
    return paths


def check(
    wheels: Wheels, as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False
) -> None:
    """Audit wheels: archive, tags, machine type, symbols, libraries, platform policy."""
    from xbuild.check.audit import audit

    catalog = load_catalog()
    results = [audit(path, catalog=catalog) for path in _existing(wheels)]
    if as_json:
        body = {"schema": "xbuild.check/1", "wheels": [result.as_dict() for result in results]}
        typer.echo(json.dumps(body, indent=1))
    else:
        _show_audits(results)
    fine = all(result.ok for result in results)
    raise SystemExit(int(ExitStatus.OK if fine else ExitStatus.CHECK_FAILED))


def _show_audits(results: Iterable[AuditResult]) -> None:
    from xbuild.ui.console import make_console
    from xbuild.ui.lines import safe, show

    console = make_console(sys.stdout, environ=os.environ)
    for result in results:
        style = "green" if result.ok else "bold red"
        show(console, Text("ok   " if result.ok else "FAIL ", style=style) + safe(result.wheel))
        for finding in result.findings:
            where = f"{finding.where}: " if finding.where else ""
            show(console, safe(f"     {finding.severity} [{finding.code}] {where}{finding.message}"))
            if finding.hint:
                show(console, safe(f"       {finding.hint}", "dim"))


def test(
    wheels: Wheels,
    command: Annotated[
        str, typer.Option("--command", help="What to run; {python} is the interpreter. Default: import it.")
    ] = "",
    tests: Annotated[
        Path | None,
        typer.Option("--tests", help="A folder that is copied to /tests, where the command runs."),
    ] = None,
    interp: Annotated[
        list[str] | None, typer.Option("--interp", "-i", help="Only these interpreters; may be repeated.")
    ] = None,
    extra: Annotated[
        list[Path] | None, typer.Option("--with", help="A wheel that it depends on; may be repeated.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds for the imports, and again for the command.")
    ] = 600.0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the tests print.")] = False,
) -> None:
    """Run wheels on their platform: natively, under qemu or wine. Where nothing can, say so.

    They are audited first, and where one fails that, none is run.
    """
    from xbuild.catalog.interpreters import resolve_interpreter
    from xbuild.check.audit import audit
    from xbuild.cli.settings import load
    from xbuild.ui.lines import safe, show

    catalog = load_catalog()
    kinds = [
        resolve_interpreter(name, catalog, folder=Path.cwd(), environment=os.environ).interpreter.kind
        for name in interp or ()
    ]
    audits = {path: audit(path, catalog=catalog) for path in _existing(wheels)}
    if failed := [result for result in audits.values() if not result.ok]:
        _show_audits(failed)
        raise SystemExit(int(ExitStatus.CHECK_FAILED))
    # Imported late: what fails its audit fails before the engine's SDK is loaded
    from xbuild.app.trial import TrialRequest, try_wheels
    from xbuild.cli.call import Call

    call = Call(load({}, None).settings)
    wanted = TrialRequest(
        kinds=kinds,
        command=shlex.split(command) if command else None,
        tests=tests,
        extra_wheels=extra or (),
        timeout=timeout,
    )

    def on_line(_: str, line: str) -> None:
        if verbose:
            show(call.errors, safe(line))

    with call.screen:
        proofs = call.interruptible(
            lambda: try_wheels(audits, wanted, call.services, call.context, on_line=on_line)
        )
    for proof in proofs:
        mark, style = ("ok  ", "green") if proof.ran and proof.ok else ("--  ", "yellow")
        if not proof.ok:
            mark, style = "FAIL", "bold red"
        show(call.console, Text(f"{mark} ", style=style) + safe(f"{proof.wheel}: {proof.text}"))
        if not proof.ok:
            show(call.console, safe("\n".join(proof.tail)))
    fine = all(proof.ok for proof in proofs) and any(proof.ran for proof in proofs)
    raise SystemExit(int(ExitStatus.OK if fine else ExitStatus.CHECK_FAILED))

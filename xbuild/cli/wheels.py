"""``xbuild check`` and ``xbuild test``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from xbuild.catalog import load_catalog
from xbuild.errors import ExitStatus, UsageError

Wheels = Annotated[list[Path], typer.Argument(help="Wheel files.")]


def _existing(paths: list[Path]) -> list[Path]:
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} does not exist", code="no-wheel")
    return paths


def check(
    wheels: Wheels, as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False
) -> None:
    """Audit wheels: archive, tags, machine type, symbols, libraries, platform policy."""
    from xbuild.ui.console import make_console
    from xbuild.ui.lines import safe
    from xbuild.wheels import audit

    catalog = load_catalog()
    results = [audit(path, catalog=catalog) for path in _existing(wheels)]
    if as_json:
        body = {"schema": "xbuild.check/1", "wheels": [result.as_dict() for result in results]}
        typer.echo(json.dumps(body, indent=1))
    else:
        console = make_console(sys.stdout, environ=os.environ)
        for result in results:
            style = "green" if result.ok else "bold red"
            console.print(Text("ok   " if result.ok else "FAIL ", style=style) + safe(result.wheel))
            for finding in result.findings:
                where = f"{finding.where}: " if finding.where else ""
                console.print(safe(f"     {finding.severity} [{finding.code}] {where}{finding.message}"))
                if finding.hint:
                    console.print(Text(f"       {finding.hint}", style="dim"))
    fine = all(result.ok for result in results)
    raise SystemExit(int(ExitStatus.OK if fine else ExitStatus.CHECK_FAILED))


def test(
    wheels: Wheels,
    command: Annotated[
        str, typer.Option("--command", help="What to run; {python} is the interpreter. Default: import it.")
    ] = "",
) -> None:
    """Run wheels on their platform, where an emulator can."""
    raise UsageError("not wired yet", details=f"{wheels} {command}")

"""``xbuild attest``: checks attestations of wheels."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from xbuild.cli.machine import answers_json
from xbuild.errors import CheckError, ExitStatus

app = typer.Typer(help="Attestations of wheels.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def attest() -> None:
    """Attestations of wheels."""


@app.command()
@answers_json
def verify(
    attestation: Annotated[
        Path, typer.Argument(help="An attestation, or a bundle with one on each line.", metavar="ATTESTATION")
    ],
    wheels: Annotated[list[Path], typer.Argument(help="Wheel files that it is about.", metavar="WHEEL...")],
    key: Annotated[Path, typer.Option("--key", help="PEM file of the signer's public key (Ed25519).")],
    as_json: Annotated[bool, typer.Option("--json", help="The statements as JSON.")] = False,
) -> None:
    """Check offline that attestations were signed with a key and are about these wheels."""
    from xbuild.report.attest import VerifiedStatement, verify_attestation
    from xbuild.ui.console import make_console
    from xbuild.ui.errors import render_error
    from xbuild.ui.lines import safe, show

    console = make_console(sys.stdout, environ=os.environ)
    errors = make_console(sys.stderr, environ=os.environ)
    good: list[VerifiedStatement] = []
    failed: list[dict[str, str]] = []
    for wheel in wheels:
        try:
            good.append(verify_attestation(attestation, wheel, key))
        except CheckError as error:
            show(errors, render_error(error))
            failed.append({"wheel": wheel.name, "code": error.code, "brief": error.brief})
    if as_json:
        body = {"schema": "xbuild.verified/1", "wheels": [item.as_dict() for item in good], "failed": failed}
        typer.echo(json.dumps(body, indent=1))
    else:
        for item in good:
            show(console, Text("ok   ", style="green") + safe(item.wheel))
            show(console, safe(f"     built by {item.builder}, signed with key {item.key}"))
    raise SystemExit(int(ExitStatus.CHECK_FAILED if failed else ExitStatus.OK))

"""``xbuild schema``: the form of what xbuild writes for machines."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from xbuild.errors import UsageError


def schema(
    name: Annotated[str, typer.Argument(metavar="NAME", help="report, plan, event, error or lock.")],
) -> None:
    """Print the JSON schema of a document."""
    from xbuild.report.schemas import NAMES, schema_of

    if name not in NAMES:
        raise UsageError(f"there is no schema {name!r}", hint=f"one of: {', '.join(NAMES)}", code="no-schema")
    typer.echo(json.dumps(schema_of(name), indent=1))

"""``xbuild cache``: what the cache and the folders of runs hold, and their cleaning."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from xbuild.app.requests import retention_of
from xbuild.cli.machine import answers_json
from xbuild.cli.settings import load
from xbuild.errors import UsageError
from xbuild.settings.units import parse_age
from xbuild.ui.console import make_table_console
from xbuild.ui.lines import safe, show
from xbuild.util.text import file_size

if TYPE_CHECKING:
    from xbuild.settings import Settings
    from xbuild.storage.cache import Amount, Cleaned

app = typer.Typer(help="The cache, and what runs left.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def _settings() -> Settings:
    return load({}, None).settings


def _runs(settings: Settings) -> Path:
    return settings.state_dir / "runs"


@app.command()
@answers_json
def du(as_json: AsJson = False) -> None:
    """Show how much of what the cache holds, and how much runs left in the state directory."""
    from xbuild.storage.cache import amounts
    from xbuild.storage.runs import amount

    settings = _settings()
    cache, runs = settings.cache_dir, _runs(settings)
    found = (*amounts(cache), amount(runs))
    total = sum(amount.size for amount in found)
    if as_json:
        body = {
            "schema": "xbuild.cache/1",
            "folder": str(cache),
            "runs_folder": str(runs),
            "rooms": [amount.as_dict() for amount in found],
            "total_size": total,
        }
        typer.echo(json.dumps(body, indent=1))
        return
    console = make_table_console(sys.stdout, environ=os.environ)
    console.print(_table(found))
    show(console, safe(f"{file_size(total)} in {cache} and {runs}"))


@app.command()
@answers_json
def gc(
    older: Annotated[
        str, typer.Option("--older", help="Remove what was not used for this long: 30d, 2w, 12h.")
    ] = "30d",
    as_json: AsJson = False,
) -> None:
    """Remove what was not used for long, what killed runs left, and runs beyond the settings of [runs]."""
    from xbuild.storage.cache import clean
    from xbuild.storage.runs import prune

    try:
        age = parse_age(older)
    except ValueError as error:
        raise UsageError(f"--older {error}, or days and weeks: '30d', '2w'", code="bad-setting") from error
    settings, now = _settings(), time.time()
    cleaned = clean(settings.cache_dir, before=now - age)
    pruned = prune(_runs(settings), retention_of(settings), now=now)
    removed = (*cleaned.removed, *([pruned] if pruned.entries else []))
    _tell(replace(cleaned, removed=removed), as_json=as_json)


@app.command()
@answers_json
def clear(as_json: AsJson = False) -> None:
    """Remove everything in the cache that is not in use; logs and reports of runs stay."""
    from xbuild.storage.cache import clean

    _tell(clean(_settings().cache_dir), as_json=as_json)


def _tell(cleaned: Cleaned, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(cleaned.as_dict(), indent=1))
        return
    console = make_table_console(sys.stdout, environ=os.environ)
    if cleaned.removed:
        console.print(_table(cleaned.removed))
    show(console, safe(f"{file_size(sum(amount.size for amount in cleaned.removed))} removed"))
    for entry in cleaned.busy:
        show(console, safe(f"in use: {entry}", "yellow"))
    if cleaned.runs:
        runs = ", ".join(cleaned.runs)
        show(console, safe(f"crates are kept, because runs are going on: {runs}", "yellow"))


def _table(found: tuple[Amount, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "size", "entries", "for"):
        table.add_column(heading, justify="right" if heading in {"size", "entries"} else "left")
    for amount in found:
        table.add_row(
            Text(amount.room), Text(file_size(amount.size)), Text(str(amount.entries)), Text(amount.purpose)
        )
    return table

"""The command and its subcommands."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from xbuild import __version__
from xbuild.cli import attest, build, cache, images, info, lock, profile, schema, verify, wheels
from xbuild.cli.machine import answers_json, ends_events, in_words
from xbuild.errors import ExitStatus, XbuildError
from xbuild.ui.console import make_console
from xbuild.ui.errors import render_error
from xbuild.ui.lines import show

app = typer.Typer(
    name="xbuild",
    help="Cross-build the wheels of Rust extensions for Python, in containers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001  # typer's callback
    if value:
        typer.echo(f"xbuild {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[  # handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Cross-build the wheels of Rust extensions for Python, in containers."""


app.command("run")(ends_events(build.run))
app.command("plan")(answers_json(build.plan))
app.command("lock")(lock.lock)
app.command("profile")(profile.profile)
app.command("targets")(answers_json(info.targets))
app.command("doctor")(answers_json(info.doctor))
app.command("config")(info.config)
app.command("logs")(info.logs)
app.command("check")(answers_json(wheels.check))
app.command("test")(wheels.test)
app.command("verify")(answers_json(verify.verify))
app.command("schema")(schema.schema)
app.add_typer(images.app, name="images")
app.add_typer(cache.app, name="cache")
app.add_typer(attest.app, name="attest")


def main() -> None:
    """The entry point: every error of xbuild's own becomes a message and a documented exit status."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(int(ExitStatus.INTERRUPTED)) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(int(ExitStatus.INTERNAL)) from None
    except (XbuildError, OSError) as caught:
        error = in_words(caught)
        console = make_console(sys.stderr, environ=os.environ)
        show(console, render_error(error))
        raise SystemExit(int(error.exit_status)) from None

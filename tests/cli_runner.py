"""Runs the command in this process, as its entry point does: errors of xbuild's own become exit statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typer.testing import CliRunner

from xbuild.cli.app import app
from xbuild.errors import XbuildError


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. ``code`` is the code of the error that it ended with, or ``""``."""

    status: int
    out: str
    code: str = ""


def xbuild(*words: object, environ: Mapping[str, str] | None = None) -> Ended:
    """Run ``xbuild WORDS``; anything but an error of xbuild's own is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words], env=dict(environ or {}))
    if isinstance(result.exception, XbuildError):
        return Ended(int(result.exception.exit_status), result.output, result.exception.code)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.output)

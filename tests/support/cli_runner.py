"""Runs the command: in this process, or in one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from typer.testing import CliRunner

from support.documents import check_all
from xbuild.cli.app import app
from xbuild.errors import XbuildError


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. ``code`` is the code of the error that it ended with, or ``""``."""

    status: int
    out: str
    code: str = ""


def xbuild(*words: object, environ: Mapping[str, str] | None = None) -> Ended:
    """Run ``xbuild WORDS`` as its entry point does; anything but an error of xbuild's own is raised.

    What it writes for machines has to be as the schemas say.
    """
    result = CliRunner().invoke(app, [str(word) for word in words], env=dict(environ or {}))
    check_all(result.stdout)
    if isinstance(result.exception, XbuildError):
        return Ended(int(result.exception.exit_status), result.output, result.exception.code)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.output)


def xbuild_without_engine(*words: object) -> Ended:
    """Run ``xbuild WORDS`` where no engine answers.

    It gets a process of its own, because Docker's SDK leaves a socket open that it could not connect.
    """
    done = subprocess.run(
        (sys.executable, "-m", "xbuild", *map(str, words)),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DOCKER_HOST": "unix:///nonexistent"},
    )
    check_all(done.stdout)
    code = re.search(r"error\[([a-z-]+)\]", done.stderr)
    return Ended(done.returncode, done.stdout + done.stderr, code[1] if code else "")

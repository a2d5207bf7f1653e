"""Errors in their three registers, for people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from xbuild.errors import XbuildError
from xbuild.ui.lines import HINT, Indented
from xbuild.util.text import printable, printable_lines, without_ansi


def render_error(error: XbuildError) -> RenderableType:
    """What is wrong, then where and why, then the way out."""
    brief, *rest = printable_lines(without_ansi(error.brief))
    parts: list[RenderableType] = [
        Text.assemble((f"error[{printable(error.code)}]: ", "bold red"), (brief, "bold"))
    ]
    if rest or error.details:
        parts.append(Indented("\n".join([*rest, error.details]), 2))
    if error.hint:
        parts.append(Indented(error.hint, 0, label=HINT))
    if error.retryable:
        parts.append(Text("the same command may succeed when it is run again", style="dim"))
    return Group(*parts)

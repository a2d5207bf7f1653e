"""Errors in their three registers, for people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from xbuild.errors import XbuildError
from xbuild.text import printable, printable_lines, without_ansi
from xbuild.ui.lines import Indented


def render_error(error: XbuildError) -> RenderableType:
    """What is wrong, then where and why, then the way out."""
    brief, *rest = printable_lines(without_ansi(error.brief))
    parts: list[RenderableType] = [
        Text.assemble((f"error[{printable(error.code)}]: ", "bold red"), (brief, "bold"), overflow="fold")
    ]
    if rest or error.details:
        parts.append(Indented("\n".join([*rest, error.details]), 2))
    if error.hint:
        label, *more = printable_lines(without_ansi(error.hint))
        parts.append(Text.assemble(("hint: ", "bold cyan"), label, overflow="fold"))
        parts += [Indented("\n".join(more), 6)] if more else []
    if error.retryable:
        parts.append(Text("the same command may succeed when it is run again", style="dim"))
    return Group(*parts)

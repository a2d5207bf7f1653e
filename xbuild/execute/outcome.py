"""How the builds of a job ended, as values that reports hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One interpreter's build. ``status`` is ``built`` or why it is not.

    :ivar reason: what failed, and the first real error; may have several lines.
    :ivar hint: the wall of xbuild's own that it met, and the way out; ``""`` where none is known.
    """

    interpreters: tuple[str, ...]
    argv: tuple[str, ...]
    wheel: str
    status: str
    exit_code: int
    seconds: float
    reason: str = ""
    hint: str = ""

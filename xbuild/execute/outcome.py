"""How the builds of a job ended, as values that reports hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from xbuild.events import JobStatus

if TYPE_CHECKING:
    # Reports are read where nothing is built
    from xbuild.collect.collect import Collected
    from xbuild.plan.model import Job

StepStatus = Literal[
    "built", "failed", "check-failed", "refused-output", "timeout", "out-of-memory", "interrupted"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One interpreter's build.

    :ivar status: ``built``, or why it is not.
    :ivar reason: what failed, and the first real error; may have several lines.
    :ivar hint: the wall of xbuild's own that it met, and the way out; ``""`` where none is known.
    """

    interpreters: tuple[str, ...]
    argv: tuple[str, ...]
    wheel: str
    status: StepStatus
    exit_code: int
    seconds: float
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """How a job ended.

    :ivar attempts: 2 where the engine went away in the middle and came back.
    """

    job: Job
    status: JobStatus
    seconds: float
    steps: tuple[StepReport, ...]
    collected: tuple[Collected, ...]
    warm: bool
    attempts: int = 1
    reason: str = ""

    @property
    def hint(self) -> str:
        """The ways out that its steps know."""
        return "\n".join(dict.fromkeys(step.hint for step in self.steps if step.hint))

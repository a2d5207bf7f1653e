"""What a plan is: jobs, their steps, and what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xbuild.catalog import Target
from xbuild.engine import Limits
from xbuild.plan.tools import Note
from xbuild.util.redact import HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A pair of target and interpreter that cannot work, and why. An empty ``interpreter`` means all."""

    target: str
    interpreter: str
    code: str
    reason: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return {
            "target": self.target,
            "interpreter": self.interpreter,
            "code": self.code,
            "reason": self.reason,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command in a job's container.

    :ivar interpreters: the kinds that the step serves: one, or several for a stable-ABI wheel.
    :ivar wheel: the file name that the step must leave in /out; ``""`` for preparations.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    interpreters: tuple[str, ...] = ()
    wheel: str = ""

    @property
    def label(self) -> str:
        """The interpreter that the step builds with, for people and logs."""
        return self.interpreters[0] if self.interpreters else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that is built for one target, in one container.

    :ivar private: names of the caller's own variables, whose values are not shown.
    """

    target: Target
    image: str
    env: Mapping[str, str]
    prepare: tuple[Step, ...]
    steps: tuple[Step, ...]
    workdir: str
    limits: Limits
    timeout: float
    sysroot: str
    private: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The job's identifier: its target triple."""
        return self.target.triple

    @property
    def expected(self) -> frozenset[str]:
        """The file names of the wheels that may come out."""
        return frozenset(step.wheel for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will run."""

    name: str
    version: str
    jobs: tuple[Job, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, for ``xbuild plan --json``; without values of the caller's own variables."""
        return {
            "schema": "xbuild.plan/1",
            "name": self.name,
            "version": self.version,
            "jobs": [_job_dict(job) for job in self.jobs],
            "refused": [refusal.as_dict() for refusal in self.refused],
            "notes": [note.text for note in self.notes],
        }


def _job_dict(job: Job) -> dict[str, Any]:
    return {
        "target": job.target.triple,
        "image": job.image,
        "sysroot": job.sysroot,
        "workdir": job.workdir,
        "env": {name: HIDDEN if name in job.private else value for name, value in job.env.items()},
        "timeout": job.timeout,
        "memory": job.limits.memory,
        "steps": [
            {
                "argv": list(step.argv),
                "env": dict(step.env),
                "interpreters": list(step.interpreters),
                "wheel": step.wheel,
            }
            for step in (*job.prepare, *job.steps)
        ],
    }

"""What the end of a command means for its step, the steps for their job, and an error for either."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xbuild.engine import ExecResult
from xbuild.errors import ArtifactError, EngineError, XbuildError
from xbuild.events import JobStatus
from xbuild.execute.diagnosis import Finder, Scene, hint_of
from xbuild.execute.outcome import StepReport, StepStatus
from xbuild.plan.model import Job, Step

STOPPING: tuple[JobStatus, ...] = ("interrupted", "timeout", "out-of-memory")
"""After one of these a job runs no other step: the first of them that a step has is the job's."""
LAST_STATUSES = {*STOPPING, "refused-output"}
"""After one of these the container is not trusted, or not able, to run another step."""
_STATUS_OF_ARTIFACT: Mapping[str, StepStatus] = {
    "bad-wheel": "check-failed",
    "no-wheel": "failed",
    "cannot-write": "failed",
}


def step_report(step: Step, result: ExecResult, finder: Finder, job: Job, scene: Scene) -> StepReport:
    """What a command's end means, and the hint that fits where it failed.

    :param finder: has seen all of the command's output.
    :param scene: where the hint's causes are looked for.
    """
    status: StepStatus = "built"
    reason = hint = ""
    if result.timed_out:
        status, reason = "timeout", f"stopped after {job.timeout:.0f} s (setting: timeout)"
        reason += f", in the middle of: {finder.last.strip()}" if finder.last else ""
    elif result.out_of_memory:
        limit = job.limits.memory / 2**30
        status, reason = "out-of-memory", f"the build needs more than {limit:.1f} GiB (setting: memory)"
        reason = f"{reason}\n{finder.diagnosis().text}".rstrip()
    elif not result.ok:
        diagnosis = finder.diagnosis()
        status, reason = "failed", diagnosis.text or f"exit status {result.exit_code}"
        hint = hint_of(diagnosis, scene)
    return StepReport(
        interpreters=step.interpreters,
        argv=step.argv,
        wheel=step.wheel,
        status=status,
        exit_code=result.exit_code,
        seconds=result.seconds,
        reason=reason,
        hint=hint,
    )


def interrupted(report: StepReport) -> StepReport:
    """The same for a run that was interrupted: then no other end of a step means anything."""
    return replace(report, status="interrupted", reason="interrupted", hint="")


def without_wheel(report: StepReport, error: ArtifactError) -> StepReport:
    """The same for a step that was built and whose wheel cannot be taken."""
    status = _STATUS_OF_ARTIFACT.get(error.code, "refused-output")
    return replace(report, status=status, reason=f"[{error.code}] {reason_of(error)}")


def status_of(error: Exception) -> JobStatus:
    """How a job ended that an error ended."""
    if isinstance(error, EngineError):
        return "engine-error"
    return "failed" if isinstance(error, XbuildError | OSError) else "internal-error"


def reason_of(error: Exception) -> str:
    """What a report says of an error that ended a job; of a fault of xbuild's own, also where it is."""
    if isinstance(error, XbuildError):
        hint = error.hint if isinstance(error, EngineError) else ""
        return "\n".join(part for part in (error.brief, error.details, hint) if part)
    if isinstance(error, OSError):
        return str(error)
    *_, frame = traceback.extract_tb(error.__traceback__) or [None]
    place = f" ({Path(frame.filename).name}, line {frame.lineno})" if frame else ""
    return f"a fault of xbuild itself: {type(error).__name__}: {error}{place}"


def judge(steps: Sequence[StepReport]) -> tuple[JobStatus, str]:
    """What a job's steps mean for it, and why."""
    reason = "\n".join(dict.fromkeys(step.reason for step in steps if step.reason))
    statuses = {step.status for step in steps}
    for status in STOPPING:
        if status in statuses:
            return status, reason
    if statuses == {"built"}:
        return "built", ""
    if "built" in statuses:
        return "partly", reason
    return ("check-failed" if statuses <= {"check-failed", "refused-output"} else "failed"), reason

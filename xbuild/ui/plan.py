"""A plan for people."""

from __future__ import annotations

import shlex

from rich.console import Group, RenderableType
from rich.text import Text

from xbuild.plan.model import Plan
from xbuild.ui.lines import safe


def render_plan(plan: Plan) -> RenderableType:
    """Each job with its image, commands and expected wheels, then what is refused, and notes."""
    lines: list[RenderableType] = [Text(f"{plan.name} {plan.version}", style="bold")]
    for job in plan.jobs:
        lines.append(Text(f"\n{job.target.triple}", style="bold cyan"))
        lines.append(Text(f"  image: {job.image}", style="dim"))
        for step in (*job.prepare, *job.steps):
            lines.append(safe(f"  $ {shlex.join(step.argv)}"))
            if step.wheel:
                lines.append(Text("    -> ").append(safe(step.wheel)))
    for refusal in plan.refused:
        lines.append(Text(f"\nrefused: {refusal.target} {refusal.interpreter}", style="yellow"))
        lines.append(safe(f"  {refusal.reason} [{refusal.code}]"))
        if refusal.hint:
            lines.append(safe(f"  {refusal.hint}"))
    lines += [safe(f"note: {note.text}") for note in plan.notes]
    return Group(*lines)

"""The use case behind ``xbuild plan``: what would run."""

from __future__ import annotations

from pathlib import Path

from xbuild.app.services import RunHandle, Services
from xbuild.pipeline import Pipeline
from xbuild.plan.model import Plan
from xbuild.plan.precheck import Checked


def plan_build(checked: Checked, services: Services, context: RunHandle) -> Plan:
    """What would run; what is worth a notice is an event.

    :raises XbuildError: it cannot be said.
    """
    with services.cancellable(context.cancel):
        return Pipeline(checked, services.tools(context, Path), context.run).plan()

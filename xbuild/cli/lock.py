"""``xbuild lock``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xbuild.app.requests import make_request
from xbuild.catalog import load_catalog
from xbuild.cli.build import Project, TargetOption
from xbuild.cli.settings import load
from xbuild.plan.precheck import read_crate


def lock(
    project: Project = Path(),
    target: TargetOption = None,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
) -> None:
    """Pin the images and tools that the crate is built with, in xbuild.lock.

    Images that are not there are made first. Pins of targets that are not asked for stay as they are.
    """
    folder = project.absolute()
    loaded = load({"targets": target}, folder, config)
    request = make_request(loaded.settings, folder, load_catalog())
    manifest = read_crate(request)
    from xbuild.app.lock import pin_images
    from xbuild.cli.call import Call
    from xbuild.ui.lines import safe, show

    call = Call(loaded.settings)
    with call.screen:
        pinned = call.interruptible(
            lambda: pin_images(request, manifest.project, call.services, call.context)
        )
    for line in pinned.changes:
        show(call.console, safe(line))
    show(call.console, safe(f"{pinned.path}: pins {', '.join(pinned.images)}"))

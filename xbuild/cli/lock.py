"""``xbuild lock``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xbuild.catalog import load_catalog
from xbuild.cli.build import Project, TargetOption
from xbuild.cli.compose import load, make_request
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
    from xbuild.cli.session import Session
    from xbuild.images.pins import LOCK_FILE, Lock
    from xbuild.plan.pinning import make_lock, refresh_lock
    from xbuild.ui.lines import safe, show

    session = Session(loaded.settings)

    def work() -> Lock:
        return make_lock(request, session.images(session.screen))

    with session.screen:
        fresh = session.interruptible(work)
    for line in refresh_lock(manifest.project, fresh):
        show(session.console, safe(line))
    show(session.console, safe(f"{manifest.project / LOCK_FILE}: pins {', '.join(fresh.images)}"))

"""The use case behind ``xbuild lock``: the images and tools that a crate is built with, pinned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xbuild.app.services import RunHandle, Services
from xbuild.images.pins import LOCK_FILE
from xbuild.plan.pinning import make_lock, refresh_lock
from xbuild.request.model import BuildRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """What was written.

    :ivar path: the crate's xbuild.lock.
    :ivar images: the names of the pinned images.
    :ivar changes: what is not as it was, a line each.
    """

    path: Path
    images: tuple[str, ...]
    changes: tuple[str, ...]


def pin_images(request: BuildRequest, project: Path, services: Services, context: RunHandle) -> Pinned:
    """Pin what a request is built with. Images that are not there are made first.

    Pins of targets that are not asked for stay as they are.

    :param project: the crate's folder.
    :raises XbuildError: an image cannot be had, or the file cannot be written.
    """
    with services.cancellable(context.cancel):
        fresh = make_lock(request, services.images(context))
    return Pinned(path=project / LOCK_FILE, images=tuple(fresh.images), changes=refresh_lock(project, fresh))

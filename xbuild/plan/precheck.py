"""What can be refused in a moment: from the crate's own files, before an engine is asked for anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from xbuild.catalog import Catalog
from xbuild.engine.layout import BESIDE
from xbuild.errors import RefusedError
from xbuild.images.pins import drift_error
from xbuild.images.recipe import pinned_maturin
from xbuild.inspect.crate.cargo_lock import no_lockfile
from xbuild.inspect.crate.manifest import Manifest, read_manifest
from xbuild.plan.model import Plan
from xbuild.plan.pgo import with_profile
from xbuild.plan.pinning import early_drift
from xbuild.plan.planner import make_plan
from xbuild.plan.tools import Versions
from xbuild.request.model import BuildRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A request that nothing speaks against so far.

    :ivar manifest: the crate, which is read once in a run.
    :ivar draft: what would run, as far as the crate's own files say.
    """

    request: BuildRequest
    manifest: Manifest
    draft: Plan


def precheck(request: BuildRequest, catalog: Catalog) -> Checked:
    """Refuse what can be refused without an engine.

    :raises RefusedError: nothing of the request can work, or something cannot and it is strict.
    :raises DriftError: the request is locked, and this xbuild is not what the crate's xbuild.lock pins.
    """
    manifest = read_crate(request)
    request = with_profile(request, manifest.root)
    _check_out(request.out)
    if request.locked and not manifest.lock_path.is_file():
        raise no_lockfile(manifest.name, manifest.lock_path)
    if request.locked and (found := early_drift(manifest.project, request)):
        raise drift_error(found)
    tags = {wanted.target.triple: wanted.recipe.tag for wanted in request.targets}
    versions = Versions(maturin=pinned_maturin())
    draft = make_plan(request, manifest, None, catalog, images=tags, versions=versions, epoch=0)
    return Checked(request=request, manifest=manifest, draft=draft)


def read_crate(request: BuildRequest) -> Manifest:
    """What the files of the crate say that is asked for.

    :raises RefusedError: as :func:`xbuild.inspect.crate.manifest.read_manifest`.
    """
    return read_manifest(
        request.project, source_root=request.source_root, home=request.home, trusted=request.trusted
    )


def _check_out(out: Path) -> None:
    """Refuse a folder for wheels that is none and cannot become one: a build takes minutes to get there."""
    nearest = next((place for place in (out, *out.parents) if os.path.lexists(place)), out)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise RefusedError(
            f"wheels cannot be written to {out}",
            details=f"{nearest} is {'read-only' if nearest.is_dir() else 'no folder'}",
            hint="name another folder: --out, or the setting out",
            code="bad-out",
        )
    beside = out / BESIDE
    if beside.is_symlink() and not beside.resolve().is_relative_to(out):
        raise RefusedError(
            f"{beside} is a link that leads elsewhere",
            details=f"it leads to {beside.resolve()}, and the report, the logs and the provenance would be "
            "written there",
            hint="remove the link, or name another folder: --out",
            code="out-led-away",
        )

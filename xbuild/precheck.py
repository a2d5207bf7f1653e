"""What can be refused in a moment: from the crate's own files, before an engine is asked for anything."""

from __future__ import annotations

from xbuild.catalog import Catalog
from xbuild.images.recipe import toolchain_recipe
from xbuild.lockfile import drift_error
from xbuild.locking import early_drift
from xbuild.plan import Plan, make_plan
from xbuild.project.lockfile import no_lockfile
from xbuild.project.manifest import Manifest, read_manifest
from xbuild.request import BuildRequest


def precheck(request: BuildRequest, catalog: Catalog) -> tuple[Manifest, Plan]:
    """Refuse what can be refused without an engine.

    :raises RefusedError: nothing of the request can work, or something cannot and it is strict.
    :raises DriftError: the request is locked, and this xbuild is not what the crate's xbuild.lock pins.
    """
    manifest = read_manifest(request.project)
    if request.locked and not manifest.lock_path.is_file():
        raise no_lockfile(manifest.name, manifest.lock_path)
    if request.locked and (found := early_drift(manifest.project, request)):
        raise drift_error(found)
    tags = {wanted.target.triple: toolchain_recipe(wanted.target).tag for wanted in request.targets}
    return manifest, make_plan(request, manifest, None, catalog, images=tags, rust="", epoch=0)

"""Plans of the catalog's targets, without an engine."""

from __future__ import annotations

from collections.abc import Mapping

from support.fakes import (
    make_manifest,
)
from xbuild.catalog import load_catalog
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest
from xbuild.plan.model import Plan
from xbuild.plan.planner import make_plan
from xbuild.plan.tools import Versions
from xbuild.request.model import BuildRequest

CATALOG = load_catalog()

IMAGES = {triple: f"sha256:image-of-{triple}" for triple in CATALOG.targets}


def plan(
    request: BuildRequest,
    manifest: Manifest | None = None,
    details: Details | Mapping[str, Details] | None = None,
    *,
    rust: str = "1.91.1",
    maturin: str = "1.16.0",
    epoch: int = 1_700_000_000,
) -> Plan:
    if isinstance(details, Details):
        details = {wanted.target.triple: details for wanted in request.targets}
    versions = Versions(rust=rust, maturin=maturin)
    return make_plan(
        request, manifest or make_manifest(), details, CATALOG, images=IMAGES, versions=versions, epoch=epoch
    )

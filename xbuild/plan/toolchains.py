"""The images that a run builds in: found, or made where that is wanted, and held against what is pinned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from xbuild.catalog import Catalog
from xbuild.engine import Engine, Image
from xbuild.events import Emitter
from xbuild.images.builder import ImageBuilder
from xbuild.images.manifest import tool_versions
from xbuild.images.pins import drift_error
from xbuild.images.recipe import base_recipe, pinned_maturin
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.inspection import Dependencies, Sources
from xbuild.plan.model import Plan
from xbuild.plan.pinning import BASE, check_pinned, image_drift
from xbuild.plan.planner import make_plan
from xbuild.plan.precheck import Checked
from xbuild.plan.tools import Note, Versions, check_tools
from xbuild.request.model import BuildRequest
from xbuild.util.phases import Phases


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchains:
    """The base, in which cargo is asked, and for each target the image that it is built in.

    :ivar images: by the target's triple; ``None`` for one that is not there.
    """

    base: Image
    images: Mapping[str, Image | None]

    @property
    def versions(self) -> Versions:
        """What of the tools counts for the plan."""
        known = tool_versions(self.base)
        return Versions(rust=known.get("rustc", ""), maturin=known.get("maturin", pinned_maturin()))

    @property
    def present(self) -> dict[str, Image]:
        """The images that are there, by the target's triple."""
        return {triple: image for triple, image in self.images.items() if image}


def make_toolchains(
    request: BuildRequest, manifest: Manifest, builder: ImageBuilder, phases: Phases
) -> Toolchains:
    """The images of a run, made or pulled where they are not there.

    :raises RefusedError: the crate cannot be built with these tools, or nothing may be fetched.
    :raises ImageError: an image cannot be made.
    :raises EngineError: an image that the request names is neither here nor in a registry.
    """
    phases.enter("image", BASE)
    base = builder.ensure(base_recipe())
    _check(request, manifest, base)
    images: dict[str, Image | None] = {}
    for wanted in request.targets:
        triple = wanted.target.triple
        if wanted.image:
            images[triple] = builder.named(wanted.image)
        else:
            phases.enter("image", triple)
            images[triple] = builder.ensure(wanted.recipe)
    return Toolchains(base=base, images=images)


def find_toolchains(request: BuildRequest, manifest: Manifest, base: Image, engine: Engine) -> Toolchains:
    """The images of a run as far as they are there: nothing is made or pulled.

    :raises RefusedError: the crate cannot be built with these tools.
    """
    _check(request, manifest, base)
    images = {
        wanted.target.triple: engine.image(wanted.image or wanted.recipe.tag) for wanted in request.targets
    }
    return Toolchains(base=base, images=images)


def _check(request: BuildRequest, manifest: Manifest, base: Image) -> None:
    """Before toolchain images are made and anything is fetched."""
    list(check_tools(request, manifest, (), Toolchains(base=base, images={}).versions))


def check_pins(request: BuildRequest, manifest: Manifest, toolchains: Toolchains, emitter: Emitter) -> None:
    """Hold the images against xbuild.lock, where there is one. What a run may go on with is a notice.

    :raises DriftError: they are others, and the request is locked.
    :raises RefusedError: ``image-not-pinned``: nothing pins them, and the request is locked.
    """
    here = {BASE: toolchains.base, **toolchains.present}
    if request.locked:
        check_pinned(manifest.project, here)
    found = image_drift(manifest.project, here)
    if found and request.locked:
        raise drift_error(found)
    if found:
        emitter.notice(
            "warning",
            "drift",
            f"{drift_error(found).brief}: {'; '.join(map(str, found[:3]))}",
            hint="`xbuild lock` pins what is here; --locked refuses to build with it",
        )


def absent(request: BuildRequest, toolchains: Toolchains) -> Iterator[Note]:
    """What a plan says of images that are not there."""
    for wanted in request.targets:
        triple = wanted.target.triple
        if toolchains.images[triple] is None:
            how = "pulls" if wanted.image else "makes"
            yield Note(f"the image of {triple} is not there: `xbuild run` {how} it", "image-not-here")


def names_of(request: BuildRequest, toolchains: Toolchains) -> dict[str, str]:
    """What a plan calls the images: by their identifier, or by the tag that they will get."""
    tags = {wanted.target.triple: wanted.recipe.tag for wanted in request.targets}
    return {triple: image.id if image else tags[triple] for triple, image in toolchains.images.items()}


def plan_run(
    checked: Checked,
    toolchains: Toolchains,
    dependencies: Dependencies | None,
    catalog: Catalog,
    *,
    sources: Sources,
    notes: Iterable[Note] = (),
) -> Plan:
    """What will run, with all that is known by now.

    :param dependencies: ``None`` before they are there: what needs them is not checked then.
    :param notes: what the plan has to say besides.
    :raises RefusedError: as :func:`xbuild.plan.planner.make_plan`.
    """
    request, manifest = checked.request, sources.manifest
    if dependencies:
        manifest = replace(manifest, locked=dependencies.fetched.packages)
    made = make_plan(
        request,
        manifest,
        dependencies.details if dependencies else None,
        catalog,
        images=names_of(request, toolchains),
        versions=toolchains.versions,
        epoch=sources.snapshot.epoch if request.epoch is None else request.epoch,
    )
    return replace(made, notes=(*made.notes, *notes))

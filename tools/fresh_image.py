"""The variation that takes a fresh toolchain image: made again from the same sources, under another name."""

from __future__ import annotations

import threading

from circumstances import Call, Lab, Variation

from xbuild.catalog import load_catalog
from xbuild.cli.compose import load, make_sources
from xbuild.engine.docker import DockerEngine
from xbuild.images.builder import ImageBuilder
from xbuild.images.recipe import REPOSITORY, Recipe, toolchain_recipe


class Again(Recipe):
    """A recipe whose image has another name, so that it is made although the engine has it."""

    @property
    def tag(self) -> str:
        """The other name."""
        return f"{REPOSITORY}/{self.name}:again-{self.digest[:16]}"


def fresh_images(lab: Lab, call: Call) -> Call:
    """The toolchain image of every target, made again on the same base."""
    engine = DockerEngine()
    settings = load({}, None).settings
    builder = ImageBuilder(
        engine,
        make_sources(settings),
        locks=call.cache / "locks",
        narrate=lambda _name, _line: None,
        cancelled=threading.Event(),
    )
    for triple in call.targets:
        usual = toolchain_recipe(triple, load_catalog().target(triple).family)
        again = Again(usual.name, usual.folder, usual.parent_argument, usual.parent, usual.arguments)
        lab.stack.callback(engine.remove_image, again.tag)
        made, kept = builder.ensure(again), engine.image(usual.tag)
        same = kept is not None and made.layers == kept.layers
        lab.notes.append(f"{triple}: the image's layers are {'the same' if same else 'other ones'}")
        call = call.with_environment(
            **{f"XBUILD_TARGET__{triple.upper().replace('-', '_')}__IMAGE": again.tag}
        )
    return call


FRESH_IMAGE = Variation(
    name="fresh-image",
    description="toolchain images made again from the same sources",
    change=fresh_images,
    optional=True,
)

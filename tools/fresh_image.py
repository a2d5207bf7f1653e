"""The variation that takes fresh images: made again from the same sources, under another name."""

from __future__ import annotations

import threading

from circumstances import Call, Lab, Variation

from xbuild.app.services import make_builder
from xbuild.catalog import load_catalog
from xbuild.cli.settings import load
from xbuild.engine import Image
from xbuild.engine.docker import DockerEngine
from xbuild.images.recipe import REPOSITORY, Recipe, base_recipe, toolchain_recipe


class Again(Recipe):
    """A recipe whose image has another name, so that it is made although the engine has it."""

    @property
    def tag(self) -> str:
        """The other name."""
        return f"{REPOSITORY}/{self.name}:again-{self.digest[:16]}"


def fresh_images(lab: Lab, call: Call) -> Call:
    """The base and the toolchain image of every target, made again."""
    engine = DockerEngine()
    lab.stack.callback(engine.close)
    builder = make_builder(
        load({}, None).settings, engine, narrate=lambda _name, _line: None, cancelled=threading.Event()
    )
    base = again(base_recipe(), None)
    lab.stack.callback(engine.remove_image, base.tag)
    for triple in call.targets:
        usual = toolchain_recipe(load_catalog().target(triple))
        fresh = again(usual, base)
        lab.stack.callback(engine.remove_image, fresh.tag)
        lab.notes.append(f"{triple}: {_compared(builder.ensure(fresh), engine.image(usual.tag))}")
        call = call.with_environment(
            **{f"XBUILD_TARGET__{triple.upper().replace('-', '_')}__IMAGE": fresh.tag}
        )
    return call


def again(usual: Recipe, parent: Recipe | None) -> Again:
    """A recipe under its other name, on another parent."""
    return Again(usual.name, usual.folder, usual.parent_argument, parent, usual.arguments)


def _compared(fresh: Image, usual: Image | None) -> str:
    if usual is None:
        return "the usual image is not there"
    same = [a == b for a, b in zip(fresh.layers, usual.layers, strict=True)]
    return f"{sum(same)} of its {len(same)} layers are the same"


FRESH_IMAGE = Variation(
    name="fresh-image",
    description="toolchain images made again from the same sources",
    change=fresh_images,
    optional=True,
)

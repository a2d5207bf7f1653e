"""Recipes and images as tests with a real engine need them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from xbuild.app.services import make_builder
from xbuild.catalog import load_catalog
from xbuild.cli.settings import load
from xbuild.engine import Image
from xbuild.engine.docker import DockerEngine
from xbuild.images.recipe import Recipe, toolchain_recipe


@dataclass(frozen=True)
class LocalRecipe(Recipe):
    """A recipe of a test's own, whose context is a folder of the test's own."""

    place: Path = Path()

    @property
    def context(self) -> Path:
        return self.place


def have_image(engine: DockerEngine, recipe: Recipe) -> Image:
    """An image, made where the engine does not have it."""
    builder = make_builder(
        load({}, None).settings, engine, narrate=lambda _name, _line: None, cancelled=threading.Event()
    )
    return builder.ensure(recipe)


def toolchain(triple: str) -> Recipe:
    """The recipe of a target's toolchain image."""
    return toolchain_recipe(load_catalog().target(triple))


def bridge_address(engine: DockerEngine) -> str:
    """This machine's address as containers with a network see it."""
    network = engine.client.api.inspect_network("bridge")["IPAM"]["Config"][0]
    return str(network.get("Gateway") or ip_network(network["Subnet"])[1])

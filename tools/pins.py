"""Pin the Debian packages of every image: what the archive has today becomes docker/pins.

    python tools/pins.py            all images
    python tools/pins.py base zig   those of some folders of docker/
    python tools/pins.py --images   the layers of the images that are built, for those that are pulled

Nothing is built: each recipe is run up to the point where it has asked for its packages. Build the images
afterwards, which tests them, before the lists are committed.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from xbuild.app.services import make_sources
from xbuild.catalog import load_catalog
from xbuild.check.trial.recipes import tester_recipes
from xbuild.cli.settings import load
from xbuild.engine.docker import DockerEngine
from xbuild.images.builder import ImageBuilder
from xbuild.images.inventory import recipes
from xbuild.images.manifest import layers_digest
from xbuild.images.recipe import Recipe, cli_recipe, recipes_dir
from xbuild.images.released import LAYERS, is_pinned


def pinned_recipes(folders: list[str]) -> Iterator[Recipe]:
    """The recipes of some folders of docker/, or of all."""
    for recipe in chain(recipes(load_catalog()), (cli_recipe(),), tester_recipes()):
        if not folders or recipe.folder in folders:
            yield recipe


def tell(line: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"{line}\n")


def pin_images() -> None:
    """Write the digests of the layers of all images that the engine has, made of pinned packages."""
    engine = DockerEngine()
    lines = [
        "# Layers of the images of this release, which pulled ones are held against: `tools/pins.py --images`"
    ]
    # xbuild's own image holds this file
    for recipe in chain(recipes(load_catalog()), tester_recipes()):
        image = engine.image(recipe.tag)
        if image and not image.repo_digests and is_pinned(image):
            name = f'[images."{recipe.name}"]'
            lines += ["", name, f'recipe = "{recipe.digest}"', f'layers = "{layers_digest(image)}"']
            tell(f"{recipe.tag} {image.id}")
    engine.close()
    (recipes_dir() / LAYERS).write_text("\n".join(lines) + "\n", "utf-8")


def main(folders: list[str]) -> None:
    """Write the lists."""
    if folders == ["--images"]:
        pin_images()
        return
    settings = load({}, None).settings
    engine = DockerEngine()
    builder = ImageBuilder(
        engine,
        replace(make_sources(settings), pins="refresh"),
        locks=settings.cache_dir / "locks",
        narrate=lambda name, line: tell(f"{name}: {line}"),
        cancelled=threading.Event(),
    )
    found: dict[str, dict[str, bytes]] = {}
    for recipe in pinned_recipes(folders):
        found.setdefault(recipe.folder, {}).update(builder.resolve(recipe))
    engine.close()
    for folder, lists in found.items():
        place = recipes_dir() / "pins" / folder
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("*.txt"):
            old.unlink()
        for name, body in sorted(lists.items()):
            (place / name).write_bytes(body)
            tell(f"docker/pins/{folder}/{name}: {len(body.splitlines()) - 1} packages")


if __name__ == "__main__":
    main(sys.argv[1:])

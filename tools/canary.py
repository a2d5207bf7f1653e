"""Make the base and a target from another archive than today's, and try them: to know what users meet next.

    python tools/canary.py                                Debian sid, its newest LLVM, linux-gnu
    python tools/canary.py --suite trixie --llvm 22       what the suite has today, whatever the pins say
    python tools/canary.py --target x86_64-pc-windows-msvc --keep

The images have names of their own (xbuild/canary-*) and are removed afterwards. The answer is JSON: versions
that were seen, and what failed where; its status is 1 where something failed. Mirrors are as in the settings.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import replace
from typing import Any

from xbuild.app.services import make_sources
from xbuild.app.smoke import SmokeTest
from xbuild.catalog import load_catalog
from xbuild.cli.settings import load
from xbuild.engine import Image
from xbuild.engine.docker import DockerEngine
from xbuild.errors import XbuildError
from xbuild.images.bootstrap import Mirrors
from xbuild.images.builder import ImageBuilder
from xbuild.images.manifest import image_manifest, tool_versions
from xbuild.images.recipe import REPOSITORY, Recipe, base_recipe, toolchain_recipe

NEWEST = 999
ARCHIVE = "http://deb.debian.org/debian"
SECURITY = "http://security.debian.org/debian-security"


class Canary(Recipe):
    """A recipe whose image has a name of its own."""

    @property
    def tag(self) -> str:
        """The other name."""
        return f"{REPOSITORY}/canary-{self.name}:{self.digest[:16]}"


def canaries(suite: str, llvm: str, targets: list[str]) -> list[Recipe]:
    """The recipes of the base and of some targets, of another archive."""
    usual = base_recipe()
    base = Canary(usual.name, usual.folder, usual.parent_argument, None, {"SUITE": suite, "LLVM": llvm})
    found: list[Recipe] = [base]
    for triple in targets:
        recipe = toolchain_recipe(load_catalog().target(triple))
        found.append(Canary(recipe.name, recipe.folder, recipe.parent_argument, base, recipe.arguments))
    return found


class Trial:
    """Makes the recipes' images one after the other."""

    def __init__(self) -> None:
        settings = load({}, None).settings
        self.engine = DockerEngine()
        self.lines: list[str] = []
        cancelled = threading.Event()
        smoke = SmokeTest(
            engine=self.engine,
            catalog=load_catalog(),
            cache=settings.cache_dir,
            clock=time.time,
            narrate=self.narrate,
            cancelled=cancelled,
        )
        sources = make_sources(settings)
        # Named even where they are Debian's own: a base of another suite does not tell where this release is
        mirrors = Mirrors(
            debian=sources.mirrors.debian or ARCHIVE, security=sources.mirrors.security or SECURITY
        )
        self.builder = ImageBuilder(
            self.engine,
            replace(sources, mirrors=mirrors, pins="ignore", registry=""),
            locks=settings.cache_dir / "locks",
            narrate=self.narrate,
            cancelled=cancelled,
            trial=smoke,
        )

    def narrate(self, name: str, line: str) -> None:
        """Keep and show what recipes print."""
        self.lines.append(line)
        sys.stderr.write(f"{name}: {line}\n")

    def make(self, recipe: Recipe) -> dict[str, Any]:
        """Make one image: what was seen, or how it failed."""
        started = time.monotonic()
        try:
            image = self.builder.ensure(recipe)
        except XbuildError as error:
            return {"ok": False, **error.as_dict(), "seconds": round(time.monotonic() - started)}
        return {"ok": True, **seen(image), "seconds": round(time.monotonic() - started)}


def seen(image: Image) -> dict[str, Any]:
    """What an image was made of."""
    debian = image_manifest(image).get("debian", {})
    names = ("rustc", "cargo", "rust-src", "libc6", "python3", "perl", "protobuf-compiler")
    packages = {name: version for name, version in debian.items() if name.partition(":")[0] in names}
    return {"tools": tool_versions(image), "packages": packages, "size": image.size}


def main() -> int:
    """Try, say, and tidy up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="sid")
    parser.add_argument("--llvm", default=str(NEWEST), help="major version; the newest that the suite has")
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--keep", action="store_true", help="leave the images")
    given = parser.parse_args()
    trial = Trial()
    made = canaries(given.suite, given.llvm, given.target or ["x86_64-unknown-linux-gnu"])
    answer: dict[str, Any] = {"schema": "xbuild.canary/1", "suite": given.suite, "images": {}}
    try:
        for recipe in made:
            answer["images"][recipe.name] = trial.make(recipe)
            if not answer["images"][recipe.name]["ok"] and recipe.parent is None:
                break
    finally:
        for recipe in reversed(made):
            if not given.keep:
                trial.engine.remove_image(recipe.tag)
        trial.engine.close()
    answer["ok"] = all(image["ok"] for image in answer["images"].values())
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    return 0 if answer["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())

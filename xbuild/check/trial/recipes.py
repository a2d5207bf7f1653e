"""The images of testers, as recipes."""

from __future__ import annotations

from xbuild.check.trial.testers import Tester, load_testers
from xbuild.images.recipe import Recipe


def recipe_for(tester: Tester) -> Recipe:
    """The recipe of a tester's image; it starts from the minimal Debian, as the base does."""
    return Recipe(tester.name, tester.folder, "ROOT", None, dict(tester.arguments))


def tester_recipes() -> tuple[Recipe, ...]:
    """The recipes of all testers."""
    return tuple(recipe_for(tester) for tester in load_testers().rows)

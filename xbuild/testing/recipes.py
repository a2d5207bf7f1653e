"""The images of testers, as recipes."""

from __future__ import annotations

from xbuild.images.recipe import Recipe
from xbuild.testing.testers import Tester


def recipe_for(tester: Tester) -> Recipe:
    """The recipe of a tester's image; it starts from the minimal Debian, as the base does."""
    return Recipe(tester.name, tester.folder, "ROOT", None, dict(tester.arguments))

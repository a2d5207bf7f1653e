"""What ``xbuild images`` does with the images that an engine has."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli_runner import xbuild
from support.fakes import FakeEngine, make_image

from xbuild.app.images import other_recipes, remove_outdated
from xbuild.catalog import load_catalog
from xbuild.check.trial import load_testers
from xbuild.check.trial.recipes import recipe_for
from xbuild.errors import ExitStatus
from xbuild.images.inventory import recipes
from xbuild.images.recipe import NAME_LABEL, RECIPE_LABEL, root_recipe


def have(engine: FakeEngine, number: int, name: str, digest: str) -> str:
    """An image of a recipe; gives its tag."""
    tag = f"xbuild/{name}:{digest[:16]}"
    labels = {NAME_LABEL: name, RECIPE_LABEL: digest}
    engine.have(make_image(f"sha256:{number:064}", tags=(tag,), labels=labels))
    return tag


def test_pruning_leaves_every_current_image(engine: FakeEngine) -> None:
    testers = [recipe_for(tester) for tester in load_testers().rows]
    current = [(item.name, item.digest) for item in (*recipes(load_catalog()), *other_recipes(), *testers)]
    current = [*dict.fromkeys(current), ("root", root_recipe().digest)]
    for number, (name, digest) in enumerate(current):
        have(engine, number, name, digest)
    old = {
        have(engine, 1000 + number, name, "0" * 64)
        for number, name in enumerate(("base", "root", "cli", testers[0].name))
    }
    gone = remove_outdated(engine)
    assert {tag for image in gone for tag in image.tags} == old
    assert {
        (image.labels[NAME_LABEL], image.labels[RECIPE_LABEL]) for image in engine.images(NAME_LABEL)
    } == set(current)


def test_offline_no_image_is_removed_to_be_made_anew() -> None:
    environ = {"XBUILD_OFFLINE": "1", "DOCKER_HOST": "unix:///nonexistent"}
    assert xbuild("images", "build", "--rebuild", environ=environ).code == "offline-image"


@pytest.mark.parametrize("words", [("sbom", "base"), ("save",)])
def test_a_place_that_no_file_can_be_written_to(tmp_path: Path, words: tuple[str, ...]) -> None:
    for out in (tmp_path, tmp_path / "nowhere" / "file"):
        ended = xbuild("images", *words, "--out", out, environ={"DOCKER_HOST": "unix:///nonexistent"})
        assert (ended.status, ended.code) == (ExitStatus.REFUSED, "bad-out")

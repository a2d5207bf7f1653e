"""Making an image: what it has to pass before it gets its tag, and what is said where it does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import Command, FakeEngine, make_image
from support.toolchains import LocalRecipe

from xbuild.engine import Image
from xbuild.errors import ExitStatus, ImageError, RefusedError
from xbuild.images.builder import ImageBuilder
from xbuild.images.failure import NOT_PINNED
from xbuild.images.inventory import outdated
from xbuild.images.layers import MANIFEST
from xbuild.images.manifest import PINNED_LABEL, layers_digest
from xbuild.images.recipe import (
    NAME_LABEL,
    RECIPE_LABEL,
    ROOT_LABEL,
    Recipe,
    root_recipe,
    with_packages,
)
from xbuild.images.released import is_pinned
from xbuild.images.sources import Sources

DOCKERFILE = """\
ARG ROOT
FROM ${ROOT} AS build
COPY made/ /recipe/
RUN ["/bin/sh", "/recipe/build.sh"]

FROM scratch
COPY --from=build /out/ /
"""


class Workshop:
    """A recipe of our own, and an engine that plays it."""

    def __init__(self, place: Path) -> None:
        self.engine = FakeEngine(place / "engine")
        self.engine.have(make_image("sha256:root", tags=(root_recipe().tag,)))
        (place / "made").mkdir()
        (place / "made" / "Dockerfile").write_text(DOCKERFILE)
        (place / "made" / "build.sh").write_text("make\n")
        self.recipe = LocalRecipe("made", "made", "ROOT", None, {}, place=place)
        self.place = place
        self.lines: list[str] = []
        self.tried: list[tuple[str, ...]] = []
        self.pinned = True
        self.engine.on("/bin/sh", self.make)

    def make(self, command: Command) -> int:
        manifest = {"tools": {"rustc": "1.97.1"}, "components": {"wine": "10.0"}, "pinned": self.pinned}
        command.write(f"/out/{MANIFEST}", json.dumps(manifest).encode())
        return 0

    def builder(
        self, trial: Callable[[Recipe, Image], None] | None = None, sources: Sources | None = None
    ) -> ImageBuilder:
        def passes(_: Recipe, image: Image) -> None:
            self.tried.append(image.tags)

        return ImageBuilder(
            self.engine,
            sources or Sources(base="bootstrap"),
            locks=self.place / "locks",
            narrate=lambda name, line: self.lines.append(f"{name}: {line}"),
            cancelled=threading.Event(),
            trial=trial or passes,
        )

    def fails(self, sources: Sources | None = None, trial: Callable[..., None] | None = None) -> ImageError:
        with pytest.raises(ImageError) as caught:
            self.builder(trial, sources).ensure(self.recipe)
        assert self.engine.image(self.recipe.tag) is None
        assert [
            tag for image in self.engine.images(NAME_LABEL) for tag in image.tags if "untried" in tag
        ] == []
        return caught.value


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_an_image_gets_its_tag_once_it_was_tried(workshop: Workshop) -> None:
    image = workshop.builder().ensure(workshop.recipe)
    assert image.tags == (workshop.recipe.tag,)
    assert workshop.tried == [(f"xbuild/made:untried-{workshop.recipe.digest[:16]}",)]
    assert is_pinned(image)
    assert not any("not the pinned ones" in line for line in workshop.lines)
    workshop.builder().ensure(workshop.recipe)
    assert len(workshop.tried) == 1


def test_an_image_that_does_not_work_is_gone(workshop: Workshop) -> None:
    earlier = {NAME_LABEL: "made", ROOT_LABEL: "r"}
    workshop.engine.have(make_image("sha256:e", tags=("xbuild/made:before",), labels=earlier))
    workshop.engine.have(
        make_image("sha256:o", tags=("xbuild/base:before",), labels=earlier | {NAME_LABEL: "base"})
    )

    def trial(recipe: Recipe, _: Image) -> None:
        raise ImageError(f"{recipe.name}: linking failed", details="undefined", code="image-smoke-failed")

    error = workshop.fails(trial=trial)
    assert (error.code, error.brief) == ("image-smoke-failed", "made: linking failed")
    assert error.details.splitlines() == [
        "undefined",
        "made of: rustc 1.97.1, wine 10.0",
        "earlier images that are still here, with the setting to use them:",
        "  target.made.image = xbuild/made:before",
    ]


def test_an_image_of_other_packages_says_so(workshop: Workshop) -> None:
    workshop.pinned = False
    image = workshop.builder().ensure(workshop.recipe)
    assert image.labels[PINNED_LABEL] == "false"
    assert "made: made of packages that are not the pinned ones: see above" in workshop.lines


def test_strict_takes_pinned_images_alone(workshop: Workshop) -> None:
    workshop.pinned = False
    first = workshop.builder().ensure(workshop.recipe)
    strict = Sources(base="bootstrap", pins="strict")
    workshop.pinned = True
    second = workshop.builder(sources=strict).ensure(workshop.recipe)
    assert (is_pinned(first), is_pinned(second)) == (False, True)
    assert workshop.engine.containers[-1].spec.env["PINS"] == "strict"
    assert "PINS" not in workshop.engine.containers[0].spec.env


def play(status: int, *lines: str) -> Callable[[Command], int]:
    def handler(command: Command) -> int:
        command.say(*lines)
        return status

    return handler


@pytest.mark.parametrize(
    ("status", "line", "code", "hint"),
    [
        (NOT_PINNED, "not pinned: made", "image-not-pinned", "images.debian_snapshot"),
        (1, "File has unexpected size (1 != 2). Mirror sync in progress?", "mirror-in-sync", "in an hour"),
        (1, "E: Hash Sum mismatch", "mirror-in-sync", "images.debian_mirror"),
        (1, "E: Release file for http://x is expired (invalid since 1d)", "mirror-out-of-date", "clock"),
        (1, "E: Release file for http://x is not valid yet", "mirror-in-sync", "in an hour"),
        (100, "E: Unable to locate package", "image-build-failed", "mirrors and proxies"),
    ],
)
def test_what_the_end_of_a_recipe_means(
    workshop: Workshop, status: int, line: str, code: str, hint: str
) -> None:
    workshop.engine.on("/bin/sh", play(status, "before", line))
    error = workshop.fails()
    assert error.code == code
    assert error.details == f"before\n{line}"
    assert hint in error.hint
    assert error.exit_status is ExitStatus.IMAGE


def test_the_pins_of_a_recipe_are_what_it_asks_for(workshop: Workshop) -> None:
    def handler(command: Command) -> int:
        assert command.env["PINS"] == "refresh"
        command.write("/tmp/pins/base.txt", b"a list")
        return 0

    workshop.engine.on("/bin/sh", handler)
    sources = replace(Sources(base="bootstrap"), pins="refresh")
    assert workshop.builder(sources=sources).resolve(workshop.recipe) == {"base.txt": b"a list"}
    assert workshop.tried == []


def derived(workshop: Workshop, *packages: str) -> Recipe:
    """The recipe of an image with packages, on the workshop's image."""
    folder = workshop.place / "build-packages"
    folder.mkdir(exist_ok=True)
    text = DOCKERFILE.replace("ROOT", "BASE").replace("made/", "build-packages/")
    (folder / "Dockerfile").write_text(text.replace("FROM scratch", "FROM ${BASE}"))
    made = with_packages(workshop.recipe, packages)
    return LocalRecipe(
        made.name, made.folder, made.parent_argument, made.parent, made.arguments, place=workshop.place
    )


def test_an_image_with_more_packages(workshop: Workshop) -> None:
    one, same = derived(workshop, "flex", "bison", "flex"), derived(workshop, "bison", "flex")
    assert one.packages == ("bison", "flex")
    assert one.digest == same.digest != derived(workshop, "flex").digest
    assert with_packages(workshop.recipe, ()) is workshop.recipe
    image = workshop.builder().ensure(one)
    parent = workshop.engine.image(workshop.recipe.tag)
    assert parent
    assert image.layers[:-1] == parent.layers
    assert workshop.engine.containers[-1].spec.env["PACKAGES"] == "bison flex"
    for current, gone in ((workshop.recipe, []), (derived(workshop, "m4"), [image.id, parent.id])):
        found = outdated(workshop.engine, [current], roots=frozenset())
        assert sorted(item.id for item in found) == sorted(gone)
    found = outdated(workshop.engine, [workshop.recipe], roots=frozenset(), derived=True)
    assert [item.id for item in found] == [image.id]


def test_a_package_that_debian_does_not_have(workshop: Workshop) -> None:
    recipe = derived(workshop, "flex", "no-such")
    workshop.builder().ensure(workshop.recipe)
    workshop.engine.on("/bin/sh", play(100, "E: Unable to locate package no-such"))
    with pytest.raises(ImageError) as caught:
        workshop.builder().ensure(recipe)
    assert caught.value.code == "unknown-build-package"
    assert caught.value.brief == "Debian has no package no-such"


def test_strict_pins_allow_no_packages_of_a_projects_own(workshop: Workshop) -> None:
    with pytest.raises(RefusedError) as caught:
        workshop.builder(sources=Sources(base="bootstrap", pins="strict")).ensure(derived(workshop, "flex"))
    assert caught.value.code == "image-not-pinned"
    assert workshop.engine.containers == []


class Team(Workshop):
    """A workshop whose settings name a registry."""

    def sources(self, **changes: Any) -> Sources:
        return Sources(**{"base": "bootstrap", "registry": "registry.invalid/team", **changes})

    @property
    def reference(self) -> str:
        return f"registry.invalid/team/{self.recipe.tag}"

    def publish(self, **labels: str) -> Image:
        """An image as the registry has it."""
        known = {NAME_LABEL: "made", RECIPE_LABEL: self.recipe.digest, PINNED_LABEL: "true", **labels}
        digests = (f"{self.reference}@sha256:{'d' * 64}",)
        image = make_image("sha256:p", tags=(self.reference,), labels=known, repo_digests=digests)
        self.engine.registry[self.reference] = image
        return image

    def release(self, layers: str) -> None:
        folder = self.place / "pins"
        folder.mkdir()
        text = f'[images.made]\nrecipe = "{self.recipe.digest}"\nlayers = "{layers}"\n'
        (folder / "images.toml").write_text(text)

    @property
    def made(self) -> bool:
        """Whether the recipe was run."""
        return any(container.commands for container in self.engine.containers)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def test_an_image_of_this_release_comes_from_the_registry(team: Team) -> None:
    image = team.publish()
    team.release(layers_digest(image))
    found = team.builder(sources=team.sources()).ensure(team.recipe)
    assert (found.id, found.tags) == (image.id, (team.recipe.tag,))
    assert is_pinned(found, team.place)
    assert not team.made
    strict = team.sources(pins="strict")
    assert team.builder(sources=strict).pull(team.recipe).id == image.id


def test_an_image_that_nothing_pins_is_taken_and_marked(team: Team) -> None:
    image = team.publish()
    found = team.builder(sources=team.sources()).ensure(team.recipe)
    assert found.id == image.id
    assert set(found.tags) == {team.recipe.tag, team.reference}
    assert not is_pinned(found, team.place)
    assert not team.made
    assert any("does not count as pinned" in line for line in team.lines)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("recipe", "another recipe made it"),
        ("layers", "its layers are not those of this release"),
        ("strict", "nothing pins its layers"),
        ("silent", "no registry answers"),
    ],
)
def test_what_will_not_do_is_made_here(team: Team, what: str, why: str) -> None:
    if what != "silent":
        team.publish(**({RECIPE_LABEL: "0" * 64} if what == "recipe" else {}))
    if what == "layers":
        team.release("0" * 64)
    sources = team.sources(pins="strict" if what == "strict" else "follow")
    found = team.builder(sources=sources).ensure(team.recipe)
    assert team.made
    assert found.tags == (team.recipe.tag,)
    assert is_pinned(found, team.place)
    assert team.engine.image(team.reference) is None
    assert any(line.startswith("made: made here: ") and why in line for line in team.lines)


def test_where_the_pins_are_not_looked_at_nothing_is_pinned(workshop: Workshop) -> None:
    image = workshop.builder(sources=Sources(base="bootstrap", pins="ignore")).ensure(workshop.recipe)
    assert image.labels[PINNED_LABEL] == "false"

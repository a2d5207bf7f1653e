"""What identifies an image."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.fakes import make_image
from support.toolchains import LocalRecipe

from xbuild.catalog import load_catalog
from xbuild.images.inventory import recipes, total_size
from xbuild.images.manifest import image_manifest, tool_versions
from xbuild.images.recipe import MANIFEST_LABEL, Recipe, base_recipe, context_files, toolchain_recipe

DOCKERFILE = """\
ARG BASE
ARG TARGET
FROM ${BASE} AS build
COPY shared/ /recipe/
COPY family/ /recipe/
RUN ["/bin/sh", "/recipe/build.sh", "${TARGET}"]

FROM ${BASE}
COPY --from=build /layer/ /
"""


def recipe(place: Path, arguments: Mapping[str, str] | None = None, parent: Recipe | None = None) -> Recipe:
    return LocalRecipe("t", "family", "BASE", parent, arguments or {"TARGET": "t"}, place=place)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name, text in (
        ("family/Dockerfile", DOCKERFILE),
        ("family/build.sh", "make\n"),
        ("shared/fetch.sh", "get\n"),
        ("other/x", "x"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_the_digest_is_the_same_for_the_same_things(context: Path) -> None:
    first = recipe(context).digest
    os.utime(context / "family" / "build.sh", (1, 1))
    (context / "family" / "build.sh").chmod(0o600)
    (context / "other" / "x").write_text("y", "utf-8")
    (context / "shared" / "__pycache__").mkdir()
    (context / "shared" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert recipe(context).digest == first
    assert recipe(context).tag == f"xbuild/t:{first[:16]}"


@pytest.mark.parametrize(
    "change", ["content", "shared", "program", "name", "new", "dockerfile", "argument", "parent"]
)
def test_the_digest_changes_with_what_goes_in(context: Path, change: str) -> None:
    first = recipe(context).digest
    build = context / "family" / "build.sh"
    match change:
        case "content":
            build.write_text("make all\n", "utf-8")
        case "shared":
            (context / "shared" / "fetch.sh").write_text("put\n", "utf-8")
        case "program":
            build.chmod(0o755)
        case "name":
            build.rename(build.with_name("build2.sh"))
        case "new":
            (context / "shared" / "more").write_text("", "utf-8")
        case "dockerfile":
            (context / "family" / "Dockerfile").write_text(DOCKERFILE.replace("recipe", "r"), "utf-8")
    arguments = {"TARGET": "other"} if change == "argument" else None
    parent = recipe(context) if change == "parent" else None
    assert recipe(context, arguments, parent).digest != first


def test_a_change_of_the_parent_reaches_its_children(context: Path) -> None:
    first = recipe(context, parent=recipe(context, {"TARGET": "p"})).digest
    assert recipe(context, parent=recipe(context, {"TARGET": "q"})).digest != first


def test_every_recipe_of_the_catalog_parses_and_is_another_image() -> None:
    every = recipes(load_catalog())
    assert every[0].tag == base_recipe().tag
    assert len({item.digest for item in every}) == len(every)
    for item in every:
        parsed = item.dockerfile("sha256:parent")
        assert parsed.build.parent == "sha256:parent"
        assert "${" not in repr(parsed.build)


def test_toolchains_stand_on_the_base() -> None:
    made = toolchain_recipe(load_catalog().target("x86_64-unknown-linux-gnu"))
    assert made.parent == base_recipe()


def test_a_toolchain_is_told_what_builds_for_its_target_get() -> None:
    known = load_catalog()
    linux = toolchain_recipe(known.target("aarch64-unknown-linux-gnu")).arguments
    assert linux["COMPATIBILITY"] == "manylinux_2_17"
    assert {"python3.11/bookworm", "pypy3.11/trixie"} <= set(linux["HEADERS"].split())
    musl = toolchain_recipe(known.target("x86_64-unknown-linux-musl")).arguments
    assert (musl["BUILD_ENV"].partition("=")[2], musl["HEADERS"]) == ("-Clink-self-contained=no", "")
    for triple in ("x86_64-pc-windows-msvc", "aarch64-apple-darwin"):
        assert toolchain_recipe(known.target(triple)).arguments.keys() == {"TARGET"}


def test_context_files_are_sorted(context: Path) -> None:
    assert [path.name for path in context_files(context / "family")] == ["Dockerfile", "build.sh"]


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_a_label_that_is_no_manifest(text: str) -> None:
    assert image_manifest(make_image(labels={MANIFEST_LABEL: text})) == {}
    assert tool_versions(make_image(labels={})) == {}


def test_tool_versions() -> None:
    label = '{"tools": {"rustc": "1.91.1"}, "components": {"sysroot": "3"}, "packages": {}}'
    assert tool_versions(make_image(labels={MANIFEST_LABEL: label})) == {"rustc": "1.91.1", "sysroot": "3"}


def test_shared_layers_count_once() -> None:
    base = make_image("sha256:b", layers=("b",), size=1000)
    one = make_image("sha256:1", layers=("b", "1"), size=1100)
    two = make_image("sha256:2", layers=("b", "2"), size=1050)
    assert total_size([one, two], [base]) == 1150
    assert total_size([base, one], [base]) == 1100

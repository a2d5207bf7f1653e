"""Toolchain images: what they know of themselves, their size, and the ways between machines."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.real import Xbuild
from support.toolchains import LocalRecipe

from xbuild.app.services import make_sources
from xbuild.catalog import load_catalog
from xbuild.cli.settings import load
from xbuild.engine import ContainerSpec
from xbuild.engine.docker import DockerEngine
from xbuild.images.bootstrap import Mirrors, ensure_root
from xbuild.images.builder import ImageBuilder
from xbuild.images.manifest import layers_digest
from xbuild.images.recipe import root_recipe
from xbuild.images.released import is_pinned

pytestmark = pytest.mark.docker

LIMIT = 3_000_000_000
"""Bytes that all images of the five targets may take together."""


def test_all_images_together_are_small(xbuild: Xbuild, toolchain_image: Callable[[str], str]) -> None:
    for triple in load_catalog().targets:
        toolchain_image(triple)
    done = xbuild("images", "list", "--json")
    body = json.loads(done.stdout)
    assert all(image["id"] for image in body["images"])
    assert body["total_size"] < LIMIT


def test_an_image_knows_itself(xbuild: Xbuild, toolchain_image: Callable[[str], str]) -> None:
    toolchain_image("x86_64-pc-windows-msvc")
    shown = json.loads(xbuild("images", "show", "x86_64-pc-windows-msvc").stdout)
    assert {"rustc", "cargo", "maturin", "zig", "lld"} <= set(shown["tools"])
    assert shown["debian"]["rustc:amd64"]
    assert shown["python"]["ziglang"]


def test_no_certificate_of_the_host_is_in_an_image(
    engine: DockerEngine, toolchain_image: Callable[[str], str]
) -> None:
    image = engine.image(toolchain_image("x86_64-pc-windows-msvc"))
    assert image
    text = json.dumps(dict(image.config))
    assert "ca-certificates" not in text.replace("ca-certificates:", "")
    assert "proxy" not in text.lower()


@pytest.mark.parametrize("triple", [item for item, row in load_catalog().targets.items() if row.glibc])
def test_headers_of_interpreters_compile(
    engine: DockerEngine, toolchain_image: Callable[[str], str], triple: str
) -> None:
    target = load_catalog().target(triple)
    kinds = [item.kind for item in load_catalog().interpreters.values() if item.headers]
    lines: list[str] = []
    spec = ContainerSpec(image=toolchain_image(triple), user="65534:65534", labels={"xbuild.purpose": "test"})
    with engine.container(spec) as container:
        for kind in kinds:
            place = f"/opt/xbuild/python/{kind}/include"
            done = container.run(
                [
                    *("zig", "cc", "-target", f"{target.arch}-linux-gnu.{target.glibc}"),
                    *("-c", "-o", "/tmp/object.o", f"-I{place}", f"-I{place}/{kind}"),
                    *("-include", "Python.h", "-x", "c", "/dev/null"),
                ],
                env={"ZIG_GLOBAL_CACHE_DIR": "/tmp/zig", "ZIG_LOCAL_CACHE_DIR": "/tmp/zig"},
                on_line=lambda _, line: lines.append(line),
            )
            assert done.ok, (kind, lines)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry on this machine; Debian's package docker-registry."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path / 'registry'}\n"
        f"http:\n  addr: 127.0.0.1:{port}\n"
    )
    process = subprocess.Popen(
        [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    patience = time.monotonic() + 20
    while time.monotonic() < patience:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def test_the_base_can_start_from_an_image_in_a_registry(
    engine: DockerEngine, registry: str, toolchain_image: Callable[[str], str]
) -> None:
    toolchain_image("x86_64-unknown-linux-gnu")
    local = engine.image(root_recipe().tag)
    assert local
    reference = f"{registry}/debian:trixie"
    engine.tag(local.id, reference)
    engine.push(reference, on_progress=lambda _: None)
    pushed = engine.image(reference)
    assert pushed
    pinned = pushed.repo_digests[-1]
    engine.remove_image(reference)
    image, named = ensure_root(
        engine,
        source=pinned,
        mirrors=Mirrors(),
        environment={},
        ca_bundle=None,
        on_line=lambda _: None,
        cancelled=threading.Event(),
    )
    assert named == pinned
    assert image.layers == local.layers
    engine.remove_image(pinned)


def test_images_go_through_a_registry(
    xbuild: Xbuild, engine: DockerEngine, registry: str, toolchain_image: Callable[[str], str]
) -> None:
    triple = "x86_64-unknown-linux-musl"
    toolchain_image(triple)
    tag, image = told(xbuild, triple)
    pushed = xbuild("images", "push", triple, "--registry", f"{registry}/team")
    assert pushed.returncode == 0, pushed.stderr
    reference = pushed.stdout.strip()
    assert reference == f"{registry}/team/{tag}"
    assert engine.image(reference) is None, "the name for the registry is left on the engine"
    engine.remove_image(tag)
    pulled = xbuild("images", "pull", triple, env={"XBUILD_IMAGES__REGISTRY": f"{registry}/team"})
    assert pulled.returncode == 0, pulled.stderr
    assert told(xbuild, triple) == (tag, image)
    assert engine.image(reference), "what nothing pins keeps its name in the registry"
    engine.remove_image(reference)


DOCKERFILE = """\
ARG ROOT
FROM ${ROOT} AS build
COPY small/ /recipe/
RUN ["/bin/sh", "/recipe/build.sh"]

FROM scratch
COPY --from=build /layer/ /
"""
BUILD = """\
mkdir -p /layer/opt/xbuild
echo '{"tools": {}, "pinned": true}' > /layer/opt/xbuild/manifest.json
"""


def test_making_an_image_is_first_pulling_it(engine: DockerEngine, registry: str, tmp_path: Path) -> None:
    for name, text in (("small/Dockerfile", DOCKERFILE), ("small/build.sh", BUILD), ("pins/images.toml", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    recipe = LocalRecipe("small", "small", "ROOT", None, {}, place=tmp_path)
    lines: list[str] = []

    def builder(**changes: str) -> ImageBuilder:
        return ImageBuilder(
            engine,
            replace(make_sources(load({}, None).settings), **changes),  # type: ignore[arg-type]
            locks=tmp_path,
            narrate=lambda _, line: lines.append(line),
            cancelled=threading.Event(),
        )

    made = builder().ensure(recipe)
    reference = f"{registry}/team/{recipe.tag}"
    engine.tag(made.id, reference)
    engine.push(reference, on_progress=lambda _: None)
    try:
        for layers, pulled in ((layers_digest(made), True), ("0" * 64, False), ("", True)):
            for name in (reference, recipe.tag):
                engine.remove_image(name)
            row = f'[images.small]\nrecipe = "{recipe.digest}"\nlayers = "{layers}"\n' if layers else ""
            (tmp_path / "pins" / "images.toml").write_text(row)
            lines.clear()
            found = builder(registry=f"{registry}/team").ensure(recipe)
            assert found.id == made.id
            assert any(line.startswith("done in") for line in lines) != pulled
            assert is_pinned(found, tmp_path) == bool(layers)
    finally:
        for name in (reference, recipe.tag):
            engine.remove_image(name)


def told(xbuild: Xbuild, triple: str) -> tuple[str, str]:
    """The tag and the identifier of an image, as the command shows them."""
    shown = json.loads(xbuild("images", "show", triple).stdout)
    (tag,) = (tag for tag in shown["tags"] if tag.startswith("xbuild/"))
    return tag, shown["id"]


def test_an_image_that_a_registry_does_not_have(xbuild: Xbuild, registry: str) -> None:
    done = xbuild("images", "pull", "x86_64-unknown-linux-musl", "--registry", f"{registry}/other")
    assert done.returncode == 8
    assert "other/xbuild/x86_64-unknown-linux-musl" in done.stderr

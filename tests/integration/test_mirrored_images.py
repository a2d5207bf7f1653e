"""Images that are made through private mirrors, and hold nothing of them."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from real import need
from toolchains import LocalRecipe, bridge_address

from xbuild.engine import ContainerSpec, Image
from xbuild.engine.docker import DockerEngine
from xbuild.images.bootstrap import Mirrors, ensure_root
from xbuild.images.builder import ImageBuilder, Sources
from xbuild.images.recipe import base_recipe, root_recipe

pytestmark = pytest.mark.docker


@dataclass
class Mirror:
    """A mirror of Debian's archives on this machine, for it and for its containers.

    :ivar upstream: what is mirrored, by the first part of the path.
    :ivar asked: the paths that somebody wanted.
    """

    host: str
    upstream: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the base class has it so
                mirror.asked.append(self.path)
                name, _, rest = self.path.lstrip("/").partition("/")
                try:
                    with urllib.request.urlopen(f"{mirror.upstream[name]}/{rest}", timeout=60) as answer:  # noqa: S310
                        self.send_response(200)
                        self.send_header("Content-Length", answer.headers["Content-Length"])
                        self.end_headers()
                        shutil.copyfileobj(answer, self.wfile)
                except urllib.error.HTTPError as error:
                    self.send_error(error.code)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer((self.host, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"{self.host}:{self._server.server_address[1]}"

    @property
    def mirrors(self) -> Mirrors:
        """It, as xbuild is told of it."""
        return Mirrors(debian=f"http://{self.address}/debian", security=f"http://{self.address}/security")

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def sources_in(engine: DockerEngine, image: Image) -> list[str]:
    """The lines of an image's sources.list."""
    lines: list[str] = []
    spec = ContainerSpec(image=image.id, user="65534:65534", labels={"xbuild.purpose": "test"})
    with engine.container(spec) as container:
        found = container.run(
            ["/bin/cat", "/etc/apt/sources.list"], on_line=lambda _, line: lines.append(line)
        )
    assert found.ok
    return lines


def holds(engine: DockerEngine, image: Image, text: str) -> bool:
    """Whether anything in an image or its configuration has a text."""
    kept = b""
    for chunk in engine.save([image.id]):
        kept = kept[-len(text) :] + chunk
        if text.encode() in kept:
            return True
    return False


@pytest.fixture
def root(engine: DockerEngine, build_image: Any) -> Image:
    """The minimal Debian that was made without a mirror."""
    need("mmdebstrap")
    build_image(base_recipe())
    found = engine.image(root_recipe().tag)
    if found is None:
        pytest.skip("the base stands on another root")
    return found


@pytest.fixture
def mirror(engine: DockerEngine, root: Image) -> Iterator[Mirror]:
    """A mirror of the archives that the minimal Debian names."""
    named = [line.split() for line in sources_in(engine, root)]
    (debian,) = {words[1] for words in named if not words[2].endswith("-security")}
    (security,) = {words[1] for words in named if words[2].endswith("-security")}
    made = Mirror(bridge_address(engine), {"debian": debian, "security": security})
    yield made
    made.close()


def test_the_root_is_made_through_a_mirror(engine: DockerEngine, root: Image, mirror: Mirror) -> None:
    kept = "xbuild/root:kept"
    engine.tag(root.id, kept)
    engine.remove_image(root_recipe().tag)
    try:
        image, named = ensure_root(
            engine,
            source="bootstrap",
            mirrors=mirror.mirrors,
            environment={"PATH": os.environ["PATH"], "no_proxy": mirror.host},
            ca_bundle=Path("/nowhere/of-the-host.pem"),
            on_line=lambda _: None,
            cancelled=threading.Event(),
        )
        assert named == root_recipe().tag
        assert any(re.fullmatch(r"/debian/dists/trixie-updates/.+", path) for path in mirror.asked)
        assert any(re.fullmatch(r"/security/dists/trixie-security/.+", path) for path in mirror.asked)
        assert any(path.startswith("/debian/pool/") for path in mirror.asked)
        assert sources_in(engine, image) == sources_in(engine, root)
        assert not holds(engine, image, mirror.address)
        assert not holds(engine, image, "of-the-host")
        assert holds(engine, image, "mmdebstrap")
    finally:
        engine.tag(root.id, root_recipe().tag)
        engine.remove_image(kept)


DOCKERFILE = """\
ARG BASE
FROM ${BASE} AS build
COPY shared/ /recipe/
COPY mirrored/ /recipe/
RUN --mount=type=secret,id=ca ["/bin/sh", "/recipe/build.sh"]

FROM scratch
COPY --from=build /layer/ /
"""
BUILD = """\
set -eu
. /recipe/fetching.sh
debian_sources trixie > /tmp/archive
lists_of /tmp/archive /tmp/lists
resolved small trixie whole "$(essential trixie)" apt ca-certificates
bootstrap trixie /layer small --include=ca-certificates
tidy /layer
# What goes by the container's own apt, as in some recipes
apt-get -qq update
cd /layer/opt && apt-get -qq download libwine-dev
"""


def test_recipes_fetch_through_a_mirror(
    engine: DockerEngine, root: Image, mirror: Mirror, tmp_path: Path
) -> None:
    shutil.copytree(base_recipe().context / "shared", tmp_path / "shared")
    (tmp_path / "mirrored").mkdir()
    (tmp_path / "mirrored" / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "mirrored" / "build.sh").write_text(BUILD)
    recipe = LocalRecipe("mirrored", "mirrored", "BASE", base_recipe(), {}, place=tmp_path)
    builder = ImageBuilder(
        engine,
        Sources(mirrors=mirror.mirrors, environment={"no_proxy": mirror.host}),
        locks=tmp_path,
        narrate=lambda *_: None,
        cancelled=threading.Event(),
    )
    image = builder.ensure(recipe)
    try:
        suites = ("/debian/dists/trixie-updates/", "/security/dists/trixie-security/")
        for place in (*suites, "/debian/pool/main/w/wine/"):
            assert any(path.startswith(place) for path in mirror.asked), place
        assert not holds(engine, image, mirror.address)
        assert holds(engine, image, mirror.upstream["security"])
    finally:
        engine.remove_image(image.id, force=True)

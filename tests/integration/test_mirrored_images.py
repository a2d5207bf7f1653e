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
from support.real import need
from support.toolchains import LocalRecipe, bridge_address

from xbuild.engine import ContainerSpec, Image
from xbuild.engine.docker import DockerEngine
from xbuild.errors import ImageError
from xbuild.images.bootstrap import Mirrors, ensure_root
from xbuild.images.builder import ImageBuilder
from xbuild.images.recipe import base_recipe, root_recipe
from xbuild.images.released import is_pinned
from xbuild.images.sources import Sources

# Each makes images anew
pytestmark = [pytest.mark.docker, pytest.mark.archives, pytest.mark.exhaustive]


@dataclass
class Mirror:
    """A mirror of Debian's archives on this machine, for it and for its containers.

    :ivar upstream: what is mirrored, by the first part of the path.
    :ivar asked: the paths that somebody wanted.
    :ivar missing: patterns of paths that it does not have.
    """

    host: str
    upstream: dict[str, str]
    asked: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the base class has it so
                mirror.asked.append(self.path)
                if any(re.match(pattern, self.path) for pattern in mirror.missing):
                    self.send_error(404)
                    return
                # As an archive that keeps everything has them
                path = re.sub(r"^/snapshot/(debian)/[0-9TZ]+/", r"/\1/", self.path)
                name, _, rest = path.lstrip("/").partition("/")
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
    recipe = LocalRecipe("mirrored", "mirrored", "BASE", None, {}, place=tmp_path)
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


PINNED = """\
set -eu
. /recipe/fetching.sh
if ! pinned small trixie; then
    debian_sources trixie > /tmp/archive
    lists_of /tmp/archive /tmp/lists
    resolved small trixie only media-types
fi
taken
mkdir -p /layer/opt/xbuild
cp /tmp/debs/small/*.deb /layer/
pinned=true
[ ! -e /tmp/followed ] || pinned=false
echo "{\\"tools\\": {}, \\"pinned\\": $pinned}" > /layer/opt/xbuild/manifest.json
"""


class PinnedRecipe:
    """A recipe of one pinned package, and what it is made with."""

    def __init__(self, engine: DockerEngine, mirror: Mirror, place: Path) -> None:
        self.engine, self.mirror, self.place = engine, mirror, place
        shutil.copytree(base_recipe().context / "shared", place / "shared")
        copied = "COPY shared/ /recipe/\nCOPY pins/mirrored/ /recipe/pins/\n"
        for name, text in (
            ("mirrored/Dockerfile", DOCKERFILE.replace("COPY shared/ /recipe/\n", copied)),
            ("mirrored/build.sh", PINNED),
            ("pins/mirrored/other.txt", ""),
        ):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        self.pins = place / "pins" / "mirrored" / "small.txt"

    @property
    def recipe(self) -> LocalRecipe:
        return LocalRecipe("mirrored", "mirrored", "BASE", None, {}, place=self.place)

    def builder(self, pins: str) -> ImageBuilder:
        return ImageBuilder(
            self.engine,
            Sources(
                mirrors=self.mirror.mirrors,
                pins=pins,
                snapshot=f"http://{self.mirror.address}/snapshot",
                environment={"no_proxy": self.mirror.host},
            ),
            locks=self.place,
            narrate=lambda *_: None,
            cancelled=threading.Event(),
        )

    def make(self, pins: str) -> tuple[bool, tuple[str, ...]]:
        """Whether the image is pinned, and its layers; it is gone then."""
        self.mirror.asked.clear()
        image = self.builder(pins).ensure(self.recipe)
        self.engine.remove_image(image.id, force=True)
        return is_pinned(image), image.layers


def test_pinned_packages_come_from_wherever_they_are(
    engine: DockerEngine, root: Image, mirror: Mirror, tmp_path: Path
) -> None:
    assert root
    made = PinnedRecipe(engine, mirror, tmp_path)
    (body,) = made.builder("refresh").resolve(made.recipe).values()
    assert body.splitlines()[1].startswith(b"media-types ")
    assert not any("/pool/" in path for path in mirror.asked)

    made.pins.write_bytes(body)
    first = made.make("strict")
    assert first[0]
    assert not any("/dists/" in path for path in mirror.asked), "the pins say all that there is to know"
    mirror.missing.append("/debian/pool/")
    assert made.make("strict") == first
    assert any(path.startswith("/snapshot/debian/20") for path in mirror.asked)

    mirror.missing.append("/snapshot/")
    with pytest.raises(ImageError) as caught:
        made.make("strict")
    assert caught.value.code == "image-not-pinned"
    assert "media-types" in caught.value.details
    mirror.missing.clear()
    made.pins.write_bytes(body.replace(b"media-types_", b"media-types_of-old_"))
    assert not made.make("follow")[0]

"""Mirrors are a way to packages, and no part of images."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.fakes import FakeEngine, make_image

from xbuild.errors import ImageError, RefusedError
from xbuild.images.bootstrap import Mirrors, ensure_root
from xbuild.images.builder import ImageBuilder
from xbuild.images.inventory import outdated
from xbuild.images.recipe import NAME_LABEL, RECIPE_LABEL, ROOT_LABEL, base_recipe, root_recipe
from xbuild.images.sources import Sources

OWN = """\
deb http://debian.invalid/debian trixie main
deb [signed-by="/usr/share/keyrings/a.gpg"] http://debian.invalid/debian trixie-updates main contrib
# deb of old
deb http://security.invalid/debian-security trixie-security main
"""


def test_mirrors_take_the_place_of_what_they_mirror() -> None:
    both = Mirrors(debian="https://m.invalid/d", security="https://m.invalid/s")
    assert both.put_into(OWN).splitlines() == [
        "deb https://m.invalid/d trixie main",
        'deb [signed-by="/usr/share/keyrings/a.gpg"] https://m.invalid/d trixie-updates main contrib',
        "# deb of old",
        "deb https://m.invalid/s trixie-security main",
    ]
    assert "http://security.invalid/debian-security" in Mirrors(debian="https://m.invalid/d").put_into(OWN)
    assert Mirrors().put_into(OWN) == OWN


def test_recipes_are_told_of_mirrors_only_where_there_are_some() -> None:
    assert Sources().recipe_environment == {}
    told = Sources(mirrors=Mirrors(security="s"), cargo_index="i", environment={"http_proxy": "p"})
    assert told.recipe_environment == {"DEBIAN_SECURITY_MIRROR": "s", "CARGO_INDEX": "i", "http_proxy": "p"}


def builder(engine: FakeEngine, place: Path, base: str) -> ImageBuilder:
    return ImageBuilder(
        engine,
        Sources(base=base, offline=True),
        locks=place,
        narrate=lambda *_: None,
        cancelled=threading.Event(),
    )


@pytest.mark.parametrize(
    ("base", "root", "fits"),
    [
        ("auto", root_recipe().tag, True),
        ("auto", root_recipe().registry, True),
        ("bootstrap", root_recipe().registry, True),
        ("auto", "debian:mine", False),
        ("auto", "", False),
        ("debian:mine", "debian:mine", True),
        ("debian:mine", "debian:other", False),
        ("debian:mine", root_recipe().tag, False),
    ],
)
def test_an_image_on_another_root_is_not_the_one(
    engine: FakeEngine, tmp_path: Path, base: str, root: str, *, fits: bool
) -> None:
    engine.have(make_image("sha256:b", tags=(base_recipe().tag,), labels={ROOT_LABEL: root}))
    asked = builder(engine, tmp_path, base)
    if fits:
        assert asked.ensure(base_recipe()).id == "sha256:b"
        return
    with pytest.raises(RefusedError) as caught:
        asked.ensure(base_recipe())
    assert caught.value.code == "offline-image"
    assert ("stands on debian:mine" in caught.value.details) == (base == "debian:mine")


def test_what_lost_its_name_to_a_later_image_is_outdated(engine: FakeEngine) -> None:
    recipe = base_recipe()
    labels = {NAME_LABEL: "base", RECIPE_LABEL: recipe.digest}
    engine.have(make_image("sha256:now", tags=(recipe.tag,), labels=labels))
    engine.have(make_image("sha256:before", tags=(), labels=labels))
    assert [image.id for image in outdated(engine, [recipe], roots=frozenset())] == ["sha256:before"]


MMDEBSTRAP = """\
#!/bin/sh
echo once more >> "{count}"
if [ "$(wc -l < "{count}")" -le {bad} ]; then
    echo "E: Failed to fetch x  File has unexpected size (1 != 2). Mirror sync in progress?" >&2
    exit 1
fi
tar --create --file - --directory "{root}" .
"""


@pytest.mark.parametrize("bad", [1, 9])
def test_mmdebstrap_asks_a_mirror_in_mid_sync_again(engine: FakeEngine, tmp_path: Path, bad: int) -> None:
    program, count, root = tmp_path / "mmdebstrap", tmp_path / "count", tmp_path / "root"
    root.mkdir()
    program.write_text(MMDEBSTRAP.format(count=count, bad=bad, root=root))
    program.chmod(0o755)
    lines: list[str] = []

    def make() -> None:
        ensure_root(
            engine,
            source="bootstrap",
            mirrors=Mirrors(),
            environment={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            ca_bundle=None,
            on_line=lines.append,
            cancelled=threading.Event(),
            pauses=(0.0, 0.0),
        )

    if bad == 1:
        make()
        assert engine.image(root_recipe().tag)
    else:
        with pytest.raises(ImageError) as caught:
            make()
        assert caught.value.code == "mirror-in-sync"
        assert "is being updated" in caught.value.brief
        assert "unexpected size" in caught.value.details
    assert len(count.read_text().splitlines()) == min(bad + 1, 3)
    assert "the mirror is being updated; it is asked again in 0 s" in lines

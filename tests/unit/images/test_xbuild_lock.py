"""xbuild.lock."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xbuild.engine import Image
from xbuild.errors import ExitStatus, RefusedError
from xbuild.images.pins import (
    Drift,
    Lock,
    LockedImage,
    changes,
    drift,
    drift_error,
    format_lock,
    lock_images,
    merge,
    parse_lock,
    read_lock,
    recipe_drift,
    write_lock,
)
from xbuild.images.recipe import MANIFEST_LABEL, RECIPE_LABEL

TRIPLE = "x86_64-unknown-linux-gnu"
LOCK = Lock(
    xbuild="0.1.0",
    images={
        TRIPLE: LockedImage(
            id=f"sha256:{'1' * 64}",
            recipe="2" * 64,
            layers="3" * 64,
            tools={"rustc": "1.85.0", "maturin": "1.16.0"},
        ),
        "base": LockedImage(id=f"sha256:{'4' * 64}"),
    },
)


def changed(**changes: Any) -> Lock:
    return replace(LOCK, images={**LOCK.images, TRIPLE: replace(LOCK.images[TRIPLE], **changes)})


def image(identifier: str = "sha256:11", layers: tuple[str, ...] = ("sha256:22",)) -> Image:
    manifest = {"tools": {"rustc": "1.85.0"}, "components": {"crt": "1"}}
    labels = {RECIPE_LABEL: "33", MANIFEST_LABEL: json.dumps(manifest)}
    return Image(
        id=identifier, tags=(), labels=labels, layers=layers, config={}, size=1, created="2026-01-02"
    )


def test_round_trip_and_determinism(tmp_path: Path) -> None:
    path = tmp_path / "xbuild.lock"
    write_lock(path, LOCK)
    assert read_lock(path) == LOCK
    turned = replace(LOCK, images=dict(reversed(list(LOCK.images.items()))))
    assert format_lock(turned) == path.read_text("utf-8")
    assert [item.name for item in tmp_path.iterdir()] == ["xbuild.lock"]


def test_what_it_looks_like() -> None:
    assert format_lock(replace(LOCK, images={"base": LOCK.images["base"]})) == (
        "# Pins what xbuild builds with. Made by `xbuild lock`; commit it, and do not edit it.\n\n"
        'schema = 1\nxbuild = "0.1.0"\n\n'
        f'[image.base]\nid = "sha256:{"4" * 64}"\n'
    )


@pytest.mark.parametrize(
    "text", ['"', "\\", "\n", "\x00\x1f\x7f", "]\n[image.x]", "\u202e", "a.b c", "", "é", "\U0001f600", "'''"]
)
def test_any_text_survives(text: str) -> None:
    lock = Lock(xbuild=text, images={text: LockedImage(id=text, tools={text: text})})
    written = format_lock(lock)
    assert parse_lock(written, where="here") == lock
    assert tomllib.loads(written)["xbuild"] == text


def test_lone_surrogate_does_not_break_the_file() -> None:
    assert parse_lock(format_lock(Lock(xbuild="\ud800", images={})), where="here").xbuild == "\ufffd"


def test_no_file(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "xbuild.lock") is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"schema = 2\nxbuild = ''",
        b"schema = 1",
        b"schema = 1\nxbuild = 1",
        b"schema = 1\nxbuild = ''\nimage = 1",
        b"schema = 1\nxbuild = ''\n[image]\nx = 1",
        b"schema = 1\nxbuild = ''\n[image.x]\nid = 1",
        b"schema = 1\nxbuild = ''\n[image.x]\nid = ''\ntools = []",
        b"schema = 1\nxbuild = ''\n[image.x]\nid = ''\ntools = {a = 1}",
        b"a = " + b"[" * 100_000,
        b"#" * (2 << 20),
    ],
    ids=range(12),
)
def test_bad_files(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "xbuild.lock"
    path.write_bytes(text)
    with pytest.raises(RefusedError) as caught:
        read_lock(path)
    assert caught.value.code == "bad-xbuild-lock"


def test_a_device_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "xbuild.lock"
    path.symlink_to("/dev/null")
    with pytest.raises(RefusedError) as caught:
        read_lock(path)
    assert caught.value.code == "bad-xbuild-lock"
    assert "not a file" in caught.value.details


def test_lock_of_images() -> None:
    lock = lock_images({"base": image()}, xbuild="0.1.0")
    assert lock.images["base"].tools == {"rustc": "1.85.0", "crt": "1"}
    assert lock.images["base"].recipe == "33"
    assert drift(lock, lock) == ()
    assert merge(LOCK, lock).images.keys() == LOCK.images.keys()
    assert merge(LOCK, lock).images["base"] == lock.images["base"]


def test_another_store_names_the_same_image_otherwise() -> None:
    here = lock_images({"base": image()}, xbuild="")
    assert drift(here, lock_images({"base": image("sha256:44")}, xbuild="")) == ()
    foreign = [replace(image(name), labels={}) for name in ("sha256:11", "sha256:44")]
    first, second = (lock_images({"base": item}, xbuild="") for item in foreign)
    assert [item.what for item in drift(first, second)] == ["image"], "its environment may be another"
    other = lock_images({"base": image("sha256:44", ("sha256:55",))}, xbuild="")
    assert drift(here, other) == (Drift("image", "base", "", "sha256:11", "sha256:44"),)


def test_drift() -> None:
    assert drift(LOCK, LOCK) == ()
    assert drift(LOCK, changed(id="sha256:99", layers="")) == (
        Drift("image", TRIPLE, "", f"sha256:{'1' * 64}", "sha256:99"),
    )
    assert [item.what for item in drift(LOCK, changed(recipe="9"))] == ["recipe"]
    assert drift(LOCK, changed(tools={"rustc": "1.86.0", "zig": "1"})) == (
        Drift("tool", TRIPLE, "maturin", "1.16.0", ""),
        Drift("tool", TRIPLE, "rustc", "1.85.0", "1.86.0"),
        Drift("tool", TRIPLE, "zig", "", "1"),
    )
    assert drift(LOCK, replace(LOCK, xbuild="0.2.0")) == (Drift("xbuild", "", "xbuild", "0.1.0", "0.2.0"),)


def test_wanted_images_must_be_locked_and_there() -> None:
    without = replace(LOCK, images={"base": LOCK.images["base"]})
    assert drift(LOCK, without) == ()
    assert [item.what for item in drift(without, LOCK)] == ["not-locked"]
    assert [item.what for item in drift(LOCK, without, wanted=[TRIPLE, "base"])] == ["not-built"]
    assert [item.what for item in drift(without, without, wanted=["other"])] == ["not-locked"]


def test_what_can_be_said_without_images() -> None:
    recipes = {TRIPLE: "2" * 64}
    assert recipe_drift(LOCK, recipes, xbuild="0.1.0") == ()
    assert recipe_drift(LOCK, {TRIPLE: "9"}, xbuild="0.1.0") == (Drift("recipe", TRIPLE, "", "2" * 64, "9"),)
    found = recipe_drift(LOCK, {"other": "9"}, xbuild="0.2.0")
    assert [item.what for item in found] == ["xbuild", "not-locked"]


def test_what_a_new_lock_changes() -> None:
    assert changes(None, LOCK) == ("base: new", f"{TRIPLE}: new")
    assert changes(LOCK, LOCK) == ()
    assert changes(LOCK, replace(changed(tools={"rustc": "1.86.0"}), xbuild="0.2.0")) == (
        "xbuild: 0.1.0 -> 0.2.0",
        f"{TRIPLE} maturin: 1.16.0 -> nothing",
        f"{TRIPLE} rustc: 1.85.0 -> 1.86.0",
    )


def test_error_says_what_drifted() -> None:
    found = drift(LOCK, replace(changed(tools={"rustc": "1.86.0"}, id="sha256:9", layers=""), xbuild="0.2.0"))
    error = drift_error(found)
    assert error.exit_status == ExitStatus.DRIFT
    assert error.brief == "4 things are not what xbuild.lock pins"
    assert error.details.splitlines() == [
        "xbuild: 0.1.0 is locked, this is 0.2.0",
        f"{TRIPLE} image: sha256:111111111111 is locked, this is sha256:9",
        f"{TRIPLE} maturin: 1.16.0 is locked, this is nothing",
        f"{TRIPLE} rustc: 1.85.0 is locked, this is 1.86.0",
    ]
    assert "1 thing is not" in drift_error(found[:1]).brief
    assert str(drift(LOCK, Lock(xbuild="0.1.0", images={}), wanted=["base"])[0]).startswith("base: there is")
    assert all(set(item.as_dict()) == {"what", "where", "name", "locked", "current"} for item in found)

"""Trying an image: with a wheel that its toolchain makes, or programs that run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.fakes import LINUX, WINDOWS, Command, FakeEngine, make_image
from support.wheel_files import write_zip

from xbuild.app.smoke import SmokeTest
from xbuild.catalog import load_catalog
from xbuild.check.trial import recipes as testers
from xbuild.errors import ImageError
from xbuild.images.recipe import Recipe, base_recipe, toolchain_recipe


class Trial:
    """An image that is tried on an engine that plays it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.engine = FakeEngine(place / "engine")
        self.commands: list[Command] = []
        self.engine.on("/opt/xbuild/bin/prepare-windows-msvc", lambda _: 0)

    def run(self, recipe: Recipe) -> None:
        image = self.engine.have(make_image("sha256:new"))
        SmokeTest(
            engine=self.engine,
            catalog=load_catalog(),
            cache=self.place / "cache",
            clock=lambda: 1_800_000_000.0,
            narrate=lambda *_: None,
            cancelled=threading.Event(),
        )(recipe, image)

    def fails(self, recipe: Recipe) -> ImageError:
        with pytest.raises(ImageError) as caught:
            self.run(recipe)
        assert caught.value.code == "image-smoke-failed"
        return caught.value


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def toolchain(triple: str) -> Recipe:
    return toolchain_recipe(load_catalog().target(triple))


def leave_wheel(command: Command) -> int:
    """A file of the right name, which no audit takes for a wheel."""
    name = "smoke-0.1.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    body = write_zip(command.path("/out").parent / "x.zip", {"smoke.so": b"no ELF"}).read_bytes()
    command.write(f"/out/{name}", body)
    return 0


def test_a_wheel_is_made_as_builds_make_theirs(trial: Trial) -> None:
    def maturin(command: Command) -> int:
        spec = command.container.spec
        assert (spec.network, spec.hardened, spec.image) == (False, True, "sha256:new")
        assert (command.path("/src") / "native" / "smoke.cpp").is_file()
        assert command.option("--target") == LINUX
        assert "--frozen" in command.argv
        return leave_wheel(command)

    trial.engine.on("maturin", maturin)
    error = trial.fails(toolchain(LINUX))
    assert "the audit of its wheel failed" in error.brief


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("/usr/bin/clang does not compile smoke.c: exit 1", "compiling C"),
        ("clang-cl does not compile smoke.cpp", "compiling C++"),
        ("error: linking with `lld-link` failed", "linking"),
        ("error[E0463]: can't find crate for `std`", "compiling Rust"),
    ],
)
def test_what_went_wrong_is_named(trial: Trial, line: str, step: str) -> None:
    def maturin(command: Command) -> int:
        command.say(line, stream="stderr")
        return 1

    trial.engine.on("maturin", maturin)
    error = trial.fails(toolchain(WINDOWS))
    assert error.brief == f"image {WINDOWS} was made and does not work: {step} failed"
    assert line in error.details
    assert not list((trial.place / "cache" / "work").iterdir())


def test_programs_have_to_run(trial: Trial) -> None:
    def play(command: Command) -> int:
        trial.commands.append(command)
        if command.argv[0] == "nasm":
            command.say("nasm: error while loading shared libraries")
            return 127
        return 0

    for name in (
        "rustc",
        "cargo",
        "cc",
        "c++",
        "maturin",
        "clang",
        "clang++",
        "clang-cl",
        "ld.lld",
        "lld-link",
    ):
        trial.engine.on(name, play)
    for name in (
        "llvm-ar",
        "llvm-objcopy",
        "cmake",
        "ninja",
        "make",
        "git",
        "python3",
        "protoc",
        "zig",
        "nasm",
    ):
        trial.engine.on(name, play)
    for name in ("pkg-config", "m4", "autoconf", "automake", "patch", "patchelf", "perl"):
        trial.engine.on(name, play)
    error = trial.fails(base_recipe())
    assert "running nasm -v failed" in error.brief
    assert "shared libraries" in error.details
    trial.engine.on("nasm", lambda _: 0)
    trial.run(base_recipe())
    assert trial.commands[-1].argv[0] == "perl"


def test_testers_of_another_architecture_cannot_be_tried(trial: Trial) -> None:
    for recipe in testers.tester_recipes():
        if recipe.arguments.get("ARCH") == "arm64":
            trial.run(recipe)
    assert trial.engine.containers == []

"""Every row of the catalog is sound, and the rows fit each other."""

from __future__ import annotations

import tomllib
from dataclasses import FrozenInstanceError
from importlib.resources import files
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename

from xbuild.catalog import Catalog, Interpreter, Target, beyond_the_stubs, load_catalog
from xbuild.catalog.model import did_you_mean
from xbuild.errors import RefusedError
from xbuild.images.recipe import recipes_dir, toolchain_recipe

CATALOG = load_catalog()
TARGETS = pytest.mark.parametrize("target", CATALOG.targets.values(), ids=lambda item: item.triple)
INTERPRETERS = pytest.mark.parametrize("item", CATALOG.interpreters.values(), ids=lambda item: item.kind)


@TARGETS
def test_platform_tags_parse_and_fit_the_architecture(target: Target) -> None:
    tags = parse_tag(f"cp311-cp311-{target.platform_tag}")
    assert {tag.platform for tag in tags} == set(target.platform_tag.split("."))
    arch = {"macos": {"aarch64": "arm64"}, "windows": {"x86_64": "amd64"}}.get(target.os, {})
    for tag in tags:
        assert tag.platform.endswith(arch.get(target.arch, target.arch))
    assert target.triple.startswith(target.arch)


@TARGETS
def test_the_family_has_a_folder_of_recipes(target: Target) -> None:
    assert (recipes_dir() / target.family / "Dockerfile").is_file()
    assert len(toolchain_recipe(target).dockerfile("parent").stages) == 2


@TARGETS
def test_c_library_policy_and_tag_agree(target: Target) -> None:
    floors = [floor for floor in (target.glibc, target.musl, target.macos_minimum) if floor]
    assert len(floors) == (0 if target.os == "windows" else 1)
    for floor in floors:
        assert f"_{floor.replace('.', '_')}_" in f"_{target.platform_tag}_"
    if target.compatibility:
        assert any(tag.startswith(target.compatibility) for tag in target.platform_tag.split("."))
        assert target.os == "linux"


@TARGETS
def test_implementations_are_known_and_absent_ones_have_a_reason(target: Target) -> None:
    every = {item.implementation for item in CATALOG.interpreters.values()}
    assert set(target.implementations) <= every
    assert target.implementations
    assert set(target.no) == every - set(target.implementations)


@TARGETS
def test_templates_of_the_environment_fill_in(target: Target) -> None:
    for value in target.interpreter_env.values():
        assert "{" not in value.format(abi="cp311")
    assert all(isinstance(word, str) for word in target.prepare)
    assert target.env_key == target.triple.replace("-", "_")


@INTERPRETERS
def test_tags_make_a_wheel_name(item: Interpreter) -> None:
    name = f"demo-1.0-{item.python_tag}-{item.abi_tag}-manylinux_2_17_x86_64.whl"
    _, _, _, tags = parse_wheel_filename(name)
    assert {(tag.interpreter, tag.abi) for tag in tags} == {(item.python_tag, item.abi_tag)}


@INTERPRETERS
def test_the_fields_of_an_interpreter_agree(item: Interpreter) -> None:
    major, minor = item.version_info
    short, word = {"cpython": ("cp", "python"), "pypy": ("pp", "pypy")}[item.implementation]
    threads = "t" if item.free_threaded else ""
    assert item.python_tag == f"{short}{major}{minor}"
    assert item.tag == f"{short}{major}{minor}{threads}"
    assert item.kind == f"{word}{major}.{minor}{threads}"
    assert item.abi_tag.startswith(
        f"cp{major}{minor}{threads}" if short == "cp" else f"pypy{major}{minor}_pp"
    )
    assert item.import_library in {"", item.tag}
    assert item.windows_dll in {f"python{major}{minor}{threads}.dll", f"libpypy{major}.{minor}-c.dll"}
    assert item.version in item.title


@INTERPRETERS
def test_pyo3_specifiers_parse_and_take_prereleases(item: Interpreter) -> None:
    assert item.pyo3_specifier == SpecifierSet(item.pyo3)
    assert item.pyo3_specifier.prereleases
    assert any(f"0.{minor}.9" in item.pyo3_specifier for minor in range(31))


def test_short_names_are_unique() -> None:
    tags = [item.tag for item in CATALOG.interpreters.values()]
    pairs = [(item.python_tag, item.abi_tag) for item in CATALOG.interpreters.values()]
    assert len(set(tags)) == len(tags)
    assert len(set(pairs)) == len(pairs)


def test_platform_tags_are_unique() -> None:
    tags = [target.platform_tag for target in CATALOG.targets.values()]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("kind", "release", "works"),
    [
        # which PyO3 drops and takes which PyPy: 0.27 dropped 3.9 and 3.10, 0.23.5 took 3.11
        ("pypy3.9", "0.22.6", True),
        ("pypy3.9", "0.26.0", True),
        ("pypy3.9", "0.27.0", False),
        ("pypy3.9", "0.29.3", False),
        ("pypy3.10", "0.26.0", True),
        ("pypy3.10", "0.27.0", False),
        ("pypy3.11", "0.22.6", False),
        ("pypy3.11", "0.23.4", False),
        ("pypy3.11", "0.23.5", True),
        ("pypy3.11", "0.27.0", True),
        ("pypy3.11", "0.30.1", True),
        ("python3.14", "0.25.0", False),
        ("python3.14t", "0.26.0", True),
        ("python3.11", "0.30.1", True),
    ],
)
def test_which_pyo3_builds_for_what(kind: str, release: str, *, works: bool) -> None:
    assert (release in CATALOG.interpreters[kind].pyo3_specifier) == works


def test_an_unknown_target_is_refused_with_the_nearest() -> None:
    with pytest.raises(RefusedError) as caught:
        CATALOG.target("x86_64-unknown-linux-gnux")
    assert caught.value.code == "unknown-target"
    assert caught.value.hint == 'did you mean "x86_64-unknown-linux-gnu"?'
    assert all(triple in caught.value.details for triple in CATALOG.targets)


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc"),
        ("arm64-apple-darwin", "aarch64-apple-darwin"),
        ("X86_64-UNKNOWN", ""),
        ("zzz", ""),
    ],
)
def test_nearest_match(word: str, nearest: str) -> None:
    hint = did_you_mean(word, CATALOG.targets)
    assert hint == (f'did you mean "{nearest}"?' if nearest else "")


def test_support_comes_with_a_reason() -> None:
    musl = CATALOG.target("x86_64-unknown-linux-musl")
    assert CATALOG.supports(musl, CATALOG.interpreters["python3.11"]) == ""
    assert "musl" in CATALOG.supports(musl, CATALOG.interpreters["pypy3.9"])


def test_the_catalog_is_frozen_all_the_way_down() -> None:
    target: Any = CATALOG.target("x86_64-pc-windows-msvc")
    mappings: list[Any] = [CATALOG.targets, CATALOG.interpreters, target.env, target.interpreter_env]
    for mapping in mappings:
        with pytest.raises(TypeError):
            mapping["new"] = "value"
    with pytest.raises(FrozenInstanceError):
        target.triple = "other"
    assert isinstance(target.prepare, tuple)


def test_a_reason_is_found_even_where_the_row_has_none() -> None:
    bare = Target(
        triple="riscv64-unknown-linux-gnu",
        family="zig",
        os="linux",
        arch="riscv64",
        platform_tag="linux_riscv64",
        implementations=("cpython",),
    )
    catalog = Catalog(targets={bare.triple: bare}, interpreters=CATALOG.interpreters)
    assert "PyPy 3.9 does not exist" in catalog.supports(bare, CATALOG.interpreters["pypy3.9"])


def test_the_frameworks_that_have_a_stub_are_those_of_the_recipe() -> None:
    recipe = tomllib.loads((recipes_dir() / "macos" / "stubs.toml").read_text("utf-8"))
    crates = {crate for stub in recipe["stub"] for crate in stub.get("crates", ())}
    assert beyond_the_stubs(crates) == {}
    named = tomllib.loads(files("xbuild.catalog").joinpath("frameworks.toml").read_text("utf-8"))
    assert {f"objc2-{name}" for name in named["objc2"]["stubs"]} <= crates
    pinned = tomllib.loads((recipes_dir() / "macos" / "bindings" / "Cargo.toml").read_text("utf-8"))
    assert pinned["dependencies"].keys() == crates, "each is pinned, and none besides"


def test_stubs_reexport_what_has_a_stub() -> None:
    stubs = tomllib.loads((recipes_dir() / "macos" / "stubs.toml").read_text("utf-8"))["stub"]
    names = [stub["name"] for stub in stubs]
    assert len(names) == len(set(names))
    assert {name for stub in stubs for name in stub.get("reexports", ())} <= set(names)

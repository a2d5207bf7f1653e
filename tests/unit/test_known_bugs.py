"""What is known to be wrong. Each test fails until its bug is fixed; then it moves to where it belongs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conditions import together, umask
from fakes import (
    LINUX,
    Recorder,
    crate_archive,
    locked,
    make_details,
    make_manifest,
    make_package,
    make_request,
    make_target,
    tar_bytes,
)
from test_architecture import backwards
from test_compose import request
from test_fetch import GIT
from test_fetch import Place as FetchPlace
from test_interpreters import dead_file, resolve
from test_pipeline import Place as PipelinePlace
from test_snapshot import put

from xbuild.catalog import load_catalog
from xbuild.cli.compose import make_request as compose_request
from xbuild.errors import FetchError, ImageError, RefusedError, UsageError
from xbuild.images.dockerfile import parse
from xbuild.images.layers import pack_layer
from xbuild.plan import make_plan
from xbuild.project.crates import CrateStore
from xbuild.project.details import read_metadata
from xbuild.project.lockfile import LockedPackage, parse_lock
from xbuild.project.manifest import read_manifest
from xbuild.report import write_json
from xbuild.settings import Settings

# Races among them do not fail every time, so a pass is no error
pytestmark = pytest.mark.xfail(strict=False, reason="known bug: see the test")

# project/crates.py


@pytest.fixture
def vendored(tmp_path: Path) -> tuple[CrateStore, LockedPackage, Path]:
    """A store, a package in it, and the folder that it is unpacked to."""
    store = CrateStore(tmp_path / "store")
    package = keep(store, tmp_path)
    store.vendor([package], tmp_path / "vendor")
    return store, package, tmp_path / "vendor"


def keep(store: CrateStore, work: Path, name: str = "itoa") -> LockedPackage:
    package, content = make_package(name)
    source = work / "download"
    source.write_bytes(content)
    store.add_crate_file(package, source)
    return package


@pytest.mark.parametrize("kind", ["file", "link to folder", "dangling link"])
def test_something_else_beside_the_vendored_crates(
    vendored: tuple[CrateStore, LockedPackage, Path], tmp_path: Path, kind: str
) -> None:
    store, package, folder = vendored
    (tmp_path / "outside").mkdir()
    match kind:
        case "file":
            (folder / "stray").write_text("x", "utf-8")
        case "link to folder":
            (folder / "stray").symlink_to(tmp_path / "outside")
        case _:
            (folder / "stray").symlink_to("nowhere")
    store.vendor([package], folder)
    assert [path.name for path in folder.iterdir()] == ["itoa-1.0.9"]
    assert (tmp_path / "outside").is_dir()


@pytest.mark.parametrize("kind", ["file", "link to a copy", "link to another folder", "dangling link"])
def test_something_else_in_place_of_a_vendored_crate(
    vendored: tuple[CrateStore, LockedPackage, Path], tmp_path: Path, kind: str
) -> None:
    store, package, folder = vendored
    target = folder / "itoa-1.0.9"
    target.rename(tmp_path / "copy")
    (tmp_path / "other").mkdir()
    match kind:
        case "file":
            target.write_text("x", "utf-8")
        case "link to a copy":
            target.symlink_to(tmp_path / "copy")
        case "link to another folder":
            target.symlink_to(tmp_path / "other")
        case _:
            target.symlink_to("nowhere")
    report = store.vendor([package], folder)
    assert report.damaged == ("itoa-1.0.9",)
    assert target.is_dir()
    assert not target.is_symlink()


def test_a_program_that_lost_its_bit_is_damage(vendored: tuple[CrateStore, LockedPackage, Path]) -> None:
    store, package, folder = vendored
    (folder / "itoa-1.0.9" / "configure").chmod(0o644)
    assert store.vendor([package], folder).damaged == ("itoa-1.0.9",)


def test_a_package_that_is_not_in_the_store(tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        CrateStore(tmp_path / "store").vendor([locked("itoa", "1.0.9")], tmp_path / "vendor")
    assert caught.value.code == "cache-damaged"


def test_a_git_package_that_cargo_did_not_check_out(tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        CrateStore(tmp_path / "store").add_git_package(GIT, tmp_path / "nothing")


def test_a_locked_archive_with_a_broken_middle(tmp_path: Path) -> None:
    text = "".join(hashlib.sha256(b"%d" % number).hexdigest() for number in range(3000)).encode()
    content = bytearray(crate_archive("itoa-1.0.9", {"Cargo.toml": text, "b": b"b" * 999}))
    content[40_000:40_400] = b"\xff" * 400
    package = locked("itoa", "1.0.9", checksum=hashlib.sha256(content).hexdigest())
    source = tmp_path / "download"
    source.write_bytes(content)
    store = CrateStore(tmp_path / "store")
    store.add_crate_file(package, source)
    with pytest.raises(FetchError):
        store.vendor([package], tmp_path / "vendor")


def test_a_locked_archive_with_a_file_below_a_file(tmp_path: Path) -> None:
    store = CrateStore(tmp_path / "store")
    info = tarfile.TarInfo("itoa-1.0.9/Cargo.toml/evil")
    info.size = 4
    package, content = make_package(extra=[info])
    source = tmp_path / "download"
    source.write_bytes(content)
    store.add_crate_file(package, source)
    with pytest.raises(FetchError):
        store.vendor([package], tmp_path / "vendor")


def test_the_vendored_folder_can_be_read_by_the_build(tmp_path: Path) -> None:
    store = CrateStore(tmp_path / "store")
    package = keep(store, tmp_path)
    with umask(0o077):
        store.vendor([package], tmp_path / "digest" / "vendor")
    assert (tmp_path / "digest" / "vendor").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "digest").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("damaged", [False, True], ids=["empty", "damaged"])
def test_two_runs_vendor_the_same_lockfile_at_once(tmp_path: Path, *, damaged: bool) -> None:
    store = CrateStore(tmp_path / "store")
    packages = [keep(store, tmp_path, f"crate{number}") for number in range(12)]
    problems: list[BaseException] = []
    for attempt in range(20):
        folder = tmp_path / f"vendor-{attempt}"
        if damaged:
            store.vendor(packages, folder)
            for package in packages:
                (folder / package.folder / "Cargo.toml").write_text("damage", "utf-8")
        work = [lambda folder=folder: store.vendor(packages, folder) for _ in range(2)]
        problems += together(*work)
        if problems:
            break
        assert store.vendor(packages, folder).unpacked == ()
    assert problems == []


# project/lockfile.py, project/manifest.py, project/details.py


@pytest.mark.parametrize("name", ["../../evil", "a/b", "/etc", ".."])
def test_names_of_packages_cannot_be_paths(name: str) -> None:
    with pytest.raises(RefusedError):
        parse_lock(f'[[package]]\nname = "{name}"\nversion = "1.0.0"\n', where="Cargo.lock")


def test_a_workspace_whose_root_is_a_member_too(tmp_path: Path) -> None:
    (tmp_path / "py").mkdir()
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "core"\nversion = "1.0.0"\n[workspace]\nmembers = [".", "py"]\n', "utf-8"
    )
    (tmp_path / "py" / "Cargo.toml").write_text('[package]\nname = "demo"\nversion = "1.0.0"\n', "utf-8")
    assert read_manifest(tmp_path / "py").workspace == tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Cargo.toml", "package = 3\n"),
        (
            "Cargo.toml",
            "[package]\nname = 'demo'\nversion = '1.0.0'\n[dependencies]\npyo3 = 3\n[target]\nx = 3\n",
        ),
        ("Cargo.toml", "dependencies = 3\n[package]\nname = 'demo'\nversion = '1.0.0'\n"),
        ("pyproject.toml", "build-system = 3\n"),
        ("pyproject.toml", "project = 3\n"),
        ("pyproject.toml", "[tool]\nmaturin = 3\n"),
        ("pyproject.toml", "[build-system]\nrequires = [1]\nbuild-backend = 'other'\n"),
    ],
)
def test_toml_of_another_shape(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "demo"\nversion = "1.0.0"\n', "utf-8")
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(RefusedError):
        read_manifest(tmp_path)


def test_a_dot_in_a_name_stays_in_the_wheels_name() -> None:
    """maturin replaces runs of what is no letter, digit, underscore or dot (src/metadata.rs)."""
    assert make_manifest(name="zope.thing").wheel_name == "zope.thing"


def test_pyo3_itself_is_no_native_code() -> None:
    answer: dict[str, Any] = {
        "packages": [
            {"id": "demo", "name": "demo", "version": "1", "source": None, "rust_version": None},
            {
                "id": "pyo3-ffi",
                "name": "pyo3-ffi",
                "version": "0.26.0",
                "source": "r",
                "rust_version": None,
                "links": "python",
            },
        ],
        "resolve": {
            "root": "demo",
            "nodes": [
                {"id": "demo", "features": [], "deps": [{"pkg": "pyo3-ffi", "dep_kinds": [{"kind": None}]}]},
                {"id": "pyo3-ffi", "features": [], "deps": []},
            ],
        },
    }
    assert read_metadata(answer, crate="demo").native == ()


# interpreters.py


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pypy3.9-7.3.15/bin/python3.9", "pypy3.9"), ("3.14.0t/bin/python3.14", "python3.14t")],
)
def test_pyenvs_folder_counts_before_the_files_name(tmp_path: Path, name: str, kind: str) -> None:
    assert resolve(str(dead_file(tmp_path / "versions" / name))).interpreter.kind == kind


def test_a_pyvenv_cfg_that_is_no_text(tmp_path: Path) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "python3.11")
    (tmp_path / "venv" / "pyvenv.cfg").write_bytes(b"home = /caf\xe9/bin\nversion = 3.11.2\n")
    assert resolve(str(path)).interpreter.kind == "python3.11"


def test_a_home_below_a_folder_called_pypy(tmp_path: Path) -> None:
    path = dead_file(tmp_path / "venv" / "bin" / "python")
    (tmp_path / "venv" / "pyvenv.cfg").write_text(
        "home = /home/pypyfan/3.11/bin\nversion = 3.11.2\n", "utf-8"
    )
    assert resolve(str(path)).interpreter.kind == "python3.11"


# plan.py


def test_the_resolved_pyo3_counts_and_not_the_newest_of_the_workspace() -> None:
    manifest = make_manifest(locked=(locked("pyo3", "0.26.0"), locked("pyo3", "0.27.0")))
    made = make_plan(
        make_request(make_target(LINUX, "pypy3.9")),
        manifest,
        make_details(pyo3_version="0.26.0"),
        load_catalog(),
        images={LINUX: "i"},
        rust="",
        epoch=0,
    )
    assert len(made.jobs) == 1


# fetch.py


def test_offline_starts_no_container_with_a_network(tmp_path: Path) -> None:
    place = FetchPlace(tmp_path)
    place.fetch()
    place.play(["abi3"])
    place.fetch(offline=True, features=("--features", "abi3"))
    assert [spec.network for spec in place.engine.specs[1:]] == [False]


def test_a_container_with_a_network_used_the_network(tmp_path: Path) -> None:
    place = FetchPlace(tmp_path)
    place.fetch()
    place.play(["abi3"])
    found = place.fetch(features=("--features", "abi3"))
    assert found.used_network == any(spec.network for spec in place.engine.specs[1:])


def test_programs_of_git_packages_stay_programs(tmp_path: Path) -> None:
    place = FetchPlace(tmp_path)
    place.relock(*place.packages, GIT)
    found = place.fetch(local=False)
    place.store.vendor(found.packages, tmp_path / "vendored")
    assert (tmp_path / "vendored" / "fork-0.1.0" / "configure").stat().st_mode & 0o777 == 0o755


def test_remembered_details_of_another_shape(tmp_path: Path) -> None:
    place = FetchPlace(tmp_path)
    first = place.fetch()
    (path,) = (tmp_path / "details").iterdir()
    for rubbish in ("[]", "null", "3"):
        path.write_text(rubbish, "utf-8")
        assert place.fetch().details == first.details


def test_an_answer_of_cargo_that_is_no_json(tmp_path: Path) -> None:
    place = FetchPlace(tmp_path)
    good = place.cargo

    def play(command: Any) -> int:
        if "metadata" in command.argv:
            command.say("{")
            return 0
        return good(command)

    place.engine.on("cargo", play)
    with pytest.raises(FetchError):
        place.fetch()


# pipeline.py


def test_the_output_folder_is_no_source(tmp_path: Path, recorder: Recorder) -> None:
    place = PipelinePlace(tmp_path, recorder)
    place.have_images()
    wanted = place.request(out=place.project / "dist")
    first = place.pipeline(wanted).build()
    put(place.project, "dist/demo-1.2.3-cp311-cp311-any.whl", "dist/.xbuild/report.json")
    second = place.pipeline(wanted).build()
    assert second.source["digest"] == first.source["digest"]


# report.py


def test_two_runs_write_the_report_beside_the_same_wheels(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    document = {"a": "x" * 1000}

    def write() -> None:
        for _ in range(40):
            write_json(path, document)

    assert together(write, write) == []
    assert json.loads(path.read_text("utf-8")) == document


# events.py


def test_every_class_of_events_is_there_once() -> None:
    program = "from xbuild.events import event_types; print(*(cls.kind for cls in event_types()))"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert len(words) == len(set(words))


# images/dockerfile.py, images/layers.py


@pytest.mark.parametrize(
    "line",
    [
        'RUN "make"',
        "RUN 5",
        "RUN []",
        'RUN ["a", 1]',
        'RUN {"a": 1}',
        "COPY",
        'COPY "a/ b/',
        "ENV A=1 B=2",
        "ENV A 1",
    ],
)
def test_recipes_that_are_misread(line: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(f"FROM a AS build\n{line}\nFROM scratch\n", {})
    assert caught.value.code == "bad-recipe"


def test_an_argument_that_is_not_given() -> None:
    with pytest.raises(ImageError):
        parse('ARG BASE\nFROM ${BASE} AS build\nRUN ["true"]\nFROM scratch\n', {})


def test_a_manifest_that_is_no_json(tmp_path: Path) -> None:
    body = tar_bytes({"layer/opt/xbuild/manifest.json": b"{"})
    with pytest.raises(ImageError):
        pack_layer(body, tmp_path / "layer.tar", strip=1, on_progress=lambda _: None)


# cli/compose.py


@contextmanager
def variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv(name, value)
        yield


@pytest.mark.parametrize("text", ["²", "1700000000\u00b2", "１７０００００００００²"])
def test_digits_that_are_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with variable(monkeypatch, "SOURCE_DATE_EPOCH", text), pytest.raises(UsageError):
        request(tmp_path)


def default_target(folder: Path) -> Sequence[str]:
    settings = Settings(interpreters=("cp311",), cache_dir=folder / "c", state_dir=folder / "s")
    return [item.target.triple for item in compose_request(settings, folder, load_catalog()).targets]


def test_cargo_takes_the_configuration_without_a_suffix_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If both exist, cargo uses the file without the extension (The Cargo Book, Configuration)."""
    monkeypatch.delenv("CARGO_BUILD_TARGET", raising=False)
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config").write_text('build.target = "aarch64-apple-darwin"\n', "utf-8")
    (tmp_path / ".cargo" / "config.toml").write_text(f'build.target = "{LINUX}"\n', "utf-8")
    assert default_target(tmp_path) == ["aarch64-apple-darwin"]


def test_a_cargo_configuration_of_another_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARGO_BUILD_TARGET", raising=False)
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config.toml").write_text("build = 3\n", "utf-8")
    with pytest.raises(UsageError):
        default_target(tmp_path)


# Architecture


def test_imports_follow_the_arrow_without_exceptions() -> None:
    assert backwards() == set()

"""Fetching on a fake engine whose cargo is a fake too."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import (
    Command,
    FakeCargo,
    FakeContainer,
    FakeEngine,
    gone,
    make_crate,
    make_image,
    make_package,
    metadata_json,
)

from xbuild.engine import ContainerSpec, ExecResult
from xbuild.engine.transport import Transport
from xbuild.errors import EngineError, FetchError, RefusedError, XbuildError
from xbuild.inspect.crate.cargo_lock import LockedPackage
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.inspect.dependencies.fetch import Fetched, Fetcher
from xbuild.inspect.dependencies.metadata import View
from xbuild.inspect.dependencies.network import Network
from xbuild.inspect.dependencies.store import CrateStore
from xbuild.inspect.sources.snapshot import take_snapshot
from xbuild.util.files import sealed

USER = f"{os.getuid()}:{os.getgid()}"
BOTH = pytest.mark.parametrize("local", [True, False], ids=["bind", "archive"])
GIT = LockedPackage("fork", "0.1.0", "git+https://example.org/fork#0123456789", "")


class Place:
    """A crate, a store and an engine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engine = FakeEngine(root / "engine")
        self.engine.have(make_image("sha256:base"))
        package, content = make_package("pyo3", "0.26.0")
        self.packages: tuple[LockedPackage, ...] = (package,)
        self.crates = {"pyo3-0.26.0.crate": content}
        self.project = root / "demo"
        self.store = CrateStore(root / "store")
        self.lines: list[str] = []
        self.runs = 0
        self.cargo = self.play()
        make_crate(self.project, lock=self.packages)

    def play(
        self, features: Sequence[str] = (), *, wanted: Sequence[LockedPackage] | None = None
    ) -> FakeCargo:
        """Let cargo answer for this crate."""
        cargo = FakeCargo(
            self.crates,
            packages=self.packages if wanted is None else wanted,
            wanted=wanted,
            features=features,
            git_files={"Cargo.toml": b"#", "configure": b"#!/bin/sh\n"},
        )
        self.engine.on("cargo", cargo)
        self.cargo = cargo
        return cargo

    def relock(self, *packages: LockedPackage) -> None:
        self.packages = packages
        make_crate(self.project, lock=packages)
        self.play()

    def fetch(
        self,
        *,
        local: bool = True,
        locked: bool = False,
        offline: bool = False,
        features: tuple[str, ...] = (),
        target: str = "",
        network: Network | None = None,
    ) -> Fetched:
        self.runs += 1
        work = self.root / f"work-{self.runs}"
        manifest = read_manifest(self.project)
        snapshot = take_snapshot(manifest.root, work / "src")
        fetcher = Fetcher(
            engine=self.engine,
            image="sha256:base",
            transport=Transport(local=local),
            store=self.store,
            cache=self.root / "details",
            work=work,
            network=network or Network(),
            user=USER,
            labels={"xbuild.run": "r"},
            on_line=lambda _, line: self.lines.append(line),
        )
        view = View(features=features, target=target)
        return fetcher.fetch(manifest, snapshot, view=view, locked=locked, offline=offline)

    def refusal(self, *, locked: bool = False, offline: bool = False) -> XbuildError:
        with pytest.raises(XbuildError) as caught:
            self.fetch(locked=locked, offline=offline)
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@BOTH
def test_the_first_time(place: Place, *, local: bool) -> None:
    place.play(["abi3-py39"])
    found = place.fetch(local=local)
    assert found.packages[-1].name == "pyo3"
    assert found.details.abi3_floor == (3, 9)
    assert found.used_network
    assert not found.generated_lock
    assert place.store.missing(found.packages) == ()
    assert '"/vendor/vendor"' in place.store.config_path(found.lock_digest).read_text("utf-8")
    assert place.cargo.ran == ["vendor", "metadata"]
    assert place.lines == ["   Vendoring everything"]
    (container,) = place.engine.containers
    assert container.spec.network
    assert container.spec.hardened
    assert container.spec.user == USER
    assert (container.mount("/src").source is None) != local
    assert place.engine.running == 0
    assert place.engine.left_open == []
    assert not (place.root / "work-1" / "fetch").exists() or not local


def test_a_folder_whose_name_is_no_text(place: Place) -> None:
    folder = place.project / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "Cargo.toml").write_text("[package]\n", "utf-8")
    assert place.fetch().packages


def test_the_second_time_nothing_runs(place: Place) -> None:
    first = place.fetch()
    second = place.fetch(offline=True, locked=True)
    assert len(place.engine.containers) == 1
    assert not second.used_network
    assert (second.packages, second.details, second.lock_digest) == (
        first.packages,
        first.details,
        first.lock_digest,
    )


@pytest.mark.parametrize("offline", [True, False])
@BOTH
def test_other_features_ask_cargo_again_without_a_network(
    place: Place, *, local: bool, offline: bool
) -> None:
    place.fetch(local=local)
    cargo = place.play(["abi3-py38"])
    seen: dict[str, bytes] = {}

    def play(command: Command) -> int:
        for name in ("config.toml", "vendor/pyo3-0.26.0/Cargo.toml"):
            seen[name] = command.path(f"/vendor/{name}").read_bytes()
        return cargo(command)

    place.engine.on("cargo", play)
    found = place.fetch(local=local, offline=offline, features=("--features", "abi3"))
    assert found.details.abi3
    assert not found.used_network
    assert cargo.ran == ["metadata"]
    container = place.engine.containers[1]
    assert not container.spec.network
    assert container.spec.hardened
    assert container.mount("/src").read_only == container.mount("/vendor").read_only == local
    argv = container.commands[-1].argv
    assert argv[-2:] == ("--features", "abi3")
    assert {"--locked", "--offline"} <= set(argv)
    assert container.spec.env["CARGO_HOME"] == "/vendor"
    assert b'"/vendor/vendor"' in seen["config.toml"]
    assert seen["vendor/pyo3-0.26.0/Cargo.toml"] == b"# pyo3\n"
    assert not (place.root / "work-2" / "vendor").exists()
    # and they are remembered
    place.fetch(offline=True, features=("--features", "abi3"))
    assert len(place.engine.containers) == 2


def only_with_a_network(place: Place) -> None:
    """Cargo.toml wants a crate that Cargo.lock does not have."""
    cargo = place.play(["abi3"])

    def play(command: Command) -> int:
        if command.container.spec.network:
            return cargo(command)
        command.say("error: no matching package named `more` found", stream="stderr")
        return 101

    place.engine.on("cargo", play)


def test_what_cargo_needs_the_network_for_gets_it(place: Place) -> None:
    place.fetch()
    place.lines.clear()
    only_with_a_network(place)
    found = place.fetch(features=("--features", "abi3"))
    assert found.used_network
    assert found.details.abi3
    assert [spec.network for spec in place.engine.specs[1:]] == [False, True]
    assert place.lines == ["   Vendoring everything"]


def test_offline_starts_no_container_with_a_network(place: Place) -> None:
    place.fetch()
    only_with_a_network(place)
    with pytest.raises(FetchError) as caught:
        place.fetch(offline=True, features=("--features", "abi3"))
    assert caught.value.code == "offline"
    assert "no matching package" in caught.value.details
    assert "--offline" in caught.value.hint
    assert [spec.network for spec in place.engine.specs[1:]] == [False]


def test_a_damaged_store_is_fetched_again(place: Place) -> None:
    found = place.fetch()
    (path,) = (place.root / "store").rglob("*.crate")
    path.write_bytes(path.read_bytes()[:-1])
    assert place.fetch().used_network
    assert place.store.missing(found.packages) == ()


def test_remembered_details_that_are_rubbish_are_asked_for_again(place: Place) -> None:
    first = place.fetch()
    (path,) = (place.root / "details").iterdir()
    for rubbish in ("", "{", '{"abi": 1}', "[]", "null", "3"):
        path.write_text(rubbish, "utf-8")
        assert place.fetch().details == first.details


def test_remembered_details_that_are_damaged_are_asked_for_again(place: Place) -> None:
    place.play(["abi3-py39"])
    first = place.fetch()
    (path,) = (place.root / "details").iterdir()
    whole = path.read_bytes()
    damaged = whole.replace(b"abi3-py39", b"abi3-py38")
    assert damaged != whole
    path.write_bytes(damaged)
    assert place.fetch().details == first.details
    assert path.read_bytes() == whole


def test_folders_in_place_of_what_was_fetched_are_replaced(place: Place) -> None:
    found = place.fetch()
    store = place.root / "store"
    kept = [*store.rglob("*.crate"), *store.rglob("*.toml"), *(place.root / "details").iterdir()]
    assert len(kept) == 3
    for path in kept:
        path.unlink()
        (path / "folder").mkdir(parents=True)
    assert place.fetch() == found
    assert all(path.is_file() for path in kept)


@BOTH
def test_a_missing_lockfile_is_made_in_the_copy(place: Place, *, local: bool) -> None:
    (place.project / "Cargo.lock").unlink()
    found = place.fetch(local=local)
    assert found.generated_lock
    assert place.cargo.ran == ["generate-lockfile", "vendor", "metadata"]
    assert (place.root / "work-1" / "src" / "Cargo.lock").is_file()
    assert not (place.project / "Cargo.lock").exists()
    assert [package.name for package in found.packages] == ["demo", "pyo3"]


class Workspace(Place):
    """A part of a workspace with all of its Cargo.lock, as maturin makes sdists."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.needed = self.packages
        other, _ = make_package("clap", "4.5.0")
        self.packages = (*self.needed, other, GIT)
        make_crate(self.project, lock=self.packages)
        self.play(wanted=self.needed)


@pytest.mark.parametrize("locked", [True, False])
@BOTH
def test_a_lockfile_with_more_than_the_sources_need_is_pruned(
    tmp_path: Path, *, local: bool, locked: bool
) -> None:
    place = Workspace(tmp_path)
    before = (place.project / "Cargo.lock").read_bytes()
    found = place.fetch(local=local, locked=locked)
    assert found.packages[1:] == place.needed
    assert found.pruned == 2
    assert place.cargo.ran == ["vendor", "update", "vendor", "metadata"]
    assert place.engine.containers[0].commands[1].argv[-1] == "--workspace"
    copy = place.root / "work-1" / "src" / "Cargo.lock"
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == found.lock_digest
    assert (place.project / "Cargo.lock").read_bytes() == before
    # the crates that are not needed were never fetched, and nothing is asked again
    again = place.fetch(local=local, locked=True, offline=True)
    assert len(place.engine.containers) == 1
    assert (again.packages, again.pruned, again.lock_digest) == (found.packages, 2, found.lock_digest)
    assert (place.root / "work-2" / "src" / "Cargo.lock").read_bytes() == copy.read_bytes()


def test_a_pruned_lockfile_is_asked_about_other_features_without_a_network(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    place.fetch()
    place.play(["abi3"], wanted=place.needed)
    found = place.fetch(features=("--features", "abi3"))
    assert found.details.abi3
    assert [spec.network for spec in place.engine.specs] == [True, False]


def test_a_lockfile_that_is_pruned_after_other_manifests_needed_all_of_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    rest, body = make_package("clap", "4.5.0")
    place.crates["clap-4.5.0.crate"] = body
    needed = place.packages
    place.relock(*needed, rest)
    assert place.fetch().pruned == 0
    (place.project / "Cargo.toml").write_bytes((place.project / "Cargo.toml").read_bytes() + b"# less\n")
    place.play(wanted=needed)
    assert place.refusal(offline=True).code == "lockfile-outdated"
    assert place.fetch().pruned == 1


@pytest.mark.parametrize(
    "change",
    [
        {"version": "0.26.1"},
        {"checksum": "1" * 64},
        {"name": "evil"},
        {"source": "registry+https://evil.example"},
    ],
)
@BOTH
def test_pruning_lets_nothing_new_in(tmp_path: Path, change: dict[str, str], *, local: bool) -> None:
    place = Workspace(tmp_path)
    new = replace(place.needed[0], **change)
    place.play(wanted=(new,))
    with pytest.raises(RefusedError) as caught:
        place.fetch(local=local)
    assert caught.value.code == "lockfile-outdated"
    assert f"would take in {new.folder}" in caught.value.details
    assert "--locked was passed" in caught.value.details
    assert place.cargo.ran == ["vendor", "update"]
    assert not (place.root / "details").exists()


@pytest.mark.parametrize("rubbish", ["", "{}", "null", '{"lock": "a"}', '{"lock": "[[package]]\\nname = 3"}'])
def test_a_remembered_lockfile_that_is_no_part_of_the_one_at_hand_is_not_used(
    tmp_path: Path, rubbish: str
) -> None:
    place = Workspace(tmp_path)
    place.fetch()
    (path,) = (item for item in (place.root / "details").iterdir() if b'"lock"' in item.read_bytes())
    evil = path.read_bytes().partition(b"\n")[2].replace(b"pyo3", b"evil")
    for content in (rubbish.encode(), sealed(rubbish.encode()), sealed(evil)):
        path.write_bytes(content)
        place.play(wanted=place.needed)
        assert place.fetch().packages[1:] == place.needed


def test_locked_without_a_lockfile(place: Place) -> None:
    (place.project / "Cargo.lock").unlink()
    error = place.refusal(locked=True)
    assert isinstance(error, RefusedError)
    assert error.code == "no-lockfile"
    assert place.engine.containers == []


def test_offline_without_the_crates(place: Place) -> None:
    error = place.refusal(offline=True)
    assert error.code == "offline"
    assert "pyo3-0.26.0" in error.details
    (place.project / "Cargo.lock").unlink()
    assert "no Cargo.lock" in place.refusal(offline=True).details
    assert place.engine.containers == []


def test_a_registry_that_gives_something_else(place: Place) -> None:
    place.crates["pyo3-0.26.0.crate"] += b"\0"
    place.play()
    error = place.refusal()
    assert error.code == "checksum-mismatch"
    assert place.store.missing(place.packages) == place.packages
    assert not (place.root / "details").exists()


def test_a_registry_that_gives_nothing(place: Place) -> None:
    place.crates.clear()
    place.play()
    assert place.refusal().code == "fetch-failed"


@pytest.mark.parametrize(
    ("line", "answer", "code"),
    [
        (
            "error: the lock file /src/Cargo.lock needs to be updated but --locked was passed",
            101,
            "lockfile-outdated",
        ),
        ("  registry index was not found in any configuration: `corp`", 101, "unsupported-registry"),
        ("error: failed to get `x` as a dependency", 101, "fetch-failed"),
        (
            "  failed to read `/src/gen/Cargo.toml`\n\nCaused by:\n  No such file or directory (os error 2)",
            101,
            "missing-source",
        ),
        (
            'error: failed to select a version for the requirement `lexicon = "^0.13.3"` (locked to 0.13.6)',
            101,
            "crate-not-in-index",
        ),
        ("", ExecResult(exit_code=137, seconds=1800.0, timed_out=True), "fetch-failed"),
    ],
)
def test_cargo_fails(place: Place, line: str, answer: int | ExecResult, code: str) -> None:
    def play(command: Command) -> int | ExecResult:
        command.say(line, stream="stderr")
        return answer

    place.engine.on("cargo", play)
    error = place.refusal()
    assert error.code == code
    assert line in error.details
    assert isinstance(error, RefusedError) == (code not in {"fetch-failed", "crate-not-in-index"})
    if isinstance(answer, ExecResult):
        assert "too long" in error.brief


UNRESOLVED = "error: failed to get `serde` as a dependency\n\nCaused by:\n  [6] Could not resolve hostname"
CLONE = "error: failed to get `x`\n\nCaused by:\n  failed to clone into: /out/home/git/db/b-826730c3fc0456a4"
NO_VERSION = "error: invalid type: integer `1`, expected SemVer version\n --> Cargo.toml:3:9"


@pytest.mark.parametrize(("said", "networks"), [(UNRESOLVED, True), (CLONE, True), (NO_VERSION, False)])
def test_mirrors_are_asked_after_where_it_was_the_network(place: Place, said: str, *, networks: bool) -> None:
    def play(command: Command) -> int:
        command.say(*said.split("\n"), stream="stderr")
        return 101

    place.engine.on("cargo", play)
    error = place.refusal()
    assert ("mirrors" in error.hint) == networks
    assert error.retryable == networks


def test_a_token_in_the_url_of_a_repository_is_not_told(place: Place) -> None:
    def play(command: Command) -> int:
        command.say("    Updating git repository `https://user:to@ken@git.example/repo`", stream="stderr")
        return 101

    place.engine.on("cargo", play)
    text = place.refusal().details
    assert "git.example/repo" in text
    assert place.lines == text.splitlines()
    assert not any(word in text for word in ("user", "to@", "ken"))


@pytest.mark.parametrize("answer", ["", "{", "[]", "{}", "null", '{"packages": [], "resolve": null}'])
def test_an_answer_of_cargo_that_cannot_be_read(place: Place, answer: str) -> None:
    good = place.cargo

    def play(command: Command) -> int:
        if "metadata" in command.argv:
            command.say(answer)
            return 0
        return good(command)

    place.engine.on("cargo", play)
    error = place.refusal()
    assert isinstance(error, FetchError)
    assert error.code == "fetch-failed"


@pytest.mark.parametrize("name", ["/out", "/src/Cargo.lock"])
def test_a_broken_archive_of_the_engine(tmp_path: Path, name: str) -> None:
    class Broken(FakeContainer):
        def get(self, path: str) -> Generator[bytes, None, None]:
            return (chunk for chunk in [b"rubbish" * 500]) if path == name else super().get(path)

    class BrokenEngine(FakeEngine):
        @contextmanager
        def container(self, spec: ContainerSpec) -> Iterator[FakeContainer]:
            with super().container(spec):
                yield Broken(self, spec, 9)

    place = Place(tmp_path)
    place.engine = BrokenEngine(tmp_path / "broken")
    place.engine.have(make_image("sha256:base"))
    place.play()
    with pytest.raises(FetchError) as caught:
        place.fetch(local=False)
    assert caught.value.code == "fetch-failed"


def test_the_engine_goes_away(place: Place) -> None:
    place.engine.on("cargo", gone)
    with pytest.raises(EngineError) as caught:
        place.fetch()
    assert caught.value.retryable
    assert place.engine.running == 0


@BOTH
def test_packages_from_git(place: Place, *, local: bool) -> None:
    place.relock(*place.packages, GIT)
    found = place.fetch(local=local)
    assert place.store.missing(found.packages) == ()
    place.store.vendor(found.packages, place.root / "vendored")
    assert (place.root / "vendored" / "fork-0.1.0" / "Cargo.toml").read_bytes() == b"#"
    assert (place.root / "vendored" / "fork-0.1.0" / "configure").stat().st_mode & 0o777 == 0o755


def test_a_package_from_git_that_cargo_did_not_check_out(place: Place) -> None:
    place.relock(*place.packages, GIT)
    place.engine.on("cargo", FakeCargo(place.crates, packages=place.packages))
    assert place.refusal().code == "fetch-failed"


def test_proxies_mirrors_and_certificates(place: Place) -> None:
    bundle = place.root / "ca.pem"
    bundle.write_text("PEM", "utf-8")
    network = Network(
        ca_bundle=bundle,
        environment={"https_proxy": "http://proxy:3128"},
        cargo_index="sparse+https://mirror.example/index/",
    )
    place.fetch(network=network)
    (container,) = place.engine.containers
    assert container.spec.env["CARGO_HTTP_CAINFO"] == "/trust/ca.pem"
    assert container.spec.env["https_proxy"] == "http://proxy:3128"
    assert container.where("/trust/ca.pem").read_text("utf-8") == "PEM"
    assert 'source.mirror.registry="sparse+https://mirror.example/index/"' in container.commands[0].argv


def test_cargo_runs_outside_the_sources(place: Place) -> None:
    place.fetch()
    for command in place.engine.containers[0].commands:
        assert command.workdir == "/tmp"
        assert command.option("--manifest-path") == "/src/Cargo.toml"
        assert command.timeout


def test_in_a_workspace_the_tree_of_the_crate_alone_counts(place: Place) -> None:
    """cargo metadata takes the features of all members together (rust-lang/cargo#7754)."""
    cargo = place.play(["abi3"])
    asked: list[tuple[str, ...]] = []

    def play(command: Command) -> int:
        asked.append(command.argv)
        if "metadata" in command.argv:
            answer = json.loads(metadata_json("demo", place.packages, features=["abi3-py38"]))
            command.say(json.dumps({**answer, "workspace_members": ["demo 1.2.3", "other 0.1.0"]}))
            return 0
        return cargo(command)

    place.engine.on("cargo", play)
    found = place.fetch(features=("--features", "fast"), target="x86_64-pc-windows-msvc")
    assert found.details.pyo3_features == ("abi3",)
    tree = asked[-1]
    assert tree[tree.index("--format") + 2 :] == ("--target", "x86_64-pc-windows-msvc", "--features", "fast")
    assert "--locked" in tree

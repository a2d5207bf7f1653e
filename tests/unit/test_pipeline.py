"""The whole way on a fake engine, whose cargo and maturin are fakes too."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import (
    ARM,
    LINUX,
    MACOS,
    WINDOWS,
    Clock,
    Command,
    FakeCargo,
    FakeEngine,
    Recorder,
    gone,
    make_crate,
    make_image,
    make_package,
    make_request,
    make_target,
)
from support.workshop import Workshop

from xbuild.catalog import load_catalog
from xbuild.engine import ExecResult
from xbuild.errors import EngineError, ExitStatus, FetchError, InterruptedRunError, RefusedError
from xbuild.events import JobFinished, Notice, PhaseStarted
from xbuild.execute.jobs import jobs_with_room
from xbuild.images.builder import ImageBuilder
from xbuild.images.recipe import MANIFEST_LABEL, base_recipe, toolchain_recipe
from xbuild.images.sources import Sources
from xbuild.inspect.crate.cargo_lock import LockedPackage
from xbuild.inspect.dependencies.network import Network
from xbuild.pipeline import Pipeline, Tools
from xbuild.plan.model import Plan
from xbuild.plan.precheck import precheck
from xbuild.request.model import BuildRequest
from xbuild.util.files import remove_tree


class Place:
    """A crate, an engine with all images, and the tools of a run."""

    def __init__(self, root: Path, recorder: Recorder) -> None:
        self.root = root
        self.recorder = recorder
        self.engine = FakeEngine(root / "engine")
        self.cancelled = threading.Event()
        self.cache = root / "cache"
        self.project = root / "demo"
        package, content = make_package("pyo3", "0.26.0")
        make_crate(self.project, lock=[package])
        self.package, self.content = package, content
        self.commands: list[tuple[str, ...]] = []
        self.on_cargo(lambda _: [])
        self.engine.on("maturin", self.maturin)
        self.engine.on("/opt/xbuild/bin/prepare-windows-msvc", lambda _: 0)

    def have_images(self) -> None:
        label = {MANIFEST_LABEL: '{"tools": {"rustc": "1.91.1"}}'}
        self.engine.have(make_image("sha256:base", tags=(base_recipe().tag,), labels=label))
        for target in load_catalog().targets.values():
            tag = toolchain_recipe(target).tag
            self.engine.have(make_image(f"sha256:{target.triple}", tags=(tag,), labels=label))

    def on_cargo(self, features: Callable[[tuple[str, ...]], Sequence[str]]) -> None:
        """Let cargo answer with PyO3's features for each command's words."""

        def play(command: Command) -> int:
            self.commands.append(command.argv)
            crates = {"pyo3-0.26.0.crate": self.content}
            return FakeCargo(crates, packages=[self.package], features=features(command.argv))(command)

        self.engine.on("cargo", play)

    def features(self) -> list[tuple[str, ...]]:
        """The features that cargo was asked with, once for each question."""
        asked = [words for words in self.commands if "metadata" in words]
        return [words[words.index("1") + 1 :] for words in asked]

    @staticmethod
    def maturin(command: Command) -> int | ExecResult:
        command.say("error: it does not compile", stream="stderr")
        return 1

    def request(self, *triples: str, **changes: Any) -> BuildRequest:
        targets = (make_target(triple, "python3.11") for triple in triples or (LINUX,))
        values = {"targets": tuple(targets), "project": self.project, "out": self.root / "dist", **changes}
        return make_request(*values.pop("targets"), **values)

    def pipeline(self, request: BuildRequest, *, base: str = "auto") -> Pipeline:
        builder = ImageBuilder(
            self.engine,
            Sources(offline=request.offline, base=base),
            locks=self.cache / "locks",
            narrate=lambda _name, _line: None,
            cancelled=self.cancelled,
        )
        tools = Tools(
            engine=self.engine,
            images=builder,
            catalog=load_catalog(),
            cache=self.cache,
            runs=self.root / "runs",
            network=Network(),
            emit=self.recorder,
            clock=Clock(),
            cancelled=self.cancelled,
            log_path=lambda job: self.root / f"{job}.jsonl",
        )
        return Pipeline(precheck(request, load_catalog()), tools, "run-1")

    def work(self) -> list[Path]:
        folder = self.cache / "work"
        return list(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def place(tmp_path: Path, recorder: Recorder) -> Place:
    made = Place(tmp_path, recorder)
    made.have_images()
    return made


def test_failed_builds_are_a_result(place: Place) -> None:
    report = place.pipeline(place.request(LINUX, WINDOWS, jobs=2)).build()
    assert report.exit_status == ExitStatus.BUILD_FAILED
    assert [(job.target, job.status, job.reason) for job in report.jobs] == [
        (LINUX, "failed", "error: it does not compile"),
        (WINDOWS, "failed", "error: it does not compile"),
    ]
    assert report.transport == "bind"
    assert report.jobs[0].tools == {"rustc": "1.91.1"}
    assert report.jobs[0].image_digest == f"sha256:{LINUX}"
    assert len(report.jobs[0].layers_digest) == 64
    assert list(report.options.targets) == [LINUX, WINDOWS]
    assert report.options.targets[WINDOWS].interpreters == ("python3.11",)
    assert report.lockfile.packages[-1].name == "pyo3"
    assert report.source.digest.startswith("sha256:")
    assert place.work() == []
    assert place.engine.running == 0


def test_the_order_of_events(place: Place) -> None:
    place.pipeline(place.request()).build()
    recorder = place.recorder
    phases = [event.phase for event in recorder.of(PhaseStarted)]
    assert phases == ["image", "image", "fetch", "build"]
    (ended,) = recorder.of(JobFinished)
    assert (ended.job, ended.status, ended.log) == (LINUX, "failed", str(place.root / f"{LINUX}.jsonl"))
    assert {event.run for event in recorder.events} == {"run-1"}


def test_an_engine_that_fails_one_job_leaves_the_other_alone(place: Place) -> None:
    def play(command: Command) -> int | ExecResult:
        return gone(command) if WINDOWS in command.argv else Place.maturin(command)

    place.engine.on("maturin", play)
    report = place.pipeline(place.request(WINDOWS, LINUX)).build()
    assert [job.status for job in report.jobs] == ["engine-error", "failed"]


def test_as_many_jobs_as_the_engines_machine_carries(place: Place) -> None:
    jobs = place.pipeline(place.request(WINDOWS, LINUX)).plan().jobs
    (memory,) = {job.limits.memory for job in jobs}
    engine = replace(place.engine.info(), cpus=64, memory=3 * memory + 1)
    assert jobs_with_room(engine, jobs) == 3
    assert jobs_with_room(replace(engine, cpus=2), jobs) == 2
    assert jobs_with_room(replace(engine, memory=memory // 2), jobs) == 1


@pytest.mark.parametrize(
    ("statuses", "exit_status"),
    [((WINDOWS,), ExitStatus.INTERNAL), ((WINDOWS, LINUX), ExitStatus.BUILD_FAILED)],
)
def test_a_fault_of_xbuild_in_one_job_is_that_jobs_result(
    place: Place, statuses: tuple[str, ...], exit_status: ExitStatus
) -> None:
    def play(command: Command) -> int | ExecResult:
        if WINDOWS in command.argv:
            raise TypeError("nobody thought of this")
        return Place.maturin(command)

    place.engine.on("maturin", play)
    report = place.pipeline(place.request(*statuses)).build()
    assert [job.status for job in report.jobs] == ["internal-error", "failed"][: len(statuses)]
    assert "TypeError: nobody thought of this (test_pipeline.py" in report.jobs[0].reason
    assert report.exit_status == exit_status
    assert len(place.recorder.of(JobFinished)) == len(statuses)


def test_the_report_says_where_time_went_and_what_was_downloaded(place: Place) -> None:
    report = place.pipeline(place.request()).build()
    assert list(report.phases) == ["image", "fetch", "build"]
    assert all(seconds > 0 for seconds in report.phases.values())
    assert sum(report.phases.values()) <= report.seconds
    assert report.cache["crates"] == 1


def test_the_archive_transport_is_found_out(place: Place) -> None:
    place.engine.local = False
    report = place.pipeline(place.request()).build()
    assert report.transport == "archive"
    assert all(mount.source is None for spec in place.engine.specs for mount in spec.mounts)


def test_refusals_touch_no_engine(place: Place) -> None:
    place.engine.gone = True
    (place.project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "other"\n', "utf-8"
    )
    with pytest.raises(RefusedError) as caught:
        place.pipeline(place.request()).build()
    assert caught.value.code == "not-maturin"


def test_a_missing_lockfile_is_refused_without_an_engine(place: Place) -> None:
    place.engine.gone = True
    (place.project / "Cargo.lock").unlink()
    with pytest.raises(RefusedError) as caught:
        place.pipeline(place.request(locked=True)).build()
    assert caught.value.code == "no-lockfile"


def test_a_newer_rust_is_refused_before_toolchain_images_are_made(place: Place) -> None:
    for image in place.engine.images(MANIFEST_LABEL):
        if image.id != "sha256:base":
            place.engine.remove_image(image.tags[0])
    manifest = place.project / "Cargo.toml"
    manifest.write_text(manifest.read_text("utf-8").replace("[package]", '[package]\nrust-version = "1.99"'))
    with pytest.raises(RefusedError) as caught:
        place.pipeline(place.request()).build()
    assert caught.value.code == "rust-too-old"
    assert place.engine.containers == []


def test_an_engine_that_is_gone(place: Place) -> None:
    place.engine.gone = True
    with pytest.raises(EngineError):
        place.pipeline(place.request()).build()
    assert place.work() == []


def test_an_interruption_before_anything(place: Place) -> None:
    place.cancelled.set()
    with pytest.raises(InterruptedRunError) as caught:
        place.pipeline(place.request()).build()
    assert caught.value.exit_status == ExitStatus.INTERRUPTED
    assert place.work() == []


def test_an_interruption_while_fetching_is_no_error_of_the_engine(place: Place) -> None:
    def play(command: Command) -> int:
        place.cancelled.set()
        return gone(command)

    place.engine.on("cargo", play)
    with pytest.raises(InterruptedRunError):
        place.pipeline(place.request()).build()
    assert place.work() == []


def test_a_target_that_is_refused_ends_without_a_beginning(place: Place) -> None:
    musl = "x86_64-unknown-linux-musl"
    wanted = (make_target(LINUX, "python3.11"), make_target(musl, "pypy3.9"))
    report = place.pipeline(place.request(targets=wanted)).build()
    assert [job.target for job in report.jobs] == [LINUX]
    ended = {event.job: event for event in place.recorder.of(JobFinished)}
    assert {job: event.status for job, event in ended.items()} == {LINUX: "failed", musl: "refused"}
    assert ended[musl].reason == report.refused[0].reason
    begun = [event for event in place.recorder.of(PhaseStarted) if event.job == musl]
    assert begun == []


def test_an_interruption_while_building(place: Place) -> None:
    def play(command: Command) -> int:
        place.cancelled.set()
        return 137

    place.engine.on("maturin", play)
    report = place.pipeline(place.request(LINUX, WINDOWS)).build()
    assert {job.status for job in report.jobs} == {"interrupted"}
    assert report.exit_status == ExitStatus.INTERRUPTED
    assert place.work() == []


def platform(triple: str) -> tuple[str, ...]:
    return ("--filter-platform", triple)


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ("no-default-features = true", ("--no-default-features",)),
        ('all-features = true\nfeatures = ["a"]', ("--features", "a", "--all-features")),
    ],
)
def test_the_features_that_maturin_takes_are_asked_for(
    place: Place, settings: str, asked: tuple[str, ...]
) -> None:
    path = place.project / "pyproject.toml"
    path.write_text(f"{path.read_text('utf-8')}[tool.maturin]\n{settings}\n", "utf-8")
    place.pipeline(place.request(LINUX, WINDOWS)).build()
    assert place.features() == [(*platform(LINUX), *asked), (*platform(WINDOWS), *asked)]


def test_each_target_is_asked_for_with_its_features_in_one_container(place: Place) -> None:
    targets = (
        make_target(LINUX, "python3.11", features=("stable",)),
        make_target(WINDOWS, "python3.11"),
        make_target(ARM, "python3.11", no_default_features=True),
        make_target(MACOS, "python3.11", features=("stable",)),
    )
    request = make_request(*targets, project=place.project, out=place.root / "dist")
    place.on_cargo(lambda words: ["abi3", "abi3-py39"] if "stable" in words else [])
    place.pipeline(request).build()
    assert place.features() == [
        (*platform(LINUX), "--features", "stable"),
        platform(WINDOWS),
        (*platform(ARM), "--no-default-features"),
        (*platform(MACOS), "--features", "stable"),
    ]
    assert [spec.network for spec in place.engine.specs].count(True) == 1
    tags = {job.id: job.steps[0].wheel.split("-")[3] for job in place.pipeline(request).plan().jobs}
    assert tags == {LINUX: "abi3", WINDOWS: "cp311", ARM: "cp311", MACOS: "abi3"}


def test_a_lockfile_that_git_ignores_is_used(place: Place) -> None:
    (place.project / ".git").mkdir()
    (place.project / ".gitignore").write_text("Cargo.lock\n", "utf-8")
    report = place.pipeline(place.request(locked=True)).build()
    assert not report.lockfile.generated


def test_siblings_that_nothing_refers_to_are_no_sources(place: Place) -> None:
    util = place.root / "lib" / "util"
    util.mkdir(parents=True)
    (util / "Cargo.toml").write_text('[package]\nname = "util"\n', "utf-8")
    (place.root / "lib" / "id_ed25519").write_text("secret", "utf-8")
    cargo = place.project / "Cargo.toml"
    cargo.write_text(cargo.read_text("utf-8") + 'util = { path = "../lib/util" }\n', "utf-8")
    report = place.pipeline(place.request()).build()
    assert report.source.files == 5


def test_what_a_build_does_not_see_is_told(place: Place) -> None:
    for name in ("mix.c", "key.pem", ".cargo/config.toml"):
        path = place.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("", "utf-8")
    (place.project / "key").symlink_to("../key.pem")

    def maturin(command: Command) -> int:
        command.say("clang: error: no such file or directory: '../mix.c'", stream="stderr")
        return 1

    place.engine.on("maturin", maturin)
    place.pipeline(place.request()).build()
    told = {event.code: event for event in place.recorder.of(Notice)}
    assert str(place.root / "key.pem") in told["link-outside"].message
    assert str(place.root / ".cargo" / "config.toml") in told["cargo-config-left-out"].message
    assert str(place.root / "mix.c") in told["source-left-out"].message
    assert f"--source-root {place.root}" in told["source-left-out"].hint
    assert told["source-left-out"].job == LINUX
    place.recorder.events.clear()
    place.pipeline(place.request(source_root=place.root)).build()
    assert {"link-outside", "cargo-config-left-out", "source-left-out"}.isdisjoint(
        event.code for event in place.recorder.of(Notice)
    )


def test_a_missing_lockfile_is_told(place: Place) -> None:
    (place.project / "Cargo.lock").unlink()
    report = place.pipeline(place.request()).build()
    assert report.lockfile.generated
    assert "lock-generated" in {event.code for event in place.recorder.of(Notice)}


def test_a_lockfile_with_more_than_the_sources_need_is_told(place: Place) -> None:
    (package, body), (rest, _) = make_package("pyo3", "0.26.0"), make_package("clap", "4.5.0")
    make_crate(place.project, lock=[package, rest])
    cargo = FakeCargo({"pyo3-0.26.0.crate": body}, packages=[package], wanted=[package])
    place.engine.on("cargo", cargo)
    report = place.pipeline(place.request(locked=True)).build()
    assert not report.lockfile.generated
    assert report.lockfile.pruned == 1
    assert [item.name for item in report.lockfile.packages] == ["demo", "pyo3"]
    (told,) = (event for event in place.recorder.of(Notice) if event.code == "lock-pruned")
    assert (told.level, told.message) == (
        "info",
        "Cargo.lock has 3 packages, of which the sources need 2; the rest is left out for this run",
    )
    again = place.request(locked=True, offline=True, lock_digest=report.lockfile.sha256)
    assert place.pipeline(again).build().lockfile == report.lockfile


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_repository_of_somebody_else_is_told(place: Place) -> None:
    (place.project / ".git").mkdir()
    os.chown(place.project / ".git", 12_345, 12_345)
    place.pipeline(place.request()).build()
    assert "foreign-repository" in {event.code for event in place.recorder.of(Notice)}


def test_a_damaged_cache_is_repaired_and_told(place: Place) -> None:
    place.pipeline(place.request()).build()
    (path,) = (place.cache / "vendor").rglob("pyo3-0.26.0/Cargo.toml")
    path.write_text("evil", "utf-8")
    place.pipeline(place.request()).build()
    assert "cache-repaired" in {event.code for event in place.recorder.of(Notice)}
    assert path.read_text("utf-8") == "# pyo3\n"


def test_a_second_run_fetches_nothing_and_is_warm(place: Place) -> None:
    first = place.pipeline(place.request()).build()
    second = place.pipeline(place.request()).build()
    assert (first.engine.fetched, second.engine.fetched) == (True, False)
    assert (first.jobs[0].warm, second.jobs[0].warm) == (False, True)
    assert first.source == second.source


def test_a_fresh_run_neither_uses_nor_leaves_a_target_directory(place: Place) -> None:
    place.pipeline(place.request()).build()
    kept = sorted((place.cache / "target").rglob("*"))
    report = place.pipeline(place.request(fresh=True)).build()
    assert (report.jobs[0].warm, report.options.fresh) == (False, True)
    used = place.engine.containers[-1].mount("/target").source
    assert used is not None
    assert not used.is_relative_to(place.cache / "target")
    assert sorted((place.cache / "target").rglob("*")) == kept
    assert place.work() == []


def test_the_output_folder_is_no_source(place: Place) -> None:
    wanted = place.request(out=place.project / "dist", leave_out=(place.project / "other",))
    first = place.pipeline(wanted).build()
    for name in ("dist/demo-1.2.3-cp311-cp311-any.whl", "dist/.xbuild/report.json", "other/file"):
        path = place.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no source", "utf-8")
    assert place.pipeline(wanted).build().source.digest == first.source.digest


def test_what_runs_leave_of_themselves_is_no_source(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    digests = []
    for _ in range(2):
        assert shop.build(state_dir=shop.project / "state") == 0
        digests.append(json.loads((shop.out / ".xbuild" / "report.json").read_text())["source"]["digest"])
    assert digests[0] == digests[1]


def test_a_token_of_a_git_dependency_is_not_reported(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    fork = LockedPackage("pyo3", "0.26.0", "git+https://user:word@git.example/fork#0123456789", "")
    make_crate(shop.project, lock=[fork])
    shop.engine.on("cargo", FakeCargo({}, packages=[fork], git_files={"Cargo.toml": b"# fork\n"}))
    assert shop.build() == ExitStatus.OK
    text = (shop.out / ".xbuild" / "report.json").read_text("utf-8")
    assert "@git.example/fork#0123456789" in text
    assert "user:word" not in text


def test_the_epoch_of_the_request_wins(place: Place) -> None:
    report = place.pipeline(place.request(epoch=1_700_000_000)).build()
    assert (report.source.epoch, report.source.epoch_source) == (1_700_000_000, "environment")
    assert place.engine.specs[-1].env["SOURCE_DATE_EPOCH"] == "1700000000"


def test_a_plan_asks_cargo_without_a_network_and_runs_nothing_else(place: Place) -> None:
    place.pipeline(place.request(LINUX, WINDOWS)).build()
    remove_tree(place.cache / "details")
    place.engine.containers.clear()
    plan = place.pipeline(place.request(LINUX, WINDOWS)).plan()
    assert [job.image for job in plan.jobs] == [f"sha256:{LINUX}", f"sha256:{WINDOWS}"]
    (asked,) = place.engine.containers
    assert {command.argv[:2] for command in asked.commands} == {("cargo", "metadata")}
    assert (asked.spec.network, asked.spec.hardened, asked.spec.labels["xbuild.purpose"]) == (
        False,
        True,
        "metadata",
    )
    assert all(note.code != "not-known" for note in plan.notes)


def unknown(plan: Plan) -> str:
    """The note about what a plan could not find out."""
    (note,) = (note.text for note in plan.notes if note.code == "not-known")
    return note


def test_a_plan_fetches_nothing(place: Place) -> None:
    plan = place.pipeline(place.request()).plan()
    assert place.engine.containers == []
    assert "not everything that Cargo.lock pins is in the cache; `xbuild run` fetches" in unknown(plan)
    assert plan.jobs[0].image == f"sha256:{LINUX}"
    (place.project / "Cargo.lock").unlink()
    assert "`xbuild run`" in unknown(place.pipeline(place.request()).plan())
    assert place.engine.containers == []
    with pytest.raises(FetchError) as caught:
        place.pipeline(place.request(offline=True)).plan()
    assert caught.value.code == "offline"


def test_a_plan_changes_no_lockfile(place: Place) -> None:
    """Cargo.lock may be pruned by a run, which takes a network."""
    place.pipeline(place.request()).build()
    remove_tree(place.cache / "details")
    place.engine.containers.clear()

    def outdated(command: Command) -> int:
        command.say("error: the lock file needs to be updated but --locked was passed", stream="stderr")
        return 101

    place.engine.on("cargo", outdated)
    assert "Cargo.lock" in unknown(place.pipeline(place.request()).plan())
    assert [spec.network for spec in place.engine.specs] == [False]


def test_a_plan_does_not_ask_for_another_base(place: Place) -> None:
    """Where the base stands on another minimal Debian than the caller's, a run would make it anew."""
    pipeline = place.pipeline(place.request(), base="own/debian:1")
    assert "`xbuild images build`" in unknown(pipeline.plan())
    assert place.engine.containers == []


def test_a_plan_without_images(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path, recorder)
    plan = place.pipeline(place.request()).plan()
    assert place.engine.containers == []
    assert "`xbuild images build`" in unknown(plan)
    assert plan.jobs[0].image.startswith(f"xbuild/{LINUX}:")


def test_a_plan_names_the_images_that_are_still_to_be_made(place: Place) -> None:
    plan = place.pipeline(place.request()).plan()
    image = place.engine.image(plan.jobs[0].image)
    assert image is not None
    place.engine.remove_image(image.id)
    plan = place.pipeline(place.request()).plan()
    assert plan.jobs[0].image == image.tags[0]
    told = f"the image of {LINUX} is not there: `xbuild run` makes it"
    assert told in [note.text for note in plan.notes if note.code == "image-not-here"]


def test_a_plan_pulls_nothing(place: Place) -> None:
    place.engine.registry["own:1"] = make_image("sha256:own", tags=("own:1",))
    wanted = make_request(make_target(LINUX, "python3.11", image="own:1"), project=place.project)
    plan = place.pipeline(wanted).plan()
    assert plan.jobs[0].image == "own:1"
    assert any("`xbuild run` pulls it" in note.text for note in plan.notes)
    assert place.engine.image("own:1") is None


@pytest.mark.parametrize("missing", ["base", LINUX])
def test_offline_makes_no_image(place: Place, missing: str) -> None:
    made = base_recipe() if missing == "base" else toolchain_recipe(load_catalog().target(LINUX))
    place.engine.remove_image(made.tag)
    with pytest.raises(RefusedError) as caught:
        place.pipeline(place.request(offline=True)).build()
    assert caught.value.code == "offline-image"
    assert f"xbuild images build {missing}" in caught.value.hint
    assert place.engine.containers == []


def test_offline_pulls_no_image(place: Place) -> None:
    place.engine.registry["own:1"] = make_image("sha256:own", tags=("own:1",))
    wanted = make_target(LINUX, "python3.11", image="own:1")
    with pytest.raises(RefusedError) as caught:
        place.pipeline(place.request(targets=(wanted,), offline=True)).build()
    assert (caught.value.code, place.engine.image("own:1")) == ("offline-image", None)
    assert "docker pull own:1" in caught.value.hint


def test_an_output_folder_around_the_project_hides_nothing(place: Place) -> None:
    place.have_images()
    report = place.pipeline(place.request(out=place.project.parent)).build()
    assert report.source.files > 0

"""The whole way on a fake engine, whose cargo and maturin are fakes too."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from fakes import (
    LINUX,
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

from xbuild.catalog import load_catalog
from xbuild.engine import ExecResult
from xbuild.errors import EngineError, ExitStatus, RefusedError
from xbuild.events import JobFinished, Notice, PhaseStarted, RunStarted
from xbuild.fetch import Network
from xbuild.images.builder import ImageBuilder, Sources
from xbuild.images.recipe import MANIFEST_LABEL, base_recipe, toolchain_recipe
from xbuild.pipeline import InterruptedRunError, Pipeline, Tools
from xbuild.request import BuildRequest


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
        self.engine.on("cargo", FakeCargo({"pyo3-0.26.0.crate": content}, packages=[package]))
        self.engine.on("maturin", self.maturin)
        self.engine.on("/opt/xbuild/bin/prepare-windows-msvc", lambda _: 0)

    def have_images(self) -> None:
        label = {MANIFEST_LABEL: '{"tools": {"rustc": "1.91.1"}}'}
        self.engine.have(make_image("sha256:base", tags=(base_recipe().tag,), labels=label))
        for target in load_catalog().targets.values():
            tag = toolchain_recipe(target.triple, target.family).tag
            self.engine.have(make_image(f"sha256:{target.triple}", tags=(tag,), labels=label))

    @staticmethod
    def maturin(command: Command) -> int | ExecResult:
        command.say("error: it does not compile", stream="stderr")
        return 1

    def request(self, *triples: str, **changes: Any) -> BuildRequest:
        targets = (make_target(triple, "python3.11") for triple in triples or (LINUX,))
        return make_request(*targets, **{"project": self.project, "out": self.root / "dist", **changes})

    def pipeline(self, request: BuildRequest) -> Pipeline:
        builder = ImageBuilder(
            self.engine,
            Sources(),
            locks=self.cache / "locks",
            narrate=lambda _name, _line: None,
            cancelled=self.cancelled,
        )
        tools = Tools(
            engine=self.engine,
            images=builder,
            catalog=load_catalog(),
            cache=self.cache,
            network=Network(),
            emit=self.recorder,
            clock=Clock(),
            cancelled=self.cancelled,
            log_path=lambda job: self.root / f"{job}.jsonl",
        )
        return Pipeline(request, tools, "run-1")

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
    assert list(report.options["targets"]) == [LINUX, WINDOWS]
    assert report.options["targets"][WINDOWS]["interpreters"] == ["python3.11"]
    assert report.lockfile["packages"][-1]["name"] == "pyo3"
    assert report.source["digest"].startswith("sha256:")
    assert place.work() == []
    assert place.engine.running == 0


def test_the_order_of_events(place: Place) -> None:
    place.pipeline(place.request()).build()
    recorder = place.recorder
    phases = [event.phase for event in recorder.of(PhaseStarted)]
    assert phases == ["image", "image", "fetch", "build"]
    (started,) = recorder.of(RunStarted)
    (ended,) = recorder.of(JobFinished)
    assert recorder.events.index(started) < recorder.events.index(ended)
    assert (ended.job, ended.status, ended.log) == (LINUX, "failed", str(place.root / f"{LINUX}.jsonl"))
    assert {event.run for event in recorder.events} == {"run-1"}


def test_an_engine_that_fails_one_job_leaves_the_other_alone(place: Place) -> None:
    def play(command: Command) -> int | ExecResult:
        return gone(command) if WINDOWS in command.argv else Place.maturin(command)

    place.engine.on("maturin", play)
    report = place.pipeline(place.request(WINDOWS, LINUX)).build()
    assert [job.status for job in report.jobs] == ["engine-error", "failed"]


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


def test_an_interruption_while_building(place: Place) -> None:
    def play(command: Command) -> int:
        place.cancelled.set()
        return 137

    place.engine.on("maturin", play)
    report = place.pipeline(place.request(LINUX, WINDOWS)).build()
    assert {job.status for job in report.jobs} == {"interrupted"}
    assert report.exit_status == ExitStatus.INTERRUPTED
    assert place.work() == []


def test_a_missing_lockfile_is_told(place: Place) -> None:
    (place.project / "Cargo.lock").unlink()
    report = place.pipeline(place.request()).build()
    assert report.lockfile["generated"]
    assert "lock-generated" in {event.code for event in place.recorder.of(Notice)}


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
    assert (first.engine["fetched"], second.engine["fetched"]) == (True, False)
    assert (first.jobs[0].warm, second.jobs[0].warm) == (False, True)
    assert first.source == second.source


def test_a_fresh_run_neither_uses_nor_leaves_a_target_directory(place: Place) -> None:
    place.pipeline(place.request()).build()
    kept = sorted((place.cache / "target").rglob("*"))
    report = place.pipeline(place.request(fresh=True)).build()
    assert (report.jobs[0].warm, report.options["fresh"]) == (False, True)
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
    assert place.pipeline(wanted).build().source["digest"] == first.source["digest"]


def test_the_epoch_of_the_request_wins(place: Place) -> None:
    report = place.pipeline(place.request(epoch=1_700_000_000)).build()
    assert (report.source["epoch"], report.source["epoch_source"]) == (1_700_000_000, "environment")
    assert place.engine.specs[-1].env["SOURCE_DATE_EPOCH"] == "1700000000"


def test_a_plan_runs_no_build(place: Place) -> None:
    plan = place.pipeline(place.request(LINUX, WINDOWS)).plan()
    assert [job.image for job in plan.jobs] == [f"sha256:{LINUX}", f"sha256:{WINDOWS}"]
    assert [container.commands[0].argv[0] for container in place.engine.containers] == ["cargo"]


def test_a_plan_without_images(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path, recorder)
    plan = place.pipeline(place.request()).plan()
    assert place.engine.containers == []
    assert any("not built yet" in note for note in plan.notes)
    assert plan.jobs[0].image.startswith(f"xbuild/{LINUX}:")


def test_a_plan_names_the_images_that_are_still_to_be_made(place: Place) -> None:
    plan = place.pipeline(place.request()).plan()
    image = place.engine.image(plan.jobs[0].image)
    assert image is not None
    place.engine.remove_image(image.id)
    assert place.pipeline(place.request()).plan().jobs[0].image == image.tags[0]


def test_an_output_folder_around_the_project_hides_nothing(place: Place) -> None:
    place.have_images()
    report = place.pipeline(place.request(out=place.project.parent)).build()
    assert report.source["files"] > 0

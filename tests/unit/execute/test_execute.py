"""Running a plan on a fake engine, with both ways of transport."""

from __future__ import annotations

import itertools
import os
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from support.fakes import (
    ARM,
    LINUX,
    OUT_OF_MEMORY,
    TIMED_OUT,
    WINDOWS,
    Clock,
    Command,
    FakeEngine,
    Handler,
    Recorder,
    accept,
    gone,
    make_details,
    make_image,
    make_manifest,
    make_request,
    make_target,
)

from xbuild.catalog import load_catalog
from xbuild.check.audit import AuditResult, Finding
from xbuild.engine import ExecResult
from xbuild.engine.transport import Transport
from xbuild.errors import EngineError
from xbuild.events import Event, Notice, Output, PhaseStarted, Progress
from xbuild.execute.executor import Executor
from xbuild.execute.job import Rooms
from xbuild.execute.outcome import JobOutcome
from xbuild.plan.model import Job
from xbuild.plan.planner import make_plan
from xbuild.plan.tools import Versions

USER = f"{os.getuid()}:{os.getgid()}"
BOTH = pytest.mark.parametrize("local", [True, False], ids=["bind", "archive"])


def make_job(*interpreters: str, triple: str = LINUX, sysroot: Path | None = None) -> Job:
    request = make_request(
        make_target(triple, *(interpreters or ("python3.11", "python3.12")), sysroot=sysroot)
    )
    images = {triple: "sha256:" + "1" * 64}
    plan = make_plan(
        request,
        make_manifest(),
        {triple: make_details()},
        load_catalog(),
        images=images,
        versions=Versions(),
        epoch=1,
    )
    return plan.jobs[0]


class Place:
    """The folders of a run, and an executor on them."""

    def __init__(self, root: Path, recorder: Recorder) -> None:
        self.engine = FakeEngine(root / "engine")
        self.engine.have(make_image())
        self.root = root
        self.recorder = recorder
        self.stopped = False
        for name, file in (("source", "Cargo.toml"), ("vendor", "config.toml")):
            (root / name).mkdir()
            (root / name / file).write_text(name, "utf-8")

    def execute(
        self,
        job: Job,
        *,
        local: bool = True,
        cache: bool = False,
        digest: str = "",
        crates: str = "",
        validate: Callable[[Path], AuditResult] = accept,
    ) -> JobOutcome:
        executor = Executor(
            engine=self.engine,
            transport=Transport(local=local),
            rooms=Rooms(
                source=self.root / "source",
                source_digest=digest,
                lock_digest=crates,
                vendor=self.root / "vendor",
                work=self.root / "work",
                target_cache=self.root / "cache" if cache else None,
                destination=self.root / "dist",
            ),
            user=USER,
            labels={"xbuild.run": "r"},
            run="r",
            runtime="",
            packages=2,
            emit=self.recorder,
            clock=Clock(),
            validate=validate,
            stopping=lambda: self.stopped,
        )
        return executor.execute(job)

    @property
    def dist(self) -> list[str]:
        folder = self.root / "dist"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def place(tmp_path: Path, recorder: Recorder) -> Place:
    return Place(tmp_path, recorder)


def maturin(job: Job, *, fail: str = "", answer: ExecResult | None = None) -> Handler:
    """maturin that leaves the right wheel, but for the interpreter ``fail``."""
    wheels = {step.label: step.wheel for step in job.steps}

    def play(command: Command) -> int | ExecResult:
        kind = command.option("--interpreter")
        command.say("   Compiling pyo3 v0.26.0", "   Compiling demo v1.2.3 (/src)", stream="stderr")
        if kind == fail:
            command.say("error[E0425]: cannot find value `x`", " --> src/lib.rs:1:1", stream="stderr")
            return answer or 1
        command.write(f"/out/{wheels[kind]}", b"wheel for " + kind.encode())
        return 0

    return play


@BOTH
def test_success(place: Place, *, local: bool) -> None:
    job = make_job()
    place.engine.on("maturin", maturin(job))
    outcome = place.execute(job, local=local)
    assert (outcome.status, outcome.reason, outcome.warm) == ("built", "", False)
    assert [step.status for step in outcome.steps] == ["built", "built"]
    assert place.dist == sorted(step.wheel for step in job.steps)
    assert {item.path.name for item in outcome.collected} == job.expected
    assert place.engine.running == 0
    assert place.engine.left_open == []
    assert list((place.root / "work").iterdir()) == [] if local else True


def test_a_wall_that_a_build_met_is_in_its_report_with_the_way_out(place: Place) -> None:
    job = make_job("python3.11")

    def play(command: Command) -> int:
        command.say("error: failed to run custom build command for `demo v1.2.3 (/src)`", stream="stderr")
        command.say("  --- stderr", "  Error: Os { code: 30, kind: ReadOnlyFilesystem }", stream="stderr")
        return 1

    place.engine.on("maturin", play)
    outcome = place.execute(job)
    assert outcome.reason.splitlines()[-1] == "Error: Os { code: 30, kind: ReadOnlyFilesystem }"
    assert outcome.steps[0].hint.startswith("builds cannot write to their sources")
    assert outcome.hint == outcome.steps[0].hint


def test_build_scripts_are_read_where_the_run_has_its_crates(place: Place) -> None:
    job = make_job("python3.11", triple=ARM)
    crate = place.root / "vendor" / "vendor" / "mix-sys-0.1.0"
    crate.mkdir(parents=True)
    (crate / "build.rs").write_text('fn main() { if cfg!(target_feature = "avx2") {} }', "utf-8")

    def play(command: Command) -> int:
        command.say("error: failed to run custom build command for `mix-sys v0.1.0`", stream="stderr")
        command.say("  --- stderr", "  c/mix.c(25,13): error: use of undeclared identifier", stream="stderr")
        return 1

    place.engine.on("maturin", play)
    assert "CARGO_CFG_TARGET_FEATURE" in place.execute(job).hint


class Forgetful(Recorder):
    """Keeps no event."""

    def __call__(self, event: Event) -> None:
        pass


def test_long_lines_do_not_fill_the_memory(tmp_path: Path) -> None:
    place = Place(tmp_path, Forgetful())

    def shout(command: Command) -> int:
        for number in range(2000):
            command.say(f"{'x' * 16_000}\N{SNOWMAN}{number}")
        command.say("error: enough")
        return 1

    place.engine.on("maturin", shout)
    tracemalloc.start()
    outcome = place.execute(make_job("python3.11"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome.reason == "error: enough"
    assert peak < 32 << 20


def test_a_local_engine_gets_read_only_sources_and_no_copies(place: Place) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    place.execute(job)
    (container,) = place.engine.containers
    assert container.mount("/src").source == place.root / "source"
    assert container.mount("/src").read_only
    assert container.mount("/vendor").read_only
    assert not container.mount("/target").read_only
    assert not container.mount("/out").read_only
    assert container.calls == ["run maturin"]


def test_another_engine_gets_volumes_that_the_build_cannot_change(place: Place) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    place.execute(job, local=False)
    (container,) = place.engine.containers
    assert {mount.source for mount in container.spec.mounts} == {None}
    assert container.calls == [
        "put /src",
        "put /vendor",
        "put /target",
        "put /out",
        "run maturin",
        "end leftovers",
        "get /out",
    ]
    assert {(member.uid, member.gid) for member in container.puts["/src"]} == {(0, 0)}
    assert {f"{member.uid}:{member.gid}" for member in container.puts["/out"]} == {USER}
    assert container.where("/src/Cargo.toml").read_text("utf-8") == "source"
    assert container.where("/vendor/config.toml").read_text("utf-8") == "vendor"


@BOTH
def test_builds_are_locked_in(place: Place, *, local: bool) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    place.execute(job, local=local)
    (spec,) = place.engine.specs
    assert not spec.network
    assert spec.hardened
    assert spec.user == USER
    assert spec.limits.memory == 4 << 30
    assert spec.labels["xbuild.job"] == LINUX
    assert spec.env["CARGO_NET_OFFLINE"] == "true"
    command = place.engine.containers[0].commands[0]
    assert command.workdir == "/src"
    assert command.timeout == 3600.0


@BOTH
@pytest.mark.parametrize("fail", ["python3.11", "python3.12"])
def test_one_step_fails_and_the_others_are_built(place: Place, fail: str, *, local: bool) -> None:
    job = make_job()
    place.engine.on("maturin", maturin(job, fail=fail))
    outcome = place.execute(job, local=local)
    assert outcome.status == "partly"
    assert {step.interpreters[0]: step.status for step in outcome.steps}[fail] == "failed"
    assert "E0425" in outcome.reason
    assert len(place.dist) == 1
    assert "left no" not in outcome.reason


@BOTH
def test_every_step_fails(place: Place, *, local: bool) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", lambda _: 101)
    outcome = place.execute(job, local=local)
    assert outcome.status == "failed"
    assert outcome.reason == "exit status 101"
    assert outcome.steps[0].exit_code == 101
    assert place.dist == []


@BOTH
@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (TIMED_OUT, "timeout", "3600 s (setting: timeout), in the middle of: --> src/lib.rs:1:1"),
        (OUT_OF_MEMORY, "out-of-memory", "4.0 GiB (setting: memory)\nerror[E0425]: cannot find value `x`"),
    ],
    ids=["timeout", "memory"],
)
def test_what_stops_a_job(place: Place, answer: ExecResult, status: str, words: str, *, local: bool) -> None:
    job = make_job()
    place.engine.on("maturin", maturin(job, fail="python3.11", answer=answer))
    outcome = place.execute(job, local=local)
    assert outcome.status == status
    assert words in outcome.reason
    assert len(outcome.steps) == 1
    assert place.dist == []
    assert place.engine.running == 0


def test_wheels_that_were_done_before_a_timeout_are_kept(place: Place) -> None:
    job = make_job()
    place.engine.on("maturin", maturin(job, fail="python3.12", answer=TIMED_OUT))
    outcome = place.execute(job)
    assert outcome.status == "timeout"
    assert place.dist == [job.steps[0].wheel]


@BOTH
def test_a_wheel_that_is_missing(place: Place, *, local: bool) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", lambda _: 0)
    outcome = place.execute(job, local=local)
    assert outcome.status == "failed"
    assert job.steps[0].wheel in outcome.reason


@BOTH
@pytest.mark.parametrize("name", ["demo-1.2.3-cp39-cp39-linux_x86_64.whl", "evil.sh", ".hidden"])
def test_a_file_that_was_not_expected(place: Place, name: str, *, local: bool) -> None:
    job = make_job("python3.11")
    good = maturin(job)

    def play(command: Command) -> int | ExecResult | None:
        command.write(f"/out/{name}", b"x")
        return good(command)

    place.engine.on("maturin", play)
    outcome = place.execute(job, local=local)
    assert outcome.status == "check-failed"
    assert outcome.steps[0].status == "refused-output"
    assert outcome.reason.startswith("[")
    assert place.dist == []
    assert place.engine.left_open == []


@BOTH
def test_a_link_is_no_wheel(place: Place, *, local: bool) -> None:
    job = make_job("python3.11")

    def play(command: Command) -> int:
        command.path(f"/out/{job.steps[0].wheel}").symlink_to("/etc/passwd")
        return 0

    place.engine.on("maturin", play)
    outcome = place.execute(job, local=local)
    assert outcome.status == "check-failed"
    assert "not-a-regular-file" in outcome.reason
    assert place.dist == []


@BOTH
def test_a_wheel_that_fails_its_audit(place: Place, *, local: bool) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))

    def reject(wheel: Path) -> AuditResult:
        seen = accept(wheel)
        finding = Finding(
            severity="error", code="wrong-machine", where="demo.so", message="it is for another machine"
        )
        return AuditResult(wheel=seen.wheel, sha256=seen.sha256, size=seen.size, findings=(finding,))

    outcome = place.execute(job, local=local, validate=reject)
    assert outcome.status == "check-failed"
    assert "wrong-machine" in outcome.reason
    assert place.dist == []


@BOTH
def test_the_engine_goes_away_in_the_middle(place: Place, *, local: bool) -> None:
    job = make_job()
    good = maturin(job)
    place.engine.on("maturin", lambda command: (gone if "python3.12" in command.argv else good)(command))
    outcome = place.execute(job, local=local)
    assert outcome.status == "engine-error"
    assert "went away" in outcome.reason
    assert [step.status for step in outcome.steps] == ["built"]
    assert place.dist == [job.steps[0].wheel]
    assert [item.path.name for item in outcome.collected] == place.dist
    assert place.engine.running == 0


@BOTH
def test_the_engine_comes_back(place: Place, *, local: bool) -> None:
    job = make_job()
    good = maturin(job)
    times = iter([gone])

    def play(command: Command) -> int | ExecResult | None:
        handler = next(times, good) if "python3.12" in command.argv else good
        return handler(command)

    place.engine.on("maturin", play)
    place.engine.returns = True
    outcome = place.execute(job, local=local)
    assert (outcome.status, outcome.attempts, outcome.reason) == ("built", 2, "")
    assert [step.wheel for step in outcome.steps] == [step.wheel for step in job.steps]
    assert place.dist == sorted(step.wheel for step in job.steps)
    built = [event.interpreter for event in place.recorder.of(PhaseStarted) if event.phase == "build"]
    assert built == [job.steps[0].label, job.steps[1].label, job.steps[1].label]
    assert [event.code for event in place.recorder.of(Notice)] == ["engine-gone", "engine-back"]


def test_an_engine_that_goes_away_again(place: Place) -> None:
    place.engine.on("maturin", gone)
    place.engine.returns = True
    outcome = place.execute(make_job())
    assert (outcome.status, outcome.attempts) == ("engine-error", 2)
    assert len(place.recorder.of(PhaseStarted)) == 2


def test_what_an_engine_refuses_is_not_tried_again(place: Place) -> None:
    def refuse(_: Command) -> int:
        raise EngineError("the Docker engine failed", code="engine-failed")

    place.engine.on("maturin", refuse)
    place.engine.returns = True
    outcome = place.execute(make_job())
    assert (outcome.status, outcome.attempts) == ("engine-error", 1)
    assert place.recorder.of(Notice) == []


def test_no_engine_at_all(place: Place) -> None:
    place.engine.gone = True
    assert place.execute(make_job()).status == "engine-error"


@BOTH
def test_an_interruption(place: Place, *, local: bool) -> None:
    job = make_job()

    def play(command: Command) -> int:
        place.stopped = True
        command.container.kill()
        return 137

    place.engine.on("maturin", play)
    outcome = place.execute(job, local=local)
    assert outcome.status == "interrupted"
    assert len(place.engine.containers[0].commands) == 1
    assert place.dist == []


@BOTH
def test_preparing_comes_first_and_may_fail(place: Place, *, local: bool, tmp_path: Path) -> None:
    sysroot = tmp_path / "sdk"
    (sysroot / "crt").mkdir(parents=True)
    job = make_job("python3.11", triple=WINDOWS, sysroot=sysroot)

    def prepare(command: Command) -> int:
        assert command.argv[-1] == "/opt/xbuild/sysroot/user"
        assert command.path("/opt/xbuild/sysroot/user/crt").is_dir()
        command.say("no space left on device", stream="stderr")
        return 1

    place.engine.on(job.prepare[0].argv[0], prepare)
    outcome = place.execute(job, local=local)
    assert outcome.status == "failed"
    assert "preparing the toolchain failed" in outcome.reason
    assert "no space left" in outcome.reason
    assert outcome.steps == ()


@BOTH
def test_time_that_runs_out_while_it_prepares(place: Place, *, local: bool) -> None:
    job = make_job("python3.11", triple=WINDOWS)
    place.engine.on(job.prepare[0].argv[0], lambda _: ExecResult(exit_code=137, seconds=9.0, timed_out=True))
    outcome = place.execute(job, local=local)
    assert outcome.status == "timeout"
    assert "setting: timeout" in outcome.reason
    assert [command.argv for command in place.engine.containers[0].commands] == [job.prepare[0].argv]


def test_events(place: Place) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    place.execute(job)
    assert [(event.done, event.total, event.what) for event in place.recorder.of(Progress)] == [
        (1, 2, "pyo3"),
        (2, 2, "demo"),
    ]
    assert [event.phase for event in place.recorder.of(PhaseStarted)] == ["build", "collect"]
    outputs = place.recorder.of(Output)
    assert {event.stream for event in outputs} == {"stderr"}
    assert {(event.job, event.interpreter, event.run) for event in outputs} == {(LINUX, "python3.11", "r")}
    times = [event.time for event in place.recorder.events]
    assert times == sorted(times)


def test_more_crates_than_announced(place: Place) -> None:
    job = make_job("python3.11")
    good = maturin(job)

    def play(command: Command) -> int | ExecResult | None:
        command.say(*(f"   Compiling a{number} v1.0.0" for number in range(5)), stream="stderr")
        return good(command)

    place.engine.on("maturin", play)
    place.execute(job)
    assert all(event.done <= event.total for event in place.recorder.of(Progress))


def test_a_target_directory_is_kept_and_belongs_to_one_run_at_a_time(place: Place) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    first, second = place.execute(job, cache=True), place.execute(job, cache=True)
    assert (first.warm, second.warm) == (False, True)
    kept = place.engine.containers[0].mount("/target").source
    assert kept is not None
    assert place.engine.containers[1].mount("/target").source == kept
    with FileLock(kept.with_name(f"{kept.name}.lock")):
        third = place.execute(job, cache=True)
    assert (third.status, third.warm) == ("built", False)
    fresh = place.engine.containers[2].mount("/target").source
    assert fresh is not None
    assert fresh != kept
    assert not fresh.exists()


@pytest.mark.parametrize("link", [False, True])
def test_what_is_no_folder_is_no_target_directory(place: Place, tmp_path: Path, *, link: bool) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    place.execute(job, cache=True)
    kept = place.engine.containers[0].mount("/target").source
    assert kept is not None
    kept.rename(tmp_path / "elsewhere")
    if link:
        kept.symlink_to(tmp_path / "elsewhere")
    else:
        kept.touch()
    again = place.execute(job, cache=True)
    assert (again.status, again.warm) == ("built", False)
    assert kept.is_dir()
    assert not kept.is_symlink()


def test_an_image_of_the_users_own_has_its_target_directory_too(place: Place) -> None:
    job = replace(make_job("python3.11"), image="registry:5000/own/image:1")
    place.engine.have(make_image(tags=("registry:5000/own/image:1", "registry:5000/own/image:2")))
    place.engine.on("maturin", maturin(job))
    assert place.execute(job, cache=True).status == "built"
    other = replace(job, image="registry:5000/own/image:2")
    assert not place.execute(other, cache=True).warm
    assert place.execute(job, cache=True).warm


def test_a_target_directory_in_which_other_crates_were_built_is_emptied(place: Place) -> None:
    """Each build script can write to all of it: what a crate left must not outlive the crate."""
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    warm = [place.execute(job, cache=True, crates=crates).warm for crates in ("a", "a", "b", "a", "a")]
    assert warm == [False, True, False, False, True]


def test_a_sysroot_that_changed_gets_an_empty_target_directory(place: Place, tmp_path: Path) -> None:
    sysroot = tmp_path / "sysroot"
    (sysroot / "crt").mkdir(parents=True)
    own = replace(make_job("python3.11"), sysroot=str(sysroot))
    place.engine.on("maturin", maturin(own))
    warm = [place.execute(replace(own, sysroot=""), cache=True).warm]
    warm += [place.execute(own, cache=True).warm for _ in range(2)]
    (sysroot / "crt" / "libcmt.lib").write_bytes(b"another")
    warm.append(place.execute(own, cache=True).warm)
    assert warm == [False, False, True, False]


def test_the_time_limit_is_that_of_all_interpreters(place: Place) -> None:
    job = replace(make_job(), timeout=100.0)
    limits: list[float] = []
    good = maturin(job)

    def play(command: Command) -> int | ExecResult | None:
        assert command.timeout
        limits.append(command.timeout)
        time.sleep(0.05)
        return good(command)

    place.engine.on("maturin", play)
    assert place.execute(job).status == "built"
    assert limits[0] == 100.0
    assert all(b <= a - 0.05 for a, b in itertools.pairwise(limits))
    assert len(limits) == len(job.steps) > 1


def is_new(path: Path) -> bool:
    """Whether a file's time is later than 2001, the time that :func:`age` gives it."""
    return path.stat().st_mtime > 1e9


def age(path: Path) -> None:
    os.utime(path, (1e9, 1e9))


def test_sources_that_changed_are_newer_than_what_was_made_of_the_others(place: Place) -> None:
    """cargo goes by modification times, and those of an unpacked older release are older."""
    job, file = make_job("python3.11"), place.root / "source" / "Cargo.toml"
    place.engine.on("maturin", maturin(job))
    seen = []
    for digest in ("a", "a", "b", "b", "a"):
        age(file)
        place.execute(job, cache=True, digest=digest)
        seen.append(is_new(file))
    assert seen == [False, False, True, False, True]


def test_what_a_failed_build_left_is_not_taken_for_a_build_of_its_sources(place: Place) -> None:
    job, file = make_job("python3.11"), place.root / "source" / "Cargo.toml"
    place.engine.on("maturin", maturin(job))
    place.execute(job, cache=True, digest="a")
    place.engine.on("maturin", lambda _: 1)
    place.execute(job, cache=True, digest="b")
    age(file)
    place.execute(job, cache=True, digest="b")
    assert is_new(file)


def test_another_environment_compiles_the_crate_anew(place: Place) -> None:
    job, file = make_job("python3.11"), place.root / "source" / "Cargo.toml"
    place.engine.on("maturin", maturin(job))
    place.execute(job, cache=True, digest="a")
    age(file)
    place.execute(replace(job, env={**job.env, "GREETING": "hello"}), cache=True, digest="a")
    assert is_new(file)


def test_what_was_built_before_the_clock_was_set_back_is_not_used(place: Place) -> None:
    """cargo takes for up to date what is newer than its sources, however they are changed."""
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    place.execute(job, cache=True)
    (kept,) = (path for path in (place.root / "cache").iterdir() if path.is_dir())
    file = kept / "deep" / "file"
    file.parent.mkdir()
    file.write_text("compiled", "utf-8")
    assert place.execute(job, cache=True).warm
    tomorrow = time.time() + 86400
    os.utime(file, (tomorrow, tomorrow))
    assert not place.execute(job, cache=True).warm
    assert not file.exists()


def test_a_failed_build_keeps_its_target_directory(place: Place) -> None:
    job = make_job("python3.11")
    place.engine.on("maturin", lambda _: 1)
    place.execute(job, cache=True)
    assert place.execute(job, cache=True).warm


def test_a_timeout_of_one_step_does_not_blame_another(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path, recorder)
    job = make_job()
    place.engine.on("maturin", maturin(job, fail="python3.12", answer=TIMED_OUT))
    assert "maturin succeeded and left no" not in place.execute(job, local=False).reason


def test_memory_of_one_step_leaves_the_wheels_of_others_alone(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path, recorder)
    job = make_job()
    place.engine.on("maturin", maturin(job, fail="python3.12", answer=OUT_OF_MEMORY))
    place.execute(job, local=False)
    assert place.dist == [job.steps[0].wheel]


def test_half_a_wheel_of_one_step_leaves_the_wheels_of_others_alone(
    tmp_path: Path, recorder: Recorder
) -> None:
    place = Place(tmp_path, recorder)
    job = make_job()
    good = maturin(job)

    def play(command: Command) -> int | ExecResult | None:
        if "python3.12" in command.argv:
            command.write(f"/out/{job.steps[1].wheel}", b"half")
            return TIMED_OUT
        return good(command)

    def judge(wheel: Path) -> AuditResult:
        seen = accept(wheel)
        broken = Finding(severity="error", code="bad-zip", where="", message="no zip file")
        findings = (broken,) if wheel.read_bytes() == b"half" else ()
        return AuditResult(wheel=seen.wheel, sha256=seen.sha256, size=seen.size, findings=findings)

    place.engine.on("maturin", play)
    outcome = place.execute(job, validate=judge)
    assert place.dist == [job.steps[0].wheel]
    assert outcome.status == "timeout"


def test_an_error_of_the_file_system_is_one_jobs(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path, recorder)
    job = make_job("python3.11")
    place.engine.on("maturin", maturin(job))
    (tmp_path / "cache").write_text("not a folder", "utf-8")
    assert place.execute(job, cache=True).status == "failed"

"""What a build is given runs out, or goes away: the engine, memory, time, processes, disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from relay import Relay
from support.ground import (
    EARLIER,
    LINUX,
    QUIET,
    SLEEP,
    TARGET,
    WHEEL,
    Call,
    Done,
    Ground,
    OwnEngine,
    in_test,
    module_wheel,
    small_disk,
    wait_until,
)
from support.toolchains import have_image, toolchain

from xbuild.catalog import load_catalog
from xbuild.check.audit import audit
from xbuild.engine.docker import DockerEngine
from xbuild.images.recipe import base_recipe

pytestmark = pytest.mark.docker

Seen = Callable[[str], None]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")


@pytest.mark.parametrize("way", ["cut", "freeze"])
@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.fault(
    "the engine goes away or hangs in mid-build", "engine-error, a hint, within 30 s", race=True
)
def test_the_engine_goes_away(
    *, ground: Ground, relay: Relay, near_relay: Relay, seen: Seen, way: str, transport: str
) -> None:
    used = near_relay if transport == "bind" else relay
    ground.crate(SLEEP)
    call = ground.start(env={"DOCKER_HOST": used.address})
    ground.wait_for_process("build-script-build", call)
    took = lose(ground, call, used, way)
    assert ground.report()["transport"] == transport
    seen(f"{way}: engine-error within {5 if took < 5 else 30} s")
    check_builds(ground)


@pytest.mark.parametrize("way", ["cut", "freeze"])
@pytest.mark.fault(
    "the engine goes away or hangs while a wheel is run", "engine-error within 30 s; the wheel whole"
)
def test_the_engine_goes_away_while_a_wheel_is_run(
    ground: Ground, near_relay: Relay, seen: Seen, way: str
) -> None:
    call = in_test(ground, env={"DOCKER_HOST": near_relay.address})
    took = lose(ground, call, near_relay, way)
    assert audit(ground.dist / module_wheel(LINUX), catalog=load_catalog()).ok
    seen(f"{way}: engine-error within {5 if took < 5 else 30} s")


def lose(ground: Ground, call: Call, relay: Relay, way: str) -> float:
    """Cut the engine off or let it hang; gives the seconds until the run has ended, as promised."""
    started = time.monotonic()
    (relay.cut if way == "cut" else relay.freeze)()
    done = call.wait(40)
    took = time.monotonic() - started
    relay.cut()
    check_lost(ground, done)
    assert took < 30
    return took


def check_lost(ground: Ground, done: Done) -> None:
    """The last run ended because the engine went away, and said so, and left what was there."""
    assert done.status == 7, done.out
    assert ground.job()["status"] == "engine-error"
    assert "the Docker engine went away" in done.out
    assert "xbuild doctor" in done.out
    assert ground.untouched()


def check_builds(ground: Ground) -> None:
    """The next run builds."""
    ground.crate(QUIET)
    again = ground.run()
    assert again.status == 0, again.out


@pytest.fixture(scope="module")
def own_engine(engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    """An engine that can be restarted, with the toolchain image."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting an engine takes root and dockerd")
    made = OwnEngine(tmp_path_factory.mktemp("engine"), engine)
    image = have_image(engine, toolchain(TARGET))
    inner = DockerEngine(made.address)
    inner.load(engine.save([base_recipe().tag, *image.tags]))
    inner.close()
    yield made
    made.stop()


@pytest.fixture
def restarted(tmp_path: Path, own_engine: OwnEngine) -> Iterator[Ground]:
    """A place whose engine can be restarted."""
    inner = DockerEngine(own_engine.address)
    made = Ground(tmp_path, inner, {**os.environ, "DOCKER_HOST": own_engine.address})
    yield made
    made.check()
    inner.close()


SLEEP_ONCE = """
fn main() {
    let mark = std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("mark");
    if !mark.exists() {
        std::fs::write(mark, "").unwrap();
        std::thread::sleep(std::time::Duration::from_secs(600));
    }
}
"""


@needs_root
@pytest.mark.fault("the engine is restarted in mid-build", "the job is run once more, and built")
def test_the_engine_is_restarted(restarted: Ground, own_engine: OwnEngine, seen: Seen) -> None:
    restarted.crate(SLEEP_ONCE)
    call = restarted.start()
    # Not only its process: without its mark it would sleep once more
    wait_until(
        lambda: any("mark" in names for _, _, names in os.walk(restarted.cache / "target")),
        60,
        lambda: f"no mark: {call.text}",
        alive=call,
    )
    own_engine.restart()
    done = call.wait(60)
    assert done.status == 0, done.out
    job = restarted.job()
    assert (job["status"], job["attempts"]) == ("built", 2)
    assert "the job is run once more" in done.out
    assert not restarted.untouched()
    seen(f"{job['status']} in {job['attempts']} attempts")


@needs_root
@pytest.mark.fault("the engine is restarted twice", "engine-error, a hint; the next run builds")
def test_the_engine_is_restarted_twice(restarted: Ground, own_engine: OwnEngine, seen: Seen) -> None:
    restarted.crate(SLEEP)
    call = restarted.start()
    first = restarted.wait_for_process("build-script-build", call)
    own_engine.restart()
    second = restarted.wait_for_process("build-script-build", call)
    assert second != first
    own_engine.restart()
    done = call.wait(60)
    check_lost(restarted, done)
    job = restarted.job()
    assert job["attempts"] == 2
    seen(f"{job['status']} after {job['attempts']} attempts")
    check_builds(restarted)


@needs_root
@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.fault("containers with a kernel of their own (gVisor)", "the same bytes; doctor says so")
def test_another_runtime(restarted: Ground, own_engine: OwnEngine, seen: Seen, transport: str) -> None:
    if "runsc" not in restarted.engine.info().runtimes:
        pytest.skip("runsc is not installed")
    restarted.crate()
    assert restarted.run().status == 0
    usual = restarted.digest()
    (restarted.dist / WHEEL).write_bytes(EARLIER)
    relay = Relay(engine=own_engine.address)
    env = {
        "XBUILD_RUNTIME": "runsc",
        "DOCKER_HOST": relay.address if transport == "archive" else own_engine.address,
    }
    done = restarted.run("--fresh", env=env)
    assert done.status == 0, done.out
    assert restarted.report()["transport"] == transport
    assert restarted.digest() == usual
    looked = restarted.call([sys.executable, "-m", "xbuild", "doctor"], env=env).wait()
    relay.cut()
    assert "a kernel of the containers' own" in looked.out
    assert "FAIL" not in looked.out
    seen(f"{transport}: the same bytes")


EAT = "fn main() { let mut v: Vec<Vec<u8>> = Vec::new(); loop { v.push(vec![1; 64 << 20]) } }"


@pytest.mark.fault("memory runs out", "out-of-memory, with the setting's name; no second try")
def test_memory_runs_out(ground: Ground, seen: Seen) -> None:
    ground.crate(EAT)
    done = ground.run("--memory", "500m")
    assert done.status == 5, done.out
    job = ground.job()
    assert job["status"] == "out-of-memory"
    assert len(job["steps"]) == 1
    assert "setting: memory" in done.out
    assert ground.untouched()
    phases = [record["event"] for record in ground.log(job=TARGET) if record["event"] == "phase-started"]
    assert len(phases) == 1, "it was tried again"
    seen(job["reason"])


@pytest.mark.fault("a build that prints nothing and does not end", "status 11 within the limit and 10 s")
def test_time_runs_out(ground: Ground, seen: Seen) -> None:
    ground.crate(SLEEP)
    done = ground.run("--timeout", "8s")
    assert done.status == 11, done.out
    job = ground.job()
    assert job["status"] == "timeout"
    assert "setting: timeout" in done.out
    assert 8 <= job["seconds"] < 8 + 10
    assert ground.untouched()
    seen(f"limit 8 s, stopped after {job['seconds']:.0f} s")


@pytest.mark.fault("time runs out while the toolchain is prepared", "status 11, with the setting's name")
def test_time_runs_out_while_it_prepares(ground: Ground, seen: Seen) -> None:
    """A sysroot of the caller's own, with so much in it that linking it takes longer."""
    sysroot = ground.folder / "sysroot"
    for name in ("crt", "sdk", *(f"more-{number}" for number in range(30_000))):
        (sysroot / name).mkdir(parents=True)
    ground.crate()
    done = ground.run("--timeout", "3s", "--sysroot", sysroot)
    assert done.status == 11, done.out
    job = ground.job()
    assert job["status"] == "timeout"
    assert [step["argv"][0].rpartition("/")[2] for step in job["steps"]] == ["prepare-windows-msvc"]
    assert "setting: timeout" in done.out
    assert 3 <= job["seconds"] < 3 + 10
    assert ground.untouched()
    seen(f"limit 3 s, stopped after {job['seconds']:.0f} s")


@pytest.mark.fault("time runs out while the engine hangs", "it ends all the same, and is no success")
def test_time_runs_out_while_the_engine_hangs(ground: Ground, relay: Relay, seen: Seen) -> None:
    ground.crate(SLEEP)
    call = ground.start("--timeout", "12s", env={"DOCKER_HOST": relay.address})
    ground.wait_for_process("build-script-build", call)
    relay.freeze()
    started = time.monotonic()
    done = call.wait(60)
    relay.cut()
    assert done.status in {7, 11}, done.out
    assert time.monotonic() - started < 12 + 30
    assert ground.untouched()
    seen(f"status {done.status}")


CHILDREN = """
use std::process::Stdio;
fn main() {
    let mut children = Vec::new();
    loop {
        let mut sleep = std::process::Command::new("sleep");
        match sleep.arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => children.push(child),
            Err(error) => {
                std::thread::sleep(std::time::Duration::from_secs(4));
                panic!("no more after {}: {}", children.len(), error);
            }
        }
    }
}
"""
BOMB = """
fn main() {
    let _ = std::process::Command::new("sh").arg("-c").arg("b() { b | b & }; b; sleep 600").status();
    std::thread::sleep(std::time::Duration::from_secs(600));
}
"""


@pytest.mark.parametrize(
    ("build", "timeout", "status"), [(CHILDREN, "2m", 5), (BOMB, "12s", 11)], ids=["children", "bomb"]
)
@pytest.mark.fault("fork bomb", "held by the limit of processes; the engine answers in 2 s; all are gone")
def test_processes_run_out(*, ground: Ground, seen: Seen, build: str, timeout: str, status: int) -> None:
    ground.crate(build)
    usual = max(seconds_of_an_answer() for _ in range(5))
    call = ground.start("--timeout", timeout, env={"XBUILD_PIDS": "200"})
    container = ground.wait_for_process("build-script-build", call)
    slowest, most = 0.0, 0
    while call.process.poll() is None:
        slowest = max(slowest, seconds_of_an_answer())
        most = max(most, processes_of(container))
        time.sleep(0.3)
    done = call.wait(30)
    assert done.status == status, done.out
    # Beside what it took without a bomb, which is more where it has other work
    assert slowest < 2 + usual
    assert 100 < most <= 200, most
    assert ground.untouched()
    if status == 5:
        assert "no more after" in done.out
    seen(f"status {done.status}; docker ps < {1 if slowest < 1 else 2} s")


def seconds_of_an_answer() -> float:
    """How long the engine takes to list what runs."""
    started = time.monotonic()
    subprocess.run(["docker", "ps", "--quiet"], check=True, capture_output=True)
    return time.monotonic() - started


def processes_of(container: str) -> int:
    """How many processes the kernel counts in a container."""
    for pattern in (
        f"pids/docker/{container}/pids.current",
        f"system.slice/docker-{container}.scope/pids.current",
    ):
        for path in Path("/sys/fs/cgroup").glob(pattern):
            try:
                return int(path.read_text())
            except OSError:
                continue
    return 0


def fill(folder: Path, *, leave: int = 0) -> None:
    """Use up a small disk."""
    free = shutil.disk_usage(folder).free - leave
    if free > 0:
        (folder / "filler").write_bytes(b"\0" * free)


@needs_root
@pytest.mark.fault("disk full: the target directory", "the build fails and names it; artefacts intact")
def test_no_room_for_the_target_directory(ground: Ground, seen: Seen) -> None:
    ground.crate()
    with small_disk(ground.cache / "target", "400k"):
        done = ground.run()
    assert done.status == 5, done.out
    assert "No space left on device" in done.out
    assert ground.untouched()
    seen("status 5: No space left on device")


@needs_root
@pytest.mark.parametrize("leave", [0, 30_000])
@pytest.mark.fault("disk full: the output folder", "no wheel, and the disk is named; artefacts intact")
def test_no_room_for_wheels(ground: Ground, seen: Seen, leave: int) -> None:
    ground.crate()
    small = ground.folder / "small"
    with small_disk(small, "600k"):
        for path in ground.dist.iterdir():
            shutil.copyfile(path, small / path.name)
        fill(small, leave=leave)
        done = ground.run("--out", small)
        left = {path.name: path.read_bytes()[:100] for path in small.glob("*.whl")}
        hidden = [path.name for path in small.glob(".xbuild-*")]
    assert done.status == 5, done.out
    assert "No space left on device" in done.out
    assert hidden == []
    assert left == {path.name: path.read_bytes() for path in ground.dist.glob("*.whl")}
    seen("status 5: No space left on device")


@needs_root
@pytest.mark.parametrize(
    "size",
    [
        "16k",
        "40k",
        "200k",
    ],
)
@pytest.mark.fault("disk full: the cache", "the disk is named; status 5; artefacts intact")
def test_no_room_for_the_cache(ground: Ground, seen: Seen, size: str) -> None:
    ground.crate()
    with small_disk(ground.cache, size):
        done = ground.run()
    assert done.status == 5, done.out
    assert "disk is full" in done.out or "No space left on device" in done.out
    assert "Traceback" not in done.out
    assert ground.untouched()
    seen("status 5")


@needs_root
@pytest.mark.fault("disk full: logs and reports", "the wheel is built all the same, with a warning")
def test_no_room_for_logs(ground: Ground, seen: Seen) -> None:
    ground.crate()
    state = ground.folder / "state"
    with small_disk(state, "24k"):
        fill(state, leave=4096)
        done = ground.run()
        ground.endless = set(ground.runs)  # the log has no room for its end
    assert done.status == 0, done.out
    assert "report cannot be written" in done.out
    ground.digest()
    seen("built, with a warning")


def test_the_small_disk_is_small(ground: Ground) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    with small_disk(ground.folder / "small", "64k") as small, pytest.raises(OSError, match="No space left"):
        (small / "file").write_bytes(b"\0" * 100_000)
    wait_until(lambda: not (ground.folder / "small" / "file").exists(), 5, lambda: "still mounted")

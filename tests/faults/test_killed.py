"""xbuild ends at the wrong moment: killed, interrupted, in every phase."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable

import pytest
from relay import Relay
from support.ground import (
    ARM,
    EARLIER,
    LINUX,
    NAP,
    QUIET,
    SLEEP,
    TARGET,
    USE_LEAF,
    WHEEL,
    Call,
    Ground,
    Registry,
    engine_of,
    have_tester,
    in_test,
    module_wheel,
    start_test,
    wait_until,
    write_module,
)

from xbuild.catalog import load_catalog
from xbuild.check.audit import audit
from xbuild.engine.docker import DockerEngine

pytestmark = pytest.mark.docker

Seen = Callable[[str], None]


def in_fetch(ground: Ground, registry: Registry) -> Call:
    """Start a run, and come back when it fetches."""
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    registry.hanging.set()
    call = ground.start(env=registry.environment)
    wait_until(registry.asked.is_set, 60, lambda: f"nothing is fetched: {call.text}", alive=call)
    return call


def in_build(ground: Ground) -> Call:
    """Start a run, and come back when its build script runs."""
    ground.crate(SLEEP)
    call = ground.start()
    ground.wait_for_process("build-script-build", call)
    return call


def goes_on(ground: Ground, registry: Registry) -> None:
    """Start it again, with nothing in its way."""
    registry.hanging.clear()
    ground.crate(QUIET, leaf=registry.checksum, main=USE_LEAF)
    again = ground.run(env=registry.environment)
    assert again.status == 0, again.out
    ground.digest()


def kill(ground: Ground, call: Call) -> None:
    ground.kill(call)
    assert call.process.returncode == -signal.SIGKILL


@pytest.mark.fault("kill -9 in the fetch phase", "nothing left; the next run succeeds", race=True)
def test_killed_while_it_fetches(ground: Ground, registry: Registry, seen: Seen) -> None:
    call = in_fetch(ground, registry)
    kill(ground, call)
    assert ground.untouched()
    seen(f"containers gone after {seconds_until_gone(ground):.0f} s; built")
    goes_on(ground, registry)


@pytest.mark.fault("kill -9 in the build phase", "nothing left; the next run succeeds", race=True)
def test_killed_while_it_builds(ground: Ground, registry: Registry, seen: Seen) -> None:
    call = in_build(ground)
    kill(ground, call)
    assert ground.untouched()
    seen(f"containers gone after {seconds_until_gone(ground):.0f} s; built")
    goes_on(ground, registry)


@pytest.mark.parametrize("triple", [LINUX, ARM, TARGET])
@pytest.mark.fault(
    "kill -9 in the test phase", "nothing left, the wheel whole; the next run succeeds", race=True
)
def test_killed_while_it_tests(ground: Ground, seen: Seen, triple: str) -> None:
    call = in_test(ground, triple)
    wheel = ground.dist / module_wheel(triple)
    before = wheel.read_bytes()
    kill(ground, call)
    gone = seconds_until_gone(ground)
    assert wheel.read_bytes() == before
    assert audit(wheel, catalog=load_catalog()).ok
    again = start_test(ground, triple=triple).wait()
    assert again.status == 0, again.out
    (built,) = ground.job()["wheels"]
    assert built["proof"].startswith("audited; ran on CPython 3.11"), built
    assert wheel.read_bytes() != before
    seen(f"{built['proof']}: containers gone after {gone:.0f} s; built and run")


LARGE = """
use std::io::Write;
fn main() {
    let path = std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("large");
    let mut file = std::fs::File::create(path).unwrap();
    let mut state: u64 = 88172645463325252;
    let mut block = Vec::new();
    for _ in 0..(8 << 17) {
        state ^= state << 13; state ^= state >> 7; state ^= state << 17;
        block.extend_from_slice(&state.to_le_bytes());
    }
    file.write_all(&block).unwrap();
}
"""
COLLECTING = ".xbuild-collect-*"
SHOW_LARGE = """
static LARGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/large"));
fn main() { println!("{}", LARGE[std::env::args().count()]) }
"""


@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.fault("kill -9 in the collect phase", "no part of a wheel; the next run clears up", race=True)
def test_killed_while_it_collects(
    *, ground: Ground, registry: Registry, relay: Relay, seen: Seen, transport: str, repetition: int
) -> None:
    ground.crate(LARGE, main=SHOW_LARGE)
    pause = random.Random(repetition).random() * 0.05  # noqa: S311
    env = engine_of(relay, transport)
    # A machine with other work may come to the kill too late; the wheel is in its place then
    assert any(killed_before_it_publishes(ground, pause, env) for _ in range(5)), "never while it collected"
    gone = seconds_until_gone(ground)
    seen(f"{transport}: containers gone after {gone:.0f} s; cleared up and built by the next run")
    goes_on(ground, registry)


def killed_before_it_publishes(ground: Ground, pause: float, env: dict[str, str]) -> bool:
    """Start a run, and kill it a moment after it has begun to collect; gives whether that was in time."""
    (ground.dist / WHEEL).write_bytes(EARLIER)
    for folder in ground.dist.glob(COLLECTING):
        shutil.rmtree(folder)
    call = ground.start(env=env)
    patience = time.monotonic() + 60
    while not list(ground.dist.glob(COLLECTING)):
        assert time.monotonic() < patience
        assert call.process.poll() is None, call.text
    time.sleep(pause)
    ground.kill(call)
    assert ground.untouched() or zipfile.ZipFile(ground.dist / WHEEL).testzip() is None
    return ground.untouched() and bool(list(ground.dist.glob(COLLECTING)))


@pytest.mark.fault("kill -9 at any moment", "nothing left; the next run succeeds", race=True)
def test_killed_at_any_moment(ground: Ground, registry: Registry, repetition: int) -> None:
    ground.crate()
    call = ground.start()
    time.sleep(0.3 + random.Random(repetition).random() * 5)  # noqa: S311
    ground.kill(call)
    goes_on(ground, registry)


SLOW = SLEEP.replace("600", "8")


@pytest.mark.fault(
    "kill -9 in xbuild verify", "nothing left, the wheel intact; the next verify succeeds", race=True
)
def test_killed_while_it_verifies(ground: Ground, seen: Seen) -> None:
    crate = ground.crate(SLOW)
    assert ground.run().status == 0
    before = ground.digest()
    private = ground.folder / "tmp"
    private.mkdir()
    words = [sys.executable, "-m", "xbuild", "verify", str(ground.dist / WHEEL), "--source", str(crate)]
    call = ground.call(words, env={"TMPDIR": str(private)})
    ground.wait_for_process("build-script-build", call)
    kill(ground, call)
    gone = seconds_until_gone(ground)
    assert ground.digest() == before
    again = ground.call(words, env={"TMPDIR": str(private)}).wait()
    assert again.status == 0, again.out
    assert "identical" in again.out
    assert ground.digest() == before
    seen(f"containers gone after {gone:.0f} s; identical")


def seconds_until_gone(ground: Ground) -> float:
    started = time.monotonic()
    wait_until(lambda: not ground.containers(), 60, lambda: f"left: {ground.containers()}")
    return time.monotonic() - started


SLACK = 0.5
"""Seconds that a machine with other work may take to see that something has ended."""


@pytest.mark.parametrize(
    ("phase", "times"), [("fetch", 1), ("fetch", 2), ("build", 1), ("build", 2), ("test", 1)]
)
@pytest.mark.fault(
    "Ctrl-C once or twice, in fetch, build and test", "130 in 10 s, in 2 s after a second", race=True
)
def test_interrupted(*, ground: Ground, registry: Registry, seen: Seen, phase: str, times: int) -> None:
    if phase == "fetch":
        call = in_fetch(ground, registry)
    else:
        call = in_build(ground) if phase == "build" else in_test(ground)
    call.send(signal.SIGINT)
    if times == 2:
        time.sleep(0.1)
        call.send(signal.SIGINT)
    started = time.monotonic()
    done = call.wait(15)
    took = time.monotonic() - started
    assert done.status == 130, done.out
    assert took < (10 if times == 1 else 2 + SLACK)
    assert ground.untouched()
    assert (ground.dist / module_wheel(LINUX)).is_file() == (phase == "test")
    (end,) = [record for record in ground.log() if record["event"] == "run-finished"]
    assert (end["status"], end["exit_status"]) == ("interrupted", 130)
    # After a second one it does not wait for its containers, which end because it has ended
    assert times == 2 or not ground.containers()
    seen(f"130 within {5 if took < 5 else 10} s")


def interrupt(call: Call) -> float:
    """Press Ctrl-C once; gives the seconds until it has ended, as promised."""
    started = time.monotonic()
    call.send(signal.SIGINT)
    done = call.wait(15)
    took = time.monotonic() - started
    assert done.status == 130, done.out
    assert took < 10
    return took


@pytest.mark.fault("Ctrl-C in xbuild test", "130 in 10 s; the wheel intact")
def test_interrupted_while_a_wheel_is_tried(ground: Ground, seen: Seen) -> None:
    have_tester(ground.engine, LINUX)
    crate = write_module(ground.folder / "module", NAP)
    built = ground.start("-i", "python3.11", crate=crate, target=LINUX).wait()
    assert built.status == 0, built.out
    wheel = ground.dist / module_wheel(LINUX)
    before = wheel.read_bytes()
    call = ground.call([sys.executable, "-m", "xbuild", "test", str(wheel)])
    ground.wait_for_process("probe.py", call, purpose="test")
    took = interrupt(call)
    assert not ground.containers()
    assert wheel.read_bytes() == before
    seen(f"130 within {5 if took < 5 else 10} s")


@pytest.mark.fault("Ctrl-C while the engine hangs", "status 130 in 10 s, with its terminal event")
def test_interrupted_while_the_engine_hangs(ground: Ground, relay: Relay, seen: Seen) -> None:
    ground.crate(SLEEP)
    call = ground.start(env={"DOCKER_HOST": relay.address})
    ground.wait_for_process("build-script-build", call)
    relay.freeze()
    interrupt(call)
    relay.cut()
    seen("130")


IMAGE = """
import sys, threading
from pathlib import Path
from xbuild.engine.docker import DockerEngine
from xbuild.images.builder import ImageBuilder
from xbuild.images.sources import Sources
from xbuild.images.recipe import base_recipe
from support.toolchains import LocalRecipe

recipe = LocalRecipe("fault", "fault", "BASE", base_recipe(), {"SALT": sys.argv[2]}, place=Path(sys.argv[1]))
print(recipe.tag, flush=True)
builder = ImageBuilder(DockerEngine(), Sources(), locks=Path(sys.argv[1]) / "locks",
                       narrate=lambda name, line: print(line, flush=True), cancelled=threading.Event())
print("image", builder.ensure(recipe).id, flush=True)
"""
RECIPE = """
ARG BASE
FROM ${BASE} AS build
COPY fault/ /recipe/
RUN ["/bin/sh", "/recipe/build.sh"]

FROM scratch
COPY --from=build /layer/ /
"""


@pytest.mark.parametrize("moment", ["half way", "packing the layer", "loading"])
@pytest.mark.fault("kill -9 in an image build", "the tag does not appear; the next build goes on", race=True)
def test_killed_while_it_makes_an_image(
    ground: Ground, engine: DockerEngine, moment: str, repetition: int
) -> None:
    folder = ground.folder / "docker"
    (folder / "fault").mkdir(parents=True)
    (folder / "fault" / "Dockerfile").write_text(RECIPE)
    script = "mkdir -p /layer\nhead -c 30000000 /dev/zero > /layer/file\necho half way\n"
    (folder / "fault" / "build.sh").write_text(script + ("sleep 600\n" if moment == "half way" else ""))
    (folder / "image.py").write_text(textwrap.dedent(IMAGE))
    words = [sys.executable, str(folder / "image.py"), str(folder), f"{ground.folder}{repetition}"]
    environment = {**ground.environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    call = Call(words, ground.folder, environment)
    ground.calls.append(call)
    wait_until(lambda: moment in call.text, 60, lambda: call.text, alive=call)
    call.send(signal.SIGKILL)
    call.wait(10)
    tag = call.text.split()[0]
    assert engine.image(tag) is None
    (folder / "fault" / "build.sh").write_text(script)
    again = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    tag = again.stdout.split()[0]
    try:
        assert again.returncode == 0, again.stdout + again.stderr
        made = engine.image(tag)
        assert made is not None
        assert f"image {made.id}" in again.stdout
    finally:
        engine.remove_image(tag, force=True)

"""Caches that are damaged or shared, odd places, other callers, and clocks that step."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ground import EARLIER, QUIET, USE_LEAF, WHEEL, Ground, Registry, write_crate
from relay import Relay

from xbuild.engine.docker import DockerEngine

pytestmark = pytest.mark.docker

Seen = Callable[[str], None]


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0x10
    path.write_bytes(body)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGE = {"flip": flip, "truncate": truncate, "empty": empty}


@pytest.mark.parametrize(
    "place",
    [
        "store/crates/*/*.crate",
        "vendor/**/lib.rs",
        "details/*.json",
        "store/config/*",
    ],
)
@pytest.mark.fault("damage in the cache", "found, fetched or unpacked again; the same bytes")
def test_damage_in_the_cache(ground: Ground, registry: Registry, seen: Seen, place: str) -> None:
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    first = ground.run(env=registry.environment)
    assert first.status == 0, first.out
    cold, downloads = ground.digest(), registry.downloads
    for kind, damage in DAMAGE.items():
        found = [path for path in ground.cache.glob(place) if path.is_file()]
        assert found, f"nothing at {place}"
        for path in found:
            path.chmod(0o644)
            damage(path)
        (ground.dist / WHEEL).write_bytes(EARLIER)
        shutil.rmtree(ground.cache / "target")
        again = ground.run(env=registry.environment)
        assert again.status == 0, f"{kind}: {again.out}"
        assert ground.digest() == cold, kind
    if place.startswith("store/crates"):
        assert registry.downloads == downloads + len(DAMAGE)
    seen(f"{place}: mended, same bytes")


@pytest.mark.fault(
    "eight builds at once on one cache", "all succeed; each has the bytes of a cold build", race=True
)
def test_eight_builds_at_once(ground: Ground, registry: Registry, seen: Seen) -> None:
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    others = {
        f"other{number}": write_crate(
            ground.folder / f"other{number}", name=f"other{number}", leaf=registry.checksum, main=USE_LEAF
        )
        for number in range(4)
    }
    calls = [ground.start("--out", f"same{number}", env=registry.environment) for number in range(4)]
    calls += [
        ground.start("--out", "others", env=registry.environment, crate=crate) for crate in others.values()
    ]
    for call in calls:
        done = call.wait(200)
        assert done.status == 0, done.out
    made = {(ground.folder / f"same{number}" / WHEEL).read_bytes() for number in range(4)}
    assert len(made) == 1
    assert len(list((ground.folder / "others").glob("*.whl"))) == 4
    shutil.rmtree(ground.cache)
    assert ground.run(env=registry.environment).status == 0
    assert made == {(ground.dist / WHEEL).read_bytes()}
    seen("8 succeed, same bytes")


POISON = """
fn main() {
    let places = ["/src/src/main.rs", "/vendor/config.toml", "/vendor/vendor/leaf-1.0.0/src/lib.rs",
        "/usr/bin/ld", "/opt/xbuild/poison", "/etc/ld.so.preload"];
    let mut done: Vec<&str> = Vec::new();
    for place in places {
        let written = std::fs::OpenOptions::new().append(true).create(true).open(place).is_ok();
        let removed = std::fs::remove_file(place).is_ok();
        let renamed = std::fs::rename(place, "/tmp/x").is_ok();
        if written || removed || renamed { done.push(place); }
    }
    println!("cargo:warning=poisoned [{}]", done.join(","));
}
"""


@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.fault("a build poisons what others use", "impossible; the next build has the same bytes")
def test_poison(ground: Ground, registry: Registry, relay: Relay, seen: Seen, transport: str) -> None:
    env = {**registry.environment, **({"DOCKER_HOST": relay.address} if transport == "archive" else {})}
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    assert ground.run(env=env).status == 0
    before = ground.digest()
    ground.crate(POISON, leaf=registry.checksum, main=USE_LEAF)
    done = ground.run("--verbose", env=env)
    assert done.status == 0, done.out
    assert "poisoned []" in done.out
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    assert ground.run(env=env).status == 0
    assert ground.digest() == before
    seen("nothing could be written")


@pytest.mark.parametrize("lock", [True, False], ids=["locked", "no lockfile"])
@pytest.mark.parametrize("name", ["a b", "größe-日本", "a:b,c", "qu'ote$\"", "read-only"])
@pytest.mark.fault("odd places of the crate", "it builds, and the crate stays as it was")
def test_odd_places(*, ground: Ground, registry: Registry, seen: Seen, name: str, lock: bool) -> None:
    crate = write_crate(ground.folder / name, leaf=registry.checksum, main=USE_LEAF, lock=lock)
    before = {path: path.read_bytes() for path in crate.rglob("*") if path.is_file()}
    if name == "read-only":
        if os.geteuid() != 0:
            pytest.skip("mounting read-only takes root")
        subprocess.run(["mount", "--bind", "-o", "ro", str(crate), str(crate)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(crate)], check=True)
    try:
        done = ground.start(crate=crate, env=registry.environment).wait()
    finally:
        if name == "read-only":
            subprocess.run(["umount", str(crate)], check=True)
    assert done.status == 0, done.out
    ground.digest()
    assert {path: path.read_bytes() for path in crate.rglob("*") if path.is_file()} == before
    seen("built")


@pytest.fixture
def outsider(engine: DockerEngine) -> Iterator[Ground]:
    """A place of a user who is not root, and a socket of the engine that this user may open."""
    folder = Path(tempfile.mkdtemp(prefix="xbuild-outsider-"))
    relay = Relay(folder / "engine.sock")
    made = Ground(folder, engine, {**os.environ, "DOCKER_HOST": relay.address, "HOME": str(folder)})
    write_crate(folder / "crate")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 1234, 1234)
    # Reading is allowed everywhere, because the interpreter may lie in root's home; writing is not
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    made.prefix = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", *reading)
    yield made
    made.check()
    relay.cut()
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")
@pytest.mark.fault("the caller is not root", "everything that is left belongs to the caller")
def test_a_caller_who_is_not_root(outsider: Ground, seen: Seen) -> None:
    done = outsider.run()
    assert done.status == 0, done.out
    outsider.digest()
    owners = {path.lstat().st_uid for path in outsider.folder.rglob("*")}
    assert owners == {1234}
    assert outsider.report()["transport"] == "bind"
    seen("all files belong to uid 1234")


STEPPING = """
import time

_real, _start = time.time, time.monotonic()


def _stepping():
    passed = time.monotonic() - _start
    return _real() + ({first} if passed < 2.5 else {then})


time.time = _stepping
"""
YEAR = 365 * 86400


@pytest.mark.parametrize(("first", "then"), [(YEAR, YEAR), (-YEAR, -YEAR), (YEAR, -YEAR), (0, -3600)])
@pytest.mark.fault("xbuild's clock is a year off, or steps in mid-build", "the same bytes; limits hold")
def test_clocks(ground: Ground, seen: Seen, first: int, then: int) -> None:
    """The clock of xbuild's process; the containers have the kernel's, which cannot be set for them alone."""
    ground.crate(QUIET)
    assert ground.run().status == 0
    right = ground.digest()
    shutil.rmtree(ground.cache)
    stepping = ground.folder / "stepping"
    stepping.mkdir()
    (stepping / "sitecustomize.py").write_text(STEPPING.format(first=first, then=then))
    path = os.pathsep.join(filter(None, [str(stepping), *sys.path]))
    done = ground.run(env={"PYTHONPATH": path})
    assert done.status == 0, done.out
    assert ground.digest() == right
    assert 0 < ground.report()["seconds"] < 60
    seen("same bytes")

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
from relay import Relay
from support.ground import (
    EARLIER,
    QUIET,
    SLEEP,
    TARGET,
    USE_LEAF,
    WHEEL,
    Ground,
    Registry,
    engine_of,
    write_crate,
)

from xbuild.engine.docker import DockerEngine
from xbuild.errors import ExitStatus

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
    made = {f"tiny {number}": ground.folder / f"same{number}" / WHEEL for number in range(4)}
    made |= {name: ground.folder / "others" / WHEEL.replace("tiny", name) for name in others}
    crates = {**{f"tiny {number}": None for number in range(4)}, **others}
    cold: dict[Path | None, bytes] = {}
    for crate in dict.fromkeys(crates.values()):
        shutil.rmtree(ground.cache)
        done = ground.start("--out", "cold", crate=crate, env=registry.environment).wait(200)
        assert done.status == 0, done.out
        (wheel,) = (ground.folder / "cold").glob("*.whl")
        cold[crate] = wheel.read_bytes()
        wheel.unlink()
    assert len(set(cold.values())) == 5
    for name, path in made.items():
        assert path.read_bytes() == cold[crates[name]], name
    seen("8 succeed, each with the bytes of a cold build")


PLACES = (
    "/src/src/main.rs",
    "/src/Cargo.lock",
    "/vendor/config.toml",
    "/vendor/vendor/leaf-1.0.0/src/lib.rs",
    "/vendor/vendor/leaf-1.0.0/.cargo-checksum.json",
    "/usr/bin/rustc",
    "/opt/xbuild/bin",
    "/etc/passwd",
)
"""Files and a folder that other builds use too: the sources, the unpacked crates, and the image."""
CHANGED = ("store", "vendor", "details")
"""The cache's folders that a build's crates and cargo's words about them come from."""
OWN_MOUNTS = {"/out", "/target", "/tmp", "/dev/shm", "/dev/mqueue"}
"""Where a build may write. All but /target are gone when it ends."""
POISON = """
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn main() {
    for place in [PLACES] {
        let path = std::path::Path::new(place);
        let folder = path.parent().unwrap();
        let mut done: Vec<&str> = Vec::new();
        if !path.exists() { done.push("missing"); }
        if path.is_file() && fs::OpenOptions::new().append(true).open(path).is_ok() { done.push("opened"); }
        if path.is_dir() && fs::write(path.join("poison"), "x").is_ok() { done.push("filled"); }
        if fs::set_permissions(path, fs::Permissions::from_mode(0o777)).is_ok() { done.push("mode"); }
        if fs::write(folder.join("poison"), "x").is_ok() { done.push("beside"); }
        if fs::rename(path, folder.join("away")).is_ok() { done.push("renamed"); }
        if fs::remove_file(path).is_ok() || fs::remove_dir_all(path).is_ok() { done.push("removed"); }
        println!("cargo:warning=place {place} [{}]", done.join(","));
    }
    // The cache's other folders, and everything else of the host, are in no mount at all
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let open: Vec<&str> = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|words| words[5].split(',').any(|word| word == "rw")).map(|words| words[4])
        .filter(|path| fs::write(format!("{path}/poison"), "x").is_ok()).collect();
    for path in &open { let _ = fs::remove_file(format!("{path}/poison")); }
    println!("cargo:warning=open [{}]", open.join(","));
}
"""


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Modes and contents of everything below a folder."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.fault("a build poisons what others use", "impossible; the next build has the same bytes")
def test_poison(ground: Ground, registry: Registry, relay: Relay, seen: Seen, transport: str) -> None:
    env = {**registry.environment, **engine_of(relay, transport)}
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    assert ground.run(env=env).status == 0
    before = ground.digest()
    cached = {name: tree(ground.cache / name) for name in CHANGED}
    assert all(cached.values())
    places = ", ".join(f'"{place}"' for place in PLACES)
    ground.crate(POISON.replace("PLACES", places), leaf=registry.checksum, main=USE_LEAF)
    done = ground.run("--verbose", env=env)
    assert done.status == 0, done.out
    assert ground.report()["transport"] == transport
    lines = [record.get("line", "") for record in ground.log(job=TARGET)]
    for place in PLACES:
        assert [line for line in lines if line.endswith(f"place {place} []")], (place, lines)
    (opened,) = (line.rpartition("open [")[2] for line in lines if " open [" in line)
    assert set(opened.removesuffix("]").split(",")) <= OWN_MOUNTS, opened
    for name in CHANGED:
        after = tree(ground.cache / name)
        assert {path: after.get(path) for path in cached[name]} == cached[name], name
        assert not [path for path in after if "poison" in path], name
    ground.crate(leaf=registry.checksum, main=USE_LEAF)
    assert ground.run(env=env).status == 0
    assert ground.digest() == before
    seen(f"{len(PLACES)} places, nothing could be written")


ODD = ("a b", "größe-日本", "a:b,c", "qu'ote$\"", "read-only")
UNLOCKED = ("a:b,c", "read-only")
"""Where making the lockfile could go wrong of itself: Docker's own separator, and nothing to write to."""


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        *(pytest.param(name, True, id=f"{name}-locked") for name in ODD),
        *(
            pytest.param(
                name,
                False,
                id=f"{name}-no lockfile",
                marks=() if name in UNLOCKED else pytest.mark.exhaustive,
            )
            for name in ODD
        ),
    ],
)
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


@pytest.mark.fault("the machine's clock was set back since the last build", "what was edited is compiled")
def test_the_clock_was_set_back(ground: Ground, seen: Seen) -> None:
    """Everything that was compiled is of a year to come, as it is when the clock is set back by a year."""
    crate = ground.crate()
    # Of a crate with a build script cargo notes the times of its files, and sees that they are others
    (crate / "build.rs").unlink()
    assert ground.run().status == 0
    before = ground.digest()
    for path in (ground.cache / "target").rglob("*"):
        status = path.lstat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + YEAR * 10**9), follow_symlinks=False)
    (crate / "src" / "main.rs").write_text('fn main() { println!("edited") }')
    assert ground.run().status == 0
    warm = ground.digest()
    assert warm != before
    assert ground.run("--fresh").status == 0
    assert warm == ground.digest()
    seen("the bytes of a build from nothing")


STEPPING = """
import time

_real, _start = time.time, time.monotonic()


def _stepping():
    passed = time.monotonic() - _start
    return _real() + ({first} if passed < 2.5 else {then})


time.time = _stepping
"""
YEAR = 365 * 86400
LIMIT = 6
"""Seconds for a job; the clock steps within them."""


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
    # Runs are named after the clock, so that the last one need not have the latest name
    earlier = set(ground.runs)
    done = ground.run(env={"PYTHONPATH": path})
    assert done.status == 0, done.out
    assert ground.digest() == right
    (run,) = set(ground.runs) - earlier
    assert 0 < ground.report(run)["seconds"] <= done.seconds
    earlier.add(run)
    ground.crate(SLEEP)
    # Longer than xbuild takes until its clock steps
    slow = ground.run("--timeout", f"{LIMIT}s", env={"PYTHONPATH": path})
    assert slow.status == ExitStatus.TIMEOUT, slow.out
    (run,) = set(ground.runs) - earlier
    job = ground.job(run)
    assert job["status"] == "timeout"
    assert LIMIT <= job["seconds"] < LIMIT + 10
    # By a clock that does not step: the first run shows how long this machine takes for all the rest
    assert slow.seconds < done.seconds + LIMIT + 10
    seen("same bytes; stopped in time")

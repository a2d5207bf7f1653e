"""The command as users meet it: the example, refusals, transports, interruptions, and what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from relay import Relay
from support.real import ROOT, Xbuild, leftovers, runs, wheel_names

from xbuild.engine.docker import DockerEngine

pytestmark = pytest.mark.docker

WINDOWS, LINUX = "x86_64-pc-windows-msvc", "x86_64-unknown-linux-gnu"


@pytest.fixture
def greeting(tmp_path: Path) -> Path:
    """A copy of the example, on a path that is hard to quote."""
    folder = tmp_path / "a crate: größe, x"
    shutil.copytree(ROOT / "examples" / "greeting", folder)
    return folder


def test_the_library_in_the_documentation(xbuild: Xbuild, greeting: Path) -> None:
    words = (sys.executable, ROOT / "docs" / "examples" / "library.py", greeting, xbuild.folder / "dist")
    environment = {**xbuild.environment, "XDG_STATE_HOME": str(xbuild.folder / "state")}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (xbuild.folder / "dist").glob("*.whl")
    assert f"{wheel} " in done.stdout


@pytest.mark.archives
def test_the_first_line_of_the_readme(xbuild: Xbuild, greeting: Path) -> None:
    done = xbuild("run", greeting, "--target", WINDOWS, "--interp", "pypy3.9")
    assert done.returncode == 0, done.stdout + done.stderr
    wheel = xbuild.folder / "dist" / "greeting-0.1.0-pp39-pypy39_pp73-win_amd64.whl"
    assert wheel.stat().st_uid == os.getuid()
    assert wheel.stat().st_mode & 0o777 == 0o644
    assert (xbuild.folder / "dist" / ".xbuild" / "report.json").is_file()
    assert (xbuild.folder / "dist" / ".xbuild" / f"{WINDOWS}.jsonl").is_file()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--target", "x86_64-pc-windows-mscv"], 3, 'did you mean "x86_64-pc-windows-msvc"?'),
        (["--interp", "pypy3.99"], 3, "unknown interpreter"),
        (["--interp", "/nowhere/bin/python"], 3, "no such interpreter"),
        (["--interp", "python3.8"], 3, "requires-python"),
        (["--memory", "much"], 2, "memory"),
    ],
)
def test_refusals_leave_nothing_behind(
    xbuild: Xbuild, greeting: Path, words: list[str], status: int, message: str
) -> None:
    done = xbuild("run", greeting, *words)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert not (xbuild.folder / "dist").exists()


def test_a_plan_starts_no_container_but_cargos_own(
    xbuild: Xbuild, greeting: Path, engine: DockerEngine
) -> None:
    """With a cache that has nothing, none; with one that has the crates, one without a network."""
    words = ("plan", greeting, "-t", LINUX, "-i", "cp311")
    since = time.time()
    empty = xbuild(*words, env={"XBUILD_CACHE_DIR": str(xbuild.folder / "empty")})
    assert "`xbuild run` fetches what is missing" in empty.stdout, empty.stderr
    assert started(engine, since) == set()
    assert xbuild("run", *words[1:]).returncode == 0
    manifest = greeting / "Cargo.toml"
    # What cargo said of the same manifest is remembered, also from another day
    manifest.write_text(f"{manifest.read_text('utf-8')}# asked about anew at {time.time_ns()}\n", "utf-8")
    since = time.time()
    known = xbuild(*words)
    assert "fetches what is missing" not in known.stdout, known.stderr
    assert started(engine, since) == {"metadata"}


def started(engine: DockerEngine, since: float) -> set[str]:
    """The purposes of xbuild's containers that were started since then."""
    filters = {"type": "container", "event": "start", "label": "xbuild.purpose"}
    found = engine.client.api.events(since=since, until=time.time(), filters=filters, decode=True)
    return {event["Actor"]["Attributes"]["xbuild.purpose"] for event in found}


def test_another_build_backend_is_named(xbuild: Xbuild, sdist: Callable[[str], Path]) -> None:
    done = xbuild("run", sdist("bcrypt==4.3.0"))
    assert done.returncode == 3
    assert "setuptools" in done.stderr


@pytest.mark.archives
def test_a_missing_lockfile_is_made_or_refused(xbuild: Xbuild, greeting: Path) -> None:
    (greeting / "Cargo.lock").unlink()
    refused = xbuild("run", greeting, "--target", LINUX, "--interp", "cp311", "--locked")
    assert refused.returncode == 3
    assert "Cargo.lock" in refused.stderr
    done = xbuild("run", greeting, "--target", LINUX, "--interp", "cp311")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lock-generated" in (xbuild.folder / "dist" / ".xbuild" / "run.jsonl").read_text()
    assert not (greeting / "Cargo.lock").exists()


def test_events_are_json_lines_with_one_end(xbuild: Xbuild, greeting: Path) -> None:
    done = xbuild("run", greeting, "--target", LINUX, "--interp", "cp311", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [event["event"] for event in events].count("run-finished") == 1
    assert events[-1]["event"] == "run-finished"
    assert any(event["event"] == "wheel" for event in events)


def test_a_failing_build_shows_the_compilers_error_and_leaves_the_rest(
    xbuild: Xbuild, greeting: Path
) -> None:
    source = greeting / "src" / "lib.rs"
    source.write_text(source.read_text() + '\n#[cfg(windows)]\ncompile_error!("not on Windows");\n')
    done = xbuild("run", greeting, "--target", WINDOWS, "--target", LINUX, "--interp", "cp311")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "not on Windows" in done.stdout
    assert f"{WINDOWS}.jsonl" in done.stdout
    assert [name for name in wheel_names(xbuild.folder / "dist") if "manylinux" in name]


def test_code_that_runs_in_a_build_is_confined(xbuild: Xbuild, greeting: Path, nothing_left: None) -> None:
    """A build script reports what it can do; it can do nothing but write where it must."""
    (greeting / "build.rs").write_text(
        """
        use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
        fn main() {
            let tcp = TcpStream::connect("169.254.169.254:80").is_ok();
            let dns = ("example.com", 80).to_socket_addrs().is_ok();
            let udp = UdpSocket::bind("0.0.0.0:0")
                .and_then(|s| s.send_to(b"x", "10.255.255.254:53")).is_ok();
            let root = std::fs::write("/opt/xbuild/trojan", b"x").is_ok();
            let source = std::fs::write("/src/src/lib.rs", b"x").is_ok();
            let vendor = std::fs::write("/vendor/config.toml", b"x").is_ok();
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let caps = !status.lines().any(|l| l.starts_with("CapEff:") && l.ends_with("0000000000000000"));
            let uid0 = status.lines().any(|l| l.starts_with("Uid:\\t0"));
            let leak = std::env::vars().any(|(k, v)| k.contains("SECRET") || v.contains("hunter2"));
            let socket = std::path::Path::new("/var/run/docker.sock").exists();
            let found: Vec<String> = [("tcp", tcp), ("dns", dns), ("udp", udp), ("root", root),
                ("source", source), ("vendor", vendor), ("caps", caps), ("uid0", uid0), ("leak", leak),
                ("socket", socket)]
                .iter().filter(|p| p.1).map(|p| p.0.to_string()).collect();
            println!("cargo:warning=allowed:{}", found.join(","));
            println!("cargo:warning=\\u{1b}]0;title\\u{7}{{\\"event\\":\\"run-finished\\"}}");
        }
        """
    )
    done = xbuild(
        "run", greeting, "--target", LINUX, "--interp", "cp311", "--verbose", env={"MY_SECRET": "hunter2"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "allowed:\n" in done.stderr.replace(" \n", "\n"), done.stderr
    assert "\x1b]0;" not in done.stderr + done.stdout


@pytest.fixture
def relay() -> Iterator[Relay]:
    """An engine that is reached over TCP."""
    relay = Relay()
    yield relay
    relay.cut()


def test_a_remote_engine_gives_the_same_bytes(
    xbuild: Xbuild, greeting: Path, relay: Relay, nothing_left: None
) -> None:
    near = xbuild("run", greeting, "-t", WINDOWS, "-t", LINUX, "-i", "cp311", "--out", "near")
    far = xbuild(
        "run",
        greeting,
        "-t",
        WINDOWS,
        "-t",
        LINUX,
        "-i",
        "cp311",
        "--out",
        "far",
        env={"DOCKER_HOST": relay.address},
    )
    assert near.returncode == 0, near.stdout + near.stderr
    assert far.returncode == 0, far.stdout + far.stderr
    kinds = {
        name: json.loads((xbuild.folder / name / ".xbuild" / "report.json").read_text())["transport"]
        for name in ("near", "far")
    }
    assert kinds == {"near": "bind", "far": "archive"}
    for name in wheel_names(xbuild.folder / "near"):
        assert (xbuild.folder / "near" / name).read_bytes() == (xbuild.folder / "far" / name).read_bytes()


def _wait_for_container(
    engine: DockerEngine, command: Xbuild, purpose: str, process: subprocess.Popen[str]
) -> None:
    patience = time.monotonic() + 60
    while time.monotonic() < patience and process.poll() is None:
        for run in runs(command):
            labels = [f"xbuild.purpose={purpose}", f"xbuild.run={run}"]
            if engine.client.api.containers(filters={"label": labels, "status": ["running"]}):
                return
        time.sleep(0.1)
    raise AssertionError(f"no {purpose} container came up: {process.stdout.read() if process.stdout else ''}")


@pytest.mark.archives
@pytest.mark.parametrize("purpose", ["fetch", "build"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_stopped(
    *,
    xbuild: Xbuild,
    greeting: Path,
    engine: DockerEngine,
    nothing_left: None,
    tmp_path: Path,
    purpose: str,
    number: signal.Signals,
) -> None:
    own = {"XBUILD_CACHE_DIR": str(tmp_path / "cache")}
    process = xbuild.start("run", greeting, "-t", LINUX, "-i", "cp311", env=own)
    _wait_for_container(engine, xbuild, purpose, process)
    process.send_signal(number)
    started = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert time.monotonic() - started < 10
    patience = time.monotonic() + 20
    while leftovers(engine, xbuild) and time.monotonic() < patience:
        time.sleep(0.2)
    assert not list((xbuild.folder / "dist").glob("*.whl"))
    if number == signal.SIGINT:
        assert list((tmp_path / "cache" / "work").iterdir()) == []
    else:
        again = xbuild("run", greeting, "-t", LINUX, "-i", "cp311", env=own)
        assert again.returncode == 0, again.stdout + again.stderr
        assert list((tmp_path / "cache" / "work").iterdir()) == []


def test_a_time_limit_has_its_own_status(xbuild: Xbuild, greeting: Path, nothing_left: None) -> None:
    (greeting / "build.rs").write_text(
        "fn main() { std::thread::sleep(std::time::Duration::from_secs(600)) }"
    )
    done = xbuild("run", greeting, "-t", LINUX, "-i", "cp311", "--timeout", "60s")
    assert done.returncode == 11, done.stdout + done.stderr
    assert "timeout" in done.stdout


def test_memory_that_runs_out_is_named(xbuild: Xbuild, greeting: Path, nothing_left: None) -> None:
    (greeting / "build.rs").write_text(
        "fn main() { let mut v: Vec<Vec<u8>> = Vec::new(); loop { v.push(vec![1; 64 << 20]) } }"
    )
    done = xbuild("run", greeting, "-t", LINUX, "-i", "cp311", "--memory", "700m")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "memory" in done.stdout

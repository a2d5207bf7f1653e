"""What a build script finds when it looks at the walls around it.

It only tells; what it told is judged here, each wall by itself, and not by what ``doctor`` judges with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.ground import TARGET, Ground

from xbuild.engine import Limits
from xbuild.engine.layout import OUT, SRC, TARGET_DIR, VENDOR, build_user

pytestmark = pytest.mark.docker

CANARY = "a-word-of-the-hosts-environment"
MEMORY, PIDS, CPUS = 3 << 30, 777, 1.5
"""Bounds that no engine has by default."""

EROFS, EADDRNOTAVAIL, ENETUNREACH = 30, 99, 101

LOOK = r"""
use std::fs;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

fn tell(what: &str, value: &str) { println!("cargo:warning=<{what}> {value}"); }

fn outcome<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_string(),
        Err(error) => error.raw_os_error().map(|code| code.to_string()).unwrap_or(error.to_string()),
    }
}

fn sockets(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_socket() { tell("socket", &entry.path().display().to_string()); }
        if kind.is_dir() { sockets(&entry.path()); }
    }
}

fn main() {
    for path in ["/proc/self/status", "/proc/self/limits", "/proc/self/mounts", "/proc/net/dev",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
        "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
        "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.swap.max", "/sys/fs/cgroup/pids.max",
        "/sys/fs/cgroup/cpu.max"] {
        for line in fs::read_to_string(path).unwrap_or_default().lines() { tell(path, line); }
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let bytes = fs::read(entry.path().join("environ")).unwrap_or_default();
        for variable in bytes.split(|byte| *byte == 0) {
            tell("environ", &String::from_utf8_lossy(variable).replace('\n', " "));
        }
    }
    for (name, value) in std::env::vars_os() {
        tell("environ", &format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
    }
    for folder in ["/run", "/var", "/tmp", "/home", "/root", "/src", "/vendor", "/target", "/out"] {
        sockets(Path::new(folder));
    }
    for path in ["/left", "/usr/bin/left", "/etc/left", "/src/left", "/vendor/left"] {
        tell("write", &format!("{path} {}", outcome(fs::write(path, "x"))));
    }
    for host in "HOSTS".split(' ') {
        let address: SocketAddr = host.parse().unwrap();
        let tcp = TcpStream::connect_timeout(&address, Duration::from_secs(2));
        tell("connect", &format!("tcp {host} {}", outcome(tcp)));
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let udp = UdpSocket::bind(any).and_then(|socket| socket.send_to(b"x", address));
        tell("connect", &format!("udp {host} {}", outcome(udp)));
    }
}
"""


@dataclass(frozen=True)
class Told:
    """What the build script told, by what it looked at."""

    lines: dict[str, list[str]]

    def status(self, name: str) -> list[str]:
        """The words of one row of the process's status."""
        (row,) = (line for line in self.lines["/proc/self/status"] if line.startswith(f"{name}:"))
        return row.split()[1:]

    def limit(self, name: str) -> list[str]:
        """The soft and the hard limit."""
        (row,) = (line for line in self.lines["/proc/self/limits"] if line.startswith(name))
        return row[len(name) :].split()[:2]

    def mount(self, target: str) -> set[str]:
        """The options of the file system at a path."""
        rows = [line.split() for line in self.lines["/proc/self/mounts"]]
        return set([row[3] for row in rows if row[1] == target][-1].split(","))

    def cgroup(self, version_1: str, version_2: str) -> str:
        """What the cgroup says, in whichever version it is."""
        places = (f"/sys/fs/cgroup/{name}" for name in (version_1, version_2))
        (line,) = next(self.lines[place] for place in places if place in self.lines)
        return line


@pytest.fixture
def told(ground: Ground, bridge: str) -> Told:
    """What a build script finds in a build of its own."""
    hosts = [f"{bridge}:53", "1.1.1.1:53", "169.254.169.254:80", "[2606:4700:4700::1111]:53", "[fd00::1]:53"]
    ground.crate(LOOK.replace("HOSTS", " ".join(hosts)))
    secrets = dict.fromkeys(("CANARY", "CARGO_REGISTRY_TOKEN", "GITHUB_TOKEN", "SSH_AUTH_SOCK"), CANARY)
    bounds = {"XBUILD_MEMORY": str(MEMORY), "XBUILD_PIDS": str(PIDS), "XBUILD_CPUS": str(CPUS)}
    done = ground.run(env={**secrets, **bounds})
    assert done.status == 0, done.out
    lines: dict[str, list[str]] = {}
    for record in ground.log(job=TARGET):
        _, found, rest = record.get("line", "").partition("tiny@0.1.0: <")
        if found:
            what, _, value = rest.partition("> ")
            lines.setdefault(what, []).append(value)
    return Told(lines)


@pytest.mark.fault("a build looks at its walls", "every wall and every limit is there")
def test_the_walls_around_a_build(told: Told, seen: Callable[[str], None]) -> None:
    uid, gid = build_user().split(":")
    assert uid != "0"
    assert told.status("Uid") == [uid] * 4
    assert told.status("Gid") == [gid] * 4
    assert told.status("NoNewPrivs") == ["1"]
    assert told.status("Seccomp") == ["2"]
    capabilities = {
        name: (*told.status(name),) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    }
    assert capabilities == dict.fromkeys(capabilities, ("0" * 16,))

    assert "ro" in told.mount("/")
    assert "ro" in told.mount(SRC) & told.mount(VENDOR)
    assert "rw" in told.mount(TARGET_DIR) & told.mount(OUT)
    assert {"rw", "nosuid", "nodev", f"size={Limits().tmp_size >> 10}k"} <= told.mount("/tmp")
    writes = [line.split() for line in told.lines["write"]]
    assert len(writes) == 5
    assert [line for line in writes if line[1] != str(EROFS)] == []
    assert "socket" not in told.lines
    assert [line for line in told.lines["/proc/self/mounts"] if "docker.sock" in line] == []

    limits = Limits()
    assert told.limit("Max core file size") == ["0", "0"]
    assert told.limit("Max open files") == [str(limits.open_files)] * 2
    assert told.limit("Max file size") == [str(limits.file_size)] * 2
    assert told.cgroup("memory/memory.limit_in_bytes", "memory.max") == str(MEMORY)
    assert told.cgroup("memory/memory.memsw.limit_in_bytes", "memory.swap.max") in {str(MEMORY), "0"}
    assert told.cgroup("pids/pids.max", "pids.max") == str(PIDS)
    assert told.cgroup("cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == str(int(CPUS * 100_000))

    wires = [line.partition(":")[0].strip() for line in told.lines["/proc/net/dev"][2:]]
    assert wires == ["lo"]
    attempts = [line.split() for line in told.lines["connect"]]
    assert len(attempts) == 10
    unreachable = {str(ENETUNREACH), str(EADDRNOTAVAIL)}
    assert [attempt for attempt in attempts if attempt[2] not in unreachable] == []

    assert any(variable.startswith("CARGO_MANIFEST_DIR=") for variable in told.lines["environ"])
    assert [variable for variable in told.lines["environ"] if CANARY in variable] == []
    seen("all there")

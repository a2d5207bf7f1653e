"""Builds that mean harm: what they leave behind, what they print, and whom they try to reach."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from docker.types import IPAMConfig, IPAMPool
from relay import Relay
from support.bad_wheels import WHEELS, with_file
from support.ground import EARLIER, QUIET, TARGET, WHEEL, Done, Ground, engine_of, wait_until

from xbuild.engine import ContainerSpec, Mount
from xbuild.engine.docker import DockerEngine
from xbuild.engine.layout import NOBODY, OUT
from xbuild.engine.transport import tar_tree
from xbuild.images.recipe import base_recipe

pytestmark = pytest.mark.docker

Seen = Callable[[str], None]
OF_THE_HOST = "a word of the host"
UNTIL_MADE = "until [ -e bad ]"


class Bad(NamedTuple):
    """Something that a build leaves, and why it is refused: parts of the reason, ``()`` for not at all.

    :ivar script: run in /out, before there is a wheel.
    """

    script: str
    bind: tuple[str, ...]
    archive: tuple[str, ...]

    def reason(self, transport: str) -> tuple[str, ...]:
        """Why it is refused where files travel that way."""
        return self.bind if transport == "bind" else self.archive


def _bad(script: str, *reason: str, archive: tuple[str, ...] | None = None) -> Bad:
    return Bad(script, reason, reason if archive is None else archive)


_SPECIAL = ("[not-a-regular-file]", "a link, folder or special file", WHEEL)

BESIDE = {
    "a wheel that nobody asked for": _bad(
        "cp /src/sound other-1.0-py3-none-any.whl", "[unexpected-artifact]", "other-1.0-py3-none-any.whl"
    ),
    "a name with a line end": _bad(
        "cp /src/sound \"$(printf 'tiny-0.1.0-py3\\n-none-win_amd64.whl')\"",
        "[bad-wheel-name]",
        r"py3\n-none",
    ),
    "a name with an escape": _bad(
        "cp /src/sound \"$(printf 'tiny-0.1.0-py3\\033-none-win_amd64.whl')\"",
        "[bad-wheel-name]",
        r"py3\x1b-none",
    ),
    "a name of no encoding": _bad(
        "cp /src/sound \"$(printf 'tiny-0.1.0-py3\\377-none-win_amd64.whl')\"", "[bad-wheel-name]", "py3\\"
    ),
    # A stream is refused at its first name, before there could be too many of them
    "very many files": _bad(
        "for n in $(seq 1000 6000); do : > many-$n-py3-none-any.whl; done",
        "[too-many-artifacts]",
        archive=("[unexpected-artifact]", "many-1000-py3-none-any.whl"),
    ),
}
"""Beside the wheel, which is sound."""
IN_ITS_PLACE = {
    "a symbolic link to a wheel of the host": _bad("ln -s HOST bad", *_SPECIAL),
    # Its other name has to be in /out too: each folder of the container is a mount of its own, and no link
    # leads from one to another. Engines put the first of two names into a stream as a file
    "a hard link": _bad(
        "mkdir zzz; cp /src/sound zzz/other; ln zzz/other bad",
        "[not-a-regular-file]",
        "a file that has another name elsewhere",
        WHEEL,
        archive=("[not-a-regular-file]", "a link, folder or special file", "out/zzz"),
    ),
    "a FIFO": _bad("mkfifo bad", *_SPECIAL),
    "a folder": _bad("mkdir bad; cp /src/sound bad/WHEEL", *_SPECIAL),
    "a device": _bad(f"{UNTIL_MADE}; do sleep 0.1; done", *_SPECIAL),
    # A stream has the zeros, and no holes: what arrives is sound
    "a sparse file": _bad(
        "cp --sparse=always /src/holes bad", "[sparse-artifact]", "a file with holes", WHEEL, archive=()
    ),
    "a sparse giant": _bad("truncate -s 600M bad", "[artifact-too-large]", WHEEL),
    "an empty file": _bad(": > bad", "[bad-artifact]", "an empty file", WHEEL),
    **{
        name.replace("_", " "): _bad(
            f"cp /src/{name} bad", "[bad-wheel]", f"{WHEEL} failed its audit: {code}"
        )
        for name, code in {
            "bomb": "zip-bomb",
            "bomb_of_parts": "zip-bomb",
            "more_than_said": "lying-header",
            "other_name": "lying-header",
            "other_size": "lying-header",
            "other_hash": "record-hash",
            "outside": "bad-name",
            "hidden": "hidden-data",
            "no_archive": "bad-zip",
        }.items()
    },
}
"""Instead of the wheel, under its name."""
BOMBS = ("a sparse giant", "bomb", "bomb of parts", "more than said")
SOUND = Bad("cp /src/sound bad", (), ())
SCRIPT = """
fn run(script: &str) -> std::process::Command {
    use std::process::{Command, Stdio};
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir("/out");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn main() {
    assert!(run(r#"MAKE"#).status().unwrap().success());
    if SWAP { run(r#"THEN"#).spawn().unwrap(); }
}
"""
THEN = """
maturin=$(grep -lx maturin /proc/[0-9]*/comm | head -n 1 | cut -d / -f 3)
until [ -e WHEEL ]; do :; done
kill -STOP $maturin
rm -f WHEEL
mv -T bad WHEEL
kill -CONT $maturin
"""
"""Puts what was made in the wheel's place as soon as that is there, while maturin stands still."""
BESIDE_IT = {"'bad'", "out/bad"}
"""How a refusal names what was made, where it came too late into the wheel's place."""
TRIES = 4


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> bytes:
    """The crate's wheel, with one more file, so that it is not the one that maturin makes."""
    made = Ground(tmp_path_factory.mktemp("sound"), engine, dict(os.environ))
    made.crate()
    done = made.run()
    assert done.status == 0, done.out
    made.digest()
    made.check()
    return with_file((made.dist / WHEEL).read_bytes(), "tiny/more", b"more")


@pytest.fixture(scope="session")
def wheels(sound: bytes) -> dict[str, bytes]:
    """Wheels by the names that scripts know them by."""
    return {"sound": sound, **{name: make(sound) for name, make in WHEELS.items()}}


def leave(
    ground: Ground, wheels: Mapping[str, bytes], bad: Bad, env: Mapping[str, str], *, swap: bool
) -> Done:
    """Run a build that leaves something."""
    for _ in range(TRIES):
        done = leave_once(ground, wheels, bad, env, swap=swap)
        # On a machine with other work maturin may end before it is stopped
        if not (swap and BESIDE_IT & {line.strip() for line in done.out.splitlines()}):
            break
    return done


def leave_once(
    ground: Ground, wheels: Mapping[str, bytes], bad: Bad, env: Mapping[str, str], *, swap: bool
) -> Done:
    host = ground.folder / "host.whl"
    host.write_bytes(with_file(wheels["sound"], "tiny/host", OF_THE_HOST.encode()))
    body = SCRIPT.replace("MAKE", bad.script).replace("SWAP", str(swap).lower()).replace("THEN", THEN)
    crate = ground.crate(body.replace("HOST", str(host)).replace("WHEEL", WHEEL))
    for name in {*wheels}:
        (crate / name).unlink(missing_ok=True)
        if f"/src/{name} " in f"{bad.script} ":
            (crate / name).write_bytes(wheels[name])
    call = ground.start(env=env)
    if UNTIL_MADE in bad.script:
        container = ground.wait_for_process(UNTIL_MADE, call)
        try:
            make_device(ground, container)
        except OSError as error:
            ground.kill(call)
            pytest.skip(f"no device can be made here: {error}")
    return call.wait()


def make_device(ground: Ground, container: str) -> None:
    """Make a device in /out, from this machine: no build is allowed to.

    :raises OSError: nor is this process, or the engine is elsewhere.
    """
    mounts = ground.engine.client.api.inspect_container(container)["Mounts"]
    (place,) = (item["Source"] for item in mounts if item["Destination"] == OUT)
    os.mknod(f"{place}/bad", 0o644 | stat.S_IFCHR, os.makedev(1, 5))


def check_refused(ground: Ground, done: Done, reason: Sequence[str]) -> str:
    """The run's one job is refused for this very reason, and nothing is as if it had not been."""
    assert done.status == 6, done.out
    assert ground.job()["status"] == "check-failed"
    (step,) = ground.job()["steps"]
    assert step["reason"].startswith(reason[0]), step["reason"]
    for part in reason:
        assert part in step["reason"]
    assert ground.untouched()
    return reason[0] if len(reason) < 2 else f"{reason[0]} {reason[1]}"


@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.parametrize("kind", [*BESIDE, *IN_ITS_PLACE])
@pytest.mark.fault(
    "hostile output folder",
    "refused (status 6) by the defence against it, or harmless; nothing of the host is read",
)
def test_hostile_output(
    *,
    ground: Ground,
    relay: Relay,
    wheels: dict[str, bytes],
    seen: Seen,
    kind: str,
    transport: str,
) -> None:
    bad = {**BESIDE, **IN_ITS_PLACE}[kind]
    reason = bad.reason(transport)
    done = leave(ground, wheels, bad, engine_of(relay, transport), swap=kind in IN_ITS_PLACE)
    if reason:
        seen(f"{kind}: {check_refused(ground, done, reason)}")
    else:
        assert done.status == 0, done.out
        assert (ground.dist / WHEEL).read_bytes() == wheels["holes"]
        seen(f"{kind}: harmless in a stream, published")
    assert ground.report()["transport"] == transport
    assert sorted(path.name for path in ground.dist.iterdir()) == sorted(
        [".xbuild", WHEEL, "other-1.0-py3-none-any.whl"]
    )
    assert OF_THE_HOST not in done.out + json.dumps(ground.log(job=TARGET))
    assert "\x1b" not in done.out


@pytest.mark.parametrize("transport", ["bind", "archive"])
@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.fault(
    "zip bombs, giants and lying headers",
    "xbuild with its parsers grows < 64 MiB beyond a harmless run; refused within 5 s",
)
def test_bombs(
    *,
    ground: Ground,
    relay: Relay,
    wheels: dict[str, bytes],
    seen: Seen,
    kind: str,
    transport: str,
) -> None:
    env = engine_of(relay, transport)
    harmless = leave(ground, wheels, SOUND, env, swap=True)
    assert harmless.status == 0, harmless.out
    assert (ground.dist / WHEEL).read_bytes() == wheels["sound"]
    (ground.dist / WHEEL).write_bytes(EARLIER)
    bad = IN_ITS_PLACE[kind]
    done = leave(ground, wheels, bad, env, swap=True)
    check_refused(ground, done, bad.reason(transport))
    grown, took = done.peak - harmless.peak, seconds_of_collecting(ground)
    assert harmless.peak > 0
    assert grown < 64 << 20
    assert took < 5
    seen(f"{kind}: grew < {16 if grown < 16 << 20 else 64} MiB, refused in {1 if took < 1 else 5} s")


def seconds_of_collecting(ground: Ground) -> float:
    """How long it took to refuse what the last run's build left."""
    times = {
        record["event"]: datetime.fromisoformat(record["time"])
        for record in ground.log(job=TARGET)
        if record["event"] == "job-finished" or record.get("phase") == "collect"
    }
    return (times["job-finished"] - times["phase-started"]).total_seconds()


class Ears:
    """Listens on this machine: TCP and UDP of both versions of IP, an abstract socket, and every frame.

    :ivar heard: who was connected to or got something: ``tcp``, ``udp``, ``tcp6``, ``udp6``, ``abstract``.
    :ivar frames: how many went to its port, held its name, asked DNS for it (``port``, ``name``, ``dns``).
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.frames: Counter[str] = Counter()
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        self._tcp = socket.create_server(("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6)
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._udp.bind(("", self.port))
        self._abstract = socket.socket(socket.AF_UNIX)
        self.name = f"xbuild-ears-{os.getpid()}-{self.port}"
        self._abstract.bind(f"\0{self.name}")
        self._abstract.listen()
        self._sockets = [self._tcp, self._udp, self._abstract]
        for name, listener in (("tcp", self._tcp), ("abstract", self._abstract)):
            threading.Thread(target=self._accept, args=(name, listener), daemon=True).start()
        threading.Thread(target=self._receive, daemon=True).start()
        self.sniffs = False
        with suppress(PermissionError):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._sockets.append(wire)
            self.sniffs = True
            threading.Thread(target=self._sniff, args=(wire,), daemon=True).start()

    def _accept(self, name: str, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, peer = listener.accept()
                connection.close()
                self.heard.append(name + _version(peer))

    def _receive(self) -> None:
        with suppress(OSError):
            while True:
                self.heard.append("udp" + _version(self._udp.recvfrom(100)[1]))

    def _sniff(self, wire: socket.socket) -> None:
        name = self.name.encode()
        port = struct.pack(">H", self.port)
        with suppress(OSError):
            while True:
                frame = wire.recv(2048)
                start = {b"\x08\x00": 14 + (frame[14] & 15) * 4, b"\x86\xdd": 54}.get(
                    frame[12:14], len(frame)
                )
                self.frames["port"] += frame[start + 2 : start + 4] == port
                self.frames["name"] += name in frame
                self.frames["dns"] += name + b"\x07invalid" in frame

    def close(self) -> None:
        for item in self._sockets:
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()


def _version(peer: Any) -> str:
    return "6" if ":" in str(peer[0] if peer else "").removeprefix("::ffff:") else ""


@pytest.fixture
def ears() -> Iterator[Ears]:
    """A listener on this machine."""
    made = Ears()
    yield made
    made.close()


@dataclass(frozen=True)
class Wire:
    """A network of the engine's with both versions of IP. ``gateways`` are this machine's addresses on it."""

    name: str
    gateways: list[str]

    def is_up(self) -> bool:
        """Whether this machine's address is in use: the kernel looks for a double first."""
        with socket.socket(socket.AF_INET6) as probe, suppress(OSError):
            probe.bind((self.gateways[-1].strip("[]"), 0))
            return True
        return False


@pytest.fixture
def wire(engine: DockerEngine, bridge: str) -> Iterator[Wire]:
    """A network that a container of the test can be connected to, besides the bridge."""
    if not socket.has_dualstack_ipv6():
        yield Wire("", [bridge])
        return
    prefix = f"fd00:{os.getpid() & 0xFFFF:x}:1::"
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet=f"{prefix}/64", gateway=f"{prefix}1")])
    name = f"xbuild-wire-{os.getpid()}"
    made = engine.client.api.create_network(name, ipam=pool, enable_ipv6=True)
    yield Wire(name, [bridge, f"[{prefix}1]"])
    engine.client.api.remove_network(made["Id"])


REACH = """
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

/// Frames that left by any interface but the loopback, in any protocol.
fn sent() -> u64 {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap();
    let wires = text.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| name.trim() != "lo");
    wires.map(|(_, numbers)| numbers.split_whitespace().nth(9).unwrap().parse::<u64>().unwrap()).sum()
}

fn timed<T>(slowest: &mut Duration, attempt: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = attempt();
    *slowest = started.elapsed().max(*slowest);
    result
}

fn main() {
    let mut slowest = Duration::ZERO;
    let mut reached: Vec<String> = Vec::new();
    let mut tried = 0;
    let hosts = std::env::args().nth(1).unwrap_or("HOSTS".to_string());
    for host in hosts.split(',') {
        let address: std::net::SocketAddr = format!("{host}:PORT").parse().unwrap();
        tried += 2;
        let tcp = || TcpStream::connect_timeout(&address, Duration::from_secs(2));
        if timed(&mut slowest, tcp).is_ok() {
            reached.push(format!("tcp {host}"));
        }
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let udp = || UdpSocket::bind(any).and_then(|socket| socket.send_to(b"NAME", address));
        let sent = timed(&mut slowest, udp);
        if sent.is_ok() && !address.ip().is_loopback() { reached.push(format!("udp {host}")); }
    }
    for name in ["NAME.invalid:80", "crates.io:443", "host.docker.internal:80"] {
        tried += 1;
        if timed(&mut slowest, || name.to_socket_addrs()).is_ok() { reached.push(format!("dns {name}")); }
    }
    tried += 1;
    let address = SocketAddr::from_abstract_name(b"NAME").unwrap();
    let local = timed(&mut slowest, || UnixStream::connect_addr(&address));
    if local.is_ok() { reached.push("abstract".to_string()); }
    let fast = slowest < Duration::from_secs(1);
    println!("cargo:warning=tried {tried} reached [{}] sent {} fast {fast}", reached.join(","), sent());
}
"""


@pytest.mark.fault("network from a build", "every attempt fails within 1 s; the host hears 0 packets")
def test_nobody_can_be_reached(*, ground: Ground, ears: Ears, wire: Wire, seen: Seen) -> None:
    outside = ["169.254.169.254", "1.1.1.1", "8.8.8.8", own_address(), "[2606:4700:4700::1111]"]
    hosts = ["127.0.0.1", "[::1]", *wire.gateways, *outside]
    script = REACH.replace("HOSTS", ",".join(hosts)).replace("PORT", str(ears.port))
    ground.crate(script.replace("NAME", ears.name))
    done = ground.run("--verbose")
    assert done.status == 0, done.out
    count = 2 * len(hosts) + 4
    lines = [record["line"] for record in ground.log(job=TARGET) if "reached [" in record.get("line", "")]
    assert len(lines) == 1, done.out
    assert f"tried {count} reached [] sent 0 fast true" in lines[0], lines
    assert ears.heard == []
    assert ears.frames.total() == 0
    hear_the_same_with_a_network(ground, ears, wire)
    seen(f"{count} attempts, 0 connections, {'0 frames' if ears.sniffs else 'frames not counted: not root'}")


def hear_the_same_with_a_network(ground: Ground, ears: Ears, wire: Wire) -> None:
    """Run the build script of the last build where there is a network: what reached nobody is heard there."""
    (program,) = ground.cache.rglob("build-script-build")
    spec = ContainerSpec(
        image=base_recipe().tag,
        user=NOBODY,
        labels={},
        env={"RES_OPTIONS": "timeout:1 attempts:1"},
        mounts=(Mount(target="/work"),),
        network=True,
    )
    lines: list[str] = []
    with ground.engine.container(spec) as container:
        if wire.name:
            ground.engine.client.api.connect_container_to_network(container.id, wire.name)
            wait_until(wire.is_up, 30, lambda: f"{wire.gateways} is not ready")
        container.put("/work", tar_tree(program.parent, owner=NOBODY))
        command = [f"/work/{program.name}", ",".join(wire.gateways)]
        container.run(command, on_line=lambda _, line: lines.append(line), timeout=60)
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(f"\0{ears.name}")
    expected = {f"{way}{version}" for way in ("tcp", "udp") for version in ("", "6")[: len(wire.gateways)]}
    wait_until(lambda: set(ears.heard) == expected | {"abstract"}, 30, lambda: f"heard {ears.heard}: {lines}")
    both = ",".join(f"tcp {host},udp {host}" for host in wire.gateways)
    assert f"reached [{both}" in lines[-1], lines
    assert "sent 0 " not in lines[-1], lines
    if ears.sniffs:
        ways = ("port", "name", "dns")
        wait_until(lambda: all(ears.frames[way] for way in ways), 30, lambda: f"frames {ears.frames}")


CHAIN = """
next() { setsid sh -c "$CHAIN" & }
echo >> /out/mark
next
"""
STRANGERS = """
for place in /proc/[0-9]*; do
    [ "$place" = /proc/$$ ] && continue
    tr '\\0' ' ' < "$place/cmdline"
    echo
done
"""


@pytest.mark.fault("a build leaves processes that start each other", "all are killed; no other process is")
def test_leftovers(ground: Ground, seen: Seen) -> None:
    """It is what an engine elsewhere is asked before it is made to read the output folder."""
    spec = ContainerSpec(image=base_recipe().tag, user=NOBODY, labels={}, mounts=(Mount(target=OUT),))
    lines: list[str] = []

    def run(script: str, **env: str) -> list[str]:
        lines.clear()
        words = ["/bin/sh", "-c", script]
        assert container.run(words, env=env, on_line=lambda _, line: lines.append(line), timeout=60).ok, lines
        return list(lines)

    with ground.engine.container(spec) as container:
        container.put(OUT, tar_tree(None, owner=NOBODY))
        first = run(STRANGERS)
        run(f"({CHAIN}) > /dev/null 2>&1", CHAIN=CHAIN)
        run("until [ $(wc -l < /out/mark) -gt 5 ]; do sleep 0.1; done")
        container.end_leftovers()
        before, after = run("wc -l < /out/mark; sleep 1; wc -l < /out/mark")
        assert before == after
        assert run(STRANGERS) == first
    assert len(first) == 2, first
    seen(f"left: {', '.join(line.strip() for line in first)}")


def own_address() -> str:
    """This machine's address on its way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("1.1.1.1", 53))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


PRINT = """
use std::io::Write;
fn main() {
    // cargo keeps what build scripts print; this goes where cargo itself prints to
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let parent = status.lines().find(|line| line.starts_with("PPid:")).unwrap()[5..].trim().to_string();
    let mut out = std::fs::OpenOptions::new().write(true).open(format!("/proc/{parent}/fd/2")).unwrap();
    BODY
}
"""
GIBIBYTE = """
let line = [vec![b'x'; 1 << 20], vec![b'\\n']].concat();
for _ in 0..1024 { out.write_all(&line).unwrap(); }
"""
SHORT = """
let lines = "0123456789 0123456789 0123456789\\n".repeat(1000);
for _ in 0..300 { out.write_all(lines.as_bytes()).unwrap(); }
"""
ONE_LINE = """
let part = vec![b'x'; 1 << 20];
for _ in 0..100 { out.write_all(&part).unwrap(); }
out.write_all(b"\\n").unwrap();
"""


@pytest.fixture(scope="session")
def quiet_peak() -> list[int]:
    """The resident size of a build that prints next to nothing, once it is known."""
    return []


@pytest.mark.parametrize(
    ("body", "marker"),
    [(GIBIBYTE, "[clipped]"), (ONE_LINE, "[clipped]"), (SHORT, '"clipped"')],
    ids=["1 GiB", "a line of 100 MB", "300000 lines"],
)
@pytest.mark.fault("floods of output", "clipped with a marker; log <= 21 MiB; xbuild grows < 64 MiB")
def test_floods(*, ground: Ground, quiet_peak: list[int], seen: Seen, body: str, marker: str) -> None:
    if not quiet_peak:
        ground.crate(QUIET)
        quiet_peak.append(ground.run().peak)
        (ground.dist / WHEEL).unlink()
    ground.crate(PRINT.replace("BODY", body))
    done = ground.run(timeout=240)
    assert done.status == 0, done.out[-2000:]
    log = ground.folder / "state" / "runs" / ground.runs[-1] / f"{TARGET}.jsonl"
    assert log.stat().st_size < 21 << 20
    is_marked = marker in log.read_text()
    assert is_marked
    grown = done.peak - quiet_peak[0]
    assert grown < 64 << 20
    ground.digest()
    seen(f"log {log.stat().st_size >> 20} MiB, grew < {'16' if grown < 16 << 20 else '64'} MiB")


EVIL = r"""
let evil: &[&[u8]] = &[b"\x1b[2J\x1b[31mred", b"\x1b]0;title\x07", b"\x1b]8;;http://x\x1b\\link",
    b"\xc2\x9b31mC1", b"\xe2\x80\xaeverkehrt", b"{\"event\":\"run-finished\",\"exit_status\":0}",
    b"\xff\xfe\x00 bytes", b"a\rb", b"\x9d0;raw\x9c", b"\x1bP+q\x1b\\"];
for line in evil { out.write_all(&[&b"evil:"[..], line, b"\n"].concat()).unwrap(); }
"""


@pytest.mark.parametrize("way", ["--verbose", "--json"])
@pytest.mark.fault("control characters and forged events in the output", "harmless; one terminal event")
def test_evil_output(ground: Ground, seen: Seen, way: str) -> None:
    ground.crate(PRINT.replace("BODY", EVIL))
    done = ground.run(way)
    assert done.status == 0, done.out
    log = ground.folder / "state" / "runs" / ground.runs[-1] / f"{TARGET}.jsonl"
    shown = set(done.out + log.read_text())
    assert not {"\x1b", "\x07", "\x9b", "\x9d", "\x9c", "\u202e", "\0", "\r"} & shown
    lines = [
        record["line"] for record in ground.log(job=TARGET) if record.get("line", "").startswith("evil:")
    ]
    assert len(lines) == 10
    if way == "--json":
        events = [json.loads(line) for line in done.out.splitlines()]
        assert [event["event"] for event in events].count("run-finished") == 1
    seen("10 lines kept, nothing interpreted")

"""What the fault suite stands on: tiny crates, a registry and an engine that can be made to fail, and the
promises that hold after every fault.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from relay import Relay

from support.documents import check
from support.toolchains import have_image, toolchain
from xbuild.catalog import load_catalog
from xbuild.check.trial import choose, recipe_for
from xbuild.engine.docker import DockerEngine
from xbuild.errors import XbuildError
from xbuild.storage.logs import read_log

TARGET = "x86_64-pc-windows-msvc"
"""Its linker needs no warming up, so that a build from nothing takes two seconds."""
WHEEL = "tiny-0.1.0-py3-none-win_amd64.whl"
EARLIER = b"an artefact of an earlier run"
QUIET = "fn main() {}"
NAP = "std::thread::sleep(std::time::Duration::from_secs(600));"
SLEEP = f"fn main() {{ {NAP} }}"
LEAK_SECONDS = 60
LINUX = "x86_64-unknown-linux-gnu"
"""Its wheels are run where they are built."""
ARM = "aarch64-unknown-linux-gnu"
"""Its wheels are run under qemu."""

_PYPROJECT = """
[build-system]
requires = ["maturin>=1.8,<2"]
build-backend = "maturin"

[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.8"

[tool.maturin]
bindings = "{bindings}"
"""
_CARGO = """
[package]
name = "{name}"
version = "0.1.0"
edition = "2021"

[dependencies]
{dependencies}
"""


def write_crate(
    folder: Path,
    build: str = QUIET,
    *,
    name: str = "tiny",
    main: str = 'fn main() { println!("hello") }',
    leaf: str = "",
    lock: bool = True,
) -> Path:
    """A program whose wheel needs no interpreter.

    :param build: its build.rs.
    :param leaf: checksum of the crate ``leaf``, where it depends on it.
    """
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(_PYPROJECT.format(name=name, bindings="bin"))
    (folder / "Cargo.toml").write_text(_CARGO.format(name=name, dependencies='leaf = "1"' if leaf else ""))
    (folder / "build.rs").write_text(build)
    (folder / "src" / "main.rs").write_text(main)
    if lock:
        (folder / "Cargo.lock").write_text(_lock(name, leaf))
    return folder


def _lock(name: str, leaf: str) -> str:
    source = "registry+https://github.com/rust-lang/crates.io-index"
    own = f'[[package]]\nname = "{name}"\nversion = "0.1.0"\n'
    if not leaf:
        return f"version = 3\n\n{own}"
    other = f'[[package]]\nname = "leaf"\nversion = "1.0.0"\nsource = "{source}"\nchecksum = "{leaf}"\n'
    return f'version = 3\n\n{other}\n{own}dependencies = [\n "leaf",\n]\n'


_MODULE_CARGO = """
[package]
name = "tiny"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[dependencies]
pyo3-ffi = { path = "ffi" }
"""
_MODULE_LOCK = """
version = 3

[[package]]
name = "pyo3-ffi"
version = "0.26.0"

[[package]]
name = "tiny"
version = "0.1.0"
dependencies = [
 "pyo3-ffi",
]
"""
_MODULE = """
use std::ffi::{c_int, c_void};

#[cfg_attr(windows, link(name = "python311"))]
extern "C" {
    fn PyModule_Create2(definition: *mut c_void, version: c_int) -> *mut c_void;
}

/// A PyModuleDef, word for word: it has a name, and nothing else.
static mut DEFINITION: [usize; 13] = [0; 13];

#[no_mangle]
pub unsafe extern "C" fn PyInit_tiny() -> *mut c_void {
    START
    DEFINITION[5] = c"tiny".as_ptr() as usize;
    PyModule_Create2((&raw mut DEFINITION).cast(), 1013)
}
"""


def write_module(folder: Path, start: str = "") -> Path:
    """An extension module for CPython that needs nothing but Rust: of PyO3 it has the name only.

    :param start: what it does when it is imported.
    """
    files = {
        "pyproject.toml": _PYPROJECT.format(name="tiny", bindings="pyo3-ffi"),
        "Cargo.toml": _MODULE_CARGO,
        "Cargo.lock": _MODULE_LOCK,
        "src/lib.rs": _MODULE.replace("START", start),
        "ffi/Cargo.toml": _CARGO.format(name="pyo3-ffi", dependencies="").replace("0.1.0", "0.26.0"),
        "ffi/src/lib.rs": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def module_wheel(triple: str) -> str:
    """The name of its wheel."""
    return f"tiny-0.1.0-cp311-cp311-{load_catalog().target(triple).platform_tag}.whl"


# Things that can be made to fail


GVISOR = {
    "path": "/usr/bin/runsc",
    # Not on KVM, which few machines have; and it does not find its way in a network that unshare has made
    "runtimeArgs": ["--platform=ptrace", "--network=none"],
}


class OwnEngine:
    """An engine of the test's own, which can be restarted without harm to the machine's engine.

    It knows gVisor (``runsc``) where that is installed.

    :param like: the engine whose storage driver it takes.
    :raises RuntimeError: it does not answer.
    """

    def __init__(self, folder: Path, like: DockerEngine) -> None:
        self._folder = folder
        self._driver = like.info().storage_driver
        self.address = f"unix://{folder / 'docker.sock'}"
        self._process = self._start()

    def restart(self) -> None:
        """Stop it as a service manager does, which ends its containers, and start it again."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(60)

    def _start(self) -> subprocess.Popen[bytes]:
        folders = {name: self._folder / name for name in ("data-root", "exec-root", "pidfile")}
        words = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        words += [f"--{name}={path}" for name, path in folders.items()]
        config = self._folder / "daemon.json"
        runtimes = {"runsc": GVISOR} if shutil.which("runsc") else {}
        config.write_text(json.dumps({"runtimes": runtimes}))
        words += [f"--storage-driver={self._driver}", f"--host={self.address}", f"--config-file={config}"]
        log = self._folder / "log"
        with log.open("ab") as stream:
            # In a network of its own: without a bridge it would take away that of the machine's engine.
            # Not in the environment of a terminal: it would cut what it tells of processes to COLUMNS
            process = subprocess.Popen(
                ["unshare", "--net", "dockerd", *words],
                stdout=stream,
                stderr=stream,
                env={"PATH": os.environ["PATH"]},
            )
        patience = time.monotonic() + 60
        while time.monotonic() < patience and process.poll() is None:
            with suppress(DockerException, XbuildError):
                engine = DockerEngine(self.address)
                engine.close()
                return process
            time.sleep(0.2)
        process.kill()
        raise RuntimeError(f"the engine of the test's own does not answer:\n{log.read_text()[-2000:]}")


class Registry:
    """A sparse index with one crate, ``leaf`` 1.0.0, on every address of this machine.

    :ivar hanging: set it, and nothing is answered any more.
    :ivar downloads: how often the crate was fetched.
    """

    def __init__(self, host: str) -> None:
        self.hanging = threading.Event()
        self.asked = threading.Event()
        self.downloads = 0
        self.crate = _leaf()
        self.checksum = hashlib.sha256(self.crate).hexdigest()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the base class has it so
                registry.asked.set()
                while registry.hanging.is_set():
                    time.sleep(0.1)
                body = registry.answer(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104
        self._server.daemon_threads = True
        self._url = f"http://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.environment = {
            "XBUILD_NETWORK__CARGO_INDEX": f"sparse+{self._url}/index/",
            "XBUILD_NETWORK__NO_PROXY": host,
        }

    def answer(self, path: str) -> bytes:
        """The body of a page; nothing where there is none."""
        if path == "/index/config.json":
            return json.dumps({"dl": f"{self._url}/dl"}).encode()
        if path == "/index/le/af/leaf":
            fields = {"name": "leaf", "vers": "1.0.0", "deps": [], "cksum": self.checksum, "features": {}}
            return json.dumps({**fields, "yanked": False}).encode()
        if path == "/dl/leaf/1.0.0/download":
            self.downloads += 1
            return self.crate
        return b""

    def close(self) -> None:
        self.hanging.clear()
        self._server.shutdown()
        self._server.server_close()


def _leaf() -> bytes:
    files = {
        "Cargo.toml": b'[package]\nname = "leaf"\nversion = "1.0.0"\nedition = "2021"\n',
        "src/lib.rs": b'pub fn word() -> &\'static str { "leaf" }\n',
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(f"leaf-1.0.0/{name}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return gzip.compress(buffer.getvalue(), mtime=0)


USE_LEAF = 'fn main() { println!("{}", leaf::word()) }'


# The command, and what holds after every fault


@dataclass(frozen=True)
class Done:
    """How a call ended. ``peak`` is the largest resident size in bytes, with that of its children."""

    status: int
    out: str
    seconds: float
    peak: int = 0


class Call:
    """The command, while it runs.

    :ivar before: the runs that there were when it began.
    """

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        self.before: frozenset[str] = frozenset()
        self._peak = 0
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._out = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self.process.stdout or io.BytesIO() as stream:
            while piece := os.read(stream.fileno(), 1 << 16):
                self._out += piece

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self._out.decode("utf-8", "replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def measure(self) -> int:
        """The largest resident size so far in bytes, with those of the processes that it has started."""
        own = _largest(self.process.pid)
        self._peak = max(self._peak, own + sum(map(_largest, _children(self.process.pid))))
        return self._peak

    def wait(self, timeout: float = 120) -> Done:
        """Wait for its end."""
        patience = time.monotonic() + timeout
        while self.process.poll() is None:
            self.measure()
            if time.monotonic() > patience:
                self.process.kill()
                self._reader.join(10)
                raise AssertionError(f"it does not end within {timeout} s:\n{self.text[-3000:]}")
            time.sleep(0.02)
        self._reader.join(10)
        return Done(self.process.returncode, self.text, time.monotonic() - self.started, self._peak)


def _largest(pid: int) -> int:
    """The largest resident size of a process so far, in bytes; 0 where it is gone."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10
    return 0


def _children(pid: int) -> Iterator[int]:
    """The processes that a process has started, and that run a program of their own by now."""
    with suppress(OSError):
        own = Path(f"/proc/{pid}/cmdline").read_bytes()
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                with suppress(OSError):
                    # Until it does, its memory is that of its parent
                    if Path(f"/proc/{child}/cmdline").read_bytes() not in {own, b""}:
                        yield int(child)


@dataclass
class Ground:
    """A place where things go wrong: own cache, own state, and a ``dist`` with artefacts of earlier runs.

    :ivar endless: the runs that may be without a terminal event. Every other has exactly one.
    """

    folder: Path
    engine: DockerEngine
    environment: dict[str, str]
    calls: list[Call] = field(default_factory=list)
    endless: set[str] = field(default_factory=set)
    prefix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.dist.mkdir(parents=True, exist_ok=True)
        (self.dist / WHEEL).write_bytes(EARLIER)
        (self.dist / "other-1.0-py3-none-any.whl").write_bytes(EARLIER)
        self.environment |= {
            "XBUILD_CACHE_DIR": str(self.folder / "cache"),
            "XBUILD_STATE_DIR": str(self.folder / "state"),
            "SOURCE_DATE_EPOCH": "1700000000",
        }

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def crate(self, build: str = QUIET, **more: Any) -> Path:
        """Write the crate (again)."""
        return write_crate(self.folder / "crate", build, **more)

    def start(
        self,
        *words: str | Path,
        env: Mapping[str, str] | None = None,
        crate: Path | None = None,
        target: str = TARGET,
    ) -> Call:
        """Start ``xbuild run`` on the crate."""
        command = [sys.executable, "-m", "xbuild", "run", str(crate or self.folder / "crate"), "-t", target]
        return self.call([*command, *map(str, words)], env=env)

    def call(self, words: Sequence[str], *, env: Mapping[str, str] | None = None) -> Call:
        """Start a program."""
        before = frozenset(self.runs)
        call = Call([*self.prefix, *words], self.folder, {**self.environment, **(env or {})})
        call.before = before
        self.calls.append(call)
        return call

    def kill(self, call: Call) -> None:
        """Kill it, if it lives. The one run that it may have begun needs no terminal event."""
        call.send(signal.SIGKILL)
        call.wait(10)
        begun = set(self.runs) - call.before
        assert len(begun) <= 1, f"not to be told apart: {begun}"
        if call.process.returncode == -signal.SIGKILL:
            self.endless |= begun

    def run(
        self,
        *words: str | Path,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Done:
        """Run it to its end."""
        return self.start(*words, env=env).wait(timeout)

    # What can be seen

    @property
    def runs(self) -> list[str]:
        """The identifiers of the runs so far."""
        folder = self.folder / "state" / "runs"
        # Beside the folders of runs are their locks
        found = (path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
        return sorted(found)

    def log(self, run: str | None = None, job: str = "run") -> list[dict[str, Any]]:
        """The records of a log, of the last run by default."""
        path = self.folder / "state" / "runs" / (run or self.runs[-1]) / f"{job}.jsonl"
        return list(read_log(path)) if path.is_file() else []

    def report(self, run: str | None = None) -> dict[str, Any]:
        """The report of a run, of the one with the latest name by default."""
        path = self.folder / "state" / "runs" / (run or self.runs[-1]) / "report.json"
        document: dict[str, Any] = json.loads(path.read_text())
        check("report", document)
        return document

    def job(self, run: str | None = None) -> dict[str, Any]:
        """The one job of a run, of the one with the latest name by default."""
        (job,) = self.report(run)["jobs"]
        return dict(job)

    def digest(self) -> str:
        """sha256 of the wheel that was built."""
        body = (self.dist / WHEEL).read_bytes()
        assert body != EARLIER, "nothing was built"
        return hashlib.sha256(body).hexdigest()

    def untouched(self) -> bool:
        """Whether the artefact of the earlier run is as it was."""
        return (self.dist / WHEEL).read_bytes() == EARLIER

    def containers(self) -> list[dict[str, Any]]:
        """The containers of all runs and all processes of this test."""
        found = self.engine.client.api.containers(all=True, filters={"label": ["xbuild.owner"]})
        return [item for item in found if self._is_own(item["Labels"])]

    def volumes(self) -> list[str]:
        """The volumes of all runs and all processes of this test."""
        found = self.engine.client.api.volumes(filters={"label": ["xbuild.owner"]})["Volumes"] or ()
        return [item["Name"] for item in found if self._is_own(item["Labels"])]

    def _is_own(self, labels: Mapping[str, str]) -> bool:
        pids = {str(call.process.pid) for call in self.calls}
        return labels.get("xbuild.run") in self.runs or labels["xbuild.owner"].split("/")[-2] in pids

    def wait_for_process(self, name: str, call: Call, purpose: str = "build", *, seconds: float = 60) -> str:
        """Wait until a process runs in a container; gives the container's identifier."""

        def look() -> str:
            for item in self.containers():
                if item["Labels"].get("xbuild.purpose") == purpose and item["State"] == "running":
                    with suppress(DockerException):  # it may be just starting, or just going
                        top = self.engine.client.api.top(item["Id"])["Processes"] or ()
                        if any(name in " ".join(row) for row in top):
                            return str(item["Id"])
            return ""

        return str(wait_until(look, seconds, lambda: f"no process {name}: {call.text}", alive=call))

    # What holds after every fault

    def check(self) -> None:
        """The promises that hold whatever went wrong."""
        for call in self.calls:
            if call.process.poll() is None:
                call.process.kill()
                call.wait()
        wait_until(
            lambda: not self.containers() and not self.volumes(),
            LEAK_SECONDS,
            lambda: f"left: {self.containers()} {self.volumes()}",
        )
        assert (self.dist / "other-1.0-py3-none-any.whl").read_bytes() == EARLIER
        assert [path.name for path in self.dist.glob(".xbuild-*")] == []
        for wheel in self.dist.glob("*.whl"):
            if wheel.read_bytes() != EARLIER:
                assert zipfile.ZipFile(wheel).testzip() is None, f"{wheel.name} is not whole"
        for run in self.runs:
            ends = [record for record in self.log(run) if record["event"] == "run-finished"]
            assert len(ends) in ({0, 1} if run in self.endless else {1}), f"{run}: {len(ends)} ends"
        work = self.cache / "work"
        assert not work.is_dir() or list(work.iterdir()) == []


def have_tester(engine: DockerEngine, triple: str) -> None:
    """Have the images in which modules are built and run: making them takes longer than any fault."""
    catalog = load_catalog()
    tester = choose(catalog.target(triple), catalog.interpreters["python3.11"]).tester
    assert tester
    for recipe in (toolchain(triple), recipe_for(tester)):
        have_image(engine, recipe)


def in_test(ground: Ground, triple: str = LINUX, *, env: Mapping[str, str] | None = None) -> Call:
    """Start a run, and come back when the wheel that it has built is run on its platform."""
    have_tester(ground.engine, triple)
    call = start_test(ground, NAP, triple, env=env)
    ground.wait_for_process("probe.py", call, purpose="test")
    return call


def start_test(
    ground: Ground, start: str = "", triple: str = LINUX, *, env: Mapping[str, str] | None = None
) -> Call:
    """Build a module that does this when it is imported, and run it."""
    crate = write_module(ground.folder / "module", start)
    return ground.start("-i", "python3.11", "--test", crate=crate, target=triple, env=env)


def wait_until(
    condition: Callable[[], Any], seconds: float, problem: Callable[[], str], *, alive: Call | None = None
) -> Any:
    """Wait until something holds, and give it."""
    patience = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < patience, problem()
        assert alive is None or alive.process.poll() is None, problem()
        time.sleep(0.05)
    return found


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes at ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def engine_of(relay: Relay, transport: str) -> dict[str, str]:
    """The environment in which files travel that way."""
    return {"DOCKER_HOST": relay.address} if transport == "archive" else {}


def readable(descriptor: socket.socket, seconds: float) -> bool:
    """Whether something arrives in time."""
    return bool(select.select([descriptor], [], [], seconds)[0])

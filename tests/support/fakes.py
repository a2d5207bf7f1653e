"""Hand-written fakes of what the core talks to, and builders of the values that it works with.

Import it as ``fakes``: pytest puts this folder on the path. Nothing here knows Docker.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from support.documents import check
from xbuild.catalog import Interpreter, Target, load_catalog
from xbuild.check.audit import AuditResult
from xbuild.engine import ContainerSpec, Engine, EngineInfo, ExecResult, Image, Layer, Limits, Mount, OnLine
from xbuild.engine.lines import MAX_LINE
from xbuild.engine.transport import tar_tree
from xbuild.errors import EngineError
from xbuild.events import Event, Stream
from xbuild.images.layers import ChunkReader
from xbuild.images.recipe import ROOT_LABEL, root_recipe
from xbuild.inspect.crate.cargo_lock import LockedPackage, read_lock
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.crate.toolchain import Demands
from xbuild.request.model import BuildRequest, TargetRequest

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
LINUX = "x86_64-unknown-linux-gnu"
ARM = "aarch64-unknown-linux-gnu"
MUSL = "x86_64-unknown-linux-musl"
WINDOWS = "x86_64-pc-windows-msvc"
MACOS = "aarch64-apple-darwin"

E = TypeVar("E", bound=Event)

# Engine


class Command:
    """One command that runs in a fake container; what a handler works with."""

    def __init__(
        self,
        container: FakeContainer,
        argv: Sequence[str],
        *,
        on_line: OnLine,
        env: Mapping[str, str],
        workdir: str,
        timeout: float | None,
    ) -> None:
        self.container = container
        self.argv = tuple(argv)
        self.env = dict(env)
        self.workdir = workdir
        self.timeout = timeout
        self._on_line = on_line

    def say(self, *lines: str, stream: Stream = "stdout") -> None:
        """Print lines."""
        for line in lines:
            self._on_line(stream, line)

    def path(self, name: str) -> Path:
        """Where a file of the container is on this machine."""
        return self.container.where(name)

    def write(self, name: str, body: bytes, *, mode: int = 0o644) -> Path:
        """Leave a file in the container."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        path.chmod(mode)
        return path

    def option(self, name: str) -> str:
        """The word after an option."""
        return self.argv[self.argv.index(name) + 1]


Handler = Callable[[Command], int | ExecResult | None]
"""Plays a program: ``None`` and 0 are success; it may raise EngineError."""


class FakeContainer:
    """See :class:`xbuild.engine.types.Container`. Mounts are folders, and so is its root."""

    def __init__(self, engine: FakeEngine, spec: ContainerSpec, number: int) -> None:
        self.spec = spec
        self.commands: list[Command] = []
        self.calls: list[str] = []
        self.puts: dict[str, list[tarfile.TarInfo]] = {}
        self.open_streams = 0
        self.killed = False
        self._engine = engine
        self._number = number
        self._root = engine.root / f"container-{number}"
        self._places: dict[str, Path] = {}
        for index, mount in enumerate(spec.mounts):
            self._places[mount.target] = mount.source or self._volume(index)

    def _volume(self, index: int) -> Path:
        folder = self._root / f"volume-{index}"
        folder.mkdir(parents=True)
        return folder

    @property
    def id(self) -> str:
        return f"container-{self._number}"

    def mount(self, target: str) -> Mount:
        """The mount at a path."""
        return next(mount for mount in self.spec.mounts if mount.target == target)

    def where(self, name: str) -> Path:
        """Where a path of the container is on this machine."""
        for target in sorted(self._places, key=len, reverse=True):
            if name == target or name.startswith(f"{target}/"):
                return self._places[target] / name[len(target) :].lstrip("/")
        return self._root / "rootfs" / name.lstrip("/")

    def run(
        self,
        argv: Sequence[str],
        *,
        on_line: OnLine,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        line_limit: int = MAX_LINE,
    ) -> ExecResult:
        command = Command(
            self,
            argv,
            on_line=on_line,
            env={**self.spec.env, **(env or {})},
            workdir=workdir or self.spec.workdir,
            timeout=timeout,
        )
        self.commands.append(command)
        self.calls.append(f"run {argv[0]}")
        answer = self._engine.handler_of(command)(command)
        if isinstance(answer, ExecResult):
            self.killed = self.killed or answer.timed_out
            return answer
        return ExecResult(exit_code=answer or 0, seconds=0.5)

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        self.calls.append(f"put {path}")
        self._alive()
        folder = self.where(path)
        folder.mkdir(parents=True, exist_ok=True)
        members = self.puts.setdefault(path, [])
        with tarfile.open(fileobj=io.BufferedReader(ChunkReader(tar)), mode="r|") as archive:
            for member in archive:
                members.append(member)
                if member.name == ".":  # moby passes over it, and over its owner (pkg/archive, Unpack)
                    continue
                archive.extract(member, folder, filter="fully_trusted", numeric_owner=True)

    def get(self, path: str) -> Generator[bytes, None, None]:
        self.calls.append(f"get {path}")
        self._alive()
        return self._stream(self.where(path))

    def _stream(self, path: Path) -> Generator[bytes, None, None]:
        self.open_streams += 1
        try:
            if path.is_dir():
                yield from renamed_tree(path)
            else:
                yield from tar_bytes({path.name: path.read_bytes()})
        finally:
            self.open_streams -= 1

    def end_leftovers(self) -> None:
        self.calls.append("end leftovers")
        self._alive()

    def kill(self) -> None:
        self.calls.append("kill")
        self.killed = True

    def _alive(self) -> None:
        if self.killed:
            raise EngineError("the container is gone", code="engine-failed")


class FakeEngine:
    """See :class:`xbuild.engine.types.Engine`.

    :param root: a folder for volumes and file systems.
    :param local: whether it sees this machine's files.
    :ivar containers: all that were made, in their order.
    """

    def __init__(self, root: Path, *, local: bool = True, is_remote: bool = False) -> None:
        self.root = root
        self.local = local
        self.containers: list[FakeContainer] = []
        self.registry: dict[str, Image] = {}
        self.gone = False
        self.returns = False
        self.left_open: list[str] = []
        self.running = 0
        self._is_remote = is_remote
        self._images: dict[str, Image] = {}
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()

    # What tests set up

    def on(self, program: str, handler: Handler) -> None:
        """Let ``handler`` play a program."""
        self._handlers[program] = handler

    def handler_of(self, command: Command) -> Handler:
        try:
            return self._handlers[command.argv[0]]
        except KeyError:
            raise AssertionError(f"nobody plays {' '.join(command.argv)}") from None

    def have(self, image: Image) -> Image:
        """Let the engine have an image."""
        self._images[image.id] = image
        return image

    @property
    def specs(self) -> tuple[ContainerSpec, ...]:
        return tuple(container.spec for container in self.containers)

    # The protocol

    @property
    def is_remote(self) -> bool:
        return self._is_remote

    def info(self) -> EngineInfo:
        return EngineInfo(
            address="fake",
            version="29.5.1",
            api_version="1.41",
            storage_driver="overlay2",
            cgroup_version="2",
            security_options=("name=seccomp,profile=default",),
            runtimes=("runc",),
            cpus=2,
            memory=8 << 30,
            os="Fake",
            architecture="x86_64",
            root_dir="/var/lib/docker",
        )

    def image(self, reference: str) -> Image | None:
        self._answer()
        for image in self._images.values():
            if reference == image.id or reference in image.tags:
                return image
        return None

    def images(self, label: str) -> tuple[Image, ...]:
        key, _, value = label.partition("=")
        return tuple(
            image
            for image in self._images.values()
            if key in image.labels and (not value or image.labels[key] == value)
        )

    @contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[FakeContainer]:
        self._answer()
        with self._lock:
            made = FakeContainer(self, spec, len(self.containers))
            self.containers.append(made)
            self.running += 1
        try:
            yield made
        finally:
            with self._lock:
                self.running -= 1
                if made.open_streams:
                    self.left_open.append(made.id)

    def sees(self, path: Path, *, image: str) -> bool:
        self._answer()
        return self.local and path.exists()

    def add_layer(
        self, parent: Image | None, layer: Layer, *, config: Mapping[str, Any], architecture: str, tag: str
    ) -> Image:
        below = parent.layers if parent else ()
        identifier = hashlib.sha256(json.dumps([*below, layer.diff_id, tag]).encode()).hexdigest()
        return self.have(
            make_image(
                f"sha256:{identifier}",
                tags=(tag,),
                labels=dict(config.get("Labels", {})),
                layers=(*below, layer.diff_id),
            )
        )

    def tag(self, image_id: str, tag: str) -> None:
        for image in [image for image in self._images.values() if tag in image.tags]:
            self.have(replace(image, tags=tuple(other for other in image.tags if other != tag)))
        image = self._images[image_id]
        self.have(replace(image, tags=(*image.tags, tag)))

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        found = self.image(reference)
        if found:
            # An image of several names loses one, as in moby
            left = tuple(tag for tag in found.tags if tag != reference)
            del self._images[found.id]
            if left and reference in found.tags and not force:
                self.have(replace(found, tags=left))

    def pull(self, reference: str, *, platform: str = "") -> Image:
        if reference not in self.registry:
            raise EngineError("no registry answers", details=reference, code="engine-failed")
        return self.have(self.registry[reference])

    def push(self, reference: str, *, on_progress: Callable[[str], None]) -> None:
        found = self.image(reference)
        if found:
            self.registry[reference] = found

    def save(self, references: Sequence[str]) -> Iterator[bytes]:
        yield json.dumps(list(references)).encode()

    def load(self, chunks: Iterable[bytes]) -> tuple[Image, ...]:
        references = json.loads(b"".join(chunks))
        return tuple(image for image in map(self.image, references) if image)

    def comes_back(self, seconds: float) -> bool:
        assert seconds > 0
        return self.returns

    def reap(self) -> tuple[str, ...]:
        return ()

    def kill_all(self) -> None:
        for container in self.containers:
            container.kill()

    def _answer(self) -> None:
        if self.gone:
            raise EngineError("the Docker engine went away", code="engine-gone", retryable=True)


def as_engine(fake: FakeEngine) -> Engine:
    """The fake as the protocol; where the two differ, the type checker says so here."""
    return fake


def gone(_: Command) -> int:
    """A handler: the engine goes away while the command runs."""
    raise EngineError(
        "the Docker engine went away while running it", details="EOF", code="engine-gone", retryable=True
    )


TIMED_OUT = ExecResult(exit_code=137, seconds=3600.0, timed_out=True)
OUT_OF_MEMORY = ExecResult(exit_code=137, seconds=9.0, out_of_memory=True)

# Archives


def tar_bytes(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """Regular files as a tar stream."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    body = buffer.getvalue()
    yield from (body[start : start + 4096] for start in range(0, len(body), 4096))


def renamed_tree(folder: Path) -> Iterator[bytes]:
    """A folder as ``docker cp`` streams it: below its own name."""
    source = io.BytesIO(b"".join(tar_tree(folder, owner="65532:65532")))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=source) as tree, tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in tree:
            member.name = f"{folder_name(folder)}/{member.name.removeprefix('./')}".rstrip("/.")
            archive.addfile(member, tree.extractfile(member) if member.isreg() else None)
    body = buffer.getvalue()
    yield from (body[start : start + 4096] for start in range(0, len(body), 4096))


def folder_name(folder: Path) -> str:
    """The name that a volume has inside its container; every volume of a fake that is read is /out."""
    return "out" if folder.name.startswith("volume-") else folder.name


# Sinks and validators


class Recorder:
    """A sink that keeps what it gets, and takes only what the published schema allows."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        check("event", event.as_dict())
        with self._lock:
            self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one class."""
        return [event for event in self.events if isinstance(event, kind)]


def accept(wheel: Path) -> AuditResult:
    """An audit that finds nothing."""
    body = wheel.read_bytes()
    return AuditResult(wheel=wheel.name, sha256=hashlib.sha256(body).hexdigest(), size=len(body))


class Clock:
    """A clock that each look moves on by a second."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 1
        return self.now


# Values


def target(triple: str = LINUX) -> Target:
    return load_catalog().target(triple)


def kinds(*names: str) -> tuple[Interpreter, ...]:
    return tuple(load_catalog().interpreters[name] for name in names)


def locked(name: str, version: str, *, source: str = CRATES_IO, checksum: str = "0" * 64) -> LockedPackage:
    return LockedPackage(name, version, source, checksum)


def make_manifest(project: Path = Path("/nowhere/demo"), /, **changes: Any) -> Manifest:
    """A PyO3 crate at ``project`` that asks for nothing special."""
    values: dict[str, Any] = {
        "project": project,
        "cargo_toml": project / "Cargo.toml",
        "workspace": project,
        "root": project,
        "folders": (project,),
        "files": (project / "Cargo.lock",),
        "name": "demo",
        "version": "1.2.3",
        "requires_python": ">=3.8",
        "rust_version": "",
        "locked": (locked("pyo3", "0.26.0"),),
        "bindings": "pyo3",
        "maturin_features": (),
        "maturin": {},
        "demands": Demands(profiles=("dist", "release-lto")),
    }
    return Manifest(**{**values, **changes})


def make_details(*features: str, **changes: Any) -> Details:
    """What cargo says about the crate of :func:`make_manifest`."""
    values: dict[str, Any] = {
        "bindings": "pyo3",
        "pyo3_version": "0.26.0",
        "pyo3_features": features,
        "rust_version": "",
        "rust_version_of": "",
        "native": (),
        "packages": 12,
        "crates": ("demo", "pyo3"),
    }
    return Details(**{**values, **changes})


def make_target(triple: str = LINUX, *interpreters: str, **changes: Any) -> TargetRequest:
    values: dict[str, Any] = {
        "target": target(triple),
        "interpreters": kinds(*interpreters),
        "limits": Limits(memory=4 << 30),
        "timeout": 3600.0,
    }
    return TargetRequest(**{**values, **changes})


def make_request(*targets: TargetRequest, **changes: Any) -> BuildRequest:
    values: dict[str, Any] = {
        "project": Path("/nowhere/demo"),
        "out": Path("/nowhere/dist"),
        "targets": targets,
    }
    return BuildRequest(**{**values, **changes})


def make_image(
    identifier: str = "sha256:" + "1" * 64, *, labels: Mapping[str, str] | None = None, **changes: Any
) -> Image:
    """An image on the usual minimal Debian."""
    values: dict[str, Any] = {
        "tags": (),
        "labels": {ROOT_LABEL: root_recipe().tag, **(labels or {})},
        "layers": ("sha256:" + "a" * 64,),
        "config": {},
        "size": 1000,
        "created": "1970-01-01T00:00:00Z",
    }
    return Image(id=identifier, **{**values, **changes})


# Crates on disk


@dataclass
class CrateFiles:
    """A crate's files below a folder, and the ``.crate`` files of what it is locked to."""

    folder: Path
    packages: list[LockedPackage] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the crate."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path


def make_crate(
    folder: Path, *, name: str = "demo", pyo3: str = "0.26.0", lock: Iterable[LockedPackage] | None = None
) -> CrateFiles:
    """A small PyO3 crate that maturin builds."""
    crate = CrateFiles(folder)
    crate.write(
        "pyproject.toml",
        f'[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n\n'
        f'[project]\nname = "{name}"\nrequires-python = ">=3.8"\ndynamic = ["version"]\n',
    )
    crate.write(
        "Cargo.toml",
        f'[package]\nname = "{name}"\nversion = "1.2.3"\nedition = "2021"\n\n'
        f'[lib]\ncrate-type = ["cdylib"]\n\n[profile.dist]\ninherits = "release"\n\n'
        f'[dependencies]\npyo3 = "{pyo3}"\n',
    )
    crate.write("src/lib.rs", "// nothing\n")
    crate.packages = list(lock if lock is not None else (locked("pyo3", pyo3),))
    write_lock(folder / "Cargo.lock", crate.packages, root=name)
    return crate


def write_lock(path: Path, packages: Iterable[LockedPackage], *, root: str = "demo") -> None:
    """A Cargo.lock with these packages."""
    parts = ["version = 4\n", f'[[package]]\nname = "{root}"\nversion = "1.2.3"\n']
    for package in packages:
        lines = ["[[package]]", f'name = "{package.name}"', f'version = "{package.version}"']
        lines += [f'source = "{package.source}"'] if package.source else []
        lines += [f'checksum = "{package.checksum}"'] if package.checksum else []
        parts.append("\n".join(lines) + "\n")
    path.write_text("\n".join(parts), "utf-8")


def crate_archive(folder: str, files: Mapping[str, bytes], *, extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A ``.crate`` file: a gzipped tar of files below ``folder``; ``extra`` members are added as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(body)
            info.mtime = 1_153_704_088
            info.mode = 0o755 if body.startswith(b"#!") else 0o644
            archive.addfile(info, io.BytesIO(body))
        for member in extra:
            archive.addfile(member, io.BytesIO(b"evil"[: member.size]) if member.isreg() else None)
    return buffer.getvalue()


def make_package(
    name: str = "itoa",
    version: str = "1.0.9",
    files: Mapping[str, bytes] | None = None,
    *,
    extra: Iterable[tarfile.TarInfo] = (),
) -> tuple[LockedPackage, bytes]:
    """A registry package and its ``.crate`` file."""
    content = crate_archive(
        f"{name}-{version}",
        files
        if files is not None
        else {"Cargo.toml": f"# {name}\n".encode(), "src/lib.rs": b"//\n", "configure": b"#!/bin/sh\n"},
        extra=extra,
    )
    return LockedPackage(name, version, CRATES_IO, hashlib.sha256(content).hexdigest()), content


def metadata_json(crate: str, packages: Iterable[LockedPackage], *, features: Sequence[str] = ()) -> str:
    """What ``cargo metadata`` prints about a crate that depends on all of ``packages``."""
    own_id = f"{crate} 1.2.3"
    items: list[dict[str, Any]] = [
        {"id": own_id, "name": crate, "version": "1.2.3", "source": None, "rust_version": None}
    ]
    nodes: list[dict[str, Any]] = []
    deps = []
    for package in packages:
        key = package.folder
        items.append(
            {
                "id": key,
                "name": package.name,
                "version": package.version,
                "source": package.source,
                "rust_version": None,
            }
        )
        own = list(features) if package.name == "pyo3" else []
        nodes.append({"id": key, "features": own, "deps": []})
        deps.append({"pkg": key, "dep_kinds": [{"kind": None, "target": None}]})
    nodes.append({"id": own_id, "features": [], "deps": deps})
    return json.dumps({"packages": items, "resolve": {"root": own_id, "nodes": nodes}})


class FakeCargo:
    """Plays ``cargo`` in a fetch container, for packages whose ``.crate`` files it has.

    :param wanted: the packages that a lockfile has to have, no more and no less; without them, any will do.
    :ivar ran: the subcommands that were asked for.
    """

    def __init__(
        self,
        crates: Mapping[str, bytes],
        *,
        crate: str = "demo",
        packages: Sequence[LockedPackage] = (),
        features: Sequence[str] = (),
        git_files: Mapping[str, bytes] | None = None,
        wanted: Sequence[LockedPackage] | None = None,
    ) -> None:
        self.ran: list[str] = []
        self._wanted = wanted
        self._crates = dict(crates)
        self._crate = crate
        self._packages = tuple(packages)
        self._features = tuple(features)
        self._git_files = dict(git_files or {})

    def __call__(self, command: Command) -> int:
        names = {"vendor", "metadata", "tree", "generate-lockfile", "update"}
        name = next(word for word in command.argv[1:] if word in names)
        self.ran.append(name)
        lock = command.path("/src/Cargo.lock")
        if name == "generate-lockfile":
            write_lock(lock, self._packages, root=self._crate)
        elif name == "update":
            write_lock(lock, self._wanted or (), root=self._crate)
        elif self._wanted is not None and set(read_lock(lock)[1:]) != set(self._wanted):
            command.say(
                "error: cannot update the lock file /src/Cargo.lock because --locked was passed",
                stream="stderr",
            )
            return 101
        elif name == "vendor":
            self._vendor(command)
        elif name == "tree":
            for package in self._packages:
                command.say(f"{package.name} v{package.version}|{','.join(self._features)}")
        else:
            command.say(metadata_json(self._crate, self._packages, features=self._features))
        return 0

    def _vendor(self, command: Command) -> None:
        for file_name, content in self._crates.items():
            command.write(f"/out/home/registry/cache/index/{file_name}", content)
        for package in self._packages:
            if package.is_git:
                for name, body in self._git_files.items():
                    mode = 0o755 if body.startswith(b"#!") else 0o644
                    command.write(f"/out/vendor/{package.folder}/{name}", body, mode=mode)
        command.say("   Vendoring everything", stream="stderr")
        command.say('[source.crates-io]\nreplace-with = "vendored-sources"\n')
        command.say('[source.vendored-sources]\ndirectory = "/out/vendor"')

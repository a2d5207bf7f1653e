"""Hand-written fakes of what the core talks to, and builders of the values that it works with.

Nothing here knows Docker.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from support.documents import check
from support.fake_container import Command, FakeContainer, Handler
from support.fake_engine import OUT_OF_MEMORY, TIMED_OUT, FakeEngine, as_engine, gone, make_image
from support.tar_streams import renamed_tree, tar_bytes
from xbuild.catalog import Interpreter, Target, load_catalog
from xbuild.check.audit import AuditResult
from xbuild.engine import Limits
from xbuild.events import Event
from xbuild.inspect.crate.cargo_lock import LockedPackage, read_lock
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.crate.toolchain import Demands
from xbuild.request.model import BuildRequest, TargetRequest

__all__ = [
    "OUT_OF_MEMORY",
    "TIMED_OUT",
    "Command",
    "FakeContainer",
    "FakeEngine",
    "Handler",
    "as_engine",
    "gone",
    "make_image",
    "renamed_tree",
    "tar_bytes",
]
"""What other modules of fakes have, by the name that tests know it by."""

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
LINUX = "x86_64-unknown-linux-gnu"
ARM = "aarch64-unknown-linux-gnu"
MUSL = "x86_64-unknown-linux-musl"
WINDOWS = "x86_64-pc-windows-msvc"
MACOS = "aarch64-apple-darwin"

E = TypeVar("E", bound=Event)

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

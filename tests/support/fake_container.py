"""Containers that are folders, in which handlers play programs."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from support.tar_streams import renamed_tree, tar_bytes
from xbuild.engine import ContainerSpec, ExecResult, Mount, OnLine
from xbuild.engine.lines import MAX_LINE, LineSplitter
from xbuild.errors import EngineError
from xbuild.events import Stream
from xbuild.util.tar import ChunkReader


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
        line_limit: int,
    ) -> None:
        self.container = container
        self.argv = tuple(argv)
        self.env = dict(env)
        self.workdir = workdir
        self.timeout = timeout
        self._on_line = on_line
        self._line_limit = line_limit

    def say(self, *lines: str, stream: Stream = "stdout") -> None:
        """Print lines."""
        splitter = LineSplitter(self._line_limit)
        for line in lines:
            for text in splitter.feed(f"{line}\n".encode()):
                self._on_line(stream, text)

    def wait(self, seconds: float) -> ExecResult | None:
        """Let time pass: gives how the command ended where the container was killed meanwhile."""
        overdue = self.timeout is not None and self.timeout < seconds
        if self.container.ended.wait(self.timeout if overdue else seconds):
            return ExecResult(exit_code=137, seconds=0.5)
        return ExecResult(exit_code=137, seconds=self.timeout or 0, timed_out=True) if overdue else None

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


class Machine(Protocol):
    """What a fake container needs of its engine."""

    @property
    def root(self) -> Path: ...

    def handler_of(self, command: Command) -> Handler: ...


class FakeContainer:
    """See :class:`xbuild.engine.api.Container`. Mounts are folders, and so is its root."""

    def __init__(self, engine: Machine, spec: ContainerSpec, number: int) -> None:
        self.spec = spec
        self.commands: list[Command] = []
        self.calls: list[str] = []
        self.puts: dict[str, list[tarfile.TarInfo]] = {}
        self.open_streams = 0
        self.ended = threading.Event()
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
    def killed(self) -> bool:
        """Whether it was killed, or is gone."""
        return self.ended.is_set()

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
            line_limit=line_limit,
        )
        self.commands.append(command)
        self.calls.append(f"run {argv[0]}")
        if self.killed:
            return ExecResult(exit_code=137, seconds=0.5)
        answer = self._engine.handler_of(command)(command)
        if isinstance(answer, ExecResult):
            if answer.timed_out:
                self.ended.set()
            return answer
        return ExecResult(exit_code=answer or 0, seconds=0.5)

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        self.calls.append(f"put {path}")
        self._alive()
        folder = self.where(path)
        folder.mkdir(parents=True, exist_ok=True)
        members = self.puts.setdefault(path, [])
        with tarfile.open(fileobj=io.BufferedReader(ChunkReader(tar)), mode="r|") as archive:
            # As ``filter="fully_trusted"``, which Python 3.11.2 of Debian does not know
            archive.extraction_filter = lambda member, _folder: member
            for member in archive:
                members.append(member)
                if member.name == ".":  # moby passes over it, and over its owner (pkg/archive, Unpack)
                    continue
                archive.extract(member, folder, numeric_owner=True)

    def get(self, path: str) -> Generator[bytes, None, None]:
        self.calls.append(f"get {path}")
        return self._stream(path)

    def _stream(self, name: str) -> Generator[bytes, None, None]:
        self._alive()
        path = self.where(name)
        if not path.exists():
            raise EngineError(f"the fake has no {name}", code="engine-failed")
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
        self.ended.set()

    def _alive(self) -> None:
        if self.killed:
            raise EngineError("the container is gone", code="engine-failed")

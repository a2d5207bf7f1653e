"""What the core asks of a container engine, as values and protocols. Nothing here knows Docker's SDK."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from xbuild.engine.lines import MAX_LINE
from xbuild.events import Stream

OnLine = Callable[[Stream, str], None]
"""Gets each line of a container's output: decoded (errors replaced), without its end, clipped to 16 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A place in the container that outlives it or comes from outside.

    :ivar target: absolute path in the container.
    :ivar source: path on the engine's machine for a bind mount; ``None`` for an anonymous volume, which the
        engine removes together with the container.
    """

    target: str
    source: Path | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a container. Memory and sizes in bytes; 0 means the engine's default.

    :ivar cpus: how much time of processors it gets; it sees all of them.
    :ivar cpuset: the processors that it sees and runs on, as ``0-3,5``; ``""`` is all.
    """

    memory: int = 0
    cpus: float = 0.0
    cpuset: str = ""
    pids: int = 2048
    file_size: int = 2 << 30
    open_files: int = 8192
    tmp_size: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to be made.

    :ivar user: ``uid:gid``.
    :ivar network: whether it has the engine's default network; otherwise it has none at all, not even the
        host's loopback.
    :ivar hardened: drop all capabilities, no new privileges, read-only root and a private /tmp. Only recipes
        of our own images run without it, because installing Debian packages needs root and chroot.
    :ivar runtime: another OCI runtime (``runsc``, ...), ``""`` for the engine's default.
    """

    image: str
    user: str
    labels: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    network: bool = False
    hardened: bool = True
    limits: Limits = field(default_factory=Limits)
    runtime: str = ""
    workdir: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """How a command in a container ended.

    :ivar timed_out: the deadline passed and the container was killed.
    :ivar out_of_memory: the kernel killed something in the container for memory, and the command failed.
    """

    exit_code: int
    seconds: float
    timed_out: bool = False
    out_of_memory: bool = False

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.exit_code == 0 and not self.timed_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that the engine has. ``id`` is the digest of its configuration; ``size`` is in bytes."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    layers: tuple[str, ...]
    config: Mapping[str, Any]
    size: int
    created: str
    repo_digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An uncompressed tar file that becomes a layer. ``diff_id`` is ``sha256:`` of its bytes."""

    path: Path
    diff_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine says about itself."""

    address: str
    version: str
    api_version: str
    storage_driver: str
    cgroup_version: str
    security_options: tuple[str, ...]
    runtimes: tuple[str, ...]
    cpus: int
    memory: int
    os: str
    architecture: str
    root_dir: str
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Container(Protocol):
    """A running container whose first process waits; commands are run in it one after the other."""

    @property
    def id(self) -> str: ...

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
        """Run a command to its end.

        :param line_limit: bytes of the longest line that is passed on whole.
        :param timeout: seconds after which the whole container is killed.
        :raises EngineError: the engine went away or refused.
        """
        ...

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        """Unpack an uncompressed tar stream at ``path``, which must be in a writable mount or root."""
        ...

    def get(self, path: str) -> Generator[bytes, None, None]:
        """A tar stream of ``path``. Close it (``.close()``) when it is not read to its end."""
        ...

    def end_leftovers(self) -> None:
        """Kill what commands have left running, so that files no longer change. Further commands can be run.

        :raises EngineError: the engine went away or refused.
        """
        ...

    def kill(self) -> None:
        """Kill all processes now. Never raises; may be called from any thread and more than once."""
        ...


class Engine(Protocol):
    """A container engine, and the state of one run: what of it is running, and whether it is to stop."""

    @property
    def is_remote(self) -> bool:
        """Whether the engine is certainly on another machine (reached over TCP or SSH)."""
        ...

    def info(self) -> EngineInfo: ...

    def image(self, reference: str) -> Image | None: ...

    def images(self, label: str) -> tuple[Image, ...]:
        """Images that carry a label (``key`` or ``key=value``)."""
        ...

    def container(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """Create and start a container; whatever happens, it and its volumes are gone afterwards."""
        ...

    def sees(self, path: Path, *, image: str) -> bool:
        """Whether ``path`` of this process exists, with the same meaning, on the engine's machine.

        ``path`` must have a name that cannot be there by chance.
        """
        ...

    def add_layer(
        self, parent: Image | None, layer: Layer, *, config: Mapping[str, Any], architecture: str, tag: str
    ) -> Image:
        """Make an image: ``parent``'s layers and one more. The tag appears when the image is whole."""
        ...

    def tag(self, image_id: str, tag: str) -> None: ...

    def remove_image(self, reference: str, *, force: bool = False) -> None: ...

    def pull(self, reference: str, *, platform: str = "") -> Image:
        """:raises EngineError: no registry answers.
        :raises ImageError: it does not have the image.
        """
        ...

    def push(self, reference: str, *, on_progress: Callable[[str], None]) -> None: ...

    def save(self, references: Sequence[str]) -> Iterator[bytes]: ...

    def load(self, chunks: Iterable[bytes]) -> tuple[Image, ...]: ...

    def comes_back(self, seconds: float) -> bool:
        """Whether an engine that went away answers again within so many seconds. One that hung does not."""
        ...

    def reap(self) -> tuple[str, ...]:
        """Remove containers whose xbuild process is gone. Gives their identifiers."""
        ...

    def kill_all(self) -> None:
        """Kill every container that this object has running (for Ctrl-C). Never raises.

        It makes no more: what asks for one gets an EngineError, ``interrupted``.
        """
        ...

    def session(self) -> Engine:
        """The same engine for one run: the connection is shared, :meth:`kill_all` concerns the session alone.

        A session can be had of an engine whose runs were killed.
        """
        ...

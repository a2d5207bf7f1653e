"""A container engine of folders and of handlers that play programs. Its cases: tests/contract."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.fake_container import Command, FakeContainer, Handler
from xbuild.engine import ContainerSpec, Engine, EngineInfo, ExecResult, Image, Layer
from xbuild.errors import EngineError, ImageError
from xbuild.images.recipe import ROOT_LABEL, root_recipe


@dataclass
class EngineState:
    """What all sessions of a fake share, besides its images, handlers and containers."""

    gone: bool = False
    returns: bool = False
    running: int = 0


class FakeEngine:
    """See :class:`xbuild.engine.api.Engine`.

    :param root: a folder for volumes and file systems.
    :param local: whether it sees this machine's files.
    :param default: plays the programs that nothing else plays.
    :ivar refuses: the error that making a container ends with.
    :ivar containers: all that were made, in their order.
    """

    def __init__(
        self, root: Path, *, local: bool = True, is_remote: bool = False, default: Handler | None = None
    ) -> None:
        self.root = root
        self.local = local
        self.containers: list[FakeContainer] = []
        self.registry: dict[str, Image] = {}
        self.state = EngineState()
        self.refuses: EngineError | None = None
        self._default = default
        self.left_open: list[str] = []
        self._is_remote = is_remote
        self._images: dict[str, Image] = {}
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._own: list[FakeContainer] = []

    # What tests set up

    @property
    def gone(self) -> bool:
        """Whether nothing answers."""
        return self.state.gone

    @gone.setter
    def gone(self, value: bool) -> None:
        self.state.gone = value

    @property
    def returns(self) -> bool:
        """Whether it comes back."""
        return self.state.returns

    @returns.setter
    def returns(self, value: bool) -> None:
        self.state.returns = value

    @property
    def running(self) -> int:
        """How many containers run, of all sessions."""
        return self.state.running

    def on(self, program: str, handler: Handler) -> None:
        """Let ``handler`` play a program."""
        self._handlers[program] = handler

    def handler_of(self, command: Command) -> Handler:
        handler = self._handlers.get(command.argv[0], self._default)
        if handler is None:
            raise AssertionError(f"nobody plays {' '.join(command.argv)}")
        return handler

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
        if self._stopping:
            raise EngineError("interrupted", code="interrupted")
        if self.refuses:
            raise self.refuses
        if self.image(spec.image) is None:
            raise ImageError(f"the fake does not have image {spec.image}", code="image-missing")
        with self._lock:
            made = FakeContainer(self, spec, len(self.containers))
            self.containers.append(made)
            self.state.running += 1
            self._own.append(made)
        try:
            yield made
        finally:
            with self._lock:
                self.state.running -= 1
                made.ended.set()
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
        self._stopping = True
        for container in self._own:
            container.kill()

    def session(self) -> FakeEngine:
        made = copy.copy(self)
        made._stopping, made._own = False, []
        return made

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

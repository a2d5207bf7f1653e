"""What the use cases work with, made of settings: engine, builder of images, network."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from xbuild.app.requests import limits_of
from xbuild.app.smoke import SmokeTest
from xbuild.catalog import Catalog, load_catalog
from xbuild.check.trial.prove import Prover
from xbuild.engine import Engine
from xbuild.engine.docker import DockerEngine
from xbuild.events import Event, Output, Sink, Stream
from xbuild.images.bootstrap import Mirrors
from xbuild.images.builder import ImageBuilder
from xbuild.images.recipe_run import Narrate
from xbuild.images.sources import Sources
from xbuild.inspect.dependencies.network import Network
from xbuild.pipeline import Tools
from xbuild.settings import Settings
from xbuild.storage.workspace import new_run_id
from xbuild.util.cancel import CancelToken, interruption


def ignore(_event: Event) -> None:
    """The sink of whoever only wants the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHandle:
    """One run as whoever asked for it sees it: its name, who watches, and how it is ended early.

    :ivar run: a name that no other run has.
    :ivar emit: gets the events, from any thread.
    """

    run: str = field(default_factory=lambda: new_run_id(time.time()))
    emit: Sink = ignore
    cancel: CancelToken = field(default_factory=CancelToken)

    def narrate(self, name: str, line: str) -> None:
        """What recipes print becomes output events of the phase ``image``."""
        text = f"{name}: {line}"
        self.emit(Output(run=self.run, time=time.time(), phase="image", stream="stdout", line=text))


class Services:
    """What the use cases share, for as many runs as its owner likes.

    :param engine: in place of Docker's, which is connected to when it is first needed.
    :param catalog: in place of the one that comes with xbuild.
    """

    def __init__(
        self, settings: Settings, *, engine: Engine | None = None, catalog: Catalog | None = None
    ) -> None:
        self.settings = settings
        self.catalog = catalog or load_catalog()
        self._engine = engine
        self._own: DockerEngine | None = None
        self._connecting = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine, connected to when it is first needed. What accepts a connection may never answer.

        :raises EngineError: there is none.
        """
        with self._connecting:
            if self._engine is None:
                self._engine = self._own = DockerEngine()
            return self._engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection, unless the engine was given. What runs is not touched."""
        with self._connecting:
            if self._own is not None:
                self._own.close()
                self._own = self._engine = None

    @property
    def connected(self) -> bool:
        """Whether there is an engine yet, with something to end in good order."""
        return self._engine is not None

    @property
    def runs(self) -> Path:
        """The folder of the logs and reports of all runs."""
        return self.settings.state_dir / "runs"

    @contextmanager
    def cancellable(self, cancel: CancelToken) -> Iterator[None]:
        """Work that a token ends: containers are killed then, and every error means the interruption.

        :raises InterruptedRunError: the work did not come to its end.
        """
        with cancel.calling(self._kill), interruption(cancel):
            yield

    def _kill(self) -> None:
        if self._engine is not None:
            self._engine.kill_all()

    def images(self, context: RunHandle, *, registry: str = "") -> ImageBuilder:
        """The builder of images.

        :param registry: in place of the one that the settings name.
        """
        settings = self.settings
        if registry:
            images = settings.images.model_copy(update={"registry": registry})
            settings = settings.model_copy(update={"images": images})
        return make_builder(settings, self.engine, narrate=context.narrate, cancelled=context.cancel)

    def tools(self, context: RunHandle, log_path: Callable[[str], Path]) -> Tools:
        """What a pipeline works with.

        :param log_path: where the full log of a job is.
        """
        return Tools(
            engine=self.engine,
            images=self.images(context),
            catalog=self.catalog,
            cache=self.settings.cache_dir,
            runs=self.runs,
            network=make_network(self.settings),
            emit=context.emit,
            clock=time.time,
            cancelled=context.cancel,
            log_path=log_path,
        )


def make_sources(settings: Settings) -> Sources:
    """Where image recipes fetch from."""
    network = settings.network
    mirrors = {"PIP_INDEX_URL": network.pip_index_url} if network.pip_index_url else {}
    return Sources(
        offline=settings.offline,
        base=settings.images.base,
        mirrors=Mirrors(
            debian=settings.images.debian_mirror, security=settings.images.debian_security_mirror
        ),
        pins=settings.images.pins,
        snapshot=settings.images.debian_snapshot,
        registry=settings.images.registry.rstrip("/"),
        cargo_index=network.cargo_index,
        ca_bundle=network.ca_bundle,
        environment={**proxies(settings), **mirrors},
        host_environment={"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")},
    )


def make_builder(
    settings: Settings, engine: Engine, *, narrate: Narrate, cancelled: threading.Event
) -> ImageBuilder:
    """What makes the images that the engine does not have.

    :param narrate: gets what the recipes print.
    """
    return ImageBuilder(
        engine,
        make_sources(settings),
        locks=settings.cache_dir / "locks",
        narrate=narrate,
        cancelled=cancelled,
        trial=SmokeTest(
            engine=engine,
            catalog=load_catalog(),
            cache=settings.cache_dir,
            clock=time.time,
            narrate=narrate,
            cancelled=cancelled,
        ),
    )


def make_prover(
    settings: Settings,
    engine: Engine,
    images: ImageBuilder,
    catalog: Catalog,
    *,
    run: str,
    on_line: Callable[[Stream, str], None],
    cancelled: threading.Event,
) -> Prover:
    """What runs wheels that were built before.

    :param run: the run that its containers are labelled with.
    :param on_line: gets what the wheels print.
    :param cancelled: set when everything is being killed.
    """
    return Prover(
        engine=engine,
        images=images,
        catalog=catalog,
        labels={"xbuild.run": run},
        on_line=on_line,
        limits=partial(limits_of, settings),
        stopping=cancelled.is_set,
        runtime=settings.runtime,
    )


def make_network(settings: Settings) -> Network:
    """How package sources are reached while dependencies are fetched."""
    return Network(
        ca_bundle=settings.network.ca_bundle,
        environment=proxies(settings),
        cargo_index=settings.network.cargo_index,
    )


def proxies(settings: Settings) -> dict[str, str]:
    """Proxies as programs expect them in their environment."""
    network = settings.network
    pairs = {
        "http_proxy": network.http_proxy,
        "https_proxy": network.https_proxy,
        "no_proxy": network.no_proxy,
    }
    given = {name: value for name, value in pairs.items() if value}
    return {**given, **{name.upper(): value for name, value in given.items()}}

"""The engine as the core knows it: a connection, and the state of one run."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound
from docker.types import Mount as DockerMount

from xbuild.engine.api import ContainerSpec, EngineInfo
from xbuild.engine.docker.client import TRANSPORT_ERRORS, Client, asking, hang_up
from xbuild.engine.docker.container import DockerContainer
from xbuild.engine.docker.images import ImageStore
from xbuild.engine.docker.options import container_config, own_labels
from xbuild.engine.docker.reaper import Reaper
from xbuild.errors import EngineError, ImageError


class DockerEngine(ImageStore):
    """See :class:`xbuild.engine.api.Engine`.

    :param address: as in ``DOCKER_HOST``; ``None`` takes the SDK's usual environment variables.
    :param timeout: seconds that a call may take.
    :param client: a connection that there is already.
    :raises EngineError: ``engine-unreachable``.
    """

    def __init__(
        self, address: str | None = None, *, timeout: int = 60, client: Client | None = None
    ) -> None:
        super().__init__(client or Client(address, timeout=timeout))
        self._reaper = Reaper(self.client)
        self._lock = threading.Lock()
        self._running: dict[str, DockerContainer] = {}
        self._stopping = threading.Event()

    def session(self) -> DockerEngine:
        """The same engine for another run: its connection is shared, and nothing of this run's state."""
        return DockerEngine(client=self.client)

    def close(self) -> None:
        """Close the connection, for all sessions. What runs is not touched."""
        self.client.close()

    @property
    def is_remote(self) -> bool:
        return self.client.is_remote

    def info(self) -> EngineInfo:
        with asking("asking for its settings"):
            raw = self._api.info()
        return EngineInfo(
            address=self.client.address,
            version=raw.get("ServerVersion", ""),
            api_version=str(self._api.api_version),
            storage_driver=raw.get("Driver", ""),
            cgroup_version=str(raw.get("CgroupVersion", "1")),
            security_options=tuple(raw.get("SecurityOptions") or ()),
            runtimes=tuple(sorted(raw.get("Runtimes") or {})),
            cpus=int(raw.get("NCPU", 1)),
            memory=int(raw.get("MemTotal", 0)),
            os=raw.get("OperatingSystem", ""),
            architecture=raw.get("Architecture", ""),
            root_dir=raw.get("DockerRootDir", ""),
            raw=raw,
        )

    @contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[DockerContainer]:
        if self._stopping.is_set():
            raise EngineError("interrupted", code="interrupted")
        container, channel = self._start(spec)
        try:
            with self._lock:
                self._running[container.id] = container
            if self._stopping.is_set():
                container.kill()
            yield container
        finally:
            with self._lock:
                self._running.pop(container.id, None)
            if not self._reaper.lost.is_set():
                container.kill()
            hang_up(channel)
            self._reaper.remove(container.id)

    def _start(self, spec: ContainerSpec) -> tuple[DockerContainer, Any]:
        name = f"xbuild-{secrets.token_hex(6)}"
        with asking("creating a container"):
            try:
                config = container_config(self._api, spec)
                made = self._api.create_container_from_config(config, name)["Id"]
            except ImageNotFound as error:
                raise ImageError(
                    f"the engine does not have image {spec.image}", code="image-missing"
                ) from error
            except TRANSPORT_ERRORS:
                self._reaper.remove(name)
                raise
        try:
            with asking("starting a container"):
                channel = self._api.attach_socket(made, params={"stdin": 1, "stream": 1})
                self._api.start(made)
        except BaseException:
            self._reaper.remove(made)
            raise
        return DockerContainer(self.client, made, self._reaper.lost, user=spec.user), channel

    def sees(self, path: Path, *, image: str) -> bool:
        if self.is_remote:
            return False
        mount = DockerMount("/probe", str(path), type="bind", read_only=True)
        host_config = self._api.create_host_config(mounts=[mount], network_mode="none")
        with asking("creating a container"):
            try:
                made = self._api.create_container(
                    image, ["/bin/true"], host_config=host_config, labels=own_labels({})
                )["Id"]
            except ImageNotFound as error:
                raise ImageError(f"the engine does not have image {image}", code="image-missing") from error
            except APIError:
                return False
        self._reaper.remove(made)
        return True

    def comes_back(self, seconds: float) -> bool:
        patience = time.monotonic() + seconds
        while not self._reaper.lost.is_set() and not self._stopping.is_set():
            with suppress(*TRANSPORT_ERRORS):
                if self.client.brief.ping():
                    # An engine may keep containers through a restart, and their builds go on
                    self._reaper.remove_left()
                    return True
            if time.monotonic() > patience:
                break
            self._stopping.wait(0.5)
        return False

    def reap(self) -> tuple[str, ...]:
        return self._reaper.reap()

    def kill_all(self) -> None:
        self._stopping.set()
        with self._lock:
            running = list(self._running.values())
        for container in running:
            container.kill()

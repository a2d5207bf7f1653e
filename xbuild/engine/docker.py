"""The Docker adapter: the only module that imports the SDK.

A container's first process is ``cat`` on an attached standard input, which ends with this process,
however it ends (docs/decisions/0004-cat-on-standard-input.md). In a hardened container ``cat`` is of
another user than the commands, which therefore cannot end it, and can be killed without it.
"""

from __future__ import annotations

import json
import os
import secrets
import tarfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig, Ulimit
from docker.types import Mount as DockerMount
from docker.utils import kwargs_from_env

from xbuild.engine.frames import FrameReader
from xbuild.engine.lines import MAX_LINE, LineSplitter
from xbuild.engine.memory import OOM_COUNTERS, count_oom_kills
from xbuild.engine.owner import owner_is_gone, owner_label
from xbuild.engine.types import ContainerSpec, EngineInfo, ExecResult, Image, Layer, OnLine
from xbuild.errors import EngineError, ImageError
from xbuild.events import Stream

OWNER_LABEL = "xbuild.owner"
_TRANSPORT_ERRORS = (requests.exceptions.RequestException, ConnectionError, OSError, DockerException)
_BULK_SECONDS = 3600
_SILENCE = 4.0
"""Seconds without output after which the engine is asked whether the command still runs."""
_BRIEF_SECONDS = 6
"""How long such a question, and each call of a clean-up, may take."""
_UNREACHABLE_HINT = "start the Docker engine, or name another with DOCKER_HOST; `xbuild doctor` checks it"

_SSH_HINT = "Docker's SDK needs a package for ssh://: pip install 'docker[ssh]', where xbuild is installed"


_KILL_ALL_OWN = ("/bin/sh", "-c", "kill -s KILL -- -1")
"""Kills all processes in the container that the caller may kill, but for the caller (kill(2)).

The kernel does it at once: a process that is just being forked does not escape. By the shell, which has
``kill`` built in: not every image has a program of that name.
"""
_KILLED = (0, 1)
"""Its exit statuses. Where there is nothing that it may kill, Linux gives 0 and gVisor 1."""
_WAITING = ("65533:65533", "65532:65532")
"""Users of the first process, which waits. It has to be another one than that of the commands."""


def _waiting_user(spec: ContainerSpec) -> str:
    """Whose the first process is: in a hardened container somebody's whose processes commands cannot kill."""
    if not spec.hardened:
        return spec.user
    uid = spec.user.partition(":")[0]
    return next(user for user in _WAITING if user.partition(":")[0] != uid)


def _gone(error: BaseException, doing: str) -> EngineError:
    if isinstance(error, APIError):
        text = str(error.explanation or error)
        return EngineError(f"the Docker engine failed while {doing}", details=text, code="engine-failed")
    return EngineError(
        f"the Docker engine went away while {doing}",
        details=str(error),
        hint=_UNREACHABLE_HINT,
        code="engine-gone",
        retryable=True,
    )


class DockerContainer:
    """See :class:`xbuild.engine.types.Container`."""

    def __init__(
        self,
        api: docker.APIClient,
        brief: docker.APIClient,
        container_id: str,
        lost: threading.Event,
        *,
        user: str,
    ) -> None:
        self._api = api
        self._brief = brief
        self._id = container_id
        self._user = user
        self._lost = lost
        self._killed = threading.Event()
        self._oom_kills = 0

    @property
    def id(self) -> str:
        return self._id

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
        started = time.monotonic()
        overdue = threading.Event()

        def expire() -> None:
            overdue.set()
            self.kill()

        timer = threading.Timer(timeout, expire) if timeout else None
        try:
            made = self._api.exec_create(
                self._id,
                list(argv),
                environment=dict(env or {}),
                workdir=workdir,
                stdin=False,
                user=self._user,
            )
            if timer:
                timer.daemon = True
                timer.start()
            self._stream(made["Id"], on_line, line_limit)
            exit_code, killed_for_memory = self._outcome(made["Id"])
        except _TRANSPORT_ERRORS as error:
            if overdue.is_set() or self._killed.is_set():
                exit_code, killed_for_memory = 137, False
            else:
                raise _gone(error, f"running {argv[0]}") from error
        finally:
            if timer:
                timer.cancel()
        return ExecResult(
            exit_code=exit_code,
            seconds=time.monotonic() - started,
            timed_out=overdue.is_set(),
            out_of_memory=killed_for_memory and exit_code != 0,
        )

    def _stream(self, exec_id: str, on_line: OnLine, limit: int) -> None:
        splitters: dict[Stream, LineSplitter] = {
            "stdout": LineSplitter(limit),
            "stderr": LineSplitter(limit),
        }
        for stream, chunk in self._frames(exec_id):
            for line in splitters[stream].feed(chunk):
                on_line(stream, line)
        for stream, splitter in splitters.items():
            for line in splitter.flush():
                on_line(stream, line)

    def _frames(self, exec_id: str) -> Iterator[tuple[Stream, bytes]]:
        """The output of a command until its end.

        A connection can stay open and silent for ever when the engine hangs or the network drops it, and
        something that the command left running may keep the stream open. So the engine is asked when there is
        silence.
        """
        raw = self._api.exec_start(exec_id, socket=True)
        connection = getattr(raw, "_sock", raw)
        connection.settimeout(_SILENCE)
        reader = FrameReader()
        ended = 0
        try:
            while ended < 2:
                try:
                    piece = connection.recv(1 << 16)
                except TimeoutError:
                    ended += not self._still_runs(exec_id)
                    continue
                if not piece:
                    return
                yield from reader.feed(piece)
        finally:
            _hang_up(raw)

    def _still_runs(self, exec_id: str, *, chances: int = 2) -> bool:
        """Whether a command runs, asked of an engine that may hang."""
        try:
            return bool(self._brief.exec_inspect(exec_id)["Running"])
        except APIError:
            raise
        except _TRANSPORT_ERRORS:
            if chances > 1:
                return self._still_runs(exec_id, chances=chances - 1)
            self._lost.set()
            raise

    def _outcome(self, exec_id: str) -> tuple[int, bool]:
        """Exit status and whether memory ran out. The end of the stream is not the end of the process."""
        patience = time.monotonic() + 20
        while True:
            state = self._api.exec_inspect(exec_id)
            if not state["Running"]:
                break
            if self._killed.is_set() or time.monotonic() > patience:
                return 137, False
            time.sleep(0.05)
        exit_code = state["ExitCode"]
        if exit_code == 0:
            return 0, False
        return (137 if exit_code is None else int(exit_code)), self._ran_out_of_memory()

    def _ran_out_of_memory(self) -> bool:
        """Whether the kernel killed anything here for memory since this was last asked.

        The engine's own flag (``OOMKilled``) is about the container's first process.
        """
        text = bytearray()
        with suppress(*_TRANSPORT_ERRORS):
            made = self._api.exec_create(self._id, ["/bin/cat", *OOM_COUNTERS])
            for _, chunk in self._frames(made["Id"]):
                text += chunk[: 1 << 16]
        before, self._oom_kills = self._oom_kills, max(self._oom_kills, count_oom_kills(bytes(text)))
        return self._oom_kills > before

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        try:
            self._api.put_archive(self._id, path, tar)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"copying files to {path}") from error

    def get(self, path: str) -> Generator[bytes, None, None]:
        # Not the SDK's call: that takes the time limit off the connection, and leaves it open when it is not
        # read to its end, with the engine writing into it and holding the container
        try:
            url = self._api._url("/containers/{0}/archive", self._id)
            response = self._api._get(url, params={"path": path}, stream=True)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"copying files from {path}") from error
        return self._chunks(response, path)

    def _chunks(self, response: requests.Response, path: str) -> Generator[bytes, None, None]:
        try:
            with closing(response):
                self._api._raise_for_status(response)
                yield from response.iter_content(1 << 20)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"copying files from {path}") from error

    def end_leftovers(self) -> None:
        # Not by freezing the container: that would keep its first process from seeing the end of xbuild
        result = self.run(_KILL_ALL_OWN, on_line=lambda _stream, _line: None)
        if result.exit_code not in _KILLED:
            raise EngineError(
                "what the build left running could not be killed",
                details=f"{' '.join(_KILL_ALL_OWN)}: exit status {result.exit_code}",
                code="engine-failed",
            )

    def kill(self) -> None:
        self._killed.set()
        with suppress(*_TRANSPORT_ERRORS):
            self._brief.kill(self._id)


class DockerEngine:
    """See :class:`xbuild.engine.types.Engine`.

    :param address: as in ``DOCKER_HOST``; ``None`` takes the SDK's usual environment variables.
    :raises EngineError: ``engine-unreachable``.
    """

    def __init__(self, address: str | None = None, *, timeout: int = 60) -> None:
        options = {"base_url": address} if address else kwargs_from_env()
        try:
            _check_socket(str(options.get("base_url", "unix:///var/run/docker.sock")))
            self._api = docker.APIClient(version="auto", timeout=timeout, **options)
            # Loading a large image is silent for minutes on a slow storage driver
            self._bulk, self._brief = (
                docker.APIClient(version=self._api.api_version, timeout=seconds, **options)
                for seconds in (max(timeout, _BULK_SECONDS), min(timeout, _BRIEF_SECONDS))
            )
        except _TRANSPORT_ERRORS as error:
            where = address or os.environ.get("DOCKER_HOST", "the default socket")
            raise EngineError(
                f"no Docker engine answers at {where}",
                details=str(error),
                hint=_SSH_HINT if "paramiko" in str(error) else _UNREACHABLE_HINT,
                code="engine-unreachable",
                retryable="paramiko" not in str(error),
            ) from error
        self._lock = threading.Lock()
        self._running: dict[str, DockerContainer] = {}
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._left: set[str] = set()

    def close(self) -> None:
        """Close the connections of this client. What runs is not touched."""
        for api in (self._api, self._bulk, self._brief):
            api.close()

    @property
    def is_remote(self) -> bool:
        base = str(self._api.base_url)
        return not base.startswith(("http+docker", "http+unix", "unix"))

    def info(self) -> EngineInfo:
        try:
            raw = self._api.info()
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, "asking for its settings") from error
        return EngineInfo(
            address=str(self._api.base_url),
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

    # Images

    def image(self, reference: str) -> Image | None:
        try:
            return _image(self._api.inspect_image(reference))
        except (ImageNotFound, NotFound):
            return None
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"looking for image {reference}") from error

    def images(self, label: str) -> tuple[Image, ...]:
        try:
            found = self._api.images(filters={"label": [label]})
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, "listing images") from error
        identifiers = dict.fromkeys(item["Id"] for item in found)
        return tuple(image for image in map(self.image, identifiers) if image)

    def add_layer(
        self, parent: Image | None, layer: Layer, *, config: Mapping[str, Any], architecture: str, tag: str
    ) -> Image:
        below = parent.layers if parent else ()
        document = {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config),
            "created": "1970-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [*below, layer.diff_id]},
            "history": [],
        }
        body = json.dumps(document, sort_keys=True).encode()
        try:
            return self._load_tagged(_docker_archive(body, len(below), layer, tag), tag)
        except EngineError:
            if parent is None:
                raise
            return self._commit_layer(parent, layer, config, tag)

    def _load_tagged(self, chunks: Iterable[bytes], tag: str) -> Image:
        for image in self.load(chunks):
            if tag in image.tags:
                return image
        raise EngineError(f"the engine took {tag} and does not have it", code="engine-failed")

    def _commit_layer(self, parent: Image, layer: Layer, config: Mapping[str, Any], tag: str) -> Image:
        """For engines that do not load an archive that leaves out the layers they have."""
        repository, _, name = tag.rpartition(":")
        try:
            made = self._api.create_container(parent.id, command=["/bin/true"])["Id"]
            try:
                with layer.path.open("rb") as stream:
                    self._bulk.put_archive(made, "/", iter(lambda: stream.read(1 << 20), b""))
                self._bulk.commit(made, repository=repository, tag=name, conf=dict(config))
            finally:
                self._api.remove_container(made, force=True, v=True)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"making image {tag}") from error
        image = self.image(tag)
        if image is None:
            raise EngineError(f"the engine took {tag} and does not have it", code="engine-failed")
        return image

    def tag(self, image_id: str, tag: str) -> None:
        repository, _, name = tag.rpartition(":")
        try:
            self._api.tag(image_id, repository, name, force=True)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"tagging {tag}") from error

    def remove_image(self, reference: str, *, force: bool = False) -> None:
        try:
            self._api.remove_image(reference, force=force)
        except (ImageNotFound, NotFound):
            return
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"removing image {reference}") from error

    def pull(self, reference: str, *, platform: str = "") -> Image:
        repository, tag = _split_reference(reference)
        try:
            stream = self._bulk.pull(
                repository, tag=tag or None, platform=platform or None, stream=True, decode=True
            )
            _drain(stream, lambda _: None)
        except NotFound as error:
            text = str(error.explanation or error)
            raise ImageError(f"no registry has {reference}", details=text, code="image-missing") from error
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"pulling {reference}") from error
        image = self.image(reference)
        if image is None:
            raise EngineError(f"pulled {reference}, and the engine does not have it", code="engine-failed")
        return image

    def push(self, reference: str, *, on_progress: Callable[[str], None]) -> None:
        repository, tag = _split_reference(reference)
        try:
            _drain(self._bulk.push(repository, tag=tag or None, stream=True, decode=True), on_progress)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, f"pushing {reference}") from error

    def save(self, references: Sequence[str]) -> Iterator[bytes]:
        try:
            response = self._bulk._get(  # the SDK has no call for more than one image
                self._bulk._url("/images/get"),
                params={"names": list(references)},
                stream=True,
            )
            response.raise_for_status()
            yield from response.iter_content(1 << 20)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, "saving images") from error

    def load(self, chunks: Iterable[bytes]) -> tuple[Image, ...]:
        loaded: list[str] = []

        def note(text: str) -> None:
            head, _, name = text.strip().partition(": ")
            if head in {"Loaded image ID", "Loaded image"}:
                loaded.append(name)

        try:
            _drain(self._bulk.load_image(chunks), note)
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, "loading images") from error
        return tuple(image for image in map(self.image, loaded) if image)

    # Containers

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
            if not self._lost.is_set():
                container.kill()
            _hang_up(channel)
            self._remove(container.id)

    def _start(self, spec: ContainerSpec) -> tuple[DockerContainer, Any]:
        name = f"xbuild-{secrets.token_hex(6)}"
        try:
            made = self._api.create_container_from_config(self._config(spec), name)["Id"]
        except ImageNotFound as error:
            raise ImageError(f"the engine does not have image {spec.image}", code="image-missing") from error
        except _TRANSPORT_ERRORS as error:
            self._remove(name)
            raise _gone(error, "creating a container") from error
        try:
            channel = self._api.attach_socket(made, params={"stdin": 1, "stream": 1})
            self._api.start(made)
        except _TRANSPORT_ERRORS as error:
            self._remove(made)
            raise _gone(error, "starting a container") from error
        except BaseException:
            self._remove(made)
            raise
        return DockerContainer(self._api, self._brief, made, self._lost, user=spec.user), channel

    def _config(self, spec: ContainerSpec) -> dict[str, Any]:
        labels = {**spec.labels, OWNER_LABEL: owner_label()}
        host_config = self._api.create_host_config(**_host_options(spec, labels))
        config = self._api.create_container_config(
            spec.image,
            ["/bin/cat"],
            entrypoint=[],
            hostname="xbuild",
            user=_waiting_user(spec),
            stdin_open=True,
            environment=dict(spec.env),
            working_dir=spec.workdir,
            labels=labels,
            host_config=host_config,
        )
        config["StdinOnce"] = True
        return dict(config)

    def _remove(self, container_id: str) -> None:
        """Remove a container that may be going by itself, and wait until it is gone.

        Where the engine hangs it is tried once: the container ends when this process does.
        """
        api = self._brief if self._lost.is_set() else self._api
        patience, pause = time.monotonic() + 15, 0.005
        while time.monotonic() < patience:
            try:
                api.remove_container(container_id, force=True, v=True)
            except NotFound:
                self._left.discard(container_id)
                return
            except APIError:
                # It is being removed already
                time.sleep(pause)
                pause = min(pause * 2, 0.1)
            except _TRANSPORT_ERRORS:
                self._left.add(container_id)
                return
            else:
                self._left.discard(container_id)
                return

    def sees(self, path: Path, *, image: str) -> bool:
        if self.is_remote:
            return False
        mount = DockerMount("/probe", str(path), type="bind", read_only=True)
        host_config = self._api.create_host_config(mounts=[mount], network_mode="none")
        try:
            made = self._api.create_container(
                image, ["/bin/true"], host_config=host_config, labels={OWNER_LABEL: owner_label()}
            )["Id"]
        except ImageNotFound as error:
            raise ImageError(f"the engine does not have image {image}", code="image-missing") from error
        except APIError:
            return False
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, "creating a container") from error
        self._remove(made)
        return True

    def comes_back(self, seconds: float) -> bool:
        patience = time.monotonic() + seconds
        while not self._lost.is_set() and not self._stopping.is_set():
            with suppress(*_TRANSPORT_ERRORS):
                if self._brief.ping():
                    # An engine may keep containers through a restart, and their builds go on
                    for container_id in tuple(self._left):
                        self._remove(container_id)
                    return True
            if time.monotonic() > patience:
                break
            self._stopping.wait(0.5)
        return False

    def reap(self) -> tuple[str, ...]:
        try:
            found = self._api.containers(all=True, filters={"label": [OWNER_LABEL]})
        except _TRANSPORT_ERRORS as error:
            raise _gone(error, "listing containers") from error
        gone = [item["Id"] for item in found if owner_is_gone(item["Labels"].get(OWNER_LABEL, ""))]
        for container_id in gone:
            self._remove(container_id)
        self._reap_volumes()
        return tuple(gone)

    def _reap_volumes(self) -> None:
        """Volumes go with their container, unless the engine itself was stopped in between."""
        with suppress(*_TRANSPORT_ERRORS):
            found = self._api.volumes(filters={"label": [OWNER_LABEL]})["Volumes"] or ()
            for item in found:
                if owner_is_gone(item["Labels"].get(OWNER_LABEL, "")):
                    with suppress(APIError):
                        self._api.remove_volume(item["Name"])

    def kill_all(self) -> None:
        self._stopping.set()
        with self._lock:
            running = list(self._running.values())
        for container in running:
            container.kill()


def _hang_up(raw: Any) -> None:
    """Close a connection that the SDK has taken over: its response keeps it open until that is closed too."""
    for part in (getattr(raw, "_response", None), raw, getattr(raw, "_sock", None)):
        if part is not None:
            with suppress(Exception):
                part.close()


def _check_socket(address: str) -> None:
    """Say so at once where there is no socket: the SDK leaks one of its own when it cannot connect."""
    scheme, _, path = address.partition("://")
    if scheme in {"unix", "http+unix"}:
        Path(f"/{path.lstrip('/')}").stat()


def _host_options(spec: ContainerSpec, labels: Mapping[str, str]) -> dict[str, Any]:
    limits = spec.limits
    options: dict[str, Any] = {
        "mounts": [
            DockerMount(
                mount.target,
                str(mount.source) if mount.source else None,
                type="bind" if mount.source else "volume",
                read_only=mount.read_only,
                # A volume without a name has nothing else that tells whose it is
                labels=None if mount.source else dict(labels),
            )
            for mount in spec.mounts
        ],
        "init": True,
        "auto_remove": True,
        "ipc_mode": "private",
        "log_config": LogConfig(type="none"),
        "pids_limit": limits.pids,
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
    }
    if not spec.network:
        options["network_mode"] = "none"
    if limits.memory:
        options |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.cpus:
        options["nano_cpus"] = int(limits.cpus * 1e9)
    if limits.cpuset:
        options["cpuset_cpus"] = limits.cpuset
    if spec.runtime:
        options["runtime"] = spec.runtime
    if spec.hardened:
        options["ulimits"] += [
            Ulimit(name="nofile", soft=limits.open_files, hard=limits.open_files),
            Ulimit(name="fsize", soft=limits.file_size, hard=limits.file_size),
        ]
        options |= {
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "read_only": True,
            "tmpfs": {"/tmp": f"rw,nosuid,nodev,exec,size={limits.tmp_size},mode=1777"},  # noqa: S108
        }
    return options


def _image(raw: Mapping[str, Any]) -> Image:
    config = raw.get("Config") or {}
    return Image(
        id=raw["Id"],
        tags=tuple(raw.get("RepoTags") or ()),
        labels=dict(config.get("Labels") or {}),
        layers=tuple((raw.get("RootFS") or {}).get("Layers") or ()),
        config=config,
        size=int(raw.get("Size", 0)),
        created=str(raw.get("Created", "")),
        repo_digests=tuple(raw.get("RepoDigests") or ()),
    )


def _split_reference(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest, of an image reference."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, _, tail = reference.rpartition(":")
    return (head, tail) if head and "/" not in tail else (reference, "")


def _drain(stream: Iterable[Mapping[str, Any]], on_text: Callable[[str], None]) -> None:
    for item in stream:
        if "error" in item:
            raise DockerException(item["error"])
        text = str(item.get("stream") or item.get("status") or "")
        if text:
            on_text(text)


def _docker_archive(config: bytes, below: int, layer: Layer, tag: str) -> Iterator[bytes]:
    """An archive for ``docker load`` that holds the configuration and the newest layer only.

    The engine looks each layer up by its chain before it reads the archive, so layers that it has need not be
    in there (moby, image/tarexport/load.go).
    """
    manifest = [
        {
            "Config": "config.json",
            "RepoTags": [tag],
            "Layers": [*(f"present-{number}/layer.tar" for number in range(below)), "layer.tar"],
        }
    ]
    for name, body in (("config.json", config), ("manifest.json", json.dumps(manifest).encode())):
        yield _tar_header(name, len(body))
        yield _padded(body)
    size = layer.path.stat().st_size
    yield _tar_header("layer.tar", size)
    with layer.path.open("rb") as stream:
        yield from iter(lambda: stream.read(1 << 20), b"")
    yield b"\0" * (-size % tarfile.BLOCKSIZE)
    yield b"\0" * tarfile.RECORDSIZE


def _tar_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def _padded(body: bytes) -> bytes:
    return body + b"\0" * (-len(body) % tarfile.BLOCKSIZE)

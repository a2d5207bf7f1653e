"""A running container: commands, files, and its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress

import requests
from docker.errors import APIError

from xbuild.engine.api import ExecResult, OnLine
from xbuild.engine.docker.client import TRANSPORT_ERRORS, Client, asking, hang_up
from xbuild.engine.frames import FrameReader
from xbuild.engine.lines import MAX_LINE, LineSplitter
from xbuild.engine.memory import OOM_COUNTERS, count_oom_kills
from xbuild.errors import EngineError
from xbuild.events import Stream

_SILENCE = 4.0
"""Seconds without output after which the engine is asked whether the command still runs."""
_KILL_ALL_OWN = ("/bin/sh", "-c", "kill -s KILL -- -1")
"""Kills all processes in the container that the caller may kill, but for the caller (kill(2)).

The kernel does it at once: a process that is just being forked does not escape. By the shell, which has
``kill`` built in: not every image has a program of that name.
"""
_KILLED = (0, 1)
"""Its exit statuses. Where there is nothing that it may kill, Linux gives 0 and gVisor 1."""


class DockerContainer:
    """See :class:`xbuild.engine.api.Container`."""

    def __init__(
        self,
        client: Client,
        container_id: str,
        lost: threading.Event,
        *,
        user: str,
    ) -> None:
        self._api = client.api
        self._brief = client.brief
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
            with asking(f"running {argv[0]}"):
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
        except EngineError:
            if not overdue.is_set() and not self._killed.is_set():
                raise
            exit_code, killed_for_memory = 137, False
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
            hang_up(raw)

    def _still_runs(self, exec_id: str, *, chances: int = 2) -> bool:
        """Whether a command runs, asked of an engine that may hang."""
        try:
            return bool(self._brief.exec_inspect(exec_id)["Running"])
        except APIError:
            raise
        except TRANSPORT_ERRORS:
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
        with suppress(*TRANSPORT_ERRORS):
            made = self._api.exec_create(self._id, ["/bin/cat", *OOM_COUNTERS])
            for _, chunk in self._frames(made["Id"]):
                text += chunk[: 1 << 16]
        before, self._oom_kills = self._oom_kills, max(self._oom_kills, count_oom_kills(bytes(text)))
        return self._oom_kills > before

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        with asking(f"copying files to {path}"):
            self._api.put_archive(self._id, path, tar)

    def get(self, path: str) -> Generator[bytes, None, None]:
        # Not the SDK's call: that takes the time limit off the connection, and leaves it open when it is not
        # read to its end, with the engine writing into it and holding the container
        with asking(f"copying files from {path}"):
            url = self._api._url("/containers/{0}/archive", self._id)
            response = self._api._get(url, params={"path": path}, stream=True)
        return self._chunks(response, path)

    def _chunks(self, response: requests.Response, path: str) -> Generator[bytes, None, None]:
        with asking(f"copying files from {path}"), closing(response):
            self._api._raise_for_status(response)
            yield from response.iter_content(1 << 20)

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
        with suppress(*TRANSPORT_ERRORS):
            self._brief.kill(self._id)

"""A door beside the engine: a relay that carries connections to it from a port or from another socket."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

DEFAULT_ENGINE = "unix:///var/run/docker.sock"


class Relay:
    """Carries connections to the engine until it is told not to.

    :param path: a socket to listen on, or ``None`` for a TCP port of this machine, which makes the engine
        look like one on another machine.
    :param engine: as in ``DOCKER_HOST``, which it is when it is empty.
    :raises OSError: the relay cannot listen there.
    """

    def __init__(self, path: Path | None = None, *, engine: str = "") -> None:
        self._engine = engine or os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE
        if path is None:
            self._server = socket.create_server(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        else:
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(str(path))
            self._server.listen()
            self.address = f"unix://{path}"
        self._flowing = threading.Event()
        self._flowing.set()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Keep every connection open, and carry nothing any more."""
        self._flowing.clear()

    def cut(self) -> None:
        """Break every connection, and take no more."""
        _close(self._server)
        for end in self._ends:
            _close(end)
        self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                engine = self._connect()
            except OSError:
                return
            self._ends += (client, engine)
            for source, target in ((client, engine), (engine, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _connect(self) -> socket.socket:
        scheme, _, where = self._engine.partition("://")
        if scheme == "unix":
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(where)
            return engine
        host, _, port = where.rstrip("/").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)))

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(1 << 16):
                self._flowing.wait()
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # Where one end is gone, the other must hear of it
            _close(source)
            _close(target)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

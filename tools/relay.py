"""A door beside the engine: a relay that carries connections to it from a port or from another socket."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

DEFAULT_ENGINE = "unix:///var/run/docker.sock"


class Relay:
    """Carries connections to the engine.

    :param place: a folder for a socket, or ``None`` for a TCP port of this machine, which makes the engine
        look like one on another machine.
    :param engine: as in ``DOCKER_HOST``, which it is when it is empty.
    :raises OSError: the relay cannot listen there.
    """

    def __init__(self, place: Path | None = None, *, engine: str = "") -> None:
        self._engine = engine or os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE
        if place is None:
            self._server = socket.create_server(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        else:
            self.path = place / "engine.sock"
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(str(self.path))
            self._server.listen()
            self.address = f"unix://{self.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                engine = self._connect()
            except OSError:
                return
            threading.Thread(target=_serve, args=(client, engine), daemon=True).start()

    def _connect(self) -> socket.socket:
        scheme, _, where = self._engine.partition("://")
        if scheme == "unix":
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(where)
            return engine
        host, _, port = where.rstrip("/").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)))


def _serve(client: socket.socket, engine: socket.socket) -> None:
    with client, engine:
        there = threading.Thread(target=_carry, args=(client, engine), daemon=True)
        there.start()
        _carry(engine, client)
        there.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass

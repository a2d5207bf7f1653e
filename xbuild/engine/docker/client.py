"""The connection to a Docker engine, and what its failures mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env

from xbuild.errors import EngineError

TRANSPORT_ERRORS = (requests.exceptions.RequestException, ConnectionError, OSError, DockerException)
"""What the SDK raises where the engine refuses, goes away or does not answer."""
_BULK_SECONDS = 3600
_BRIEF_SECONDS = 6
"""How long a question to an engine that may hang, and each call of a clean-up, may take."""
_UNREACHABLE_HINT = "start the Docker engine, or name another with DOCKER_HOST; `xbuild doctor` checks it"
_SSH_HINT = "Docker's SDK needs a package for ssh://: pip install 'docker[ssh]', where xbuild is installed"


class Client:
    """A connection, which may live for days: it knows nothing of a run. Any number of threads may use it.

    :param address: as in ``DOCKER_HOST``; ``None`` takes the SDK's usual environment variables.
    :param timeout: seconds that a call may take.
    :ivar api: for most calls.
    :ivar bulk: for loading a large image, which is silent for minutes on a slow storage driver.
    :ivar brief: for questions to an engine that may hang.
    :raises EngineError: ``engine-unreachable``.
    """

    def __init__(self, address: str | None = None, *, timeout: int = 60) -> None:
        options = {"base_url": address} if address else kwargs_from_env()
        try:
            _check_socket(str(options.get("base_url", "unix:///var/run/docker.sock")))
            self.api = docker.APIClient(version="auto", timeout=timeout, **options)
            self.bulk, self.brief = (
                docker.APIClient(version=self.api.api_version, timeout=seconds, **options)
                for seconds in (max(timeout, _BULK_SECONDS), min(timeout, _BRIEF_SECONDS))
            )
        except TRANSPORT_ERRORS as error:
            where = address or os.environ.get("DOCKER_HOST", "the default socket")
            raise EngineError(
                f"no Docker engine answers at {where}",
                details=str(error),
                hint=_SSH_HINT if "paramiko" in str(error) else _UNREACHABLE_HINT,
                code="engine-unreachable",
                retryable="paramiko" not in str(error),
            ) from error

    @property
    def address(self) -> str:
        return str(self.api.base_url)

    @property
    def is_remote(self) -> bool:
        return not self.address.startswith(("http+docker", "http+unix", "unix"))

    def close(self) -> None:
        """Close the connections. What runs is not touched."""
        for api in (self.api, self.bulk, self.brief):
            api.close()


@contextmanager
def asking(doing: str) -> Iterator[None]:
    """Calls of the SDK, made for what ``doing`` says after "while".

    :raises EngineError: ``engine-failed`` where the engine refused, ``engine-gone`` where it did not answer.
    """
    try:
        yield
    except APIError as error:
        text = str(error.explanation or error)
        raise EngineError(
            f"the Docker engine failed while {doing}", details=text, code="engine-failed"
        ) from error
    except TRANSPORT_ERRORS as error:
        raise EngineError(
            f"the Docker engine went away while {doing}",
            details=str(error),
            hint=_UNREACHABLE_HINT,
            code="engine-gone",
            retryable=True,
        ) from error


def hang_up(raw: Any) -> None:
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


def drain(stream: Iterable[Mapping[str, Any]], on_text: Callable[[str], None]) -> None:
    """Read the engine's answer to a long call to its end.

    :raises DockerException: it tells of an error.
    """
    for item in stream:
        if "error" in item:
            raise DockerException(item["error"])
        text = str(item.get("stream") or item.get("status") or "")
        if text:
            on_text(text)

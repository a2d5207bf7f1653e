"""The end of containers: of this run's, and of those whose process is gone."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from docker.errors import APIError, NotFound

from xbuild.engine.docker.client import TRANSPORT_ERRORS, Client, asking
from xbuild.engine.docker.options import OWNER_LABEL
from xbuild.engine.owner import owner_is_gone


class Reaper:
    """Removes containers, and remembers those that it could not remove.

    :ivar lost: set where the engine hangs: nothing more is asked of it but once, briefly.
    """

    def __init__(self, client: Client) -> None:
        self._api = client.api
        self._brief = client.brief
        self.lost = threading.Event()
        self._left: set[str] = set()

    def remove(self, container_id: str) -> None:
        """Remove a container that may be going by itself, and wait until it is gone.

        Where the engine hangs it is tried once: the container ends when this process does.
        """
        api = self._brief if self.lost.is_set() else self._api
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
            except TRANSPORT_ERRORS:
                self._left.add(container_id)
                return
            else:
                self._left.discard(container_id)
                return

    def remove_left(self) -> None:
        """Try again to remove what was left: an engine may keep containers through a restart."""
        for container_id in tuple(self._left):
            self.remove(container_id)

    def reap(self) -> tuple[str, ...]:
        """See :meth:`xbuild.engine.api.Engine.reap`."""
        with asking("listing containers"):
            found = self._api.containers(all=True, filters={"label": [OWNER_LABEL]})
        gone = [item["Id"] for item in found if owner_is_gone(item["Labels"].get(OWNER_LABEL, ""))]
        for container_id in gone:
            self.remove(container_id)
        self._reap_volumes()
        return tuple(gone)

    def _reap_volumes(self) -> None:
        """Volumes go with their container, unless the engine itself was stopped in between."""
        with suppress(*TRANSPORT_ERRORS):
            found = self._api.volumes(filters={"label": [OWNER_LABEL]})["Volumes"] or ()
            for item in found:
                if owner_is_gone(item["Labels"].get(OWNER_LABEL, "")):
                    with suppress(APIError):
                        self._api.remove_volume(item["Name"])

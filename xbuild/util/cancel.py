"""The one form of cancellation: whoever holds the token may end the work, and whoever works asks it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from xbuild.errors import InterruptedRunError


class CancelToken(threading.Event):
    """Set once the work is to end. One token is for one piece of work: it never becomes unset."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Callable[[], object]] = []

    def cancel(self) -> None:
        """End the work in good order: what waits is woken, what runs is killed. Returns at once.

        It may be called from any thread, more than once, and in a signal handler.
        """
        self.set()
        for call in tuple(self._calls):
            # In a thread, because killing may take a while, or hang
            threading.Thread(target=call, name="cancel", daemon=True).start()

    @contextmanager
    def calling(self, call: Callable[[], object]) -> Iterator[None]:
        """Have ``call`` called when the work is cancelled meanwhile, and at once where it was already."""
        self._calls.append(call)
        try:
            if self.is_set():
                call()
            yield
        finally:
            self._calls.remove(call)


@contextmanager
def interruption(cancel: threading.Event) -> Iterator[None]:
    """An error because everything was killed is no error but the interruption.

    :raises InterruptedRunError: whatever went wrong, after the cancellation.
    """
    try:
        yield
    except InterruptedRunError:
        raise
    except Exception as error:
        if cancel.is_set():
            raise InterruptedRunError("interrupted") from error
        raise


def stop_if(cancel: threading.Event) -> None:
    """End the work here when it is cancelled.

    :raises InterruptedRunError: it is.
    """
    if cancel.is_set():
        raise InterruptedRunError("interrupted")

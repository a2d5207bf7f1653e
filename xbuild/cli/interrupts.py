"""Ctrl-C, SIGTERM and the end of the terminal: they end the work in good order, and in time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from xbuild.errors import ExitStatus, InterruptedRunError
from xbuild.util.cancel import CancelToken

PATIENCE = 8.0
"""Seconds from the first Ctrl-C to the end, come what may; a second one cuts them to :data:`HASTE`."""

HASTE = 1.5

_LAST_WORDS = 0.3
"""Seconds that the terminal event of an abandoned run may take."""

T = TypeVar("T")


class Interrupts:
    """Turns signals into a cancellation, and leaves the process where the work does not stop.

    :param busy: whether there is anything to end in good order.
    :param clear: removes what the work has left on this machine, when it is abandoned.
    :ivar last_words: what is said for work that is abandoned.
    """

    def __init__(self, cancel: CancelToken, *, busy: Callable[[], bool], clear: Callable[[], None]) -> None:
        self.last_words: Callable[[], None] = lambda: None
        self._cancel = cancel
        self._busy = busy
        self._clear = clear
        self._count = 0

    def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread, so that Ctrl-C is answered whatever it waits for.

        :raises InterruptedRunError: Ctrl-C, SIGTERM or SIGHUP.
        """
        results: list[T] = []
        problems: list[BaseException] = []

        def body() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001  # raised again in the main thread
                problems.append(error)

        thread = threading.Thread(target=body, name="work", daemon=True)
        with self.handled():
            thread.start()
            self._wait_for(thread)
        if self._cancel.is_set() and not results:
            # Whatever went wrong, it did because everything was killed
            raise InterruptedRunError("interrupted") from (problems[0] if problems else None)
        if problems:
            raise problems[0]
        return results[0]

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Take the signals, up to the end of what has to be told."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        # Whom nohup started goes on
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        handlers = {number: signal.signal(number, self._interrupt) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _wait_for(self, thread: threading.Thread) -> None:
        deadline = 0.0
        while thread.is_alive():
            thread.join(0.1)
            if self._cancel.is_set():
                deadline = deadline or time.monotonic() + (PATIENCE if self._busy() else HASTE)
                if self._count > 1:
                    deadline = min(deadline, time.monotonic() + HASTE)
                    self._count = 1
                if time.monotonic() > deadline:
                    self._abandon()

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        self._cancel.cancel()

    def _abandon(self) -> None:
        """The end when something does not stop in time: containers go with this process."""
        # In a thread, because what does not stop may hold a lock that writing needs
        last = threading.Thread(target=self.last_words, daemon=True)
        last.start()
        last.join(_LAST_WORDS)
        self._clear()
        os._exit(int(ExitStatus.INTERRUPTED))

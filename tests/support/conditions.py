"""Conditions that tests put code under: another umask, and others who do the same at the same moment."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def umask(value: int) -> Iterator[None]:
    """Another umask, for the whole process."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Do things at the same moment, and give what they raised."""
    barrier = threading.Barrier(len(works))
    problems: list[BaseException] = []

    def body(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001  # it is the result
            problems.append(error)

    threads = [threading.Thread(target=body, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems

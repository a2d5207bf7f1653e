"""Starts ``probe.py``, asks it about files, and takes its answers with care."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

Question = Literal["interface", "contents"]
"""What a file needs and offers; or what it is made of. ``probe.py`` answers with other keys to each."""

_PROGRAM = Path(__file__).with_name("probe.py")


class Parser:
    """A parser process that waits for its files. It serves one wheel, which may have changed it."""

    def __init__(self, question: Question = "interface") -> None:
        environment = {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
        with ExitStack() as undo:
            self._answer = undo.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                (sys.executable, "-S", "-P", "-B", str(_PROGRAM), question),
                stdin=subprocess.PIPE,
                stdout=self._answer,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
            )
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.communicate()
        self._answer.close()

    @property
    def ended(self) -> bool:
        """Whether it is gone, before it was asked or after."""
        return self._process.poll() is not None

    def ask(self, paths: Sequence[Path], timeout: float, room: int) -> bytes:
        """The parser's words about these files, as far as it came in ``timeout`` seconds: the first ``room``
        bytes of them."""
        question = "".join(f"{path}\n" for path in paths).encode()
        try:
            self._process.communicate(question, timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answer.seek(0)
        return self._answer.read(room)


class Parsers:
    """Parsers that are started before they are needed: starting one takes longer than parsing most wheels.

    :param wanted: how many wheels there will be; no more parsers are started ahead than that.
    :param ahead: how many may wait at once.
    """

    def __init__(self, wanted: int = 0, *, ahead: int = 1) -> None:
        self._lock = threading.Lock()
        self._left = wanted
        self._ahead = ahead
        self._waiting: list[Parser] = []

    def __enter__(self) -> Self:
        with self._lock:
            self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._left = 0
            for parser in self._waiting:
                parser.close()
            self._waiting.clear()

    def take(self) -> Parser:
        """A parser for one wheel; close it."""
        with self._lock:
            while self._waiting:
                parser = self._waiting.pop()
                if not parser.ended:
                    break
                parser.close()
            else:
                parser = Parser()
            self._left -= 1
            self._start()
        return parser

    def _start(self) -> None:
        # Where none can be started now, whoever needs one tries again, and says so
        with suppress(OSError):
            while len(self._waiting) < min(self._left, self._ahead):
                self._waiting.append(Parser())


def ask(
    paths: Sequence[Path], parser: Callable[[], Parser], *, timeout: float, room: int
) -> dict[str, dict[str, Any]]:
    """Answers by path. One over which the parser dies has none; another is asked about the rest, while there
    is time and room.

    :param parser: gives one that has not been asked yet.
    :param timeout: seconds that parsers may take over all of the files.
    :param room: bytes that the answers may have together.
    :raises OSError: no process can be started.
    """
    answers: dict[str, dict[str, Any]] = {}
    waiting = list(paths)
    until = time.monotonic() + timeout
    while waiting and room > 0 and (left := until - time.monotonic()) > 0:
        with parser() as asked:
            raw = asked.ask(waiting, left, room)
        said = _read_answers(raw, waiting)
        room -= len(raw)
        answers |= said
        waiting = waiting[len(said) + 1 :]
    return answers


def _read_answers(raw: bytes, paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """The answers, as long as they come in order and are whole."""
    said: dict[str, dict[str, Any]] = {}
    for path, line in zip(paths, raw.split(b"\n"), strict=False):
        try:
            answer = json.loads(line)
        except ValueError:
            break
        if not isinstance(answer, dict) or answer.get("path") != str(path):
            break
        said[str(path)] = answer
    return said

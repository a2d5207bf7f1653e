"""Runs ``probe.py`` over a wheel's native files, and takes its answers with care."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from xbuild.check.model import Finding, Format, ModuleFacts, Slice, Undefined
from xbuild.wheels.members import Member, read_pieces

_PARSER = Path(__file__).with_name("probe.py")
_ANSWER_LIMIT = 16 << 20
"""Bytes of answers about all files of a wheel. The largest compilers' libraries take three million."""
_MAGICS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xfe\xed\xfa\xce")
_FAT = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
_SUFFIXES = (".so", ".pyd", ".dll", ".dylib")
_MOST_SLICES = 20


class Parser:
    """A parser process that waits for its question. It serves one wheel, which may have changed it."""

    def __init__(self) -> None:
        environment = {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
        with ExitStack() as undo:
            self._answer = undo.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                (sys.executable, "-S", "-P", "-B", str(_PARSER)),
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

    def ask(self, paths: Sequence[Path], timeout: float, room: int = _ANSWER_LIMIT) -> bytes:
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


def looks_native(member: Member) -> bool:
    """Whether a member is a native file, by its first bytes or its name.

    A fat Mach-O file begins as a Java class does; then comes a small number of slices, or a class version.
    """
    head = member.head
    fat = head[:4] in _FAT and 0 < int.from_bytes(head[4:8], "big") < _MOST_SLICES
    return head[:4] in _MAGICS or fat or member.entry.name.lower().endswith(_SUFFIXES) or _is_program(member)


def _is_program(member: Member) -> bool:
    return member.head[:2] == b"MZ" and member.entry.name.lower().endswith(".exe")


def probe_members(
    file: BinaryIO, members: Sequence[Member], parsers: Parsers, *, timeout: float
) -> tuple[tuple[ModuleFacts, ...], tuple[Finding, ...]]:
    """Facts about native files, and findings about those that could not be read.

    :param timeout: seconds that parsers may take over all of them, also where one after the other dies.
    :raises OSError: there is no room for copies of them, or no process can be started.
    """
    facts: list[ModuleFacts] = []
    findings: list[Finding] = []
    if not members:
        return (), ()
    with tempfile.TemporaryDirectory(prefix="xbuild-audit-") as folder:
        paths = _unpack(file, members, Path(folder))
        answers = _ask(paths, parsers, timeout)
        for path, member in zip(paths, members, strict=True):
            found = make_facts(answers.get(str(path), {}), member.entry.name, member.entry.size)
            if found is None:
                message = "not a native file that can be read"
                findings.append(Finding("binary-unreadable", "error", member.entry.name, message))
            else:
                facts.append(found)
    return tuple(facts), tuple(findings)


def _unpack(file: BinaryIO, members: Sequence[Member], folder: Path) -> list[Path]:
    """Write the members to files with plain names; their sizes were bounded when the archive was opened."""
    paths = []
    for index, member in enumerate(members):
        path = folder / f"module-{index}"
        with path.open("wb") as copy:
            for piece in read_pieces(file, member.entry):
                copy.write(piece)
        paths.append(path)
    return paths


def _ask(paths: Sequence[Path], parsers: Parsers, timeout: float) -> dict[str, dict[str, Any]]:
    """The parser's answers by path. One over which it dies has none; another is asked about the rest, while
    there is time and room."""
    answers: dict[str, dict[str, Any]] = {}
    waiting = list(paths)
    until = time.monotonic() + timeout
    room = _ANSWER_LIMIT
    while waiting and room > 0 and (left := until - time.monotonic()) > 0:
        with parsers.take() as parser:
            raw = parser.ask(waiting, left, room)
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


def make_facts(answer: dict[str, Any], path: str, size: int) -> ModuleFacts | None:
    """Facts from the parser's answer, or None where it could make no sense of the file."""
    form = _format(answer.get("format"))
    if form is None or not answer.get("slices"):
        return None
    slices = tuple(_slice(part) for part in answer["slices"])
    return ModuleFacts(path=path, size=size, format=form, slices=slices)


def _format(value: object) -> Format | None:
    match value:
        case "pe":
            return "pe"
        case "elf":
            return "elf"
        case "macho":
            return "macho"
        case _:
            return None


def _slice(part: dict[str, Any]) -> Slice:
    return Slice(
        machine=str(part["machine"]),
        kind=str(part["kind"]),
        needed=tuple(part.get("needed", ())),
        delayed=tuple(part.get("delayed", ())),
        undefined=tuple(Undefined(**item) for item in part.get("undefined", ())),
        ordinals=tuple(part.get("ordinals", ())),
        exports=frozenset(part.get("exports", ())),
        versions=tuple((name, tuple(wanted)) for name, wanted in part.get("versions", ())),
        rpaths=tuple(part.get("rpaths", ())),
        executable_stack=bool(part.get("executable_stack")),
        minimum_os=tuple(part.get("minimum_os", ())),
        platform=str(part.get("platform", "")),
        signed=bool(part.get("signed")),
    )

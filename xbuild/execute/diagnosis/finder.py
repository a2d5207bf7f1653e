"""Watches a build's output and keeps its first real error, however much is printed before and after."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from xbuild.execute.diagnosis import lines as mark
from xbuild.util.text import without_ansi

MOST_LINES = 15
MOST_COLUMNS = 400
_KEPT_COLUMNS = 2000
_KEPT_LINES = 200
_LAST_LINES = 8
_END_LINES, _END_COLUMNS = 3, 160
"""How much of a build script's end is shown where something that it ran has failed before."""

_THROUGH_CARGO = re.compile(r"Cargo build finished with|through cargo|Failed to run `?cargo|`cargo metadata`")
_NO_PART = ("error", "warning", mark.MATURIN, "For more information")
_NOTE = re.compile(r"\s+= note: ?(.*)")
_FOLDER = re.compile(r"`[^`\s]*/(?=[^`/\s]*`)")
_COMMAND_NOTE = re.compile(
    r"""\s*(?:["']|LC_ALL=|PATH=|VSLANG=|ZERO_AR_DATE=|env |some arguments are omitted)"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crate:
    """The crate whose build script failed. ``path`` is its folder in the container, ``""`` for one of a
    registry."""

    name: str
    version: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What went wrong, by the output of a build that failed. All of it is text from a container.

    :ivar lines: what failed, and the first real error; at most fifteen.
    :ivar script: the crate whose build script failed, or ``None``.
    :ivar compiles: whether a compiler for C, a linker or another such tool failed in the build script.
    :ivar links: whether the program or library could not be linked.
    :ivar panic: a build script's panic, without what was said right before it.
    :ivar panicked_at: file and line of a build script's panic, ``("", 0)`` where there is none.
    :ivar told: lines of the build script that any rule knew, which may be missing in ``lines``.
    """

    lines: tuple[str, ...]
    script: Crate | None = None
    compiles: bool = False
    links: bool = False
    panic: tuple[str, ...] = ()
    panicked_at: tuple[str, int] = ("", 0)
    told: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class _Block:
    """The lines of an error that is no build script's: up to the blank line behind it."""

    def __init__(self, first: str) -> None:
        self._lines = [first]
        self._is_linking = first.startswith(mark.LINKING)
        self._blank = False

    def take(self, line: str) -> bool:
        """Take a line in; false where the block has ended before it."""
        if self._is_linking:
            if line and not line.startswith(" "):
                return False
        elif line.startswith(("error", "warning", mark.MATURIN, "For more information")) or (
            self._blank and line != "Caused by:"
        ):
            return False
        self._blank = not line and not self._is_linking
        if len(self._lines) < _KEPT_LINES:
            self._lines += [line] if line else []
        return True

    def diagnosis(self) -> Diagnosis:
        """What it says."""
        shown = _linking(self._lines) if self._is_linking else self._lines
        return Diagnosis(lines=_fitting(shown), links=self._is_linking)


class _Ends:
    """The beginning and the end of what was said."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=MOST_LINES)
        self._count = 0
        self._begins = False

    def begin(self) -> None:
        """What comes next, if anything comes, counts in place of what was said."""
        self._begins = True

    def take(self, line: str) -> None:
        """Take a line in."""
        if self._begins:
            self._first, self._count, self._begins = [], 0, False
            self._last.clear()
        self._count += 1
        self._last.append(line)
        if len(self._first) < _LAST_LINES:
            self._first.append(line)

    def lines(self, room: int) -> list[str]:
        """At most ``room`` lines of it."""
        if self._count <= room:
            return list(self._last)
        first = self._first[: room // 2]
        last = list(self._last)[-(room - 1 - len(first)) :]
        return [*first, f"… {self._count - len(first) - len(last)} more lines", *last]


class _Script:
    """A failed build script: how it ended, the first error of what it ran, its panic, its last words."""

    def __init__(self, first: str, crate: Crate, is_known: Callable[[str], bool]) -> None:
        self._first = first
        self._crate = crate
        self._is_known = is_known
        self._exited: list[str] = []
        self._before: deque[str] = deque(maxlen=4)
        self._tool: list[str] = []
        self._tool_ended = False
        self._ahead: list[str] = []
        self._panic: list[str] = []
        self._panicked_at = ("", 0)
        self._panic_ended = False
        self._said = _Ends()
        self._told: list[str] = []

    def take(self, line: str) -> bool:
        """Take a line in; false where cargo's report of the script has ended before it."""
        if line and not line.startswith((" ", "Caused by:", "note:")):
            return False
        if line == "  --- stderr":
            self._before.clear()
            self._said.begin()
        elif mark.says_exit(line.strip()) and not self._exited:
            self._exited.append(_FOLDER.sub("`", line.strip()))
        elif line.startswith("  ") and line.strip() and line != "  --- stdout":
            own = line.removeprefix("  ")
            passed_on = mark.passed_on(own)
            if passed_on or not mark.is_for_cargo(own):
                self._take_own(passed_on or own, is_error=passed_on.startswith("error: "))
        return True

    def _take_own(self, line: str, *, is_error: bool) -> None:
        if self._is_known(line) and len(self._told) < MOST_LINES:
            self._told.append(line)
        found = mark.panic(line)
        if found and not self._panic:
            self._ahead = [] if self._tool else list(self._before)
            self._panic = [line]
            self._panicked_at = (found["file"] or "", int(found["line"] or 0))
        elif self._panic and not self._panic_ended:
            self._panic_ended = mark.ends_panic(line)
            if not self._panic_ended and len(self._panic) < MOST_LINES:
                self._panic.append(line)
        elif not self._panic and self._tool and not self._tool_ended:
            self._tool_ended = len(self._tool) == MOST_LINES or not mark.goes_on(line)
            self._tool += [] if self._tool_ended else [line]
        elif not self._tool and (is_error or mark.is_tool_error(line)):
            self._tool = [*_leading(self._before), line]
        if not mark.ends_panic(line):
            self._before.append(line)
            self._said.take(line)

    def diagnosis(self) -> Diagnosis:
        """What it says."""
        head = [self._first, *self._exited]
        room = MOST_LINES - len(head)
        end = [*self._ahead, *self._panic] if self._panic else self._said.lines(room)
        if self._tool:
            own = [line for line in end if line not in self._tool]
            end = own[:_END_LINES] if self._panic else own[-_END_LINES:]
            end = [_clipped(line, _END_COLUMNS) for line in end]
        shown = [*head, *self._tool[: room - len(end)], *end]
        return Diagnosis(
            lines=_fitting(shown),
            script=self._crate,
            compiles=bool(self._tool),
            panic=tuple(self._panic),
            panicked_at=self._panicked_at,
            told=tuple(self._told),
        )


@dataclass(slots=True)
class _Maturin:
    """maturin's own words at the end."""

    lines: list[str] = field(default_factory=list)

    def take(self, line: str) -> bool:
        if len(self.lines) < _KEPT_LINES:
            self.lines += [line] if line else []
        return True

    @property
    def blames_cargo(self) -> bool:
        return any(_THROUGH_CARGO.search(line) for line in self.lines)

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(lines=_fitting(self.lines))


class Finder:
    """Takes a build's output line by line, and holds a bounded part of it.

    :param is_known: whether a line of a build script's is worth keeping, wherever it stands.
    """

    def __init__(self, is_known: Callable[[str], bool] = lambda _: False) -> None:
        self._is_known = is_known
        self._open: _Block | _Script | _Maturin | None = None
        self._found: _Block | _Script | None = None
        self._summary: _Block | None = None
        self._maturin: _Maturin | None = None
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    def take(self, line: str) -> None:
        """Take in the next line."""
        line = without_ansi(line[:_KEPT_COLUMNS]).rstrip()
        if not (self._open and self._open.take(line)):
            self._open = self._begun(line)
        if not self._maturin and line:
            self._last.append(line)

    def _begun(self, line: str) -> _Block | _Script | _Maturin | None:
        """What begins with a line, if it is wanted."""
        if line.startswith(mark.MATURIN):
            self._maturin = _Maturin([line])
            return self._maturin
        if self._found:
            return None
        script = mark.BUILD_SCRIPT.match(line)
        if script:
            crate = Crate(name=script["name"], version=script["version"], path=script["path"] or "")
            self._found = _Script(line, crate, self._is_known)
        elif mark.is_error(line) or mark.is_tool_error(line) or mark.panic(line):
            self._found = _Block(line)
        elif mark.is_summary(line) and not self._summary:
            self._summary = _Block(line)
            return self._summary
        return self._found

    @property
    def last(self) -> str:
        """The last line that was no blank one."""
        return self._last[-1] if self._last else ""

    def diagnosis(self) -> Diagnosis:
        """What is known now. ``lines`` is empty where nothing was printed."""
        maturin = self._maturin
        if maturin and not maturin.blames_cargo:
            return maturin.diagnosis()
        found = self._found or self._summary
        if found:
            return found.diagnosis()
        last = list(self._last)
        return Diagnosis(lines=_fitting([*last, *maturin.lines] if maturin else last))


def first_error(output: Iterable[str]) -> str:
    """The first error that a compiler, linker, build script or cargo itself printed, with its block: at most
    fifteen lines. Where nothing looks like an error, the last lines.

    The result is text from a container: show it with :func:`xbuild.util.text.printable` only.
    """
    finder = Finder()
    for line in output:
        finder.take(line)
    return finder.diagnosis().text


def _leading(before: Sequence[str]) -> list[str]:
    """The lines right before an error that say where it is."""
    leading: list[str] = []
    for line in reversed(before):
        if not mark.is_about_next(line):
            break
        leading.insert(0, line)
    return leading


def _linking(block: Sequence[str]) -> list[str]:
    """A failed link: the linker's own words, without the command line that rustc prints before them."""
    notes: list[list[str]] = []
    for line in block[1:]:
        found = _NOTE.match(line)
        if found is not None:
            notes.append([found[1]])
        elif notes and line.strip() not in {"", "|"}:
            notes[-1].append(line.removeprefix(" " * 10))
    return [block[0], *(line for note in notes if not _COMMAND_NOTE.match(note[0]) for line in note)]


def _fitting(block: Sequence[str]) -> tuple[str, ...]:
    shown = list(block)
    if len(shown) > MOST_LINES:
        shown = [*shown[: MOST_LINES - 1], f"… {len(shown) - MOST_LINES + 1} more lines"]
    return tuple(_clipped(line, MOST_COLUMNS) for line in shown)


def _clipped(line: str, columns: int) -> str:
    return line if len(line) <= columns else f"{line[:columns]}…"

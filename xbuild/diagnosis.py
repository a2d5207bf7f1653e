"""The compiler's own last error, found in the output of cargo, maturin, cc-rs and linkers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from xbuild.text import without_ansi

MOST_LINES = 15
MOST_COLUMNS = 400
_SHOWN_STDERR = 12

_ERROR = re.compile(r"error(?:\[E\d+\])?: ")
_SUMMARY = re.compile(
    r"error: (?:could not compile|aborting due to|build failed|\d+ (?:jobs?|target)|`?cargo .* failed)"
)
_BUILD_SCRIPT = "error: failed to run custom build command"
_LINKING = "error: linking with"
_MATURIN = "💥 maturin failed"
_THROUGH_CARGO = re.compile(r"Cargo build finished with|through cargo|Failed to run `?cargo")
_TOOL = re.compile(
    r"(?:\S*/)?(?:ld|ld\.\w+|ld64\.lld|lld|lld-link|rust-lld|wasm-ld|clang(?:\+\+|-cl)?(?:-\d+)?|llvm-\w+|zig|"
    r"cc1|cc1plus|collect2|as|g?cc|[gc]\+\+|cmake|ninja|make)(?:\.exe)?: "
    r"(?:fatal error|error|\*\*\*|.*undefined )"
)
_C_ERROR = re.compile(r"\S[^:]*:\d+(?::\d+)?: (?:fatal )?error: ")
_PANIC = re.compile(r"thread '.*' (?:\(\d+\) )?panicked at ")
_C_WARNING = re.compile(r"warning: [^\s:]+@[^\s:]+: ?(.*)")
_NOTE = re.compile(r"\s+= note: ?(.*)")
_COMMAND_NOTE = re.compile(
    r"""\s*(?:["']|LC_ALL=|PATH=|VSLANG=|ZERO_AR_DATE=|env |some arguments are omitted)"""
)
_PANIC_END = re.compile(r"stack backtrace:|note: (?:run with|Some details)")


def last_error(lines: Iterable[str]) -> str:
    """The last error that a compiler, linker, build script or cargo itself printed, with its block: at most
    fifteen lines, without the summaries that follow it. Where nothing looks like an error, the last lines.

    The result is text from a container: show it with :func:`xbuild.text.printable` only.
    """
    clean = [without_ansi(line).rstrip() for line in lines]
    block = _maturin_itself(clean) or _strongest(clean) or _maturin(clean) or _last_lines(clean)
    return "\n".join(_clipped(_trimmed(block)))


def _strongest(lines: Sequence[str]) -> list[str]:
    """The last real error, or where there is only a summary ("could not compile"), the last of those."""
    summary: int | None = None
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if _SUMMARY.match(line):
            summary = index if summary is None else summary
        elif line.startswith(_BUILD_SCRIPT):
            return _build_script(lines, index)
        elif line.startswith(_LINKING):
            return _linking(lines, index)
        elif _is_tool_error(line):
            return _block(lines, _first_of_run(lines, index))
        elif _ERROR.match(line):
            return _block(lines, index)
    return [] if summary is None else _block(lines, summary)


def _is_tool_error(line: str) -> bool:
    return bool(_TOOL.match(line) or _C_ERROR.match(line) or _PANIC.match(line))


def _first_of_run(lines: Sequence[str], index: int) -> int:
    """The first of consecutive tool errors that end at ``index``; "collect2: ld returned 1" says nothing."""
    first = index
    for before in range(index - 1, max(-1, index - MOST_LINES), -1):
        if not lines[before] or lines[before].lstrip().startswith(("Compiling ", "Running ")):
            break
        if _is_tool_error(lines[before]):
            first = before
    return first


def _block(lines: Sequence[str], start: int) -> list[str]:
    """A diagnostic: up to the blank line behind it, and over blank lines into cargo's "Caused by:"."""
    block = [lines[start]]
    rest = lines[start + 1 :]
    for line, following in zip_longest(rest, rest[1:], fillvalue=""):
        if line.startswith(("error", "warning", _MATURIN, "For more information")):
            break
        if not line and following != "Caused by:":
            break
        if line:
            block.append(line)
    return block


def _build_script(lines: Sequence[str], start: int) -> list[str]:
    """A build script's end: how it exited, what its C compiler said, and its stderr without a backtrace."""
    region = _region(lines, start)
    exited = [line.strip() for line in region if line.lstrip().startswith("process didn't exit")]
    _, _, stderr = _partition(region, "  --- stderr")
    said = [line.removeprefix("  ") for line in stderr if line.strip()]
    panics = [index for index, line in enumerate(said) if _PANIC.match(line)]
    if panics:
        said = _until(said[max(0, panics[-1] - 4) :], _PANIC_END)
    compiler = _c_errors(lines[:start])
    room = MOST_LINES - 2 - (0 if panics else len(compiler))
    return [lines[start], *exited, *compiler, *said[:room][-_SHOWN_STDERR:]]


def _region(lines: Sequence[str], start: int) -> list[str]:
    """What belongs to an error of cargo: its notes, "Caused by:" and everything indented below."""
    region: list[str] = []
    for line in lines[start + 1 :]:
        if line and not line.startswith((" ", "Caused by:", "note:")):
            break
        region.append(line)
    return region


def _partition(lines: Sequence[str], mark: str) -> tuple[Sequence[str], bool, Sequence[str]]:
    index = lines.index(mark) if mark in lines else len(lines)
    return lines[:index], index < len(lines), lines[index + 1 :]


def _until(lines: Sequence[str], end: re.Pattern[str]) -> list[str]:
    stop = next((index for index, line in enumerate(lines) if end.match(line)), len(lines))
    return list(lines[:stop])


def _c_errors(lines: Sequence[str]) -> list[str]:
    """The errors among the ``warning: crate@version: ...`` lines right before a build script's failure, which
    is how cargo passes on what a C compiler said to the cc crate."""
    said: list[str] = []
    for line in reversed(lines):
        found = _C_WARNING.match(line)
        if found is None:
            break
        said.insert(0, found[1])
    first = next((index for index, line in enumerate(said) if _is_tool_error(line)), len(said))
    return said[first : first + MOST_LINES - 6]


def _linking(lines: Sequence[str], start: int) -> list[str]:
    """A failed link: the linker's own words, without the command line that rustc prints before them."""
    notes: list[list[str]] = []
    for line in lines[start + 1 :]:
        found = _NOTE.match(line)
        if found is not None:
            notes.append([found[1]])
        elif line and not line.startswith(" "):
            break
        elif notes and line.strip() not in {"", "|"}:
            notes[-1].append(line.removeprefix(" " * 10))
    return [lines[start], *(line for note in notes if not _COMMAND_NOTE.match(note[0]) for line in note)]


def _maturin_itself(lines: Sequence[str]) -> list[str]:
    """maturin's own failure, where cargo is not what failed."""
    block = _maturin(lines)
    return [] if any(_THROUGH_CARGO.search(line) for line in block) else block


def _maturin(lines: Sequence[str]) -> list[str]:
    start = next(
        (index for index in range(len(lines) - 1, -1, -1) if lines[index].startswith(_MATURIN)), None
    )
    return [] if start is None else [line for line in lines[start:] if line]


def _last_lines(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()][-5:]


def _trimmed(block: Sequence[str]) -> list[str]:
    if len(block) <= MOST_LINES:
        return list(block)
    return [*block[: MOST_LINES - 1], f"… {len(block) - MOST_LINES + 1} more lines"]


def _clipped(block: Sequence[str]) -> list[str]:
    return [line if len(line) <= MOST_COLUMNS else f"{line[:MOST_COLUMNS]}…" for line in block]

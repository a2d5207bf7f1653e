"""How the tools of a build mark their errors."""

from __future__ import annotations

import re

_ERROR = re.compile(r"error(?:\[E\d+\])?: ")
_SUMMARY = re.compile(
    r"error: (?:could not compile|aborting due to|build failed|\d+ (?:jobs?|target)|`?cargo .* failed)"
)
_PROGRAM = (
    r"(?:\S*/)?(?:ld|ld\.\w+|ld64\.lld|lld|lld-link|rust-lld|wasm-ld|clang(?:\+\+|-cl)?(?:-\d+)?|llvm-\w+|zig|"
    r"cc1|cc1plus|collect2|as|nasm|g?cc|[gc]\+\+|cmake|ninja|g?make(?:\[\d+\])?|configure|protoc)(?:\.exe)?"
)
_TOOL = re.compile(rf"{_PROGRAM}: (?:fatal error|error|fatal|\*\*\*|.*undefined )|CMake Error\b")
_AT = r"\S[^:(]*(?::\d+(?::\d+)?|\(\d+(?:,\d+)?\) ?)"
_COMPILER = re.compile(rf"(?:[A-Za-z]:)?{_AT}: (?:fatal |internal compiler )?error(?: [A-Z]+\d+)?: ")
_UNDEFINED = re.compile(r"\S.*: undefined reference to ")
_PANIC = re.compile(r"thread '.*' (?:\(\d+\) )?panicked at (?:(?P<file>\S+):(?P<line>\d+):\d+)?")
_PANIC_END = re.compile(r"stack backtrace:|note: (?:run with|Some details)")
_ABOUT_NEXT = re.compile(
    r"(?:In file included from|\s+from) |\S+: In (?:function|member|constructor)|FAILED: "
)
_GOES_ON = re.compile(
    r"\s|[|+>]|note: |Call Stack|\d+ (?:error|warning)s? generated|"
    r"\S[^:(]*[:(]\d+[:,\d)]* ?: (?:note|warning): "
)
_TO_CARGO = re.compile(r"cargo::?[\w-]+[=:]|[A-Za-z_][\w-]* = (?:None|Some\()")
_PASSED_ON = re.compile(r"cargo::?(?:warning|error)=")
_EXITED = re.compile(r"process didn't exit successfully: ")

BUILD_SCRIPT = re.compile(
    r"error: failed to run custom build command for "
    r"`(?P<name>[\w-]+) v(?P<version>[\w.+-]+)(?: \((?P<path>.*)\))?`"
)
"""cargo's words for a build script that failed; ``path`` is there for crates of no registry."""

LINKING = "error: linking with"
MATURIN = "💥 maturin failed"


def is_error(line: str) -> bool:
    """Whether rustc or cargo begins an error here that is no mere summary."""
    return bool(_ERROR.match(line) and not _SUMMARY.match(line))


def is_summary(line: str) -> bool:
    """Whether cargo or rustc says that there were errors, and not which."""
    return bool(_SUMMARY.match(line))


def is_tool_error(line: str) -> bool:
    """Whether a compiler for C, a linker or another program that builds says that it failed."""
    return bool(_TOOL.match(line) or _COMPILER.match(line) or _UNDEFINED.match(line))


def panic(line: str) -> re.Match[str] | None:
    """The head of a panic's message; ``file`` and ``line`` are where it happened, or ``None``."""
    return _PANIC.match(line)


def ends_panic(line: str) -> bool:
    """Whether what follows is no part of a panic's message."""
    return bool(_PANIC_END.match(line))


def is_about_next(line: str) -> bool:
    """Whether a compiler says here where the error of the next line is."""
    return bool(_ABOUT_NEXT.match(line))


def says_exit(line: str) -> bool:
    """Whether cargo says here how a build script ended."""
    return bool(_EXITED.match(line))


def goes_on(line: str) -> bool:
    """Whether a line belongs to a tool's error before it: its source, a note, the next error."""
    return bool(_GOES_ON.match(line)) or is_tool_error(line) or is_about_next(line)


def passed_on(line: str) -> str:
    """What a build script hands on to cargo as a warning or an error, which is what the C compiler said; else
    ``""``."""
    found = _PASSED_ON.match(line)
    return line[found.end() :] if found else ""


def is_for_cargo(line: str) -> bool:
    """Whether a build script speaks to cargo here, or the cc crate of what it found in the environment."""
    return bool(_TO_CARGO.match(line))

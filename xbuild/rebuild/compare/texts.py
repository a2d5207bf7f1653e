"""Unified diffs of small text files, bounded in time and length."""

from __future__ import annotations

import difflib
from itertools import islice

_MOST_TEXT = 8 << 20
_MOST_BYTES = 1 << 20
_MOST_LINES = 3000
_SHOWN_LINES = 200
_LINE = 400


def as_text(data: bytes) -> list[str] | None:
    """The lines of a text file; ``None`` for anything that is not one, or has more than 8 MiB."""
    if len(data) > _MOST_TEXT or b"\0" in data:
        return None
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError:
        return None


def text_diff(a: list[str], b: list[str]) -> tuple[str, ...]:
    """A unified diff with one line of context; empty for files too large for one.

    difflib's time grows with the square of the number of lines, hence the limits.
    """
    if max(len(a), len(b)) > _MOST_LINES or max(map(_size, (a, b))) > _MOST_BYTES:
        return ()
    lines = difflib.unified_diff(a, b, "a", "b", n=1, lineterm="")
    shown = [_clipped(line) for line in islice(lines, _SHOWN_LINES + 1)]
    return tuple(shown[:_SHOWN_LINES] + (["..."] if len(shown) > _SHOWN_LINES else []))


def _size(lines: list[str]) -> int:
    return sum(map(len, lines))


def _clipped(line: str) -> str:
    return line if len(line) <= _LINE else line[:_LINE] + "..."

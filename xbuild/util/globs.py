"""Patterns of files, as git's ignore files have them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pathspec


def read_globs(lines: Iterable[str]) -> pathspec.GitIgnoreSpec:
    """What matches the files that the patterns mean.

    :raises ValueError: one of them is no pattern.
    """
    patterns = tuple(lines)
    if wrong := [line for line in patterns if not _is_glob(line)]:
        raise ValueError(f"has {wrong[0]!r}, which is no pattern of files")
    return pathspec.GitIgnoreSpec.from_lines(patterns)


def checked_globs(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns themselves, where :func:`read_globs` takes them.

    :raises ValueError: one of them is no pattern.
    """
    read_globs(lines)
    return lines


def read_ignore_file(text: str) -> pathspec.GitIgnoreSpec:
    """The same of a ``.gitignore``. A line that is no pattern matches nothing there, as with git."""
    return read_globs(filter(_is_glob, text.splitlines()))


def _is_glob(line: str) -> bool:
    try:
        pathspec.GitIgnoreSpec.from_lines((line,))
    except (ValueError, re.error):
        # Ranges of characters get into a regular expression as they are
        return False
    return True

"""Which files are in a folder, as far as they may be sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pathspec

from xbuild.util.globs import read_globs, read_ignore_file

NEVER = {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox", ".nox"}
NOTHING = read_globs(())
Rules = tuple[tuple[str, pathspec.GitIgnoreSpec], ...]
"""The patterns of ignore files, each with the folder (``""`` or with a slash at its end) that it is for."""
Listing = Callable[[Path], Iterable[str] | None]
"""The names of the sources in a repository by its folder, or ``None`` where nobody knows better."""


def walk(
    root: Path,
    *,
    ignoring: bool = False,
    wanted_too: Callable[[str], bool] = lambda _: False,
    into_ignored: bool = False,
    left_out: frozenset[str] = frozenset(),
    prefix: str = "",
    rules: Rules = (),
    listing: Listing = lambda _: None,
) -> Iterator[str]:
    """The names, from ``root`` on, of the files and links in its folder ``prefix``. Links are not followed.

    :param ignoring: go by the ``.gitignore`` of the folder and those below.
    :param wanted_too: whether a file is one although it is ignored.
    :param into_ignored: look for such files in ignored folders too.
    :param left_out: folders, from ``root`` on, to pass over.
    :param rules: what holds from the folders above.
    :param listing: asked about each folder that is a repository of its own.
    """
    folder = root / prefix
    rules = (*rules, *ignore_rules(folder, prefix)) if ignoring else rules
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        name = f"{prefix}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in NEVER or name in left_out or (is_folder and is_output(Path(entry.path))):
            continue
        ignored = is_ignored(f"{name}/" if is_folder else name, rules)
        if is_folder and (not ignored or into_ignored):
            own = listing(Path(entry.path)) if (Path(entry.path) / ".git").exists() else None
            if own is not None:
                yield from (f"{name}/{below}" for below in own)
                continue
            yield from walk(
                root,
                ignoring=ignoring,
                wanted_too=wanted_too,
                into_ignored=into_ignored,
                left_out=left_out,
                prefix=f"{name}/",
                rules=rules,
                listing=listing,
            )
        elif not is_folder and (entry.is_symlink() or entry.is_file()) and (not ignored or wanted_too(name)):
            yield name


def ignore_rules(folder: Path, prefix: str) -> Rules:
    """What the ``.gitignore`` of a folder says, for names that have ``prefix`` before those below it."""
    path = folder / ".gitignore"
    return ((prefix, read_ignore_file(path.read_text("utf-8", "replace"))),) if path.is_file() else ()


def is_ignored(name: str, rules: Rules) -> bool:
    """Whether patterns match a name; that of a folder ends with a slash."""
    return any(spec.match_file(name.removeprefix(start)) for start, spec in rules)


def is_output(folder: Path) -> bool:
    """Whether a folder is a cache (cargo marks its target directories) or a virtual environment."""
    return (folder / "CACHEDIR.TAG").is_file() or (folder / "pyvenv.cfg").is_file()

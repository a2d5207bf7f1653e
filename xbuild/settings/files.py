"""The configuration files: finding them, reading them, and knowing the line of every key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xbuild.errors import UsageError
from xbuild.util.toml import parse_toml, read_toml, toml_text

FILE_NAME = "xbuild.toml"
PYPROJECT = "pyproject.toml"
_TOOL = ("tool", "xbuild")
_HEADER = re.compile(r"\s*(\[[^\[\]].*\])\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[^=\s]+)*)\s*=""")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that was read.

    :ivar label: how it is named to people: its name in the project, else its whole path.
    :ivar data: the tables of xbuild in it.
    :ivar lines: key (without ``tool.xbuild``) to line number, as far as they are known.
    :ivar foreign: whether it came with the project, so that its author need not be the caller.
    """

    path: Path
    label: str
    data: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]
    foreign: bool = False

    def where(self, key: tuple[str, ...]) -> str:
        """``xbuild.toml:3``, the line of ``key`` or of the nearest table around it."""
        for length in range(len(key), 0, -1):
            for known in (key[:length], _dashed(key[:length])):
                if known in self.lines:
                    return f"{self.label}:{self.lines[known]}"
        return self.label


def _dashed(key: tuple[str, ...]) -> tuple[str, ...]:
    return (*key[:-1], key[-1].replace("_", "-"))


def project_files(project_dir: Path) -> Iterator[ConfigFile]:
    """The files that speak for a crate, the nearest first: of its directory, of its workspace's root, and of
    its repository's root. No other directory is looked at, and none that another user owns.

    :raises UsageError: ``two-config-files``, ``bad-config`` or ``config-unreadable``.
    """
    for directory in (project_dir, *_roots(project_dir)):
        found = _in_directory(directory, label_from=project_dir)
        if found is not None:
            yield replace(found, foreign=True)


def user_file(path: Path) -> tuple[ConfigFile, ...]:
    """The user's own file, where there is one.

    :raises UsageError: ``bad-config`` or ``config-unreadable``.
    """
    found = read(path) if path.is_file() else None
    return (found,) if found else ()


def chosen_file(path: Path, project_dir: Path | None) -> ConfigFile:
    """The file that the caller named. One that lies in the project came with it all the same.

    :raises UsageError: ``bad-config`` or ``config-unreadable``.
    """
    found = read(path)
    if found is None:
        raise UsageError(f"{path.name} has no [tool.xbuild] table", details=str(path), code="bad-config")
    if project_dir is None or not project_dir.is_dir():
        return found
    tops = [folder.resolve() for folder in (project_dir, *_around(project_dir))]
    places = (path.absolute(), path.parent.resolve() / path.name, path.resolve())
    return replace(found, foreign=any(place.is_relative_to(top) for place in places for top in tops))


def tree_of(project_dir: Path) -> Path:
    """The highest folder that came with a crate, as far as it can be told."""
    return (project_dir, *_around(project_dir))[-1]


def _around(project_dir: Path) -> Iterator[Path]:
    """Folders above a crate that came with it: of its workspace, its sdist, its repository, and where that is
    a submodule (whose ``.git`` is a file), of the repository around it."""
    for directory in (project_dir, *project_dir.parents):
        repository = directory / ".git"
        if repository.exists() or (directory / "PKG-INFO").is_file() or _is_workspace(directory):
            yield directory
        if repository.is_dir():
            return


def _roots(project_dir: Path) -> Iterator[Path]:
    """The workspace's root and the repository's, where they are above ``project_dir``. Cargo looks upwards in
    the same way, but the search ends at the repository's root."""
    owner = project_dir.stat().st_uid
    if (project_dir / ".git").exists():
        return
    workspace: Path | None = project_dir if _is_workspace(project_dir) else None
    for directory in project_dir.parents:
        if directory.stat().st_uid != owner:
            return
        is_repository = (directory / ".git").exists()
        if workspace is None and _is_workspace(directory):
            workspace = directory
            yield directory
        elif is_repository:
            yield directory
        if is_repository:
            return


def _is_workspace(directory: Path) -> bool:
    manifest = directory / "Cargo.toml"
    if not manifest.is_file():
        return False
    try:
        return "workspace" in read_toml(manifest)
    except (OSError, ValueError, RecursionError):
        return False  # cargo will say what is wrong with it


def _in_directory(directory: Path, *, label_from: Path) -> ConfigFile | None:
    candidates = [directory / FILE_NAME, directory / PYPROJECT]
    found = [file for path in candidates if path.is_file() and (file := read(path, label_from=label_from))]
    if len(found) > 1:
        raise UsageError(
            f"two configuration files in {directory}",
            details=f"{found[0].path}\n{found[1].path}: [tool.xbuild]",
            hint=f"keep {FILE_NAME}, or [tool.xbuild] in {PYPROJECT}, not both",
            code="two-config-files",
        )
    return found[0] if found else None


def read(path: Path, *, label_from: Path | None = None) -> ConfigFile | None:
    """The settings in a file; ``None`` for a pyproject.toml without a table of xbuild.

    :raises UsageError: ``bad-config`` for bad TOML, ``config-unreadable``.
    """
    try:
        text = toml_text(path)
        data = parse_toml(text)
    except (ValueError, RecursionError) as error:
        # Not TOMLDecodeError alone: numbers of too many digits and arrays in too many others are none
        raise UsageError(
            f"{path.name} is not valid TOML", details=f"{path}: {error}", code="bad-config"
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration file {path.name}",
            details=f"{path}: {error.strerror}",
            code="config-unreadable",
        ) from error
    label = path.name if label_from is not None and path.parent == label_from else str(path)
    lines = key_lines(text)
    if path.name != PYPROJECT:
        return ConfigFile(path, label, data, lines)
    tool = data.get("tool")
    if not isinstance(tool, dict) or not isinstance(tool.get("xbuild"), dict):
        return None
    below = {key[2:]: number for key, number in lines.items() if key[:2] == _TOOL and len(key) > 2}
    return ConfigFile(path, label, tool["xbuild"], below)


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line on which each key and table of a TOML text starts. A reading good enough for messages: keys
    inside inline tables are not found, and a line of a multi-line string may be taken for a key."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _only_key(header[1])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_only_key(f"{assignment[1]} = 0")), number)
    return lines


def _only_key(statement: str) -> tuple[str, ...]:
    """The key of a one-line TOML document; the parser itself takes quotes and dots apart."""
    try:
        data: Any = parse_toml(statement)
    except ValueError:
        return ()
    key: list[str] = []
    while isinstance(data, dict) and data:
        name, data = next(iter(data.items()))
        key.append(name)
    return tuple(key)

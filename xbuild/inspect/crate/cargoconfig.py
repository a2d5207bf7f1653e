"""cargo's configuration as a project brings it along: ``.cargo/config.toml`` of its folders.

cargo reads it from where it is started upwards. maturin, which looks for link flags in it, starts beside the
crate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbuild.errors import RefusedError
from xbuild.util.toml import read_toml

NAMES = ("config", "config.toml")
"""Where both are there, cargo takes the one without a suffix, and only that."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of cargo's configuration.

    :ivar path: where it is, in the folder that is built.
    :ivar root: the outermost folder that the build sees.
    :ivar shown: where it is on this machine.
    """

    path: Path
    root: Path
    shown: Path
    table: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Whether the build has what the file names: relative to the folder that has ``.cargo``."""
        if "\0" in name:
            return False
        place = (self.path.parent.parent / name).resolve()
        return place.is_relative_to(self.root) and place.exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class CargoConfig:
    """The configuration of a project.

    :ivar files: those that cargo reads, the nearest first, each before what it includes.
    :ivar beside: those that only maturin looks at, because the crate is below the folder where it is started.
    """

    files: tuple[ConfigFile, ...] = ()
    beside: tuple[ConfigFile, ...] = ()

    @property
    def merged(self) -> dict[str, Any]:
        """What cargo makes of the files."""
        return merge(file.table for file in self.files)

    @property
    def merged_for_maturin(self) -> dict[str, Any]:
        """What maturin makes of them."""
        return merge(file.table for file in (*self.beside, *self.files))


def read_config(project: Path, crate: Path, root: Path, *, shown: Path) -> CargoConfig:
    """The configuration that builds get from a project's own files.

    :param project: where cargo is started.
    :param crate: the folder of the crate.
    :param root: the outermost folder that the build sees.
    :param shown: where ``root`` is on this machine.
    :raises RefusedError: ``bad-cargo-config``; ``unsupported-cargo-config``, a file includes what is not
        there.
    """
    project, crate, root = project.resolve(), crate.resolve(), root.resolve()
    folders = list(_upwards(project, root))
    below = [folder for folder in _upwards(crate, root) if folder not in folders]
    return CargoConfig(
        files=tuple(file for folder in folders for file in _in_folder(folder, root, shown)),
        beside=tuple(file for folder in below for file in _in_folder(folder, root, shown)),
    )


def _upwards(folder: Path, root: Path) -> Iterator[Path]:
    for place in (folder, *folder.parents):
        yield place
        if place == root:
            return


def _in_folder(folder: Path, root: Path, shown: Path) -> Iterator[ConfigFile]:
    path = next((path for name in NAMES if (path := folder / ".cargo" / name).is_file()), None)
    # The build has nothing behind a link that leads out of the sources
    if path and path.resolve().is_relative_to(root):
        yield from _read(path, root, shown, seen=frozenset())


def _read(path: Path, root: Path, shown: Path, *, seen: frozenset[Path]) -> Iterator[ConfigFile]:
    real = shown / path.relative_to(root)
    try:
        table = read_toml(path)
        included = [
            (name, optional, _place(path, name)) for name, optional in _included(table.get("include", []))
        ]
    except (OSError, ValueError, RecursionError) as error:
        raise RefusedError(f"cannot read {real}", details=str(error), code="bad-cargo-config") from error
    yield ConfigFile(path, root, real, table)
    # A later one wins over an earlier one
    for name, optional, (place, there) in reversed(included):
        if there and place.is_relative_to(root) and place not in seen:
            yield from _read(place, root, shown, seen=seen | {place})
        elif not optional:
            raise RefusedError(
                f"{real} includes {name}, which the build does not have",
                details=f"include: the sources are {shown}",
                hint="put it beside the sources, or take it out of include",
                code="unsupported-cargo-config",
            )


def _included(value: object) -> Iterator[tuple[str, bool]]:
    """The names in an ``include``, and whether each may be missing."""
    for item in value if isinstance(value, list) else [value]:
        path = item.get("path") if isinstance(item, dict) else item
        if not isinstance(path, str) or "\0" in path:
            raise ValueError(f"include: {item!r} is no path")
        yield path, isinstance(item, dict) and item.get("optional") is True


def _place(path: Path, name: str) -> tuple[Path, bool]:
    """Where a name in an ``include`` leads, and whether there is a file.

    :raises OSError: no file can have the name: it is too long.
    """
    place = (path.parent / name).resolve()
    return place, place.is_file()


def merge(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What cargo makes of tables of which the nearest comes first: lists are joined, the nearest one last."""
    found: dict[str, Any] = {}
    for table in tables:
        _merge(found, table)
    return found


def _merge(found: dict[str, Any], further: Mapping[str, Any]) -> None:
    for key, value in further.items():
        near = found.get(key)
        if isinstance(value, dict) and isinstance(near, dict):
            _merge(near, value)
        elif isinstance(value, list) and isinstance(near, list):
            found[key] = [*value, *near]
        elif key not in found:
            found[key] = merge([value]) if isinstance(value, dict) else value

"""The workspace that a crate belongs to, and the folders that path dependencies name, as cargo finds them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbuild.errors import RefusedError
from xbuild.inspect.crate.shapes import CargoToml, PyprojectToml, problems
from xbuild.util.toml import read_toml


def read_document(path: Path, shape: type[CargoToml | PyprojectToml]) -> dict[str, Any]:
    """A Cargo.toml or pyproject.toml.

    :raises RefusedError: ``bad-manifest``: it cannot be read, or has values of other kinds than it takes.
    """
    try:
        document = read_toml(path)
    except (OSError, ValueError, RecursionError) as error:
        raise RefusedError(f"cannot read {path}", details=str(error), code="bad-manifest") from error
    wrong = problems(shape, document)
    if wrong:
        raise RefusedError(f"cannot make sense of {path}", details=wrong, code="bad-manifest")
    return document


def find_workspace(cargo_toml: Path, cargo: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """The workspace's root, found as cargo finds it: ``package.workspace``, or upwards."""
    if "workspace" in cargo:
        return cargo_toml.parent, dict(cargo)
    named = cargo["package"].get("workspace")
    folders = [(cargo_toml.parent / named).resolve()] if named else cargo_toml.parent.parents
    for folder in folders:
        candidate = folder / "Cargo.toml"
        if candidate.is_file():
            data = read_document(candidate, CargoToml)
            if "workspace" in data and not _is_excluded(cargo_toml.parent, folder, data["workspace"]):
                return folder, data
    return cargo_toml.parent, dict(cargo)


def _is_excluded(folder: Path, root: Path, workspace: Mapping[str, Any]) -> bool:
    """Whether a workspace does not want a folder. As in cargo, patterns among the members count as paths."""

    def listed(key: str) -> bool:
        return any(folder.is_relative_to(os.path.normpath(root / name)) for name in workspace.get(key, ()))

    return listed("exclude") and not listed("members")


def _dependency_tables(cargo: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    names = ("dependencies", "dev-dependencies", "build-dependencies")
    for scope in (cargo, *cargo.get("target", {}).values()):
        yield from (scope.get(name, {}) for name in names)
    yield cargo.get("workspace", {}).get("dependencies", {})
    yield from cargo.get("patch", {}).values()


@dataclass(frozen=True, slots=True)
class Referred:
    """What a crate's manifests refer to.

    :ivar folders: of all path dependencies, direct and indirect, of the crate and its workspace.
    :ivar roots: Cargo.toml of the other workspaces that path dependencies belong to, and may inherit from.
    """

    folders: list[Path]
    roots: list[Path]


def path_dependencies(workspace: Path, cargo_toml: Path) -> Referred:
    """All that a crate's manifest, and those that it refers to, refer to."""
    found = Referred([], [])
    waiting = [workspace, cargo_toml.parent]
    while waiting:
        folder = waiting.pop()
        if folder in found.folders:
            continue
        found.folders.append(folder)
        manifest = folder / "Cargo.toml"
        if not manifest.is_file():
            continue
        cargo = read_document(manifest, CargoToml)
        above, shared = find_workspace(manifest, cargo) if "package" in cargo else (folder, cargo)
        if above not in {folder, workspace}:
            found.roots.append(above / "Cargo.toml")
        waiting += _paths(folder, cargo, above, shared)
        if folder == workspace:
            waiting += _members(folder, cargo.get("workspace", {}))
    return found


def _paths(folder: Path, cargo: Mapping[str, Any], above: Path, shared: Mapping[str, Any]) -> Iterator[Path]:
    """Where the path dependencies of one manifest are, inherited ones too."""
    inherited = shared.get("workspace", {}).get("dependencies", {})
    for table in _dependency_tables(cargo):
        for name, wanted in table.items():
            start, asked = folder, wanted
            if isinstance(wanted, dict) and wanted.get("workspace") is True:
                start, asked = above, inherited.get(name)
            if isinstance(asked, dict) and "path" in asked:
                yield (start / asked["path"]).resolve()


def _members(root: Path, workspace: Mapping[str, Any]) -> Iterator[Path]:
    """The workspace's members, all of which cargo reads."""
    for pattern in workspace.get("members", ()):
        # Path.glob takes neither absolute patterns nor empty ones, and cargo takes both
        whole = os.path.normpath(os.path.join(glob.escape(str(root)), pattern))  # noqa: PTH118
        for name in glob.glob(whole):  # noqa: PTH207
            folder = Path(name).resolve()
            if (folder / "Cargo.toml").is_file() and not _is_excluded(folder, root, workspace):
                yield folder

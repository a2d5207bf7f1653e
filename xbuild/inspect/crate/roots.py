"""The root of the sources: the folder that a build gets a copy of, as ``/src``.

In a git repository that tracks the project it is the repository, as it is for cargo, git and everybody who
writes ``../../README.md``; of an unpacked sdist it is the sdist. Elsewhere it is no more than what the
manifests name. What a stranger's files say never brings into a build what did not come with them, nor the
user's home folder, or one above it: the user says that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xbuild.errors import RefusedError, UsageError
from xbuild.inspect.crate.named import Named
from xbuild.inspect.sources.repository import Repositories

_WAY_OUT = (
    "name the folder that has both: --source-root DIR, or source_root in your own configuration, which may\n"
    "trust the project, too (trusted_projects); of a git repository that tracks it, all is sources"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the sources are.

    :ivar root: the folder that has all of them.
    :ivar folders: those in ``root`` whose files are sources, tracked or not. Beside them, tracked files are.
    :ivar files: files that are sources wherever they are in ``root``, and whether git ignores them or not.
    """

    root: Path
    folders: tuple[Path, ...]
    files: tuple[Path, ...]


def find_sources(
    project: Path,
    *,
    needed: Sequence[Path],
    crates: Sequence[Path],
    files: Sequence[Path],
    named: Sequence[Named],
    source_root: Path | None = None,
    home: Path | None = None,
    trusted: bool = False,
    around: Path | None = None,
) -> Sources:
    """Decide where the sources are.

    :param project: the project's folder, absolute and without links.
    :param needed: the folders that have to be in the root: of the crate, its workspace and all path
        dependencies.
    :param crates: those of ``needed`` that are there.
    :param files: manifests and lockfiles of other folders.
    :param named: what the manifests name besides.
    :param source_root: the root that the user names.
    :param home: the user's home folder, which what is named does not bring in.
    :param around: a workspace that was found around the crate, and that no file of the crate names.
    :param trusted: whether the user trusts what the project's files name, wherever it is.
    :raises UsageError: ``bad-source-root``.
    :raises RefusedError: ``bad-manifest``, or ``outside-sources``: something that is named is not in the
        root, or is a link that leads out of it.
    """
    least = _common([project, *needed])
    came = None if source_root or trusted else came_with(project)
    if not source_root and not trusted:
        _check_needed(project, needed, came=came, around=around, home=home)
    root = _root(project, least, named, came=came, source_root=source_root, home=home)
    for item in named:
        _check_inside(item, root)
        if not source_root and not trusted and came is None:
            _check_beside(item, project)
    parts = [project, *crates, *(item.path for item in named if item.kind != "file" and item.path.is_dir())]
    if source_root:
        parts.append(source_root.resolve())
    found = [path for item in named for path in _files(item, root)]
    return Sources(
        root=root,
        folders=_topmost(root, [path.resolve() for path in parts]),
        files=tuple(dict.fromkeys(path for path in (*files, *found) if path.is_relative_to(root))),
    )


def came_with(project: Path) -> Path | None:
    """The folder that a project came in as a whole: the repository that tracks it (the one around it, where
    it is a submodule), or the sdist that was unpacked. ``None`` where that cannot be told."""
    if repository := tracking(project):
        around = (top for top in repository.parents if _is_submodule(repository, top))
        return next(around, repository)
    return next((folder for folder in (project, *project.parents) if (folder / "PKG-INFO").is_file()), None)


def _is_submodule(work_tree: Path, top: Path) -> bool:
    repository = Repositories(work_tree).at(work_tree)
    return repository is not None and repository.git_dir.is_relative_to(top / ".git" / "modules")


def _check_needed(
    project: Path, needed: Sequence[Path], *, came: Path | None, around: Path | None, home: Path | None
) -> None:
    """Refuse path dependencies on what did not come with the project, and such that bring the home folder in.

    A workspace around all that came is its user's: whoever made the project a member of it.
    """
    tops = [top for top in (came, around if around and project.is_relative_to(around) else None) if top]
    least = _common([project, *needed])
    wide = bool(home and home.resolve().is_relative_to(least) and least != project)
    for folder in needed:
        inside = any(folder.is_relative_to(top) for top in tops) or folder.is_relative_to(project)
        if not inside and (came or wide):
            what = f"what came with the project is in {came}" if came else f"{home} is the home folder"
            raise RefusedError(
                f"{folder} is outside of the sources",
                details=f"manifests of {project} need it, and {what}",
                hint=_WAY_OUT,
                code="outside-sources",
            )


def _root(
    project: Path,
    least: Path,
    named: Sequence[Named],
    *,
    came: Path | None,
    source_root: Path | None,
    home: Path | None,
) -> Path:
    if source_root:
        wanted = source_root.resolve()
        if not wanted.is_dir() or not project.is_relative_to(wanted):
            raise UsageError(
                f"source_root is {source_root}, which is no folder above the project",
                details=f"the project is {project}",
                hint="name the folder that has the project and all else that it is built from",
                code="bad-source-root",
            )
        return _common([least, wanted])
    if repository := tracking(project):
        return _common([least, repository])
    # Not where links lead: who unpacks a stranger's archive does not mean them
    wide = Path(os.path.commonpath([least, *(item.path.parent for item in named)]))
    too_wide = (
        wide == Path(wide.anchor)
        or bool(home and home.resolve().is_relative_to(wide))
        or bool(came and not wide.is_relative_to(came))
    )
    return least if too_wide else wide


def tracking(project: Path) -> Path | None:
    """The work tree of the trusted repository that tracks a project's manifests.

    A project that was unpacked somewhere in a repository is no part of it.
    """
    repository = Repositories(project).around(project)
    names = ("pyproject.toml", "Cargo.toml")
    if repository and repository.ask(project, "ls-files", "-z", "--cached", "--", *names):
        return repository.work_tree
    return None


def _check_inside(item: Named, root: Path) -> None:
    place = item.path.resolve()
    if place.is_relative_to(root) or (item.path.is_symlink() and not place.exists()):
        return
    how = f"is a link to {place}, which is" if item.path.is_symlink() else "is"
    raise RefusedError(
        f"{item.path} {how} outside of the sources",
        details=f"it is named by {item.where}, and the sources are what is in {root}",
        hint=_WAY_OUT,
        code="outside-sources",
    )


def _check_beside(item: Named, project: Path) -> None:
    """Refuse a folder above a project that is in no repository: it has whatever the user keeps there."""
    place = item.path.resolve()
    if item.kind != "file" and place != project and project.is_relative_to(place):
        raise RefusedError(
            f"{place} is above the project, and may have other files than its",
            details=f"it is named by {item.where}",
            hint=_WAY_OUT,
            code="outside-sources",
        )


def _files(item: Named, root: Path) -> list[Path]:
    """The files that something named is, with what its links lead to; on a way that has no other links."""
    if item.kind == "folder":
        return []
    if item.path.is_dir():
        inside = sorted(item.path.rglob("*")) if item.kind == "packed" else []
        return [
            place
            for path in inside
            if path.is_symlink() or path.is_file()
            for place in _files(Named(path, item.where), root)
        ]
    _check_inside(item, root)
    target = item.path.resolve()
    places = [item.path.parent.resolve() / item.path.name, target]
    return [place for place in dict.fromkeys(places) if place.is_symlink() or place.is_file()]


def _topmost(root: Path, folders: list[Path]) -> tuple[Path, ...]:
    """The folders in ``root`` that are in no other one of them."""
    inside = sorted({folder for folder in folders if folder.is_relative_to(root)})
    return tuple(folder for folder in inside if not any(other in folder.parents for other in inside))


def _common(folders: Sequence[Path]) -> Path:
    root = Path(os.path.commonpath(folders))
    if root != Path(root.anchor):
        return root
    raise RefusedError(
        "the crate's path dependencies have no folder in common but the root of the file system",
        details=", ".join(str(folder) for folder in folders),
        hint="put the crate and its path dependencies under one folder",
        code="bad-manifest",
    )

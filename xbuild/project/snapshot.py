"""A snapshot of the sources: what the build sees, and all that it sees.

A build reads a copy, so that it is the same tree whether the engine is local or not, whatever the caller's
umask, and even when files are edited while it runs. Files that git ignores are no part of the sources.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pathspec

from xbuild.errors import RefusedError
from xbuild.files import make_folder
from xbuild.project.commit import commit_of
from xbuild.project.globs import read_globs, read_ignore_file
from xbuild.project.repository import Repositories, Repository

_NEVER = {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox", ".nox"}
_NOTHING = read_globs(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A copied source tree.

    :ivar folder: where it is on this machine.
    :ivar digest: ``sha256:`` over names, kinds, executable bits and contents.
    :ivar epoch: SOURCE_DATE_EPOCH in seconds: the last commit, or else the newest file.
    :ivar epoch_source: ``commit`` or ``newest file``.
    :ivar files: how many files and links.
    :ivar size: bytes.
    :ivar commit: the commit that is checked out, or ``""``.
    :ivar modified: a file is not as that commit has it, is not in it, or is missing.
    :ivar foreign: the ``.git`` of repositories that were passed over, because somebody else owns them.
    """

    folder: Path
    digest: str
    epoch: int
    epoch_source: str
    files: int
    size: int
    commit: str = ""
    modified: bool = False
    foreign: tuple[Path, ...] = ()


def take_snapshot(
    root: Path,
    folder: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    leave_out: Sequence[Path] = (),
    parts: Sequence[Path] = (),
    always: Sequence[Path] = (),
) -> Snapshot:
    """Copy the sources below ``root`` to the new ``folder``.

    Modes are normalised; modification times are kept, because cargo decides by them what to compile again.

    :param parts: the folders below ``root`` that are sources, if not all of it is. Beside them, only files
        that git tracks are taken.
    :param always: files below ``root`` that are sources even where git ignores them. Only ``exclude`` leaves
        them out.
    :param include: patterns of ignored files that the build needs all the same.
    :param exclude: patterns of files to leave out besides the ignored ones.
    :param leave_out: absolute folders that are no sources although they may lie below ``root``, such as the
        one that wheels go to. ``root`` itself and folders with a Cargo.toml or pyproject.toml stay sources.
    :raises RefusedError: ``unreadable-source``.
    :raises OSError: there is no room for the copy.
    :raises ValueError: ``include`` or ``exclude`` has something that is no pattern.
    """
    state = hashlib.sha256()
    newest = size = count = 0
    make_folder(folder.parent)
    folder.mkdir()
    folder.chmod(0o755)
    wanted_too = read_globs(include)
    unwanted = read_globs(exclude)
    left_out = _left_out(root, leave_out)
    repositories = Repositories(root)
    try:
        names = _names(root, parts, wanted_too, left_out, repositories)
    except OSError as error:
        raise RefusedError(
            f"cannot read the sources in {root}", details=str(error), code="unreadable-source"
        ) from error
    names |= {path.relative_to(root).as_posix() for path in always if path.is_file()}
    commit = commit_of(root, names, repositories)
    modified = any(not os.path.lexists(root / name) for name in (commit.files if commit else ()))
    for name in sorted(names):
        if unwanted.match_file(name):
            continue
        try:
            kind, content = _copy(root / name, folder / name)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise RefusedError(
                f"cannot read {root / name}", details=str(error), code="unreadable-source"
            ) from error
        state.update(f"{name}\0{kind}\0".encode("utf-8", "surrogateescape"))
        state.update(hashlib.sha256(content).digest())
        modified = modified or (commit is not None and not commit.has(name, kind, content))
        count += 1
        size += len(content)
        newest = max(newest, int((root / name).lstat().st_mtime))
    return Snapshot(
        folder=folder,
        digest=f"sha256:{state.hexdigest()}",
        epoch=commit.seconds if commit else newest,
        epoch_source="commit" if commit else "newest file",
        files=count,
        size=size,
        commit=commit.name if commit else "",
        modified=modified,
        foreign=tuple(dict.fromkeys(repositories.foreign)),
    )


def source_folders(root: Path, parts: Sequence[Path]) -> tuple[Path, ...]:
    """The folders that a snapshot may take files from; the parameters are those of :func:`take_snapshot`."""
    whole = root in parts or not parts or Repositories(root).around(root)
    return (root,) if whole else tuple(parts)


def _names(
    root: Path,
    parts: Sequence[Path],
    wanted_too: pathspec.GitIgnoreSpec,
    left_out: frozenset[str],
    repositories: Repositories,
) -> set[str]:
    """The names, from ``root`` on, of all sources: what is in the parts, and what git tracks beside them."""
    prefixes = {f"{path.relative_to(root).as_posix()}/" for path in parts if path != root}
    if root in parts or not prefixes:
        return _source_files(root, wanted_too, left_out, repositories)
    repository = repositories.around(root)
    tracked = _git_files(root, repository, repositories, "--cached") if repository else None
    names = {name for name in tracked or () if not _is_below(name, left_out)}
    for prefix in prefixes:
        names |= _source_files(root, wanted_too, left_out, repositories, prefix)
    return names


def _copy(source: Path, target: Path) -> tuple[str, bytes]:
    """Copy one file or link; gives its kind (``file``, ``program``, ``link``) and its content."""
    status = source.lstat()
    make_folder(target.parent)
    if stat.S_ISLNK(status.st_mode):
        link = str(source.readlink())
        target.symlink_to(link)
        return "link", link.encode("utf-8", "surrogateescape")
    content = source.read_bytes()
    target.write_bytes(content)
    executable = bool(status.st_mode & 0o100)
    target.chmod(0o755 if executable else 0o644)
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
    return ("program" if executable else "file"), content


def _left_out(root: Path, folders: Sequence[Path]) -> frozenset[str]:
    """The names below ``root`` of the folders to leave out."""
    top = root.resolve()
    found = {folder.resolve() for folder in folders}
    return frozenset(
        folder.relative_to(top).as_posix()
        for folder in found
        if folder != top
        and folder.is_relative_to(top)
        and not any((folder / name).is_file() for name in ("Cargo.toml", "pyproject.toml"))
    )


def _is_below(name: str, folders: frozenset[str]) -> bool:
    return any(name == folder or name.startswith(f"{folder}/") for folder in folders)


def _source_files(
    root: Path,
    wanted_too: pathspec.GitIgnoreSpec,
    foreign: frozenset[str],
    repositories: Repositories,
    prefix: str = "",
) -> set[str]:
    """The names, from ``root`` on, of the sources in its folder ``prefix``."""
    top = root / prefix
    repository = repositories.around(top)
    listed = _git_files(top, repository, repositories) if repository else None
    if listed is None:
        ignoring = repository is not None
        return set(_walk(root, ignoring=ignoring, wanted_too=wanted_too, foreign=foreign, prefix=prefix))
    listed = {f"{prefix}{name}" for name in listed}
    if wanted_too.patterns:
        every = _walk(root, ignoring=False, wanted_too=wanted_too, foreign=foreign, prefix=prefix)
        listed |= {name for name in every if wanted_too.match_file(name)}
    return {name for name in listed if not _is_below(name, foreign)}


_SOURCES = ("--cached", "--others", "--exclude-standard")


def _git_files(
    root: Path, repository: Repository, repositories: Repositories, *kinds: str
) -> set[str] | None:
    """Tracked files, and untracked ones that are not ignored, of submodules too. ``None`` without git."""
    listing = repository.ask(root, "ls-files", "-z", *(kinds or _SOURCES), "--deduplicate")
    if not listing:
        return None
    names: set[str] = set()
    is_within = _Within(root)
    for name in filter(is_within, listing.split("\0")):
        path = root / name
        if path.is_dir() and not path.is_symlink():
            # Without .git it is a submodule that is not checked out, and git would answer for this repository
            own = repositories.at(path) if (path / ".git").exists() else None
            inside = _git_files(path, own, repositories) if own else None
            names |= {f"{name.rstrip('/')}/{below}" for below in inside or _walk(path)}
        elif path.is_symlink() or path.is_file():
            names.add(name)
    return names


class _Within:
    """Whether a name that git lists leads to something in the tree itself. An index can hold any name, and a
    folder can have become a link since: copying such a name would read and write elsewhere."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        parts = name.rstrip("/").split("/")
        return not {"", ".", ".."}.intersection(parts) and all(
            map(self._is_folder, accumulate(parts[:-1], "{}/{}".format))
        )

    def _is_folder(self, name: str) -> bool:
        if name not in self._folders:
            self._folders[name] = not (self._root / name).is_symlink()
        return self._folders[name]


def _walk(
    root: Path,
    *,
    ignoring: bool = False,
    wanted_too: pathspec.GitIgnoreSpec = _NOTHING,
    foreign: frozenset[str] = frozenset(),
    prefix: str = "",
    rules: tuple[tuple[str, pathspec.GitIgnoreSpec], ...] = (),
) -> Iterator[str]:
    folder = root / prefix
    ignore_file = folder / ".gitignore"
    if ignoring and ignore_file.is_file():
        rules = (*rules, (prefix, read_ignore_file(ignore_file.read_text("utf-8", "replace"))))
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        name = f"{prefix}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in _NEVER or name in foreign or (is_folder and _is_output(Path(entry.path))):
            continue
        shown = f"{name}/" if is_folder else name
        ignored = any(spec.match_file(shown.removeprefix(start)) for start, spec in rules)
        if is_folder:
            if not ignored or wanted_too.patterns:
                yield from _walk(
                    root,
                    ignoring=ignoring,
                    wanted_too=wanted_too,
                    foreign=foreign,
                    prefix=f"{name}/",
                    rules=rules,
                )
        elif (entry.is_symlink() or entry.is_file()) and (not ignored or wanted_too.match_file(name)):
            yield name


def _is_output(folder: Path) -> bool:
    """Whether a folder is a cache (cargo marks its target directories) or a virtual environment."""
    return (folder / "CACHEDIR.TAG").is_file() or (folder / "pyvenv.cfg").is_file()

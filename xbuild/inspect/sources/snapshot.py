"""A snapshot of the sources: what the build sees, and all that it sees.

A build reads a copy, so that it is the same tree whether the engine is local or not, whatever the caller's
umask, and even when files are edited while it runs. Files that git ignores are no part of the sources
(docs/decisions/0012-builds-read-a-snapshot.md).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from xbuild.errors import RefusedError
from xbuild.inspect.sources.commit import Commit, commit_of
from xbuild.inspect.sources.history import add_history
from xbuild.inspect.sources.repository import Repositories, Repository
from xbuild.inspect.sources.walk import walk
from xbuild.util.files import make_folder
from xbuild.util.globs import read_globs


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
    :ivar links: the names of links that lead to something which is not in the copy, and to what.
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
    links: tuple[tuple[str, Path], ...] = ()


def take_snapshot(
    root: Path,
    folder: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    leave_out: Sequence[Path] = (),
    parts: Sequence[Path] = (),
    always: Sequence[Path] = (),
    project: Path | None = None,
    history: bool = False,
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
    :param project: a folder below ``root`` that patterns may be relative to, besides ``root``.
    :param history: make a ``.git`` too; see :mod:`xbuild.inspect.sources.history`. It is in the digest.
    :raises RefusedError: ``unreadable-source``, or ``no-repository``.
    :raises OSError: there is no room for the copy.
    :raises ValueError: ``include`` or ``exclude`` has something that is no pattern.
    """
    repositories = Repositories(root)
    wanted_too, unwanted = matcher(root, project, include), matcher(root, project, exclude)
    look = _Look(
        root=root,
        wanted_too=wanted_too,
        any_wanted=bool(include),
        left_out=_left_out(root, leave_out),
        repositories=repositories,
    )
    try:
        names = look.names(parts)
    except OSError as error:
        raise RefusedError(
            f"cannot read the sources in {root}", details=str(error), code="unreadable-source"
        ) from error
    names |= {path.relative_to(root).as_posix() for path in always if path.is_symlink() or path.is_file()}
    commit = commit_of(root, names, repositories)
    kept = [name for name in sorted(names) if not unwanted(name)]
    taken = _take(root, folder, kept, commit)
    told = add_history(root, folder, kept) if history else ""
    foreign = tuple(dict.fromkeys(repositories.foreign))
    return _snapshot(folder, taken, told=told, commit=commit, foreign=foreign)


def _snapshot(
    folder: Path, taken: _Taken, *, told: str, commit: Commit | None, foreign: tuple[Path, ...]
) -> Snapshot:
    """What was copied, with what identifies it.

    :param told: what identifies the history that was made, or ``""``.
    """
    digest = f"sha256:{hashlib.sha256(f'{taken.digest} {told}'.encode()).hexdigest()}"
    return Snapshot(
        folder=folder,
        digest=digest if told else taken.digest,
        epoch=commit.seconds if commit else taken.newest,
        epoch_source="commit" if commit else "newest file",
        files=taken.files,
        size=taken.size,
        commit=commit.name if commit else "",
        modified=taken.modified,
        foreign=foreign,
        links=taken.links,
    )


def matcher(root: Path, project: Path | None, patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether patterns match a file by its name from ``root`` on, or from ``project`` on.

    :raises ValueError: one of them is no pattern.
    """
    spec = read_globs(patterns)
    below = f"{project.relative_to(root).as_posix()}/" if project and project != root else ""

    def matches(name: str) -> bool:
        inside = bool(below) and name.startswith(below)
        return spec.match_file(name) or (inside and spec.match_file(name.removeprefix(below)))

    return matches if patterns else lambda _: False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    digest: str
    newest: int
    files: int
    size: int
    modified: bool
    links: tuple[tuple[str, Path], ...]


class _Copied(NamedTuple):
    kind: str
    digest: bytes
    size: int
    time: int
    differs: bool
    leads: Path | None


def _take(root: Path, folder: Path, names: Sequence[str], commit: Commit | None) -> _Taken:
    """Copy files and links by their names."""
    modified = any(not os.path.lexists(root / name) for name in (commit.files if commit else ()))
    make_folder(folder.parent)
    folder.mkdir()
    folder.chmod(0o755)
    for name in dict.fromkeys(name.rpartition("/")[0] for name in names):
        make_folder(folder / name)

    def copy(name: str) -> _Copied:
        try:
            kind, content, status = _copy(f"{root}/{name}", f"{folder}/{name}")
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise RefusedError(
                f"cannot read {root / name}", details=str(error), code="unreadable-source"
            ) from error
        return _Copied(
            kind,
            hashlib.sha256(content).digest(),
            len(content),
            int(status.st_mtime),
            commit is not None and not commit.has(name, kind, content),
            _outside(root, name) if kind == "link" else None,
        )

    chunks = [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
    with ThreadPoolExecutor(max_workers=_COPIERS) as pool:
        copied = [
            item for items in pool.map(lambda chunk: [copy(name) for name in chunk], chunks) for item in items
        ]
    state = hashlib.sha256()
    for name, item in zip(names, copied, strict=True):
        state.update(f"{name}\0{item.kind}\0".encode("utf-8", "surrogateescape"))
        state.update(item.digest)
    return _Taken(
        digest=f"sha256:{state.hexdigest()}",
        newest=max((item.time for item in copied), default=0),
        files=len(names),
        size=sum(item.size for item in copied),
        modified=modified or any(item.differs for item in copied),
        links=tuple((name, item.leads) for name, item in zip(names, copied, strict=True) if item.leads),
    )


def _outside(root: Path, name: str) -> Path | None:
    """What a link leads to that the copy has not: something that is there, and outside of ``root``."""
    place = root / name
    try:
        target = place.resolve()
        inside = target.is_relative_to(root.resolve()) and not place.readlink().is_absolute()
        return None if inside or not target.exists() else target
    except (OSError, RuntimeError):
        return None


def source_folders(root: Path, parts: Sequence[Path]) -> tuple[Path, ...]:
    """The folders that a snapshot may take files from; the parameters are those of :func:`take_snapshot`."""
    whole = root in parts or not parts or Repositories(root).around(root)
    return (root,) if whole else tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is looked for below a root.

    :ivar any_wanted: whether ignored files may be wanted at all, which takes a look at each of them.
    """

    root: Path
    wanted_too: Callable[[str], bool]
    any_wanted: bool
    left_out: frozenset[str]
    repositories: Repositories

    def names(self, parts: Sequence[Path]) -> set[str]:
        """The names, from ``root`` on, of all sources: what is in the parts, and what git tracks beside."""
        root = self.root
        prefixes = {f"{path.relative_to(root).as_posix()}/" for path in parts if path != root}
        if root in parts or not prefixes:
            return self._below("")
        repository = self.repositories.around(root)
        tracked = _git_files(root, repository, self.repositories, ("--cached",)) if repository else None
        names = {name for name in tracked or () if not _is_below(name, self.left_out)}
        for prefix in prefixes:
            names |= self._below(prefix)
        if tracked is not None and self.any_wanted:
            names |= self._wanted("")
        return names

    def _below(self, prefix: str) -> set[str]:
        """The names, from ``root`` on, of the sources in its folder ``prefix``."""
        top = self.root / prefix
        repository = self.repositories.around(top)
        listed = _git_files(top, repository, self.repositories) if repository else None
        if listed is None:
            return set(
                walk(
                    self.root,
                    ignoring=repository is not None,
                    wanted_too=self.wanted_too,
                    into_ignored=self.any_wanted,
                    left_out=self.left_out,
                    prefix=prefix,
                    listing=self._repository,
                )
            )
        names = {f"{prefix}{name}" for name in listed}
        names |= self._wanted(prefix)
        return {name for name in names if not _is_below(name, self.left_out)}

    def _wanted(self, prefix: str) -> set[str]:
        if not self.any_wanted:
            return set()
        every = walk(self.root, left_out=self.left_out, prefix=prefix)
        return set(filter(self.wanted_too, every))

    def _repository(self, folder: Path) -> set[str] | None:
        """The sources in a repository that lies in a folder which is in none."""
        repository = self.repositories.at(folder)
        return _git_files(folder, repository, self.repositories) if repository else None


def _copy(source: str, target: str) -> tuple[str, bytes, os.stat_result]:
    """Copy one file or link; gives its kind (``file``, ``program``, ``link``), its content and its status.

    Strings and file descriptors, not paths: a repository can have tens of thousands of files.
    """
    status = os.lstat(source)
    if stat.S_ISLNK(status.st_mode):
        link = Path(source).readlink()
        Path(target).symlink_to(link)
        return "link", os.fsencode(link), status
    with open(source, "rb", buffering=0) as file:  # noqa: PTH123
        content = file.read()
    executable = bool(status.st_mode & 0o100)
    with open(target, "xb", buffering=0) as copy:  # noqa: PTH123
        written = 0
        while written < len(content):
            written += copy.write(memoryview(content)[written:])
        os.fchmod(copy.fileno(), 0o755 if executable else 0o644)
        os.utime(copy.fileno(), ns=(status.st_mtime_ns, status.st_mtime_ns))
    return ("program" if executable else "file"), content, status


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


_COPIERS, _AT_ONCE = 4, 128
_SOURCES = ("--cached", "--others", "--exclude-standard")


def _git_files(
    root: Path, repository: Repository, repositories: Repositories, kinds: Sequence[str] = _SOURCES
) -> set[str] | None:
    """Tracked files, and untracked ones that are not ignored, of submodules too. ``None`` without git.

    :param kinds: which of them, in the words of ``git ls-files``.
    """
    listing = repository.ask(root, "ls-files", "-z", *kinds, "--deduplicate")
    if not listing:
        return None
    names: set[str] = set()
    is_within = _Within(root)
    for name in filter(is_within, listing.split("\0")):
        mode = _mode(f"{root}/{name}")
        if stat.S_ISDIR(mode):
            path = root / name
            # Without .git it is a submodule that is not checked out, and git would answer for this repository
            own = repositories.at(path) if (path / ".git").exists() else None
            inside = _git_files(path, own, repositories, kinds) if own else None
            names |= {f"{name.rstrip('/')}/{below}" for below in inside or walk(path)}
        elif stat.S_ISLNK(mode) or stat.S_ISREG(mode):
            names.add(name)
    return names


def _mode(path: str) -> int:
    """The kind of a file; 0 where there is none."""
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0


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

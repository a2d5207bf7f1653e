"""What a build does not see of the files around it, although a native one would."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbuild.engine.layout import SRC
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.sources.repository import Repositories
from xbuild.inspect.sources.snapshot import Snapshot, matcher

_CONFIG = ("config.toml", "config")
_NOT_THERE = re.compile(
    r"no such file|not found|cannot find|could not find|couldn't (?:read|find|open)|cannot open|"
    r"failed to (?:read|open|find|canonicalize)|does not exist|doesn't exist|NotFound",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[`'\"\u2018\u201c]([^`'\"\u2019\u201d]+)[`'\"\u2019\u201d]")
_BARE = re.compile(r"[^\s`'\"\u2018-\u201d,;()\[\]]*/[^\s`'\"\u2018-\u201d,;()\[\]]*")
_LONGEST = 4096
_SHOWN = 5
_MANY_FILES, _MUCH = 20_000, 1 << 30
"""So many files, and bytes, take a while to copy: 50,000 files took ten seconds on two processors."""
_CLIMB = 8
"""Folders above the root of which a path may have lost the names, because ``/..`` is ``/``."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to tell.

    :ivar path: the file or folder of this machine that it is about.
    """

    code: str
    path: Path
    message: str
    hint: str


def unseen(manifest: Manifest, snapshot: Snapshot, home: Path | None) -> Iterator[Remark]:
    """What a native build would have read, and one of the snapshot does not."""
    for place in snapshot.foreign:
        yield Remark(
            "foreign-repository",
            place,
            f"{place} belongs to another user: the files beside it are taken as without a git repository",
            "build as its owner; or make it yours with chown, where you trust its configuration",
        )
    for name, target in snapshot.links[:_SHOWN]:
        yield Remark(
            "link-outside",
            target,
            f"{manifest.root / name} is a link to {target}, which the build does not see",
            f"name a folder that has both with --source-root; the sources are {manifest.root}",
        )
    if snapshot.files > _MANY_FILES or snapshot.size > _MUCH:
        yield Remark(
            "many-sources",
            manifest.root,
            f"the sources are {snapshot.files:,} files, {snapshot.size >> 20:,} MB: copying them takes long",
            "leave out what the build does not need with source_exclude; or say --source-root "
            f"{manifest.project}, which takes no more than the manifests name",
        )
    for path in configurations_left_out(manifest, snapshot, home):
        yield Remark(
            "cargo-config-left-out",
            path,
            f"{path} does not count here, as it would for cargo: it is not among the sources",
            f"name its project's folder with --source-root; the sources are {manifest.root}, without what "
            "git ignores",
        )


def configurations_left_out(manifest: Manifest, snapshot: Snapshot, home: Path | None) -> Iterator[Path]:
    """cargo's configuration files that it would read for the project, and that are not in the snapshot.

    The caller's own, in the home folder, is no part of any project and never counts.
    """
    for folder in (manifest.project, *manifest.project.parents):
        place = folder / ".cargo"
        path = next((place / name for name in _CONFIG if (place / name).is_file()), None)
        if path and folder != home and not _is_in(path, manifest, snapshot):
            yield path


def left_out(
    lines: Iterable[str], manifest: Manifest, snapshot: Snapshot, *, exclude: Sequence[str] = ()
) -> tuple[Remark, ...]:
    """The files that a failed build's words miss, as far as they are on this machine and not in the snapshot.

    :param lines: the error, as compilers, build scripts and cargo word it, with the container's paths.
    :param exclude: the caller's patterns of files that are no sources.
    """
    found: dict[Path, Remark] = {}
    for line in lines:
        # What is missing may be named a line before it is said that it is
        for word in (*_QUOTED.findall(line), *_BARE.findall(line)) if _NOT_THERE.search(line) else ():
            path = next(
                filter(None, (_missing(place, manifest, snapshot) for place in _places(word, manifest))), None
            )
            if path and path not in found:
                found[path] = _told(path, manifest, exclude)
    return tuple(found.values())[:_SHOWN]


def _places(word: str, manifest: Manifest) -> Iterator[Path]:
    """Where something that a container's path means may be on this machine."""
    word = word.rstrip(":.")
    if not word or len(word) > _LONGEST or "\0" in word:
        return
    root = manifest.root
    if word == SRC or word.startswith(f"{SRC}/"):
        yield _normal(root, word.removeprefix(SRC).lstrip("/"))
    elif word.startswith("/"):
        yield from (_normal(folder, word.lstrip("/")) for folder in list(root.parents)[:_CLIMB])
    else:
        bases = dict.fromkeys((manifest.cargo_toml.parent, manifest.project, manifest.workspace, root))
        yield from (_normal(base, word) for base in bases)


def _normal(folder: Path, name: str) -> Path:
    return Path(os.path.normpath(folder / name))


def _missing(path: Path, manifest: Manifest, snapshot: Snapshot) -> Path | None:
    """The path, where it is something on this machine that the snapshot has not."""
    if path == Path(path.anchor) or not os.path.lexists(path) or path in manifest.root.parents:
        return None
    return None if _is_in(path, manifest, snapshot) else path


def _told(path: Path, manifest: Manifest, exclude: Sequence[str]) -> Remark:
    why, hint = _why(path, manifest, exclude)
    return Remark("source-left-out", path, f"{path} is there, and the build does not see it: {why}", hint)


def _why(path: Path, manifest: Manifest, exclude: Sequence[str]) -> tuple[str, str]:
    """Why a build does not see a file, and how it would."""
    root = manifest.root
    if not path.is_relative_to(root):
        wider = os.path.commonpath([root, path])
        return (
            f"it is outside of the sources, which are {root}",
            f"--source-root {wider}; in a git repository that tracks the project, all of it is sources",
        )
    name = path.relative_to(root).as_posix()
    if matcher(root, manifest.project, exclude)(name):
        return "source_exclude leaves it out", "take its pattern out of source_exclude"
    repository = Repositories(root).around(root)
    if repository and repository.ask(root, "check-ignore", "--quiet", "--no-index", "--", name) is not None:
        return "git ignores it", f'source_include = ["{name}"]'
    if repository:
        return "git does not track it", f'git add {name}, or source_include = ["{name}"]'
    return "nothing names it as a source", f"--source-root {root}"


def _is_in(path: Path, manifest: Manifest, snapshot: Snapshot) -> bool:
    if not path.is_relative_to(manifest.root):
        return False
    return os.path.lexists(snapshot.folder / path.relative_to(manifest.root))

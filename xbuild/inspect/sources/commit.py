"""The commit that sources were checked out from, and whether they still are as it has them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xbuild.inspect.sources.repository import Repositories, Repository

_MODES = {"file": "100644", "program": "100755", "link": "120000"}
_SUBMODULE = "160000"
_SHA1_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as far as it is about one folder.

    :ivar seconds: its time.
    :ivar files: the mode and object of each file in the folder, and in its submodules that are there.
    """

    name: str
    seconds: int
    files: Mapping[str, tuple[str, str]]

    def has(self, name: str, kind: str, content: bytes) -> bool:
        """Whether a file is in it with this kind (``file``, ``program``, ``link``) and content.

        Git is not asked: it would run filters that the repository configures.
        """
        sha = "sha1" if len(self.name) == _SHA1_LENGTH else "sha256"
        body = b"blob %d\0" % len(content) + content
        identifier = hashlib.new(sha, body, usedforsecurity=False).hexdigest()
        return self.files.get(name) == (_MODES[kind], identifier)


def commit_of(root: Path, names: set[str], repositories: Repositories) -> Commit | None:
    """The commit that is checked out, if any of the files in ``root`` that are named is part of it."""
    repository = repositories.around(root)
    name, seconds = repository.head() if repository else ("", 0)
    files = _files(root, name, repository, repositories) if repository and name else {}
    return None if names.isdisjoint(files) else Commit(name, seconds, files)


def _files(
    root: Path, commit: str, repository: Repository, repositories: Repositories
) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for line in (repository.ask(root, "ls-tree", "-r", "-z", commit) or "").split("\0"):
        about, _, name = line.partition("\t")
        mode, identifier = about.partition(" ")[0], about.rpartition(" ")[2]
        place = root / name
        if mode != _SUBMODULE and name:
            found[name] = (mode, identifier)
        elif (place / ".git").exists() and (own := repositories.at(place)) and name:
            below = _files(place, identifier, own, repositories)
            found |= {f"{name}/{path}": value for path, value in below.items()}
    return found

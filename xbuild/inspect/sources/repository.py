"""The git repository that sources are part of, asked without running anything that it configures.

With plain git, whoever wrote a repository's configuration decides what runs on the machine of whoever looks
at it (docs/decisions/0013-git-without-its-configuration.md).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_POINTER_LIMIT = 1 << 16
_ROOT = 0
_COMMITTER = re.compile(r"committer .*> (\d+) [+-]\d{4}")

# What a repository could have git run. Most of it belongs to commands that are not used here.
_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.askPass": "",
    "core.sshCommand": "false",
    "core.alternateRefsCommand": "false",
    "credential.helper": "",
    "diff.external": "",
    "gpg.program": "false",
    "gpg.ssh.program": "false",
    "gpg.x509.program": "false",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}
_VARIABLES = {
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    # A partial clone fetches what it lacks, with programs that its configuration names
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository whose owner is trusted.

    :ivar work_tree: the folder that has ``.git``.
    :ivar git_dir: what ``.git`` is or points to.
    """

    work_tree: Path
    git_dir: Path

    def ask(self, folder: Path, *words: str) -> str | None:
        """What a command of git's prints in a folder of the work tree; ``None`` where it fails.

        Only for commands that read the index and objects: settings of filters and attributes stay on.
        """
        printed = self.run(folder, *words)
        return None if printed is None else printed.decode("utf-8", "surrogateescape")

    def run(self, folder: Path, *words: str, given: bytes = b"") -> bytes | None:
        """The same as bytes, for a command that gets ``given`` on its standard input."""
        program = shutil.which("git", path=os.defpath)
        if not program:
            return None
        settings = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
        # Both are named, so that git neither searches a repository nor takes core.worktree from this one
        places = {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.work_tree)}
        result = subprocess.run(
            (program, "--no-pager", *settings, "-C", str(folder.resolve()), *words),
            capture_output=True,
            check=False,
            env={"PATH": os.defpath, **_VARIABLES, **places},
            input=given,
        )
        return result.stdout if result.returncode == 0 else None

    @property
    def is_own(self) -> bool:
        """Whether the folder that has the objects belongs to this work tree, and has them itself.

        A ``.git`` that is a file can point to any repository. One of a worktree is pointed back to, and one
        of a submodule lies in the repository around it. Links, ``commondir`` and alternates lead elsewhere.
        """
        place = self.work_tree / ".git"
        common = (self.git_dir / (_first_line(self.git_dir / "commondir") or ".")).resolve()
        if common not in {self.git_dir, self.git_dir.parent.parent} or _borrows(common / "objects"):
            return False
        if common != self.git_dir and self.git_dir.parent.name != "worktrees":
            return False
        if self.git_dir == place:
            return not place.is_symlink()
        back = _first_line(self.git_dir / "gitdir")
        if back and Path(back).is_absolute() and Path(back).resolve() == place:
            return True
        return any(self.git_dir.is_relative_to(top / ".git" / "modules") for top in self.work_tree.parents)

    def head(self) -> tuple[str, int]:
        """The commit that is checked out and its time in seconds; ``("", 0)`` without one."""
        commit = (self.ask(self.work_tree, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") or "").strip()
        body = self.ask(self.work_tree, "cat-file", "commit", commit) if commit else None
        header = (body or "").partition("\n\n")[0]
        found = next(filter(None, map(_COMMITTER.fullmatch, header.split("\n"))), None)
        return (commit, int(found[1])) if found else ("", 0)


class Repositories:
    """Finds the repositories of one crate.

    Trusted are those of the caller and of root. A caller who is root also trusts the owner of the crate's
    folder, because users build their own crates with sudo.

    :ivar foreign: the ``.git`` of those that belong to somebody else, and were passed over.
    """

    def __init__(self, crate: Path) -> None:
        caller = os.geteuid()
        self._trusted = {_ROOT, caller, *([crate.stat().st_uid] if caller == _ROOT else [])}
        self.foreign: list[Path] = []

    def around(self, folder: Path) -> Repository | None:
        """The repository that a folder is part of, where there is one that is trusted."""
        place = folder.resolve()
        return next((self.at(top) for top in (place, *place.parents) if (top / ".git").exists()), None)

    def at(self, work_tree: Path) -> Repository | None:
        """The repository that has its ``.git`` in this very folder, where it is trusted."""
        work_tree = work_tree.resolve()
        git_dir = _git_dir(work_tree)
        if all(owner in self._trusted for owner in _owners(work_tree, git_dir)):
            return Repository(work_tree, git_dir)
        self.foreign.append(work_tree / ".git")
        return None


def _borrows(objects: Path) -> bool:
    """Whether a folder of objects has some from elsewhere."""
    if objects.is_symlink() or _first_line(objects / "info" / "alternates"):
        return True
    return any(
        os.path.islink(f"{folder}/{name}")  # noqa: PTH114  # there can be very many
        for folder, folders, files in os.walk(objects)
        for name in (*folders, *files)
    )


def _git_dir(work_tree: Path) -> Path:
    """What ``.git`` is, or what the file of this name points to: worktrees and submodules have such files."""
    place = work_tree / ".git"
    pointer = _first_line(place)
    try:
        return (work_tree / pointer.removeprefix("gitdir: ") if pointer else place).resolve()
    except (OSError, RuntimeError, ValueError):
        return place


def _first_line(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return os.fsdecode(file.read(_POINTER_LIMIT)).rstrip("\r\n")
    except OSError:
        return ""


def _owners(work_tree: Path, git_dir: Path) -> Iterator[int]:
    """Who could have written what git obeys: as far as it is there, which a broken repository's is not."""
    common = git_dir / (_first_line(git_dir / "commondir") or ".")
    paths = (work_tree, work_tree / ".git", git_dir, common, git_dir / "config.worktree", common / "config")
    for path in paths:
        for follow in (False, True):
            try:
                yield path.stat(follow_symlinks=follow).st_uid
            except (OSError, ValueError):
                continue

"""A ``.git`` for the copy of the sources, for build scripts that ask it which commit they build.

It is made anew, and has what ``git describe``, ``git log``, ``git rev-list --count`` and ``git status`` need:
the commits before the one that is checked out, the trees of that one, its branch and its tags. No
configuration of the repository, no hook, no remote and no contents of files get into it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from xbuild.errors import RefusedError
from xbuild.inspect.sources.repository import Repositories, Repository
from xbuild.util.files import make_folder

CONFIG_HOME = ".git/xbuild"
"""Where git, libgit2 and gix find a configuration that lets them read it whoever owns it, below the root."""
_CONFIG = "[safe]\n\tdirectory = *\n"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BRANCH = re.compile(r"refs/heads/[!-~]+")
_SHA1_LENGTH = 40


def add_history(root: Path, folder: Path, names: Iterable[str]) -> str:
    """Make the ``.git`` of ``folder``, the copy of the repository ``root``.

    :param names: the files of the copy. Others that the commit has, and ``root``, count as unchanged.
    :returns: what identifies it: sha256 over the commit, the branch and the tags.
    :raises RefusedError: ``no-repository``.
    """
    source = _repository(root)
    commit, _ = source.head()
    if not commit:
        raise _refusal(root, "nothing is committed there yet")
    branch = (source.ask(root, "symbolic-ref", "--quiet", "HEAD") or "").strip()
    tags = source.ask(
        root, "for-each-ref", "--merged", commit, "--format=%(objectname) %(refname)", "refs/tags"
    )
    refs = {name: identifier for identifier, _, name in _pairs(tags)}
    if _BRANCH.fullmatch(branch):
        refs[branch] = commit
    copy = Repository(folder, folder / ".git")
    _write(copy, source, commit, branch if branch in refs else "", refs)
    _copy_objects(source, copy, commit, [name for name in refs if name != branch])
    _fill_index(copy, root, commit, set(names))
    state = hashlib.sha256(f"{commit}\0{branch}\0".encode())
    for name, identifier in sorted(refs.items()):
        state.update(f"{name}\0{identifier}\0".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _repository(root: Path) -> Repository:
    found = Repositories(root).around(root)
    if found is None or found.work_tree != root.resolve():
        raise _refusal(root, "the root of the sources is not the folder of a repository that you trust")
    if not found.is_own:
        raise _refusal(root, f"its .git ({found.git_dir}) is, or has objects from, another repository's")
    return found


def _refusal(root: Path, why: str) -> RefusedError:
    return RefusedError(
        f"there is no .git to copy at {root}",
        details=f"source_git asks for one; {why}",
        hint="build from a git repository that tracks the project, without a source_root of another folder;\n"
        "or say the commit in [environment], as build scripts let you: VERGEN_GIT_SHA, GIT_COMMIT, ...",
        code="no-repository",
    )


def _pairs(text: str | None) -> list[tuple[str, str, str]]:
    return [line.partition(" ") for line in (text or "").splitlines() if line]


def _write(copy: Repository, source: Repository, commit: str, branch: str, refs: dict[str, str]) -> None:
    """The files of the repository besides its objects and its index."""
    git = copy.git_dir
    for name in ("objects/pack", "refs/heads", "refs/tags", "xbuild/git"):
        make_folder(git / name)
    sha1 = len(commit) == _SHA1_LENGTH
    extensions = "" if sha1 else "[extensions]\n\tobjectFormat = sha256\n"
    core = f"[core]\n\trepositoryformatversion = {0 if sha1 else 1}\n\tfilemode = true\n\tbare = false\n"
    (git / "config").write_text(core + extensions, "utf-8")
    (git / "xbuild" / "git" / "config").write_text(_CONFIG, "utf-8")
    (git / "HEAD").write_text(f"ref: {branch}\n" if branch else f"{commit}\n", "utf-8")
    lines = [f"{identifier} {name}\n" for name, identifier in sorted(refs.items())]
    (git / "packed-refs").write_text("".join(lines), "utf-8", "surrogateescape")
    shallow = (source.ask(source.work_tree, "rev-parse", "--git-path", "shallow") or "").strip()
    place = source.work_tree / shallow
    if shallow and place.is_file():
        known = [line for line in place.read_text("ascii", "replace").splitlines() if _COMMIT.fullmatch(line)]
        (git / "shallow").write_text("".join(f"{line}\n" for line in known), "utf-8")


def _copy_objects(source: Repository, copy: Repository, commit: str, tags: list[str]) -> None:
    revisions = "".join(f"{name}\n" for name in (commit, *tags)).encode("utf-8", "surrogateescape")
    listed = source.ask(source.work_tree, "ls-tree", "-r", "-t", "-d", "-z", "--full-tree", commit) or ""
    entries = [line.partition("\t")[0].split(" ") for line in listed.split("\0") if line]
    top = (source.ask(source.work_tree, "rev-parse", f"{commit}^{{tree}}") or "").strip()
    trees = {top, *(identifier for _, kind, identifier in entries if kind == "tree")}
    wanted = "".join(f"{identifier}\n" for identifier in sorted(trees)).encode()
    options = ("pack-objects", "--quiet", "--stdout", "--threads=1")
    for words, given in ((("--revs", "--filter=tree:0"), revisions), ((), wanted)):
        pack = source.run(source.work_tree, *options, *words, given=given)
        if pack is None or copy.run(copy.work_tree, "index-pack", "--stdin", given=pack) is None:
            raise _refusal(source.work_tree, "git cannot read its commits; see git fsck")


def _fill_index(copy: Repository, root: Path, commit: str, names: set[str]) -> None:
    """Let the index say that what is in the copy is as it is in the commit, where it is."""
    copy.run(copy.work_tree, "read-tree", commit)
    tracked = (copy.ask(copy.work_tree, "ls-files", "-z") or "").split("\0")
    absent = [name for name in tracked if name and name not in names and (root / name).exists()]
    given = "".join(f"{name}\0" for name in absent).encode("utf-8", "surrogateescape")
    copy.run(copy.work_tree, "update-index", "-z", "--skip-worktree", "--stdin", given=given)
    # Fails where files are changed, and says of the others all the same that they are not
    copy.run(copy.work_tree, "update-index", "-q", "--refresh")

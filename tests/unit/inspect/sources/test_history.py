"""The ``.git`` that a build may get."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.repositories import commit, git, put

from xbuild.errors import RefusedError
from xbuild.inspect.sources.history import CONFIG_HOME
from xbuild.inspect.sources.snapshot import Snapshot, take_snapshot


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of three commits, with an annotated tag at the first and a plain one at the second."""
    place = tmp_path / "in"
    commit(put(place, "Cargo.toml", "src/lib.rs"))
    git(place, "tag", "-a", "-m", "first", "v1.0.0")
    commit(put(place, "src/two.rs"))
    git(place, "tag", "other")
    commit(put(place, "src/deep/three.rs", "run.sh", ".gitignore"))
    return place


def take(root: Path, name: str = "out", *, history: bool = True, exclude: tuple[str, ...] = ()) -> Snapshot:
    return take_snapshot(root, root.parent / name, history=history, exclude=exclude)


def asked(snapshot: Snapshot, *words: str) -> str:
    """What git answers in the copy, as in a container: whoever owns it, and with no other configuration."""
    environment = {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": str(snapshot.folder / CONFIG_HOME),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
    }
    words = ("git", *words)
    done = subprocess.run(
        words, cwd=snapshot.folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_what_build_scripts_ask(root: Path) -> None:
    copy = take(root)
    for words in (
        ("rev-parse", "HEAD"),
        ("rev-parse", "--abbrev-ref", "HEAD"),
        ("describe", "--tags", "--dirty", "--always"),
        ("describe", "--dirty"),
        ("rev-list", "--count", "HEAD"),
        ("log", "-1", "--format=%H %cI %s %an"),
        ("status", "--porcelain"),
        ("ls-files",),
    ):
        assert asked(copy, *words) == git(root, *words), words
    assert asked(copy, "describe", "--dirty") == f"v1.0.0-2-g{git(root, 'rev-parse', '--short', 'HEAD')}"


def test_changes_show(root: Path) -> None:
    put(root, "src/lib.rs", text="changed")
    (root / "run.sh").unlink()
    copy = take(root)
    assert asked(copy, "describe", "--dirty").endswith("-dirty")
    assert asked(copy, "status", "--porcelain") == git(root, "status", "--porcelain")


def test_files_that_are_left_out_are_not_changes(root: Path) -> None:
    copy = take(root, exclude=("/src/deep",))
    assert not (copy.folder / "src" / "deep").exists()
    assert asked(copy, "status", "--porcelain") == ""


def test_nothing_that_can_run_and_no_contents_get_in(root: Path) -> None:
    put(root, ".git/hooks/post-index-change", text="#!/bin/sh\ntouch ran\n").chmod(0o755)
    (root / ".git/hooks/post-index-change").chmod(0o755)
    for key, value in (
        ("core.fsmonitor", "touch /tmp/ran-by-fsmonitor"),
        ("remote.origin.url", "https://token@example.org/"),
        ("filter.evil.clean", "touch ran; cat"),
        ("uploadpack.packObjectsHook", "touch ran"),
    ):
        git(root, "config", key, value)
    put(root, ".gitattributes", text="* filter=evil\n")
    (root / ".git" / "config").write_text((root / ".git" / "config").read_text("utf-8"), "utf-8")
    copy = take(root)
    found = {
        path.relative_to(copy.folder / ".git").as_posix()
        for path in (copy.folder / ".git").rglob("*")
        if path.is_file()
    }
    known = {"HEAD", "config", "packed-refs", "index", "xbuild/git/config"}
    assert {name for name in found if not name.startswith("objects/pack/pack-")} == known
    assert not list(root.parent.rglob("ran"))
    text = (copy.folder / ".git" / "config").read_text("utf-8")
    assert "evil" not in text
    assert "example.org" not in text
    blob = git(root, "rev-parse", "HEAD:src/lib.rs")
    objects = asked(copy, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
    assert blob not in objects
    assert "blob" not in objects


def test_the_digest_is_of_the_history_too(root: Path) -> None:
    plain, first = take(root, "1", history=False), take(root, "2")
    assert not (plain.folder / ".git").exists()
    assert first.digest != plain.digest
    assert first.digest == take(root, "3").digest
    git(root, "tag", "v2.0.0")
    tagged = take(root, "4")
    assert tagged.digest != first.digest
    git(root, "checkout", "-q", "-b", "side")
    assert take(root, "5").digest not in {tagged.digest, first.digest}
    assert take(root, "6", history=False).digest == plain.digest


def test_a_checkout_of_no_branch_and_without_history(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    shallow = tmp_path / "shallow"
    git(shallow, "checkout", "-q", "--detach")
    copy = take(shallow)
    assert asked(copy, "rev-list", "--count", "HEAD") == "1"
    assert asked(copy, "rev-parse", "HEAD", "--abbrev-ref", "HEAD") == git(
        shallow, "rev-parse", "HEAD", "--abbrev-ref", "HEAD"
    )


def test_a_worktree_has_its_own_branch(root: Path) -> None:
    git(root, "worktree", "add", "-q", "-b", "side", "../tree")
    copy = take(root.parent / "tree")
    assert asked(copy, "rev-parse", "--abbrev-ref", "HEAD") == "side"
    assert asked(copy, "describe") == git(root, "describe")


def test_a_submodule_has_its_own_history(root: Path, tmp_path: Path) -> None:
    around = commit(put(tmp_path / "around", "a"))
    git(around, "submodule", "add", "-q", str(root), "sub")
    copy = take_snapshot(around / "sub", tmp_path / "copy", history=True)
    assert asked(copy, "rev-parse", "HEAD") == git(root, "rev-parse", "HEAD")
    assert asked(copy, "status", "--porcelain") == ""


def test_a_repository_with_other_digests(tmp_path: Path) -> None:
    place = put(tmp_path / "in", "a")
    git(place, "init", "-q", "--object-format=sha256")
    commit(place)
    assert asked(take(place), "rev-parse", "HEAD") == git(place, "rev-parse", "HEAD")


@pytest.mark.parametrize("what", ["none", "empty", "above", "pointer", "link", "pointer back"])
def test_no_repository_to_copy(root: Path, tmp_path: Path, what: str) -> None:
    place = put(tmp_path / "other", "a")
    if what == "empty":
        git(place, "init", "-q")
    elif what == "above":
        place = root / "src"
    elif what == "pointer":
        put(place, ".git", text=f"gitdir: {root / '.git'}\n")
    elif what == "link":
        (place / ".git").symlink_to(root / ".git")
    elif what == "pointer back":
        git(root, "worktree", "add", "-q", "../tree")
        put(place, ".git", text=(tmp_path / "tree" / ".git").read_text("utf-8"))
    with pytest.raises(RefusedError) as caught:
        take(place)
    assert caught.value.code == "no-repository"
    assert "VERGEN_GIT_SHA" in caught.value.hint


@pytest.mark.parametrize(
    "what", ["alternates", "commondir", "worktree of its own", "objects", "objects/pack", "a pack"]
)
def test_objects_of_another_repository_are_not_copied(root: Path, tmp_path: Path, what: str) -> None:
    """A stranger's archive can have a .git that takes what is in one of the caller's."""
    git(root, "repack", "-q", "-a", "-d")
    place = put(tmp_path / "other", "a")
    git(place, "init", "-q")
    mine, theirs = root / ".git", place / ".git"
    put(theirs, "HEAD", text=f"{git(root, 'rev-parse', 'HEAD')}\n")
    if what == "alternates":
        put(theirs, "objects/info/alternates", text=f"{mine / 'objects'}\n")
    elif what == "commondir":
        put(theirs, "commondir", "HEAD", text=f"{mine}\n")
        put(theirs, "HEAD", text="ref: refs/heads/main\n")
    elif what == "worktree of its own":
        theirs.rename(place / "worktrees")
        put(place, ".git", text="gitdir: worktrees/x\n")
        put(place, "worktrees/x/commondir", text=f"{mine}\n")
        put(place, "worktrees/x/gitdir", text=f"{place}/.git\n")
        put(place, "worktrees/x/HEAD", text="ref: refs/heads/main\n")
    elif what == "a pack":
        for pack in (mine / "objects" / "pack").iterdir():
            (theirs / "objects" / "pack" / pack.name).symlink_to(pack)
    else:
        shutil.rmtree(theirs / what)
        (theirs / what).symlink_to(mine / what)
    assert git(place, "log", "--format=%H") == git(root, "log", "--format=%H")
    with pytest.raises(RefusedError) as caught:
        take(place)
    assert (caught.value.code, "another repository" in caught.value.details) == ("no-repository", True)

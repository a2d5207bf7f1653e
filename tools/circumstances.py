"""What tools/variations.py changes around a build: each circumstance by itself, and most of them together."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from relay import Relay

from xbuild.inspect.sources.snapshot import take_snapshot
from xbuild.util.files import remove_tree

EPOCH = 1_600_000_000
"""SOURCE_DATE_EPOCH of every build, in seconds."""
STRANGER = 61_357
"""User and group of the build as another user. They have no account."""
FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
ODD = Path("größe, 長い; a crate: $HOME") / ("deep " * 12).strip() / ("x" * 60)
"""A path that is long and hard to quote."""
YEAR = 365 * 86_400


class ImpossibleError(Exception):
    """A circumstance cannot be changed on this machine; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of ``xbuild run``.

    :ivar root: the sources' root, of which ``crate`` is a folder.
    :ivar private: whether ``root`` is a copy that may be changed.
    :ivar seeded: whether ``cache`` starts with the baseline's downloads (never with what it compiled).
    :ivar prefix: the program that starts the command, with its words.
    :ivar user: ``(uid, gid)`` of the command where it is another one.
    :ivar transport: how files must get into the containers, or else something else was varied.
    :ivar epoch_source: where the report must say that SOURCE_DATE_EPOCH comes from.
    :ivar before: what to do right before the call.
    :ivar other_sources: whether its wheels must be other ones, and are not compared further.
    """

    crate: Path
    root: Path
    out: Path
    cache: Path
    state: Path
    targets: tuple[str, ...]
    interpreters: tuple[str, ...]
    private: bool = False
    seeded: bool = True
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    umask: int = 0o022
    user: tuple[int, int] | None = None
    transport: str = "bind"
    epoch_source: str = "environment"
    before: Callable[[], object] = lambda: None
    other_sources: bool = False

    def with_environment(self, **variables: str) -> Call:
        """The same call with more variables; an empty one is taken away."""
        return replace(self, environment={**self.environment, **variables})

    def command(self) -> list[str]:
        """The words to run."""
        pairs = [
            *(word for triple in self.targets for word in ("--target", triple)),
            *(word for kind in self.interpreters for word in ("--interp", kind)),
            # Copies are in no repository, and the place of a crate below the root shows in its wheels
            *("--source-root", str(self.root)),
        ]
        xbuild = (sys.executable, "-m", "xbuild", "run", str(self.crate), *pairs, "--out", str(self.out))
        return [*self.prefix, *xbuild, *self.words]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where the builds are done.

    :ivar work: folder for copies, caches and wheels.
    :ivar faketime: Debian's libfaketimeMT.so.1, or ``None`` to look for it where Debian puts it.
    :ivar stack: closes what a variation opened.
    :ivar notes: gets what a reader of the table has to know.
    :ivar left_out: gets what of several circumstances cannot be changed here, with the reason.
    """

    work: Path
    faketime: Path | None
    stack: ExitStack
    notes: list[str]
    left_out: dict[str, str] = field(default_factory=dict)

    def own(self, call: Call, folder: Path | None = None) -> Call:
        """The call with a copy of the sources that may be changed."""
        if call.private and folder is None:
            return call
        place = folder or self.work / "sources" / secrets.token_hex(4)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.stack.callback(remove_tree, place)
        take_snapshot(call.root, place)
        return replace(call, root=place, crate=place / call.crate.relative_to(call.root), private=True)


Change = Callable[[Lab, Call], Call]
Split = Callable[[Call], Sequence[Call]]


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One circumstance.

    :ivar change: gives the call under the other circumstance.
    :ivar split: makes several calls of it, whose wheels are taken together.
    :ivar note: what the table's reader should know.
    :ivar optional: whether it is only done when it is named.
    """

    name: str
    description: str
    change: Change
    split: Split = lambda call: (call,)
    note: str = ""
    optional: bool = False


def _root_only(what: str) -> None:
    if os.geteuid() != 0:
        raise ImpossibleError(f"{what} takes root")


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if not found:
        raise ImpossibleError(f"there is no {name} here (Debian package {package})")
    return found


def elsewhere(lab: Lab, call: Call) -> Call:
    """The sources on another path."""
    return lab.own(call, lab.work / "sources" / ODD)


def other_times(lab: Lab, call: Call) -> Call:
    """Modification times from 1981 to next year, in an order that has nothing to do with the names'."""
    call = lab.own(call)
    files = sorted(path for path in call.root.rglob("*") if not path.is_symlink())
    times = random.Random(4).sample(range(EPOCH - 39 * YEAR, EPOCH + 7 * YEAR), len(files))  # noqa: S311
    for path, moment in zip(files, times, strict=True):
        os.utime(path, (moment, moment))
    return call


def other_clock(lab: Lab, call: Call) -> Call:
    """A clock that is 400 days and some hours ahead, for all programs that ask the C library."""
    library = next((path for path in map(Path, FAKETIME) if path.is_file()), None)
    library = lab.faketime or library
    if library is None:
        raise ImpossibleError("there is no libfaketimeMT.so.1 here (Debian package libfaketime; --faketime)")
    call = lab.own(call)
    shutil.copyfile(library, call.root / "libfaketimeMT.so.1")
    (call.root / "libfaketimeMT.so.1").chmod(0o755)
    variables = {
        "XBUILD_ENVIRONMENT__LD_PRELOAD": "/src/libfaketimeMT.so.1",
        "XBUILD_ENVIRONMENT__FAKETIME": "+34567890",
        "XBUILD_ENVIRONMENT__FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return call.with_environment(**variables)


def other_place_and_language(_: Lab, call: Call) -> Call:
    """Another time zone and another language."""
    return call.with_environment(
        TZ="Pacific/Kiritimati", LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8", LANGUAGE="tr"
    )


def strict_umask(_: Lab, call: Call) -> Call:
    """A umask that keeps others out."""
    return replace(call, umask=0o077)


def loose_umask(_: Lab, call: Call) -> Call:
    """A umask that lets everybody in."""
    return replace(call, umask=0)


_TRY = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import rich'], check=True)"


def other_user(lab: Lab, call: Call) -> Call:
    """xbuild as another user, who reaches the engine through a socket of their own."""
    _root_only("becoming another user")
    setpriv = _program("setpriv", "util-linux")
    place = Path(tempfile.mkdtemp(prefix="xbuild-variations-"))
    lab.stack.callback(shutil.rmtree, place)
    door = place / "engine.sock"
    relay = Relay(door)
    lab.stack.callback(relay.cut)
    home = place / "home"
    home.mkdir()
    for path in (place, home, door):
        os.chown(path, STRANGER, STRANGER)
    prefix = (setpriv, f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "--")
    tried = subprocess.run([*prefix, sys.executable, "-c", _TRY], capture_output=True, check=False, cwd=place)
    if tried.returncode:
        raise ImpossibleError(f"other users may not run {sys.executable}")
    call = call.with_environment(DOCKER_HOST=relay.address, HOME=str(home), XDG_CONFIG_HOME=str(home))
    return replace(call, prefix=(*call.prefix, *prefix), user=(STRANGER, STRANGER))


_RENAME = "import os, socket, sys; socket.sethostname('elsewhere'); os.execvp(sys.argv[1], sys.argv[1:])"


def other_host(_: Lab, call: Call) -> Call:
    """Another name of the machine."""
    _root_only("naming the machine")
    unshare = _program("unshare", "util-linux")
    return replace(call, prefix=(unshare, "--uts", "--", sys.executable, "-c", _RENAME, *call.prefix))


def one_processor(_: Lab, call: Call) -> Call:
    """One processor for the caller and for each container, and one job at a time."""
    taskset = _program("taskset", "util-linux")
    one = str(min(os.sched_getaffinity(0)))
    call = call.with_environment(XBUILD_CPUS="1", XBUILD_CPUSET=one)
    return replace(
        call, prefix=(*call.prefix, taskset, "--cpu-list", one), words=(*call.words, "--jobs", "1")
    )


def all_at_once(_: Lab, call: Call) -> Call:
    """All targets at the same time."""
    if len(call.targets) < 2:
        raise ImpossibleError("takes two targets")
    return replace(call, words=(*call.words, "--jobs", str(len(call.targets))))


def _file_system(path: Path) -> str:
    said = subprocess.run(
        ["stat", "--file-system", "--format=%T", path],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", place], check=True)  # noqa: S607


def in_memory(lab: Lab, call: Call) -> Call:
    """The caches on a tmpfs, which lists folders in another order than a disk does."""
    if _file_system(lab.work) == "tmpfs":
        raise ImpossibleError("all builds of this run are on a tmpfs; --work names a folder on a disk")
    _root_only("mounting a tmpfs")
    place = lab.work / "memory"
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "xbuild-variations", place], check=True)  # noqa: S607
    lab.stack.callback(_unmount, place)
    return replace(call, cache=place / "cache")


def shuffled(lab: Lab, call: Call) -> Call:
    """Sources and caches on disorderfs, which lists every folder in a random order."""
    _root_only("mounting disorderfs for other users")
    disorderfs = _program("disorderfs", "disorderfs")
    below, place = lab.work / "ordered", lab.work / "disorder"
    for folder in (below, place):
        folder.mkdir()
    options = ("--multi-user=yes", "--shuffle-dirents=yes", "--share-locks=yes", "--quiet")
    done = subprocess.run([disorderfs, *options, below, place], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImpossibleError(f"disorderfs does not mount: {done.stderr.strip() or done.returncode}")
    lab.stack.callback(_unmount, place)
    return replace(lab.own(call, place / "crate"), cache=place / "cache")


def nothing_kept(_: Lab, call: Call) -> Call:
    """Caches that are empty: everything is fetched again."""
    return replace(call, seeded=False)


def same_again(_: Lab, call: Call) -> Call:
    """The same call once more, with everything that the baseline left."""
    return call


_EDIT = b"""
#[unsafe(no_mangle)]
pub static XBUILD_WAS_HERE: [u8; 16] = *b"other sources...";
"""


def old_sources(lab: Lab, call: Call) -> Call:
    """Sources as an unpacked older release has them: their times are before anything that was compiled."""
    call = lab.own(call)
    if not _main_file(call).is_file():
        raise ImpossibleError("there is no src/lib.rs to edit")
    return call


def edited_before(call: Call) -> Sequence[Call]:
    """A build of edited sources, and then the build of the true ones in the same target directory."""
    file = _main_file(call)
    content = file.read_bytes()

    def restore() -> None:
        file.write_bytes(content)
        os.utime(file, (EPOCH, EPOCH))

    edited = replace(call, out=call.out / "edited", other_sources=True)
    edited = replace(edited, before=lambda: file.write_bytes(content + _EDIT))
    return [edited, replace(call, before=restore)]


def _main_file(call: Call) -> Path:
    return call.crate / "src" / "lib.rs"


def other_storage(lab: Lab, call: Call) -> Call:
    """Caches, state and wheels on another path."""
    place = lab.work / "storage" / ODD
    return replace(call, cache=place / "cache", state=place / "state", out=place / "out")


def over_the_network(lab: Lab, call: Call) -> Call:
    """An engine that is reached over TCP: files travel as archives, into volumes."""
    relay = Relay()
    lab.stack.callback(relay.cut)
    return replace(call.with_environment(DOCKER_HOST=relay.address), transport="archive")


def backwards(_: Lab, call: Call) -> Call:
    """The interpreters, and the targets, in the opposite order."""
    if len(call.interpreters) < 2:
        raise ImpossibleError("takes two interpreters")
    return replace(call, interpreters=call.interpreters[::-1], targets=call.targets[::-1])


def one_by_one(call: Call) -> Sequence[Call]:
    """A call for each interpreter, with a target directory and a folder for its wheel of its own."""
    return [
        replace(
            call,
            interpreters=(kind,),
            cache=call.cache.with_name(f"{call.cache.name}-{number}"),
            out=call.out / str(number),
        )
        for number, kind in enumerate(call.interpreters)
    ]


def alone(_: Lab, call: Call) -> Call:
    """Each interpreter by itself."""
    if len(call.interpreters) < 2:
        raise ImpossibleError("takes two interpreters")
    return call


def from_commit(lab: Lab, call: Call) -> Call:
    """No SOURCE_DATE_EPOCH, and sources whose last commit is of that time."""
    git = _program("git", "git")
    call = lab.own(call)
    stamp = f"@{EPOCH} +1400"
    environment = {
        "PATH": os.defpath,
        "HOME": str(lab.work),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "x" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "x@example.org" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": stamp for who in ("AUTHOR", "COMMITTER")},
    }
    for words in (("init", "--quiet"), ("add", "--all", "--force"), ("commit", "--quiet", "-m", "x")):
        subprocess.run([git, "-C", str(call.root), *words], check=True, env=environment)
    return replace(call.with_environment(SOURCE_DATE_EPOCH=""), epoch_source="commit")


def from_newest_file(lab: Lab, call: Call) -> Call:
    """No SOURCE_DATE_EPOCH, no commit, and sources of which the newest file is of that time."""
    call = lab.own(call)
    if any((folder / ".git").exists() for folder in call.root.parents):
        raise ImpossibleError("the working folder is in a git repository; --work names another")
    files = sorted(path for path in call.root.rglob("*") if path.is_file() and not path.is_symlink())
    for age, path in enumerate(files):
        os.utime(path, (EPOCH - age, EPOCH - age))
    return replace(call.with_environment(SOURCE_DATE_EPOCH=""), epoch_source="newest file")


TOGETHER: tuple[Change, ...] = (
    elsewhere,
    other_times,
    other_clock,
    other_place_and_language,
    other_storage,
    one_processor,
    other_user,
    other_host,
    backwards,
)


def together(lab: Lab, call: Call) -> Call:
    """All of them that go together."""
    for change in TOGETHER:
        try:
            call = change(lab, call)
        except ImpossibleError as error:
            name = change.__name__.replace("_", " ")
            lab.left_out[name] = str(error)
            lab.notes.append(f"without {name}: {error}")
    return call


_CLOCK_NOTE = (
    "maturin and zig are linked statically and ask the kernel: they see the real clock, which went on since "
    "the baseline; cargo, rustc, clang and lld see the other one"
)

VARIATIONS: tuple[Variation, ...] = (
    Variation(
        name="together",
        description="path, times, clock, zone, language, storage, one cpu, user, host and order at once",
        change=together,
    ),
    Variation(name="path", description="the crate on a long path with blanks and letters", change=elsewhere),
    Variation(
        name="mtimes", description="other modification times of the sources, some to come", change=other_times
    ),
    Variation(name="clock", description="400 days later", change=other_clock, note=_CLOCK_NOTE),
    Variation(name="zone", description="time zone and locale of the caller", change=other_place_and_language),
    Variation(name="umask-077", description="umask 077 of the caller", change=strict_umask),
    Variation(name="umask-000", description="umask 000 of the caller", change=loose_umask),
    Variation(name="user", description=f"xbuild as user {STRANGER}, without an account", change=other_user),
    Variation(name="host", description="another host name", change=other_host),
    Variation(name="one-cpu", description="one processor, one job", change=one_processor),
    Variation(name="all-at-once", description="all targets built at the same time", change=all_at_once),
    Variation(name="tmpfs", description="caches on a tmpfs: another order of folders", change=in_memory),
    Variation(name="disorderfs", description="folders in a random order", change=shuffled),
    Variation(name="cold", description="empty caches, everything fetched again", change=nothing_kept),
    Variation(
        name="warm", description="the same target directories, with what is in them", change=same_again
    ),
    Variation(
        name="edited",
        description="a target directory in which edited sources were built before",
        change=old_sources,
        split=edited_before,
    ),
    Variation(name="storage", description="caches, state and wheels on another path", change=other_storage),
    Variation(name="archive", description="an engine reached over TCP, no mounts", change=over_the_network),
    Variation(name="order", description="interpreters and targets in the opposite order", change=backwards),
    Variation(
        name="alone",
        description="each interpreter with a target directory of its own",
        change=alone,
        split=one_by_one,
    ),
    Variation(name="epoch-commit", description="SOURCE_DATE_EPOCH from the last commit", change=from_commit),
    Variation(
        name="epoch-newest", description="SOURCE_DATE_EPOCH from the newest file", change=from_newest_file
    ),
)


def names(variations: Iterable[Variation]) -> str:
    """Their names, for messages."""
    return ", ".join(item.name for item in variations)

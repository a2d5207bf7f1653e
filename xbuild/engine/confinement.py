"""What holds in a container, by what the kernel says there. Pure: nothing here runs anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from xbuild.engine.api import ContainerSpec

_VERSION, _STATUS, _MOUNTS, _WIRES, _LIMITS = (
    "/proc/version",
    "/proc/self/status",
    "/proc/self/mounts",
    "/proc/net/dev",
    "/proc/self/limits",
)
_LABEL, _USERS = "/proc/self/attr/current", "/proc/self/uid_map"
_MEMORY = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max")
_BOTH = "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"
_SWAP = "/sys/fs/cgroup/memory.swap.max"
_PIDS = ("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max")
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_PAGE = 1 << 16
"""Bytes of the largest page: the kernel rounds limits of memory down to whole ones."""

_EVERY_USER = ["0", "0", str((1 << 32) - 1)]
"""The map of users where there is no namespace of them (user_namespaces(7))."""
FILES = (_VERSION, _STATUS, _MOUNTS, _WIRES, _LIMITS, _LABEL, _USERS, *_MEMORY, _BOTH, _SWAP, *_PIDS)
QUESTION = ("grep", "-s", "-H", "", *FILES)
"""A command that prints what :func:`judge` and :func:`second_walls` read. Files that are not there, such as
those of the other cgroup version, are passed over."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise.

    :ivar kind: ``wall`` keeps what runs inside from what is outside; ``limit`` bounds what it uses up.
    :ivar holds: it was seen to hold; where nothing tells, it does not.
    :ivar seen: what was seen, ``""`` where nothing tells.
    """

    name: str
    kind: Literal["wall", "limit"]
    holds: bool
    seen: str


def judge(lines: Iterable[str], spec: ContainerSpec) -> tuple[Check, ...]:
    """What holds of what a hardened container without a network is promised.

    :param lines: what :data:`QUESTION` printed in it.
    """
    files = _by_file(lines)
    return (*_walls(files), *_limits(files, spec))


def own_kernel(lines: Iterable[str], engine_kernel: str) -> str:
    """The release of the kernel in a container, where it is another one than the engine's: a runtime such as
    gVisor or Kata Containers. ``""`` where it is the same, or nothing tells.

    :param lines: what :data:`QUESTION` printed in it.
    :param engine_kernel: the release of the kernel that the engine runs on.
    """
    words = _first(_by_file(lines), _VERSION).split()
    release = words[2] if words[:2] == ["Linux", "version"] and len(words) > 2 else ""
    return release if engine_kernel and release != engine_kernel else ""


def second_walls(lines: Iterable[str]) -> tuple[str, ...]:
    """What keeps the container in besides, which not every kernel has: AppArmor, SELinux, other users."""
    files = _by_file(lines)
    label = _first(files, _LABEL).strip("\0")
    kind = label.split(":")[2] if label.count(":") >= 3 else ""
    found = ["AppArmor"] if label.endswith(" (enforce)") else []
    found += ["SELinux"] if kind.startswith(("container_t", "svirt_")) else []
    users = files.get(_USERS, [])
    return (*found, "user namespace") if users and users[0].split() != _EVERY_USER else tuple(found)


def _by_file(lines: Iterable[str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for line in lines:
        path, _, text = line.partition(":")
        files.setdefault(path, []).append(text)
    return files


def _walls(files: Mapping[str, list[str]]) -> Iterator[Check]:
    status = dict(_pair(line) for line in files.get(_STATUS, ()))
    users = status.get("Uid", "").split()
    yield Check("not root", "wall", bool(users) and "0" not in users, " ".join(users[:1]))
    yield _equal("no new privileges", status.get("NoNewPrivs", ""), "1")
    yield _equal("filtered system calls", status.get("Seccomp", ""), "2")
    sets = {name: status.get(name, "") for name in _CAPABILITIES}
    some = [f"{name} {value}" for name, value in sets.items() if value.strip("0")]
    yield Check("no capabilities", "wall", all(sets.values()) and not some, ", ".join(some))
    roots = [words for words in map(str.split, files.get(_MOUNTS, ())) if words[1:2] == ["/"]]
    options = roots[-1][3] if roots else ""
    yield Check("read-only root", "wall", "ro" in options.split(","), options)
    wires = [
        name.strip() for name, colon, _ in (line.partition(":") for line in files.get(_WIRES, ())) if colon
    ]
    yield Check("no network", "wall", wires == ["lo"], ", ".join(wires))


def _limits(files: Mapping[str, list[str]], spec: ContainerSpec) -> Iterator[Check]:
    asked = spec.limits
    memory = _first(files, *_MEMORY)
    if asked.memory:
        yield Check("limit of memory", "limit", _rounded(memory, asked.memory), memory)
        both, swap = _first(files, _BOTH), _first(files, _SWAP)
        yield Check("no swap", "limit", _rounded(both, asked.memory) or swap == "0", both or swap)
    pids = _first(files, *_PIDS)
    yield Check("limit of processes", "limit", pids == str(asked.pids), pids)
    for name, row, wanted in (
        ("limit of open files", "Max open files", asked.open_files),
        ("limit of a file's size", "Max file size", asked.file_size),
        ("no core files", "Max core file size", 0),
    ):
        seen = next(
            (line[len(row) :].split()[:2] for line in files.get(_LIMITS, ()) if line.startswith(row)), []
        )
        yield Check(name, "limit", seen == [str(wanted)] * 2, " ".join(seen))


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def _equal(name: str, seen: str, wanted: str) -> Check:
    return Check(name, "wall", seen == wanted, seen)


def _first(files: Mapping[str, list[str]], *paths: str) -> str:
    """The first line of the first of these files that is there."""
    return next((files[path][0].strip() for path in paths if files.get(path)), "")


def _rounded(seen: str, asked: int) -> bool:
    return seen.isdecimal() and asked - _PAGE < int(seen) <= asked

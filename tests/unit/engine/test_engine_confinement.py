"""What the kernel says in a container, and what follows from it."""

from __future__ import annotations

import pytest
from support.kernel_words import COMMON, GIB, KERNEL, VERSION_1, VERSION_2

from xbuild.engine import ContainerSpec, Limits
from xbuild.engine.confinement import FILES, judge, own_kernel, second_walls

SPEC = ContainerSpec(image="i", user="1000:1000", labels={}, limits=Limits(memory=4 * GIB, pids=99))
NAMES = {
    "not root",
    "no new privileges",
    "filtered system calls",
    "no capabilities",
    "read-only root",
    "no network",
    "limit of memory",
    "no swap",
    "limit of processes",
    "limit of open files",
    "limit of a file's size",
    "no core files",
}


def fails(text: str, spec: ContainerSpec = SPEC) -> dict[str, str]:
    """What does not hold, with what was seen."""
    return {check.name: check.seen for check in judge(text.splitlines(), spec) if not check.holds}


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2])
def test_all_holds(version: str) -> None:
    checks = judge((COMMON + version).splitlines(), SPEC)
    assert {check.name for check in checks} == NAMES
    assert [check for check in checks if not check.holds] == []


@pytest.mark.parametrize(
    ("old", "new", "name", "seen"),
    [
        ("Uid:\t1000\t1000", "Uid:\t1000\t0", "not root", "1000"),
        ("Uid:\t1000", "Uid:\t0", "not root", "0"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "no new privileges", "0"),
        ("Seccomp:\t2", "Seccomp:\t0", "filtered system calls", "0"),
        (
            "CapBnd:\t0000000000000000",
            "CapBnd:\t00000000a80425fb",
            "no capabilities",
            "CapBnd 00000000a80425fb",
        ),
        ("overlay ro,relatime", "overlay rw,relatime", "read-only root", "rw,relatime,lowerdir=/a:/b"),
        ("    lo:", "  eth0: 0\n/proc/net/dev:    lo:", "no network", "eth0, lo"),
        (f"limit_in_bytes:{4 * GIB}", f"limit_in_bytes:{2**63 - 4096}", "limit of memory", str(2**63 - 4096)),
        (f"memsw.limit_in_bytes:{4 * GIB}", f"memsw.limit_in_bytes:{8 * GIB}", "no swap", str(8 * GIB)),
        ("pids.max:99", "pids.max:max", "limit of processes", "max"),
        ("8192                 8192", "8192                 20000", "limit of open files", "8192 20000"),
        (
            "2147483648           2147483648",
            "unlimited            unlimited",
            "limit of a file's size",
            "unlimited unlimited",
        ),
        (
            "file size        0                    0",
            "file size        0                    unlimited",
            "no core files",
            "0 unlimited",
        ),
    ],
)
def test_each_failure_is_found(old: str, new: str, name: str, seen: str) -> None:
    text = COMMON + VERSION_1
    assert old in text
    assert fails(text.replace(old, new, 1)) == {name: seen}


def test_version_2_without_limits() -> None:
    text = COMMON + VERSION_2.replace(str(4 * GIB), "max").replace("swap.max:0", "swap.max:max")
    assert fails(text) == {"limit of memory": "max", "no swap": "max"}


def test_what_nothing_tells_does_not_hold() -> None:
    assert fails("") == dict.fromkeys(NAMES, "")
    assert fails(COMMON) == dict.fromkeys(("limit of memory", "no swap", "limit of processes"), "")


def test_limits_are_rounded_to_pages() -> None:
    odd = ContainerSpec(image="i", user="1:1", labels={}, limits=Limits(memory=4 * GIB + 5, pids=99))
    assert fails(COMMON + VERSION_1, odd) == {}


def test_a_mount_over_the_root_counts() -> None:
    over = "/proc/self/mounts:tmpfs / tmpfs rw 0 0\n"
    assert fails(COMMON + over + VERSION_1) == {"read-only root": "rw"}


@pytest.mark.parametrize(
    ("version", "engine", "own"),
    [
        (f"Linux version {KERNEL} (who)", KERNEL, ""),
        (f"Linux version {KERNEL} (who)", "6.1.0-44", KERNEL),
        ("Linux version 4.4.0 #1 SMP", KERNEL, "4.4.0"),
        ("Linux version 4.4.0 #1 SMP", "", ""),
        ("Linux version", KERNEL, ""),
        ("something else", KERNEL, ""),
    ],
)
def test_a_kernel_of_its_own(version: str, engine: str, own: str) -> None:
    assert own_kernel([f"/proc/version:{version}"], engine) == own


@pytest.mark.parametrize(
    ("old", "new", "walls"),
    [
        ("", "", ("AppArmor",)),
        ("docker-default (enforce)", "docker-default (complain)", ()),
        ("docker-default (enforce)", "unconfined", ()),
        ("docker-default (enforce)", "system_u:system_r:container_t:s0:c1,c2\0", ("SELinux",)),
        ("docker-default (enforce)", "system_u:system_r:spc_t:s0", ()),
        (
            "         0          0 4294967295",
            "         0     100000      65536",
            ("AppArmor", "user namespace"),
        ),
    ],
)
def test_a_second_wall_is_what_the_kernel_says(old: str, new: str, walls: tuple[str, ...]) -> None:
    assert second_walls(COMMON.replace(old, new).splitlines()) == walls
    assert second_walls([]) == ()


def test_the_question_asks_for_what_is_read() -> None:
    paths = {line.partition(":")[0] for line in (COMMON + VERSION_1 + VERSION_2).splitlines()}
    assert paths == set(FILES)

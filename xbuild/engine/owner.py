"""Which process a container belongs to: what a dead one left must be told from what a live one uses."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")


def _start_time(pid: str, proc: Path = _PROC) -> str:
    """Start time of a process in clock ticks since boot, ``""`` where there is none (proc(5), field 22)."""
    try:
        # Its name, which is cut after 15 bytes, need not be text
        stat = (proc / pid / "stat").read_bytes()
    except OSError:
        return ""
    return stat.rpartition(b")")[2].split()[19].decode("ascii")


def _is_there(pid: str) -> bool:
    """Whether there is a process of that number, whoever owns it."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


@lru_cache(maxsize=1)
def _place() -> str:
    """This boot of this machine, and this process namespace of it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return "unknown/0"


def owner_label() -> str:
    """This process, as the value of a label."""
    return f"{_place()}/{os.getpid()}/{_start_time('self')}"


def owner_is_gone(label: str, *, proc: Path = _PROC) -> bool:
    """Whether the process of a label is certainly gone. A process elsewhere is never certain.

    :param proc: where the kernel shows processes.
    """
    place, _, process = label.rpartition("/")
    place, _, pid = place.rpartition("/")
    if place != _place() or not pid.isdecimal():
        return False
    started = _start_time(pid, proc)
    # The kernel can be told to show nobody the processes of others (hidepid, proc(5)): one that is there and
    # not shown may be the owner
    return started != process if started else not _is_there(pid)

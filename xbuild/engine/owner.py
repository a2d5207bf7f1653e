"""Which process a container belongs to: what a dead one left must be told from what a live one uses."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path


def _start_time(pid: int | str) -> str:
    """Start time of a process in clock ticks since boot, ``""`` where there is none (proc(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


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


def owner_is_gone(label: str) -> bool:
    """Whether the process of a label is certainly gone. A process elsewhere is never certain."""
    place, _, process = label.rpartition("/")
    place, _, pid = place.rpartition("/")
    if place != _place() or not pid.isdigit():
        return False
    return _start_time(pid) != process

"""What the kernel counts about a container's memory."""

from __future__ import annotations

import re

OOM_COUNTERS = (
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/sys/fs/cgroup/memory.events",
)
"""Files in a container that count what was killed for memory: cgroup v1's and v2's. One of them exists."""

_OOM_KILL = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)


def count_oom_kills(text: bytes) -> int:
    """How many processes were killed, from what is in :data:`OOM_COUNTERS`; 0 where it does not say."""
    found = _OOM_KILL.search(text)
    return int(found[1]) if found else 0

"""The kernel's counters of what was killed for memory."""

from __future__ import annotations

import pytest

from xbuild.engine.memory import count_oom_kills


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        (b"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3),
        (b"low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\noom_group_kill 0\n", 2),
        (b"oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", 0),
        (b"oom_kill_disable 1\nunder_oom 0\n", 0),
        (b"cat: /sys/fs/cgroup/memory.events: No such file or directory\n", 0),
        (b"", 0),
    ],
)
def test_counters(text: bytes, kills: int) -> None:
    assert count_oom_kills(text) == kills

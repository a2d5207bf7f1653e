"""Whether this machine's kernel starts programs of a foreign architecture, and how to make it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

REGISTRY = Path("/proc/sys/fs/binfmt_misc")

MACHINES: Mapping[str, str] = MappingProxyType({"arm64": "aarch64"})
"""Debian's name of an architecture and qemu's."""

QEMU_STEPS = (
    ("apt-get", "install", "-y", "qemu-user-static", "binfmt-support"),
    ("mount", "-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"),
    ("update-binfmts", "--enable", "qemu-aarch64"),
)
"""What root runs on the engine's machine; the mount only where the folder is empty."""


def runs_foreign(architecture: str, *, registry: Path = REGISTRY) -> bool:
    """Whether containers on this machine start programs of a Debian architecture through qemu.

    The registration needs the flag F (the kernel keeps qemu open), so that a container needs nothing inside.
    For an engine on another machine this says nothing.
    """
    entry = registry / f"qemu-{MACHINES.get(architecture, architecture)}"
    try:
        lines = entry.read_text("utf-8").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags:")), "")
    return "enabled" in lines and "F" in flags

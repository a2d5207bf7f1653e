"""What is the same on every machine: where things are, in containers and beside wheels, and who builds."""

from __future__ import annotations

import os

NOBODY = "65532:65532"
"""Who builds when the caller is root: no build ever runs as root."""

SRC = "/src"
"""The sources."""

VENDOR = "/vendor"
"""Cargo's home: its configuration, and the unpacked crates."""

TARGET_DIR = "/target"
"""What a build may keep for the next one."""

OUT = "/out"
"""Where maturin leaves wheels."""

BESIDE = ".xbuild"
"""The folder beside the wheels that holds their report, logs and attestations."""

USER_SYSROOT = "/opt/xbuild/sysroot/user"
"""A Windows SDK of the caller's own."""


def build_user() -> str:
    """``uid:gid`` of the processes in build containers: the caller's own, or :data:`NOBODY`."""
    uid = os.getuid()
    return NOBODY if uid == 0 else f"{uid}:{os.getgid()}"

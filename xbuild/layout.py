"""Where things are inside a build container: the same paths for every crate on every machine."""

SRC = "/src"
"""The sources."""

VENDOR = "/vendor"
"""Cargo's home: its configuration, and the unpacked crates."""

TARGET_DIR = "/target"
"""What a build may keep for the next one."""

OUT = "/out"
"""Where maturin leaves wheels."""

USER_SYSROOT = "/opt/xbuild/sysroot/user"
"""A Windows SDK of the caller's own."""

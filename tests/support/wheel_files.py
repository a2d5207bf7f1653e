"""Wheels for tests, right unless a test says otherwise."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

NAME, VERSION = "demo", "1.2.3"
INFO = f"{NAME}-{VERSION}.dist-info"
METADATA = f"Metadata-Version: 2.4\nName: {NAME}\nVersion: {VERSION}\n"


def wheel_text(tags: str, *, purelib: str = "false") -> str:
    python, abi, platforms = tags.split("-")
    lines = [f"Tag: {python}-{abi}-{platform}" for platform in platforms.split(".")]
    return "\n".join(["Wheel-Version: 1.0", "Generator: test", f"Root-Is-Purelib: {purelib}", *lines, ""])


def record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(data)}\n"


def wheel_members(
    tags: str, files: Mapping[str, bytes], *, replace: Mapping[str, bytes | None] | None = None
) -> dict[str, bytes]:
    """Members of a wheel in their order; ``replace`` changes or (None) leaves out one of the records."""
    members = {
        **files,
        f"{INFO}/METADATA": METADATA.encode(),
        f"{INFO}/WHEEL": wheel_text(tags).encode(),
    }
    changes = dict(replace or {})
    for name in (f"{INFO}/METADATA", f"{INFO}/WHEEL"):
        if name in changes:
            members[name] = changes.pop(name) or b""
    record = "".join(record_line(name, data) for name, data in members.items()) + f"{INFO}/RECORD,,\n"
    members[f"{INFO}/RECORD"] = record.encode()
    for name, data in changes.items():
        members[name] = data or b""
        if data is None:
            del members[name]
    return members


def write_zip(path: Path, members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data)
    return path


def make_wheel(
    folder: Path, tags: str, files: Mapping[str, bytes], *, replace: Mapping[str, bytes | None] | None = None
) -> Path:
    """A wheel named after ``tags``."""
    return write_zip(folder / f"{NAME}-{VERSION}-{tags}.whl", wheel_members(tags, files, replace=replace))

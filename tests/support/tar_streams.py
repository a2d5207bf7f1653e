"""Tar streams as an engine gives them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from xbuild.engine.transport import tar_tree


def tar_bytes(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """Regular files as a tar stream."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    body = buffer.getvalue()
    yield from (body[start : start + 4096] for start in range(0, len(body), 4096))


def renamed_tree(folder: Path) -> Iterator[bytes]:
    """A folder as ``docker cp`` streams it: below its own name."""
    source = io.BytesIO(b"".join(tar_tree(folder, owner="65532:65532")))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=source) as tree, tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in tree:
            member.name = f"{folder_name(folder)}/{member.name.removeprefix('./')}".rstrip("/.")
            archive.addfile(member, tree.extractfile(member) if member.isreg() else None)
    body = buffer.getvalue()
    yield from (body[start : start + 4096] for start in range(0, len(body), 4096))


def folder_name(folder: Path) -> str:
    """The name that a volume has inside its container; every volume of a fake that is read is /out."""
    return "out" if folder.name.startswith("volume-") else folder.name

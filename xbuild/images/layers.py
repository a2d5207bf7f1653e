"""Layers as deterministic tar files (docs/decisions/0002-layers-from-volumes.md)."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from xbuild.engine import Layer
from xbuild.errors import ImageError
from xbuild.images.recipe import context_files, is_executable
from xbuild.util.tar import END, ChunkReader, tar_member

EPOCH = 1_577_836_800
"""Time stamp of everything in a layer, in seconds since the Unix epoch: 2020-01-01 00:00 UTC."""

MANIFEST = "opt/xbuild/manifest.json"


class _HashingFile:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def close(self) -> str:
        self._file.close()
        return self._hash.hexdigest()


def pack_layer(
    chunks: Iterable[bytes],
    path: Path,
    *,
    strip: int,
    on_progress: Callable[[int], None],
    replaced: Mapping[str, bytes] | None = None,
) -> tuple[Layer, dict[str, Any]]:
    """Rewrite a tar stream as a layer, and read the manifest that is in it.

    Times become :data:`EPOCH`, owners keep their numbers and lose their names, and device nodes are left out.

    :param strip: leading components of each name to drop.
    :param on_progress: gets the bytes written so far.
    :param replaced: other contents of some regular files, by their names in the layer.
    :raises ImageError: the stream is no tar file; or ``bad-image-manifest``.
    """
    manifest: dict[str, Any] = {}
    out = _HashingFile(path)
    digest = ""
    written = 0
    try:
        with (
            tarfile.open(fileobj=io.BufferedReader(ChunkReader(chunks), 1 << 20), mode="r|") as source,
            tarfile.open(fileobj=cast("io.BufferedWriter", out), mode="w|", bufsize=1 << 20) as target,
        ):
            for member in source:
                if not _keep(member, strip):
                    continue
                body = source.extractfile(member) if member.isreg() else None
                if member.name == MANIFEST and body:
                    text = body.read()
                    manifest = _read_manifest(text)
                    body = io.BytesIO(text)
                if body and replaced and member.name in replaced:
                    member.size = len(replaced[member.name])
                    body = io.BytesIO(replaced[member.name])
                target.addfile(member, body)
                written += member.size
                on_progress(written)
    except tarfile.TarError as error:
        raise ImageError("the engine sent a broken archive", details=str(error), retryable=True) from error
    finally:
        digest = out.close()
    return Layer(path=path, diff_id=f"sha256:{digest}"), manifest


def _read_manifest(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise ImageError(f"{MANIFEST} is no JSON", details=str(error), code="bad-image-manifest") from error
    if not isinstance(manifest, dict):
        raise ImageError(f"{MANIFEST} is no JSON object", code="bad-image-manifest")
    return manifest


def _keep(member: tarfile.TarInfo, strip: int) -> bool:
    parts = [part for part in member.name.split("/") if part not in {"", "."}][strip:]
    if not parts or member.ischr() or member.isblk() or member.isfifo():
        return False
    member.name = "/".join(parts)
    if member.islnk():
        member.linkname = "/".join(member.linkname.strip("/").split("/")[strip:])
    member.mtime = EPOCH
    member.uname = member.gname = ""
    member.pax_headers = {
        key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.xattr")
    }
    return True


def tar_folder(folder: Path) -> Iterator[bytes]:
    """A folder of the recipes' context as a tar stream, the same whatever the checkout's modes and times."""
    yield from tar_files(
        (path.relative_to(folder).as_posix(), path.read_bytes(), is_executable(path))
        for path in context_files(folder)
    )


def tar_files(files: Iterable[tuple[str, bytes, bool]]) -> Iterator[bytes]:
    """(name, content, executable) triples as a tar stream owned by root."""
    for name, body, executable in files:
        info = tarfile.TarInfo(name)
        info.size = len(body)
        info.mtime = EPOCH
        info.mode = 0o755 if executable else 0o644
        yield from tar_member(info, (body,))
    yield END

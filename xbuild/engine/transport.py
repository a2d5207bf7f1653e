"""How files get into containers and out of them.

An engine that sees this process's files gets bind mounts. Another one (on another machine, or beside the
container that xbuild itself runs in) gets anonymous volumes, which are filled and read through the engine's
archive interface and vanish with their container. Which one it is, is found out
(docs/decisions/0005-two-transports.md).
"""

from __future__ import annotations

import os
import secrets
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xbuild.engine import Engine
from xbuild.util.tar import END, tar_member


@dataclass(frozen=True, slots=True)
class Transport:
    """The way that files take. ``local`` means bind mounts."""

    local: bool

    def source(self, folder: Path) -> Path | None:
        """The source of a mount for a folder that exists: itself, or ``None`` for a volume."""
        return folder if self.local else None

    def folder(self, folder: Path, *, owner: str) -> Path | None:
        """Make a folder that containers of ``owner`` (``uid:gid``) write to; its mount's source."""
        folder.mkdir(parents=True, exist_ok=True)
        give(folder, owner)
        return self.source(folder)


def give(path: Path, owner: str) -> None:
    """Hand a file or folder to ``uid:gid``, where this process may and needs to."""
    uid, _, gid = owner.partition(":")
    status = path.stat()
    if (status.st_uid, status.st_gid) != (int(uid), int(gid)):
        os.chown(path, int(uid), int(gid))


def find_transport(engine: Engine, work: Path, *, image: str) -> Transport:
    """Whether the engine sees files below ``work``: tried with a folder whose name nobody else can have."""
    if engine.is_remote:
        return Transport(local=False)
    probe = work / f"probe-{secrets.token_hex(16)}"
    probe.mkdir(parents=True)
    try:
        return Transport(local=engine.sees(probe, image=image))
    finally:
        probe.rmdir()


def tar_tree(folder: Path | None, *, owner: str) -> Iterator[bytes]:
    """A folder as a tar stream for a volume's root, owned by ``uid:gid``; an empty one for ``None``."""
    uid, _, gid = owner.partition(":")

    def member(info: tarfile.TarInfo, body: bytes = b"") -> Iterator[bytes]:
        info.uid, info.gid = int(uid), int(gid)
        info.uname = info.gname = ""
        info.size = len(body)
        yield from tar_member(info, (body,), form=tarfile.PAX_FORMAT)

    # Not "./": the engine passes that over, and the folder would stay root's
    root = tarfile.TarInfo("/")
    root.type = tarfile.DIRTYPE
    root.mode = 0o755
    yield from member(root)
    for where, folders, names in os.walk(folder) if folder else ():
        folders.sort()
        here = Path(where)
        for name in sorted((*folders, *names)):
            path = here / name
            info = tarfile.TarInfo(path.relative_to(folder or here).as_posix())
            status = path.lstat()
            info.mode = status.st_mode & 0o777
            info.mtime = status.st_mtime
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                yield from member(info)
            elif path.is_dir():
                info.type = tarfile.DIRTYPE
                yield from member(info)
            else:
                yield from member(info, path.read_bytes())
    yield END

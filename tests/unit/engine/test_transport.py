"""The way of files into containers."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from support.fakes import FakeEngine

from xbuild.engine.transport import Transport, find_transport, give, tar_tree
from xbuild.errors import EngineError

OWNER = f"{os.getuid()}:{os.getgid()}"


def members(folder: Path | None, owner: str = "65532:65532") -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_tree(folder, owner=owner)))) as archive:
        return {item.name: item for item in archive}


def test_a_local_engine_gets_bind_mounts(tmp_path: Path, engine: FakeEngine) -> None:
    found = find_transport(engine, tmp_path / "work", image="i")
    assert found == Transport(local=True)
    assert found.source(tmp_path) == tmp_path
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(("local", "is_remote"), [(False, False), (True, True), (False, True)])
def test_another_engine_gets_volumes(tmp_path: Path, *, local: bool, is_remote: bool) -> None:
    engine = FakeEngine(tmp_path / "engine", local=local, is_remote=is_remote)
    found = find_transport(engine, tmp_path / "work", image="i")
    assert found == Transport(local=False)
    assert found.source(tmp_path) is None
    assert found.folder(tmp_path / "new", owner=OWNER) is None


def test_a_failed_probe_leaves_nothing(tmp_path: Path, engine: FakeEngine) -> None:
    engine.gone = True
    with pytest.raises(EngineError):
        find_transport(engine, tmp_path / "work", image="i")
    assert list((tmp_path / "work").iterdir()) == []


def test_folders_are_made_and_given(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert Transport(local=True).folder(folder, owner=OWNER) == folder
    give(folder, OWNER)
    if os.geteuid() == 0:
        give(folder, "65532:65533")
        assert (folder.stat().st_uid, folder.stat().st_gid) == (65532, 65533)


def test_a_tree_as_a_stream(tmp_path: Path) -> None:
    (tmp_path / "sub dir" / "ü").mkdir(parents=True)
    (tmp_path / "sub dir" / "run").write_bytes(b"x" * 1000)
    (tmp_path / "sub dir" / "run").chmod(0o4755)
    (tmp_path / "empty").write_bytes(b"")
    os.utime(tmp_path / "empty", ns=(0, 1_234_567_890_250_000_000))
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "to-folder").symlink_to("sub dir")
    found = members(tmp_path)
    assert set(found) == {"", "sub dir", "sub dir/ü", "sub dir/run", "empty", "link", "to-folder"}
    assert {(item.uid, item.gid, item.uname, item.gname) for item in found.values()} == {
        (65532, 65532, "", "")
    }
    assert (found["sub dir/run"].size, found["sub dir/run"].mode) == (1000, 0o755)
    assert found["empty"].mtime == 1_234_567_890.25
    assert found["link"].issym()
    assert found["to-folder"].issym()
    assert found["to-folder"].linkname == "sub dir"
    assert list(found) == ["", "empty", "link", "sub dir", "to-folder", "sub dir/run", "sub dir/ü"]


def test_an_empty_volume_with_an_owner() -> None:
    body = b"".join(tar_tree(None, owner="7:8"))
    assert len(body) % tarfile.BLOCKSIZE == 0
    (root,) = members(None, "7:8").values()
    assert (root.isdir(), root.mode, root.uid, root.gid) == (True, 0o755, 7, 8)


def test_large_identifiers_and_long_names(tmp_path: Path) -> None:
    name = "n" * 200
    (tmp_path / name).write_bytes(b"x")
    found = members(tmp_path, "4294967294:4294967294")
    assert found[name].uid == 4294967294

"""Layers: the same bytes for the same files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from xbuild.engine import Layer
from xbuild.errors import ImageError
from xbuild.images.layers import EPOCH, pack_layer, tar_files, tar_folder
from xbuild.util.tar import ChunkReader

Member = tuple[str, bytes, dict[str, Any]]


def stream(*members: Member, format_: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar stream of (name, content, fields of its header)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        for name, body, fields in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            for key, value in fields.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def chunks(body: bytes, size: int = 1000) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def pack(body: Iterable[bytes], path: Path, *, strip: int = 1) -> tuple[Layer, dict[str, Any]]:
    return pack_layer(body, path, strip=strip, on_progress=lambda _: None)


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        return {item.name: item for item in archive}


FOLDER = ("layer/", b"", {"type": tarfile.DIRTYPE, "mtime": 5})
FILES: tuple[Member, ...] = (
    FOLDER,
    ("layer/usr/", b"", {"type": tarfile.DIRTYPE, "mode": 0o755, "mtime": 1}),
    ("layer/usr/a", b"a" * 3000, {"mode": 0o755, "mtime": 1_700_000_000.25, "uid": 7, "uname": "me"}),
    ("layer/usr/hard", b"", {"type": tarfile.LNKTYPE, "linkname": "layer/usr/a"}),
    ("layer/usr/soft", b"", {"type": tarfile.SYMTYPE, "linkname": "a"}),
)


def test_other_contents(tmp_path: Path) -> None:
    names = {"usr/a": b"new", "usr/soft": b"no file", "usr/missing": b""}
    plain, _ = pack(chunks(stream(*FILES)), tmp_path / "plain.tar")
    layer, _ = pack_layer(
        chunks(stream(*FILES)), tmp_path / "layer.tar", strip=1, on_progress=lambda _: None, replaced=names
    )
    before, after = members(plain.path), members(layer.path)
    assert before.keys() == after.keys()
    with tarfile.open(layer.path) as archive:
        file = archive.extractfile("usr/a")
        assert file
        assert file.read() == b"new"
    assert after["usr/a"].mode == 0o755
    assert after["usr/soft"].issym()


def test_names_times_and_owners(tmp_path: Path) -> None:
    layer, manifest = pack(chunks(stream(*FILES)), tmp_path / "layer.tar")
    found = members(layer.path)
    assert list(found) == ["usr", "usr/a", "usr/hard", "usr/soft"]
    assert {item.mtime for item in found.values()} == {EPOCH}
    assert found["usr/a"].uid == 7
    assert {item.uname + item.gname for item in found.values()} == {""}
    assert found["usr/hard"].linkname == "usr/a"
    assert found["usr/soft"].linkname == "a"
    assert found["usr/a"].mode == 0o755
    assert manifest == {}


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    layer, _ = pack(chunks(stream(*FILES)), tmp_path / "layer.tar")
    assert layer.diff_id == f"sha256:{hashlib.sha256(layer.path.read_bytes()).hexdigest()}"


def test_the_same_bytes_whatever_the_times_and_the_chunks(tmp_path: Path) -> None:
    later = tuple((name, body, {**fields, "mtime": 1.5, "gname": "staff"}) for name, body, fields in FILES)
    variants = [
        chunks(stream(*FILES)),
        chunks(stream(*later), 7),
        chunks(stream(*FILES, format_=tarfile.GNU_FORMAT), 100_000),
        iter([b"", *chunks(stream(*FILES)), b""]),
    ]
    digests = {pack(body, tmp_path / str(number))[0].diff_id for number, body in enumerate(variants)}
    assert len(digests) == 1


def test_devices_and_pipes_are_dropped(tmp_path: Path) -> None:
    body = stream(
        FOLDER,
        ("layer/dev/null", b"", {"type": tarfile.CHRTYPE}),
        ("layer/dev/sda", b"", {"type": tarfile.BLKTYPE}),
        ("layer/dev/pipe", b"", {"type": tarfile.FIFOTYPE}),
        ("layer/kept", b"x", {}),
    )
    layer, _ = pack(chunks(body), tmp_path / "layer.tar")
    assert list(members(layer.path)) == ["kept"]


@pytest.mark.parametrize(("strip", "names"), [(0, ["layer/a", "x"]), (1, ["a"]), (2, [])])
def test_strip(tmp_path: Path, strip: int, names: list[str]) -> None:
    body = stream(("./layer//a", b"1", {}), ("./x", b"2", {}), ("./", b"", {"type": tarfile.DIRTYPE}))
    layer, _ = pack(chunks(body), tmp_path / "layer.tar", strip=strip)
    assert list(members(layer.path)) == names


def test_capabilities_are_kept_and_other_headers_are_not(tmp_path: Path) -> None:
    headers = {"SCHILY.xattr.security.capability": "cap", "LIBARCHIVE.creationtime": "5", "comment": "x"}
    body = stream(("layer/ping", b"x", {"pax_headers": headers}))
    layer, _ = pack(chunks(body), tmp_path / "layer.tar")
    assert members(layer.path)["ping"].pax_headers == {"SCHILY.xattr.security.capability": "cap"}


def test_long_names(tmp_path: Path) -> None:
    name = f"{'d' * 90}/{'ü' * 120}"
    layer, _ = pack(chunks(stream((f"layer/{name}", b"x", {}))), tmp_path / "layer.tar")
    assert list(members(layer.path)) == [name]


def test_the_manifest_is_read_on_the_way(tmp_path: Path) -> None:
    text = json.dumps({"tools": {"rustc": "1.91.1"}}).encode()
    seen: list[int] = []
    layer, manifest = pack_layer(
        chunks(stream(("layer/opt/xbuild/manifest.json", text, {}), ("layer/b", b"b", {}))),
        tmp_path / "layer.tar",
        strip=1,
        on_progress=seen.append,
    )
    assert manifest == {"tools": {"rustc": "1.91.1"}}
    with tarfile.open(layer.path) as archive:
        body = archive.extractfile("opt/xbuild/manifest.json")
        assert body is not None
        assert body.read() == text
    assert seen == [len(text), len(text) + 1]


@pytest.mark.parametrize("body", [b"", b"rubbish" * 500, stream(*FILES)[:2000], b"\x1f\x8b" + b"x" * 2000])
def test_a_broken_archive(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        pack(chunks(body), tmp_path / "layer.tar")
    assert caught.value.retryable


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"null", b'"x"'])
def test_a_manifest_that_is_none(tmp_path: Path, text: bytes) -> None:
    body = stream(("layer/opt/xbuild/manifest.json", text, {}))
    with pytest.raises(ImageError) as caught:
        pack(chunks(body), tmp_path / "layer.tar")
    assert caught.value.code == "bad-image-manifest"
    assert not caught.value.retryable


def test_an_error_of_the_engine_passes(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield stream(*FILES)[:1024]
        raise ImageError("gone", code="engine-gone")

    with pytest.raises(ImageError) as caught:
        pack(broken(), tmp_path / "layer.tar")
    assert caught.value.code == "engine-gone"


def test_a_folder_of_the_context_is_the_same_stream_whatever_its_modes(tmp_path: Path) -> None:
    for name, mode, when in (("one", 0o644, 5), ("two", 0o600, 99)):
        folder = tmp_path / name
        (folder / "sub" / "__pycache__").mkdir(parents=True)
        (folder / "sub" / "__pycache__" / "x.pyc").write_bytes(name.encode())
        (folder / "a").write_text("a", "utf-8")
        (folder / "sub" / "run").write_text("#!", "utf-8")
        (folder / "a").chmod(mode)
        (folder / "sub" / "run").chmod(mode | 0o100)
        os.utime(folder / "a", (when, when))
    one, two = (b"".join(tar_folder(tmp_path / name)) for name in ("one", "two"))
    assert one == two
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert {item.name: item.mode for item in archive} == {"a": 0o644, "sub/run": 0o755}


def test_tar_files() -> None:
    body = b"".join(tar_files([("ca", b"pem", False), (f"{'x' * 150}", b"", True)]))
    assert len(body) % tarfile.BLOCKSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        first, second = archive.getmembers()
    assert (first.name, first.size, first.mode, first.uid) == ("ca", 3, 0o644, 0)
    assert (len(second.name), second.mode) == (150, 0o755)


def test_chunks_as_a_file() -> None:
    reader = io.BufferedReader(ChunkReader(iter([b"ab", b"", b"cdef", b"g"])), 2)
    assert reader.read(3) == b"abc"
    assert reader.read() == b"defg"
    assert reader.read() == b""

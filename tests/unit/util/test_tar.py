"""Tar streams, against Python's own reader."""

from __future__ import annotations

import io
import tarfile
from typing import Literal

import pytest

from xbuild.util.tar import END, ChunkReader, tar_member


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 5000])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_can_be_read(size: int, form: Literal[1, 2]) -> None:
    first, last = tarfile.TarInfo("a"), tarfile.TarInfo("n" * 300)
    first.size, last.size = size, 4
    body = bytes(range(256)) * 20
    chunks = [*tar_member(first, (body[: size // 2], body[size // 2 : size]), form=form)]
    chunks += [*tar_member(last, (b"last",), form=form), END]
    found = {}
    with tarfile.open(fileobj=io.BufferedReader(ChunkReader(chunks)), mode="r|") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            assert stream
            found[member.name] = stream.read()
    assert found == {"a": body[:size], "n" * 300: b"last"}
    assert sum(map(len, chunks)) % tarfile.BLOCKSIZE == 0

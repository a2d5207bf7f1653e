"""Frames of the engine's streams, however the network cuts them."""

from __future__ import annotations

import struct

import pytest

from xbuild.engine.frames import FrameReader


def frame(stream: int, body: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(body)) + body


@pytest.mark.parametrize("size", [1, 3, 8, 11, 4096])
def test_pieces_of_any_size_give_the_same_streams(size: int) -> None:
    whole = frame(1, b"one\n") + frame(2, b"two\n") + frame(1, b"") + frame(1, b"three\n")
    reader = FrameReader()
    seen = {"stdout": b"", "stderr": b""}
    for start in range(0, len(whole), size):
        for stream, part in reader.feed(whole[start : start + size]):
            seen[stream] += part
    assert seen == {"stdout": b"one\nthree\n", "stderr": b"two\n"}


def test_a_large_frame_is_passed_on_as_it_comes() -> None:
    reader = FrameReader()
    first = list(reader.feed(struct.pack(">BxxxL", 1, 1 << 30) + b"x" * 10))
    assert first == [("stdout", b"x" * 10)]
    assert list(reader.feed(b"y" * 5)) == [("stdout", b"y" * 5)]


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ConnectionError, match="unknown stream"):
        list(FrameReader().feed(b"HTTP/1.1 500 Internal Server Error"))

"""Bytes into bounded lines."""

from __future__ import annotations

import tracemalloc

import pytest

from xbuild.engine.lines import MAX_LINE, LineSplitter


def split(*chunks: bytes, limit: int = MAX_LINE) -> list[str]:
    splitter = LineSplitter(limit)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.flush()]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b"a\nb\n",), ["a", "b"]),
        ((b"a\r\nb\r\n",), ["a", "b"]),
        ((b"a\r", b"\nb"), ["a", "b"]),
        ((b"a", b"", b"b\n", b"\n", b"c"), ["ab", "", "c"]),
        ((b"\n\n",), ["", ""]),
        ((b"",), []),
        ((), []),
        ((b"10%\r20%\r\n",), ["10%\r20%"]),
        ((b"\xff\xfe\n",), ["\ufffd\ufffd"]),
        ((b"\xc3", b"\xbc\n"), ["ü"]),
        ((b"\x1b[31m\x00{}\n",), ["\x1b[31m\x00{}"]),
    ],
)
def test_lines(chunks: tuple[bytes, ...], lines: list[str]) -> None:
    assert split(*chunks) == lines


def test_every_way_of_cutting_gives_the_same_lines() -> None:
    body = "ein\r\nzwei ü\n\ndrei".encode()
    for first in range(len(body) + 1):
        for second in range(first, len(body) + 1):
            assert split(body[:first], body[first:second], body[second:]) == ["ein", "zwei ü", "", "drei"]


def test_a_line_that_is_too_long_is_clipped_and_the_next_is_whole() -> None:
    assert split(b"123456789\nabc\n", limit=5) == ["12345 [clipped]", "abc"]
    assert split(b"123", b"456", b"789\nabcde\n", limit=5) == ["12345 [clipped]", "abcde"]
    assert split(b"1234567", limit=5) == ["12345 [clipped]"]


def test_a_line_is_cut_within_a_letter() -> None:
    assert split("aü\n".encode(), limit=2) == ["a\ufffd [clipped]"]


def test_a_hundred_megabytes_without_an_end_take_little_memory() -> None:
    splitter = LineSplitter()
    chunk = b"x" * (1 << 20)
    tracemalloc.start()
    try:
        for _ in range(100):
            assert list(splitter.feed(chunk)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (line,) = splitter.flush()
    assert len(line) == MAX_LINE + len(" [clipped]")
    assert peak < 8 << 20

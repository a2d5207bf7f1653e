"""Text that is fit for a terminal."""

from __future__ import annotations

import pytest

from xbuild.util.text import elapsed, file_size, printable, printable_lines, shortened, without_ansi


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red]text[/red]", "plain [red]text[/red]"),
        ("Grüße 你好 🦀", "Grüße 你好 🦀"),
        ("\x1b[31m\x00\x07\x08\r\n\x7f", "\\x1b[31m\\x00\\x07\\x08\\x0d\\x0a\\x7f"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("a\u202eb\u2066c\u200bd\ufeff", "a\\u202eb\\u2066c\\u200bd\\ufeff"),
        ("\u2028\u2029\udc80\ue000", "\\u2028\\u2029\\udc80\\ue000"),
        ("\U000e0041", "\\U000e0041"),
        ("\tx", "    x"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_no_character_slips_through() -> None:
    assert all(printable(chr(code)).isprintable() for code in [*range(0x3000), 0xFFF9, 0xE0001, 0xD800])


def test_lines_are_split_at_newlines_only() -> None:
    assert printable_lines("a\r\nb\x0bc\u2028d") == ["a", "b\\x0bc\\u2028d"]


def test_ansi_goes_and_half_of_it_stays() -> None:
    assert without_ansi("\x1b[1;31merror\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x1b\\") == "errorlink"
    assert printable(without_ansi("\x1b[31")) == "\\x1b[31"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (7.9, "7s"), (68, "1m08s"), (3599, "59m59s"), (3720, "1h02m"), (359_999, "99h59m")],
)
def test_elapsed(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
    assert len(text) <= 6


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (3 * 10**9, "3.0 GB"),
    ],
)
def test_file_size(size: int, text: str) -> None:
    assert file_size(size) == text


def test_shortened_keeps_both_ends() -> None:
    assert shortened("x86_64-pc-windows-msvc", 14) == "x86_64-…s-msvc"
    assert [shortened("abcdef", width) for width in (0, 1, 2, 3, 6)] == ["", "…", "a…", "a…f", "abcdef"]

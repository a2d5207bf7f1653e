"""Text from elsewhere, made fit for a terminal; and numbers, made fit for people."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_TAB = "    "


def printable(text: str) -> str:
    """One line of text in which everything that a terminal would interpret is visible as an escape.

    Controls (C0, DEL, C1), format characters (bidi overrides, zero-width ones, tags), line and paragraph
    separators, unusual blanks, private-use characters and lone surrogates become ``\\x1b``, ``\\u202e`` or
    ``\\U000e0041``; tabs become blanks. See RUSTSEC-2025-0055 and https://trojansource.codes for why.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return _TAB
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def printable_lines(text: str) -> list[str]:
    """The lines of ``text`` (split at newlines only), each :func:`printable`."""
    return [printable(line.removesuffix("\r")) for line in text.split("\n")]


def without_ansi(text: str) -> str:
    """``text`` without complete ANSI colour, cursor and title sequences. What is left still needs
    :func:`printable`."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def elapsed(seconds: float) -> str:
    """``7s``, ``3m08s``, ``1h02m``: never more than six characters below 100 hours."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def file_size(size: int) -> str:
    """``312 B``, ``4.2 kB``, ``1.1 MB``: decimal units, as PyPI shows them."""
    if size < 1000:
        return f"{size} B"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if size < 999.95 * factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e9:.1f} GB"


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters; the middle is left out, since both ends of a triple or of a
    file name say more than its middle."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"

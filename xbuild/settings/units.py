"""Sizes and durations as people write them.

The parsers raise :class:`ValueError`, because they run inside pydantic validators, which add where the value
came from; their messages are complete sentences for people.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_SIZE = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)h)?\s*(?:(\d+(?:\.\d+)?)m(?:in)?)?\s*(?:(\d+(?:\.\d+)?)s)?", re.IGNORECASE
)
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([dw])", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7}
_PLAIN_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def parse_size(value: object) -> int:
    """Bytes from ``"4g"``, ``"512m"``, ``"1.5GiB"`` or a number of bytes. The units are powers of 1024, as
    in ``docker run --memory``.

    :raises ValueError: it is not a size, or is zero.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        # Not by way of a float, which has no more than 53 bits of it
        size = int(Fraction(found[1]) * _FACTORS[found[2].lower()])
    else:
        raise ValueError("must be a size such as '512m' or '4g'")
    if size <= 0:
        raise ValueError("must be a size above zero, such as '4g'")
    return size


def parse_duration(value: object) -> float:
    """Seconds from ``"90s"``, ``"10m"``, ``"1h30m"`` or a number of seconds.

    :raises ValueError: it is not a duration, or is zero.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _above_zero(value)
    return _above_zero(_seconds(value.strip() if isinstance(value, str) else ""))


def parse_age(value: object) -> float:
    """Seconds from ``"30d"``, ``"2w"``, or a duration as :func:`parse_duration` takes it.

    :raises ValueError: it is neither, or is zero.
    """
    found = _AGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return parse_duration(value)
    return _above_zero(float(found[1]) * _DAYS[found[2].lower()] * 86_400)


def _above_zero(seconds: float) -> float:
    try:
        number = float(seconds)
    except OverflowError:
        # A whole number of more than 308 digits
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError("must be a duration above zero, such as '90s', '10m' or '1h'")
    return number


def _seconds(text: str) -> float:
    if _PLAIN_NUMBER.fullmatch(text):
        return float(text)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError("must be a duration such as '90s', '10m' or '1h30m'")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def format_size(size: int) -> str:
    """The shortest text that :func:`parse_size` reads back as ``size``: ``4g``, ``1536m``."""
    for unit in ("t", "g", "m", "k"):
        if size and size % _FACTORS[unit] == 0:
            return f"{size // _FACTORS[unit]}{unit}"
    return str(size)


def format_duration(seconds: float) -> str:
    """A text that :func:`parse_duration` reads back as ``seconds``: ``1h30m``, ``90.5s``."""
    if seconds != int(seconds):
        return f"{seconds}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number]
    return "".join(parts) or "0s"


def format_age(seconds: float) -> str:
    """A text that :func:`parse_age` reads back as ``seconds``: ``90d``, else a duration."""
    days, rest = divmod(seconds, 86_400)
    return f"{int(days)}d" if days and not rest else format_duration(seconds)

"""Sizes, durations and ages."""

from __future__ import annotations

import pytest

from xbuild.settings import format_duration, format_size, parse_duration, parse_size
from xbuild.settings.files import key_lines
from xbuild.settings.units import format_age, parse_age


@pytest.mark.parametrize(
    ("text", "size"),
    [("4g", 4 << 30), ("512M", 512 << 20), ("1.5GiB", 3 << 29), ("10 kb", 10 << 10), ("77", 77), (77, 77)],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("text", ["", "g", "-1g", "4 parsecs", "0", 0, -3, True, None, 1.5, "1e9"])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="must be a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h 5s", 3605),
        ("2.5s", 2.5),
        ("30", 30),
        (7, 7),
        ("5min", 300),
    ],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-5s", "0s", 0, "5d", True, None, float("inf"), float("nan"), "m"]
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "days"), [("30d", 30), ("2w", 14), ("1.5 D", 1.5), ("12h", 0.5), ("86400", 1), ("90m", 0.0625)]
)
def test_ages(text: str, days: float) -> None:
    assert parse_age(text) == days * 86_400
    assert parse_age(format_age(days * 86_400)) == days * 86_400


@pytest.mark.parametrize("text", ["", "d", "-1d", "1d2h", "0", "month", True, None, [], 0])
def test_what_is_no_age(text: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_age(text)


def test_lines_of_keys() -> None:
    text = 'a = 1\n# b = 2\n[t."x.y"]  # table\n"c d" = 1\ne.f = [\n  "g = 1",\n]\n[broken\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("t", "x.y"): 3,
        ("t", "x.y", "c d"): 4,
        ("t", "x.y", "e", "f"): 5,
    }

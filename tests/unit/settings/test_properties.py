"""Whatever somebody writes for a setting: it is read, or refused as an error that says where."""

from __future__ import annotations

import math
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from support.configured import Place
from support.hostile import PROFILE, altered, damaged, texts, toml_values

from xbuild.errors import RefusedError, UsageError
from xbuild.settings import Settings, format_duration, format_size, parse_duration, parse_size
from xbuild.settings.describe import describe
from xbuild.settings.files import key_lines
from xbuild.settings.model import TABLES
from xbuild.settings.units import format_age, parse_age

NUMBERS = st.one_of(
    st.integers(), st.floats(), st.integers(min_value=1).map(lambda n: 10**n if n < 500 else 10**500)
)
WRITTEN = st.from_regex(r"\A[0-9]{1,400}(\.[0-9]{1,30})? ?[a-zA-Z]{0,3}\Z")
VALUES = st.one_of(texts(), WRITTEN, NUMBERS, st.none(), st.booleans(), st.lists(st.integers(), max_size=2))
NUMBERED = ("jobs", "timeout", "memory", "cpus", "pids", "runs.max_age", "runs.max_size")
SETTINGS: dict[str, Any] = {
    "targets": ["x86_64-unknown-linux-gnu"],
    "interpreters": ["cp311"],
    "out": "dist",
    "jobs": "auto",
    "timeout": "90s",
    "memory": "4g",
    "cpus": 1.5,
    "pids": 512,
    "strip": True,
    "rustflags": ["-Copt-level=3"],
    "environment": {"CC": "clang"},
    "runs": {"max_age": "90d", "max_size": ""},
    "images": {"base": "auto", "pins": "strict"},
    "network": {"ca_bundle": "", "cargo_index": "sparse+https://index.example/"},
    "target": {"x86_64-unknown-linux-gnu": {"memory": 1 << 30, "timeout": 60, "environment": {"A": "b"}}},
}
VARIABLES = [
    *(f"XBUILD_{name.upper()}" for name in Settings.model_fields),
    *(f"XBUILD_{table}__{name}".upper() for table, model in TABLES.items() for name in model.model_fields),
]
DAMAGED = damaged(st.just(tomli_w.dumps(SETTINGS).encode()))


@PROFILE
@given(st.integers(min_value=1, max_value=1 << 80))
def test_a_size_is_read_back_as_it_was_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@PROFILE
@given(
    st.one_of(
        st.integers(min_value=1, max_value=10**10).map(float),
        st.floats(min_value=0.001, max_value=1e10, allow_subnormal=False),
    )
)
def test_times_are_read_back_as_they_were_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
    assert parse_age(format_age(seconds)) == seconds


@PROFILE
@given(VALUES)
def test_what_is_read_is_a_number_above_zero(value: object) -> None:
    with suppress(ValueError):
        size = parse_size(value)
        assert isinstance(size, int)
        assert size > 0
    for parse in (parse_duration, parse_age):
        with suppress(ValueError):
            seconds = parse(value)
            assert seconds > 0
            assert math.isfinite(seconds)


def load(text: str | bytes, *, user: bool) -> None:
    """Read settings from a file of a project, or of the user, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        path = place.say("") if user else place.write("")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        with suppress(UsageError, RefusedError):
            loaded = place.load()
            assert set(loaded.origins) == {key for key, _, _ in describe(loaded)}


@PROFILE
@given(DAMAGED, st.booleans())
def test_a_damaged_file_is_read_or_refused(data: bytes, user: bool) -> None:  # noqa: FBT001
    load(data, user=user)


@PROFILE
@given(altered(SETTINGS, toml_values()), st.booleans())
def test_values_of_any_shape_are_read_or_refused(data: dict[str, Any], user: bool) -> None:  # noqa: FBT001
    load(tomli_w.dumps(data), user=user)


@PROFILE
@given(st.sampled_from(NUMBERED), NUMBERS)
def test_numbers_of_any_size_are_read_or_refused(key: str, number: float) -> None:
    load(f"{key} = {number}", user=True)


@PROFILE
@given(st.dictionaries(st.sampled_from(VARIABLES), texts().filter(lambda text: "\0" not in text), max_size=3))
def test_variables_of_any_text_are_read_or_refused(environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(UsageError):
        Place(Path(folder)).load(environ=environment)


@PROFILE
@given(texts() | DAMAGED.map(lambda data: data.decode("latin-1")))
def test_lines_of_keys_are_found_in_any_text(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= number <= len(text.splitlines()) for number in lines.values())


@PROFILE
@given(st.lists(st.text(alphabet="abcdef-_", min_size=1, max_size=8), unique=True, max_size=8))
def test_each_key_is_found_on_its_line(names: list[str]) -> None:
    text = "".join(f"\n# {name}\n{name} = 1\n" for name in names)
    assert key_lines(text) == {(name,): 3 * (number + 1) for number, name in enumerate(names)}

"""Strategies for input that somebody wrote on purpose: right files with changes, and values of any shape."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

PROFILE = settings(
    max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "40")),
    deadline=None,
    # the same examples everywhere, and no folder that remembers others: a failure is the change's
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""For every property; ``HOSTILE_EXAMPLES=5000`` looks at so many examples, which are others each time."""

_Cut = tuple[str, int, int, bytes]


def damaged(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """The bytes with up to four changes: something written over, cut off, put in or said twice."""
    places = st.integers(min_value=0, max_value=1 << 20)
    change = st.tuples(
        st.sampled_from(["over", "off", "in", "again"]), places, places, st.binary(min_size=1, max_size=8)
    )
    return st.builds(_apply, data, st.lists(change, max_size=4))


def _apply(data: bytes, changes: Sequence[_Cut]) -> bytes:
    for kind, first, second, new in changes:
        size = len(data) + 1
        start, end = sorted((first % size, second % size))
        data = {
            "over": data[:start] + new + data[start + len(new) :],
            "off": data[:start],
            "in": data[:start] + new + data[start:],
            "again": data[:end] + data[start:end] + data[end:],
        }[kind]
    return data


def texts() -> st.SearchStrategy[str]:
    """Texts that go wrong somewhere: empty, with controls, long, of other scripts, like paths and numbers."""
    odd = [
        "",
        ".",
        "..",
        "../..",
        "/",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "٣",
        "9" * 5000,
        "x" * 5000,
        "é" * 300,
        "*",
        "[",
        "{",
        "C:\\",
    ]
    return st.one_of(st.sampled_from(odd), st.text(max_size=20))


def values(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Scalars, and lists and tables of them."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4),
        max_leaves=6,
    )


def toml_values() -> st.SearchStrategy[Any]:
    """What a key of TOML can have."""
    times = st.datetimes() | st.dates() | st.times()
    return values(st.booleans() | st.integers() | st.floats() | texts().filter(_writable) | times)


def json_values() -> st.SearchStrategy[Any]:
    """What a name of JSON can have."""
    return values(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts()
    )


def _writable(text: str) -> bool:
    return text.isprintable() or "\n" in text


def altered(document: Mapping[str, Any], new: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The document with up to three of its values replaced, taken out, or joined by one of another name."""
    places = list(_places(document))
    change = st.tuples(st.sampled_from(places), st.sampled_from(["replace", "remove", "add"]), texts(), new)
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: _altered(document, changes))


def _places(value: object, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a document."""
    if above:
        yield above
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _places(inner, (*above, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*above, number))


def _altered(
    document: Mapping[str, Any], changes: Sequence[tuple[tuple[Any, ...], str, str, Any]]
) -> dict[str, Any]:
    made: dict[str, Any] = {key: _copied(value) for key, value in document.items()}
    for (*way, last), kind, name, new in changes:
        inside: Any = made
        for step in way:
            inside = _step(inside, step)
        if isinstance(inside, dict) and last in inside:
            if kind == "remove":
                del inside[last]
            else:
                inside[name if kind == "add" else last] = new
        elif isinstance(inside, list) and isinstance(last, int) and last < len(inside):
            inside[last] = new
    return made


def _step(value: Any, step: Any) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value

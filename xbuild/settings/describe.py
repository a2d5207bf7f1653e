"""The settings as rows for ``xbuild config``, without secrets."""

from __future__ import annotations

import json
from typing import Any

from xbuild.settings.load import Loaded, flat
from xbuild.settings.schema import Key, dotted
from xbuild.settings.units import format_age, format_duration, format_size
from xbuild.util.redact import HIDDEN, looks_secret, without_userinfo


def describe(loaded: Loaded) -> list[tuple[str, str, str]]:
    """(key, value, origin) of every value, in the order of docs/configuration.md. Values are written as in
    TOML, ``-`` where there is none, and ``(hidden)`` where they look like a secret."""
    return [
        (dotted(key), written(key, value), loaded.origins[dotted(key)])
        for key, value in flat(loaded.settings)
    ]


def written(key: Key, value: Any) -> str:
    """A value as in TOML, ``-`` where there is none, and ``(hidden)`` where it looks like a secret."""
    if "environment" in key:
        return HIDDEN if looks_secret(key[-1]) else _text(without_userinfo(str(value)))
    if value is None:
        return "-"
    if isinstance(value, bool | int | float):
        return _number(key[-1], value)
    if isinstance(value, tuple):
        return f"[{', '.join(_text(without_userinfo(item)) for item in value)}]"
    return _text(without_userinfo(str(value)))


def _number(name: str, value: float) -> str:
    if name in {"memory", "max_size"}:
        return _text(format_size(int(value)))
    if name == "timeout":
        return _text(format_duration(value))
    if name == "max_age":
        return _text(format_age(value))
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _text(value: str) -> str:
    """A TOML basic string: JSON writes the same, and escapes what a terminal would interpret."""
    return json.dumps(value, ensure_ascii=not value.isprintable())

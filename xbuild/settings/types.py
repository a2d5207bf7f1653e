"""The types of settings: what each kind of value may be. Their messages name what is expected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from xbuild.settings.units import parse_age, parse_duration, parse_size
from xbuild.util.globs import checked_globs

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SMALLEST_MEMORY = 64 << 20
_SCHEMES = ("http://", "https://")


def _word(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError("must be a name of letters, digits, '-', '_' and '.'")
    return value


def _cpuset(value: str) -> str:
    if value and not re.fullmatch(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", value):
        raise ValueError("numbers of processors are expected, such as '0-3,6'")
    return value


def _name_or_empty(value: str) -> str:
    return _name(value) if value else value


def _index(value: str) -> str:
    if value and not value.removeprefix("sparse+").startswith((*_SCHEMES, "file://")):
        raise ValueError("must be a URL that starts with https://, http:// or file://")
    return _word(value)


def _uri(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", value):
        raise ValueError("must be a URI, such as 'https://builds.example/wheels'")
    return value


def _jobs(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    if text == "auto":
        return text
    number = int(text) if isinstance(text, str) and text.isdecimal() else text
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("must be a number above zero, or 'auto'")
    return number


def _memory(value: object) -> int:
    size = parse_size(value)
    if size < _SMALLEST_MEMORY:
        raise ValueError("must be at least '64m'; no compiler fits in less")
    return size


def _age_or_none(value: object) -> object:
    return None if value is None or value == "" else parse_age(value)


def _size_or_none(value: object) -> object:
    return None if value is None or value == "" else parse_size(value)


def _packages(value: Iterable[str]) -> tuple[str, ...]:
    for name in value:
        # Debian policy 5.6.7; a minus at the end means to apt that a package is to go
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.]", name):
            raise ValueError(f"has {name!r}, which no Debian package is called")
    return tuple(value)


def _path_or_none(value: object) -> object:
    return None if value == "" else value


def _absolute(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [path for path in value if not Path(path).is_absolute()]:
        raise ValueError(f"must be absolute paths, and {wrong[0]!r} is none")
    return value


def _variable_or_empty(value: str) -> str:
    if value and not _VARIABLE.fullmatch(value):
        raise ValueError("must be the name of an environment variable")
    return value


def _variables(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"has a name that no environment variable can have: {name!r}")
        if "\0" in text:
            raise ValueError(f"has a NUL byte in the value of {name}")
    return MappingProxyType(dict(value))


Word = Annotated[str, AfterValidator(_word)]
Words = tuple[Word, ...]
Globs = Annotated[Words, AfterValidator(checked_globs)]
Packages = Annotated[Words, AfterValidator(_packages)]
Name = Annotated[str, AfterValidator(_name)]
NameOrEmpty = Annotated[str, AfterValidator(_name_or_empty)]
VariableOrEmpty = Annotated[str, AfterValidator(_variable_or_empty)]
Index = Annotated[str, AfterValidator(_index)]
Uri = Annotated[str, AfterValidator(_uri)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
Bytes = Annotated[int, BeforeValidator(_memory)]
Age = Annotated[float | None, BeforeValidator(_age_or_none)]
Size = Annotated[int | None, BeforeValidator(_size_or_none)]
Cpus = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Cpuset = Annotated[str, AfterValidator(_cpuset)]
Jobs = Annotated[int | Literal["auto"], BeforeValidator(_jobs)]
Environment = Annotated[Mapping[str, str], AfterValidator(_variables), PlainSerializer(dict)]
Folders = Annotated[Words, AfterValidator(_absolute)]
OptionalPath = Annotated[Path | None, BeforeValidator(_path_or_none)]

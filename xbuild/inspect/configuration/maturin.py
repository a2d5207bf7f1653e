"""What of ``[tool.maturin]``, and of the variables that maturin, PyO3 and cargo know, counts in a build."""

from __future__ import annotations

import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from packaging.version import InvalidVersion, Version

from xbuild.catalog import Target
from xbuild.errors import RefusedError
from xbuild.inspect.configuration.cargo_config import rule_of
from xbuild.inspect.configuration.rules import Does, KeyRule, Reason
from xbuild.inspect.crate.cargoconfig import merge
from xbuild.inspect.crate.toolchain import BOOTSTRAP
from xbuild.util.toml import parse_toml

_NIGHTLY = "unsupported-toolchain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(KeyRule):
    """What is done with a key of ``[tool.maturin]``. The fields are explained in ``maturin.toml``.

    :ivar flag: maturin's, that does the same.
    :ivar code: of the note or the refusal.
    """

    flag: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Reason):
    """What is done with variables. The fields are explained in ``maturin.toml``."""

    names: tuple[str, ...]
    environment: Does
    shell: Literal["", "honoured", "passed over"] = ""

    def covers(self, name: str) -> bool:
        """Whether the row is about a variable."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("maturin.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def keys() -> tuple[Key, ...]:
    """The rows of ``maturin.toml`` about keys."""
    return tuple(Key(**row) for row in _tables()["key"])


@lru_cache(maxsize=1)
def variables() -> tuple[Variable, ...]:
    """The rows of ``maturin.toml`` about variables."""
    return tuple(Variable(**row | {"names": tuple(row["names"])}) for row in _tables()["variable"])


def judge_settings(
    settings: Mapping[str, Any], target: Target, environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The code and the text of a note for each key that is passed over.

    :param settings: ``[tool.maturin]``.
    :param environment: the caller's variables for the build.
    :raises RefusedError: a key cannot be honoured.
    """
    for row in keys():
        if row.key not in settings:
            continue
        holds = _holds(row, settings[row.key], target)
        does = row.outcome(holds=holds)
        if does == "refused" and not (row.code == _NIGHTLY and environment.get(BOOTSTRAP)):
            raise RefusedError(
                f"{row.key} of [tool.maturin] cannot be honoured",
                details=f"{row.key} = {settings[row.key]!r}: {row.why}",
                hint=row.hint,
                code=row.code,
            )
        if does == "passed over":
            yield row.code, f"{row.key} of [tool.maturin] is passed over: {row.why}"


def _holds(row: Key, value: object, target: Target) -> bool:
    """Whether what a row says comes true."""
    match row.check:
        case "nightly":
            return not any(str(flag).startswith("-Z") for flag in _list(value))
        case "cargo-config":
            return all(_is_left_to_cargo(str(item)) for item in _list(value))
        case "macos-minimum":
            own = value.get(target.triple, {}) if isinstance(value, dict) else {}
            names = ("macos-deployment-target", "macosx-deployment-target")
            return all(is_old_enough(str(own[name]), target) for name in names if name in own)
    return True


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_left_to_cargo(text: str) -> bool:
    """Whether a ``KEY=VALUE`` for cargo says nothing but what its files may say."""
    try:
        table = merge([parse_toml(text)])
    except (ValueError, RecursionError):
        return False  # a file's name, or nothing that cargo takes
    return all(
        (rule := rule_of(key)) and rule.does == "honoured" and not rule.check for key in _leaves(table)
    )


def _leaves(table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((name, *rest) for rest in _leaves(value))
        else:
            yield (name,)


def is_old_enough(version: str, target: Target) -> bool:
    """Whether wheels for a target may be built for this macOS."""
    try:
        return not target.macos_minimum or Version(version) <= Version(target.macos_minimum)
    except InvalidVersion:
        return False


def check_environment(environment: Mapping[str, str], target: Target) -> None:
    """Refuse variables that a build cannot get.

    :param environment: the caller's variables for the build.
    :raises RefusedError: ``unsupported-variable``.
    """
    for name, value in environment.items():
        row = next((row for row in variables() if row.covers(name)), None)
        if row is None:
            continue
        holds = row.check != "macos-minimum" or is_old_enough(value, target)
        if (row.environment if holds else row.otherwise) == "refused":
            raise RefusedError(
                f"{name} below [environment] cannot be honoured",
                details=row.why,
                hint=row.hint,
                code="unsupported-variable",
            )


def passed_over(names: Iterable[str]) -> Iterator[str]:
    """Which of the caller's own variables builds do not get, although maturin and cargo would go by them."""
    for name in sorted(names):
        if any(row.shell == "passed over" and row.covers(name) for row in variables()):
            yield name

"""What of a project's cargo configuration counts, what is passed over, and what is refused."""

from __future__ import annotations

import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w

from xbuild.catalog import Target
from xbuild.errors import RefusedError
from xbuild.inspect.configuration.rules import Does, KeyRule
from xbuild.inspect.configuration.rustflags import applies, flags_of
from xbuild.inspect.crate.cargoconfig import CargoConfig, ConfigFile
from xbuild.inspect.crate.toolchain import BOOTSTRAP
from xbuild.util.files import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(KeyRule):
    """What is done with a key of cargo's configuration. The fields are explained in ``cargo-config.toml``.

    :ivar env: what makes cargo pass the key over.
    """

    env: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("cargo-config.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """All rows of ``cargo-config.toml``."""
    return tuple(Rule(**row | {"env": MappingProxyType(row.get("env", {}))}) for row in _table()["key"])


def rule_of(key: tuple[str, ...]) -> Rule | None:
    """The row for a key, if there is one."""
    for rule in rules():
        pattern = rule.key.split(".")
        if len(pattern) <= len(key) and all(a in {b, "*"} for a, b in zip(pattern, key, strict=False)):
            return rule
    return None


@dataclass(frozen=True, slots=True)
class _Case:
    config: CargoConfig
    target: Target
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A key that a project's configuration has, and what is done with it."""

    rule: Rule
    file: ConfigFile
    key: tuple[str, ...]
    does: Does

    @property
    def name(self) -> str:
        """The key as it is written with dots."""
        return ".".join(part if part.replace("-", "").isalnum() else repr(part) for part in self.key)

    @property
    def text(self) -> str:
        """What is done, for people."""
        return f"{self.name} of {self.file.shown} is {self.does}: {self.rule.why}"


def judge(
    config: CargoConfig, target: Target, environment: Mapping[str, str]
) -> tuple[tuple[Found, ...], dict[str, str]]:
    """What is passed over for a target, and the variables that make cargo pass it over.

    :param environment: the caller's variables for the build.
    :raises RefusedError: ``unsupported-cargo-config`` or ``bad-cargo-config``.
    """
    found = list(_found(_Case(config, target, environment)))
    if refused := [item for item in found if item.does == "refused"]:
        raise RefusedError(
            f"{refused[0].name} of {refused[0].file.shown.name} cannot be honoured",
            details="\n".join(f"{item.file.shown}: {item.name}: {item.rule.why}" for item in refused),
            hint="\n".join(dict.fromkeys(item.rule.hint for item in refused)),
            code="unsupported-cargo-config",
        )
    env: dict[str, str] = {}
    for item in found:
        if item.does in {"passed over", "without effect"}:
            env |= item.rule.env
        if item.rule.key == "target.*.linker" and item.does == "passed over":
            env |= _build_linkers(target)
    return tuple(item for item in found if item.does == "passed over"), env


def _build_linkers(target: Target) -> dict[str, str]:
    """What links build scripts. For the target itself, maturin names the linker."""
    others = [triple for triple in _table()["build_platforms"] if triple != target.triple]
    return {f"CARGO_TARGET_{triple.upper().replace('-', '_')}_LINKER": "cc" for triple in others}


def _found(case: _Case) -> Iterator[Found]:
    taken: set[tuple[Path, tuple[str, ...]]] = set()
    for rule in rules():
        for file in case.config.files:
            for key, value in _matches(file.table, tuple(rule.key.split("."))):
                # A row for one key comes before the row for all of its siblings
                if (file.path, key) in taken:
                    continue
                taken.add((file.path, key))
                try:
                    holds = _holds(case, rule, file, key, value)
                except ValueError as error:
                    raise RefusedError(
                        f"cannot make sense of {file.shown}", details=str(error), code="bad-cargo-config"
                    ) from error
                yield Found(rule=rule, file=file, key=key, does=rule.outcome(holds=holds))


def _matches(table: Mapping[str, Any], pattern: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    first, *rest = pattern
    for name in table if first == "*" else (name for name in (first,) if name in table):
        value = table[name]
        if not rest:
            yield (name,), value
        elif isinstance(value, dict):
            for key, found in _matches(value, tuple(rest)):
                yield (name, *key), found


def _holds(case: _Case, rule: Rule, file: ConfigFile, key: tuple[str, ...], value: object) -> bool:
    """Whether what a row says comes true.

    :raises ValueError: the file has another shape than cargo takes.
    """
    match rule.check:
        case "inside":
            return all(file.has(name) for name in flags_of(value))
        case "local-source":
            return has_local_source(case.config)
        case "nightly":
            relevant = key[0] != "target" or applies(key[1], case.target)
            unstable = any(flag.startswith("-Z") for flag in flags_of(value))
            return not (relevant and unstable) or bool(case.environment.get(BOOTSTRAP))
        case "built":
            return key[1] in _table()["build_platforms"] or applies(key[1], case.target)
    return True


def has_local_source(config: CargoConfig) -> bool:
    """Whether the project's crates lie in its sources, as ``cargo vendor`` puts them there."""
    replaced = False
    for file in config.files:
        for table in file.table.get("source", {}).values():
            place = table.get("directory", table.get("local-registry")) if isinstance(table, dict) else None
            if isinstance(place, str) and not file.has(place):
                return False
            replaced = replaced or isinstance(place, str)
    return replaced


def drop_remote_sources(config: CargoConfig) -> None:
    """Take ``[source]`` out of the copies that the build sees, where it is passed over: cargo has no variable
    that would win over it.
    """
    if has_local_source(config):
        return
    for file in config.files:
        if "source" in file.table:
            rest = {key: value for key, value in file.table.items() if key != "source"}
            write_whole(file.path.resolve(), tomli_w.dumps(rest).encode())

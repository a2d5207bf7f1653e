"""The known keys, taken from the models, and the walk that takes nested values apart along them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from xbuild.catalog.model import did_you_mean
from xbuild.errors import UsageError
from xbuild.settings.model import TABLES, Settings, TargetTable
from xbuild.settings.who import Who, who_of

Key = tuple[str, ...]
"""A path to one value: ``("jobs",)``, ``("images", "base")``, ``("environment", "CC")``,
``("target", "aarch64-unknown-linux-gnu", "environment", "CC")``."""

Where = Callable[[Key], str]
"""Says where a key was written, for errors and origins."""

PATHS = frozenset(
    {
        "out",
        "pgo_profile",
        "cache_dir",
        "state_dir",
        "ca_bundle",
        "sysroot",
        "key",
        "trusted_projects",
        "source_root",
    }
)
"""Names of the values that are paths, or lists of them; a single one is relative to the file that has it."""


def dotted(key: Key) -> str:
    """The key as it is written in TOML, with quotes around parts that need them."""
    return ".".join(part if part.replace("-", "_").isidentifier() else f'"{part}"' for part in key)


def owner(key: Key) -> tuple[type[BaseModel], str]:
    """The model that declares the setting of ``key``, and the name of its field."""
    if key[0] == "target":
        return TargetTable, key[2]
    return (TABLES[key[0]], key[1]) if key[0] in TABLES else (Settings, key[0])


def declared(key: Key) -> Who:
    """Who may say the setting of ``key``."""
    return who_of(*owner(key))


def is_list(key: Key) -> bool:
    """Whether the value of ``key`` is a list of strings."""
    model = TargetTable if key[0] == "target" else Settings
    field = model.model_fields.get(key[-1]) if "environment" not in key else None
    if field is None:
        return False
    options = (field.annotation, *get_args(field.annotation))
    return any(get_origin(option) is tuple for option in options)


def leaves(data: Mapping[str, Any], where: Where, triples: Collection[str]) -> Iterator[tuple[Key, Any]]:
    """The values in ``data`` with their keys; dashes in the names of settings become underscores.

    :param triples: the targets that may have a table.
    :raises UsageError: ``unknown-setting``, or ``bad-setting`` where a table was expected or a key is double.
    """
    yield from _walk(data, Settings, (), where, triples)


def _walk(
    data: Mapping[str, Any], model: type[BaseModel], path: Key, where: Where, triples: Collection[str]
) -> Iterator[tuple[Key, Any]]:
    seen: set[str] = set()
    for written, value in data.items():
        name = written.replace("-", "_")
        key = (*path, name)
        if name not in model.model_fields:
            raise unknown((*path, written), where, tuple(model.model_fields))
        if name in seen:
            raise UsageError(
                f"{dotted(key)} is set twice, with '-' and with '_'",
                details=where((*path, written)),
                hint="keep one of the two",
                code="bad-setting",
            )
        seen.add(name)
        if name == "environment":
            table = _table(value, key, where)
            yield from (((*key, variable), text) for variable, text in table.items())
        elif not path and name == "target":
            yield from _targets(_table(value, key, where), where, triples)
        elif not path and name in TABLES:
            yield from _walk(_table(value, key, where), TABLES[name], key, where, triples)
        else:
            yield key, value


def _targets(data: Mapping[str, Any], where: Where, triples: Collection[str]) -> Iterator[tuple[Key, Any]]:
    for triple, value in data.items():
        key = ("target", triple)
        if triple not in triples:
            raise unknown(key, where, tuple(triples))
        yield from _walk(_table(value, key, where), TargetTable, key, where, triples)


def _table(value: object, key: Key, where: Where) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise UsageError(
        f"{dotted(key)} must be a table",
        details=f"{where(key)}: {dotted(key)} is a {type(value).__name__}",
        hint=f"write [{dotted(key)}] and the values below it",
        code="bad-setting",
    )


def unknown(key: Key, where: Where, known: tuple[str, ...]) -> UsageError:
    """The error for a key that is not known, with the nearest one that is."""
    *table, name = key
    place = f"in [{dotted(tuple(table))}]" if table else "at the top level"
    hint = did_you_mean(name.replace("-", "_") if "target" not in table[-1:] else name, known)
    if table and name.replace("-", "_") in Settings.model_fields:
        hint = f"`{name}` is a general setting: write it at the top level, not {place}"
    return UsageError(
        f"unknown setting {dotted(key)!r}",
        details=f"{where(key)}: {dotted(key)}\nknown {place}: {', '.join(known)}",
        hint=hint,
        code="unknown-setting",
    )

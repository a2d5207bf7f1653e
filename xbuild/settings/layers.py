"""One layer per place that settings come from: flags, environment, files, and what the host says anyway."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from xbuild.catalog.model import did_you_mean
from xbuild.errors import UsageError
from xbuild.settings.files import ConfigFile
from xbuild.settings.model import TABLES, Settings, TargetTable
from xbuild.settings.schema import PATHS, Key, Where, is_list, leaves

PREFIX = "XBUILD_"
INTERNAL = "XBUILD_INTERNAL_"
_SPLIT = "__"
_WITH_BLANKS = frozenset({"source_include", "source_exclude", "trusted_projects"})
_FLAGS = {"targets": "--target", "interpreters": "--interp", "environment": "--env"}


class Rank(IntEnum):
    """How strong a kind of layer is. All files have one rank: there, the more specific key wins."""

    DEFAULT = 0
    HOST = 1
    FILE = 2
    ENVIRONMENT = 3
    FLAG = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place, flat, with the origin of each.

    :ivar folder: where their file is, if it came with the project, so that its author need not be the caller.
    """

    rank: Rank
    values: Mapping[Key, Any]
    origins: Mapping[Key, str]
    folder: Path | None = None

    def nested(self) -> dict[str, Any]:
        """The values as nested tables."""
        root: dict[str, Any] = {}
        for key, value in self.values.items():
            table = root
            for part in key[:-1]:
                table = table.setdefault(part, {})
            table[key[-1]] = value
        return root

    def without(self, keys: Collection[Key]) -> Layer:
        """The layer without some of its values."""
        return replace(self, values={k: v for k, v in self.values.items() if k not in keys})


def flag_layer(flags: Mapping[str, Any], triples: Collection[str]) -> Layer:
    """Values of command-line flags, by setting name (``jobs``, ``network.ca_bundle``) or nested. ``None`` and
    empty lists are flags that were not given."""
    given: dict[str, Any] = {}
    for name, value in flags.items():
        table, dot, rest = name.partition(".")
        if dot and table in TABLES:
            given.setdefault(table, {})[rest] = value
        else:
            given[name] = value
    found = {
        key: value for key, value in leaves(given, _flag, triples) if not (value is None or _is_empty(value))
    }
    return Layer(Rank.FLAG, found, {key: _flag(key) for key in found})


def _is_empty(value: object) -> bool:
    return isinstance(value, list | tuple) and not value


def _flag(key: Key) -> str:
    name = "environment" if "environment" in key else key[-1]
    return f"flag {_FLAGS.get(name, '--' + name.replace('_', '-'))}"


def environment_layer(environ: Mapping[str, str], triples: Collection[str]) -> Layer:
    """``XBUILD_*`` variables; ``__`` goes into a table. Empty ones count as not set,
    except variables of the build below ``environment``.

    :raises UsageError: ``unknown-setting`` for a variable that means nothing.
    """
    names = {spelled(("target", triple)): triple for triple in triples}
    values: dict[Key, Any] = {}
    origins: dict[Key, str] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable.startswith(INTERNAL):
            continue
        key = _key_of(variable, names)
        if key is None:
            raise _unknown_variable(variable, triples)
        if environ[variable] or "environment" in key:
            values[key] = _decode(key, environ[variable], variable)
            origins[key] = f"environment {variable}"
    return Layer(Rank.ENVIRONMENT, values, origins)


def spelled(key: Key) -> str:
    """The variable that sets ``key``: ``XBUILD_IMAGES__BASE``, ``XBUILD_ENVIRONMENT__CC``. Names below
    ``environment`` keep their case."""
    if "environment" in key[:-1]:
        return f"{spelled(key[:-1])}{_SPLIT}{key[-1]}"
    return PREFIX + _SPLIT.join(part.upper().replace("-", "_").replace(".", "_") for part in key)


def _key_of(variable: str, triples: Mapping[str, str]) -> Key | None:
    """The key that ``variable`` sets, or ``None``. ``triples`` maps the spelled prefix to the triple."""
    for prefix, triple in triples.items():
        if variable.startswith(prefix + _SPLIT):
            rest = _below(variable.removeprefix(prefix + _SPLIT), TargetTable.model_fields)
            return ("target", triple, *rest) if rest else None
    table, split, name = variable.removeprefix(PREFIX).partition(_SPLIT)
    if split and table.lower() in TABLES:
        known = name.isupper() and name.lower() in TABLES[table.lower()].model_fields
        return (table.lower(), name.lower()) if known else None
    scalars = {field for field in Settings.model_fields if field not in {*TABLES, "target"}}
    return _below(variable.removeprefix(PREFIX), scalars)


def _below(text: str, known: Collection[str]) -> Key | None:
    head, split, rest = text.partition(_SPLIT)
    if head == "ENVIRONMENT":
        return ("environment", rest) if rest else None
    return (text.lower(),) if not split and text.isupper() and text.lower() in known else None


def _unknown_variable(variable: str, triples: Collection[str]) -> UsageError:
    keys: list[Key] = [(name,) for name in Settings.model_fields if name not in {*TABLES, "target"}]
    keys += [(table, name) for table, model in TABLES.items() for name in model.model_fields]
    if "TARGET__" in variable:
        keys += [("target", triple, name) for triple in triples for name in TargetTable.model_fields]
    if variable == f"{PREFIX}ENVIRONMENT":
        hint = f"name the variable: {PREFIX}ENVIRONMENT__NAME=value"
    else:
        hint = did_you_mean(variable, [spelled(key) for key in keys])
    return UsageError(
        f"unknown setting: the environment variable {variable}",
        details=f"environment: {variable} is set, and no setting has that name",
        hint=hint or "`xbuild config` lists the settings",
        code="unknown-setting",
    )


def _decode(key: Key, text: str, variable: str) -> Any:
    """Lists are JSON (``["a b"]``), or words: rustflags between blanks, globs and paths between commas, other
    lists both."""
    if not is_list(key):
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError as error:
            raise UsageError(
                f"{variable} is not a JSON list",
                details=f"environment {variable}: {error}",
                code="bad-setting",
            ) from error
    if key[-1] == "rustflags":
        return text.split()
    commas = [part.strip() for part in text.split(",") if part.strip()]
    return commas if key[-1] in _WITH_BLANKS else [word for part in commas for word in part.split()]


def file_layer(file: ConfigFile, triples: Collection[str]) -> Layer:
    """Values of one file; paths in it are relative to its directory."""
    where: Where = file.where
    found = {key: _anchored(key, value, file.path.parent) for key, value in leaves(file.data, where, triples)}
    folder = file.path.parent if file.foreign else None
    return Layer(Rank.FILE, found, {key: where(key) for key in found}, folder)


def _anchored(key: Key, value: Any, directory: Path) -> Any:
    if key[-1] == "interpreters" and isinstance(value, list):
        return [_below_directory(item, directory) if "/" in str(item) else item for item in value]
    if "environment" in key or key[-1] not in PATHS:
        return value
    means_no_path = value == "" or (value == "auto" and key[-1] == "ca_bundle")
    return value if means_no_path else _below_directory(value, directory)


def _below_directory(value: Any, directory: Path) -> Any:
    if not isinstance(value, str) or value.startswith("~/"):
        return value
    return str(directory / value)


def home_expanded(layer: Layer, home: str) -> Layer:
    """The layer with ``~/`` at the start of its paths replaced by ``home``."""

    def expanded(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [expanded(item) for item in value]
        return str(Path(home, value[2:])) if isinstance(value, str) and value.startswith("~/") else value

    paths = {key for key in layer.values if home and "environment" not in key and key[-1] in PATHS}
    return replace(layer, values={k: expanded(v) if k in paths else v for k, v in layer.values.items()})


_HOST_VARIABLES: Mapping[Key, tuple[str, ...]] = {
    ("network", "http_proxy"): ("http_proxy", "HTTP_PROXY"),
    ("network", "https_proxy"): ("https_proxy", "HTTPS_PROXY"),
    ("network", "no_proxy"): ("no_proxy", "NO_PROXY"),
    ("network", "pip_index_url"): ("PIP_INDEX_URL",),
}


def host_layer(environ: Mapping[str, str]) -> Layer:
    """What the host's own variables say about the network, weaker than anything said to xbuild."""
    found = {
        key: next((name for name in names if environ.get(name)), "") for key, names in _HOST_VARIABLES.items()
    }
    values = {key: environ[name] for key, name in found.items() if name}
    return Layer(Rank.HOST, values, {key: f"environment {name}" for key, name in found.items() if name})

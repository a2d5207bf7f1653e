"""Which tester can run a wheel: rows of the catalog as frozen values."""

from __future__ import annotations

import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from xbuild.catalog import Interpreter, Target

How = Literal["native", "qemu", "wine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tester:
    """An image with real interpreters. The fields are explained in ``testers.toml``."""

    name: str
    folder: str
    architecture: str
    how: How
    targets: tuple[str, ...]
    start: Mapping[str, tuple[str, ...]]
    noise: frozenset[str] = frozenset()
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """Why wheels of a target cannot be run, for one implementation or, where it is empty, for all."""

    target: str
    reason: str
    implementation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testers:
    """All testers, and why there is none for some targets."""

    rows: tuple[Tester, ...]
    never: tuple[Never, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A tester for a wheel, or ``None`` and the reason."""

    tester: Tester | None
    reason: str = ""


def parse_testers(data: Mapping[str, Any]) -> Testers:
    """The rows of a parsed ``testers.toml``."""
    rows = [
        Tester(
            **row
            | {
                "targets": tuple(row["targets"]),
                "noise": frozenset(row.get("noise", ())),
                "start": MappingProxyType({kind: tuple(argv) for kind, argv in row["start"].items()}),
                "arguments": MappingProxyType(dict(row.get("arguments", {}))),
            }
        )
        for row in data["tester"]
    ]
    return Testers(rows=tuple(rows), never=tuple(Never(**row) for row in data.get("no", ())))


@lru_cache(maxsize=1)
def load_testers() -> Testers:
    """The testers that come with this version of xbuild."""
    text = files("xbuild.catalog").joinpath("testers.toml").read_text("utf-8")
    return parse_testers(tomllib.loads(text))


def choose(target: Target, interpreter: Interpreter, testers: Testers | None = None) -> Choice:
    """The tester that runs ``interpreter``'s wheels for ``target``, or why there is none.

    For an abi3 wheel, ask for each interpreter from its floor on.
    """
    known = testers or load_testers()
    for row in known.never:
        if row.target == target.triple and row.implementation in {"", interpreter.implementation}:
            return Choice(tester=None, reason=row.reason)
    here = [row for row in known.rows if target.triple in row.targets]
    for tester in here:
        if interpreter.kind in tester.start:
            return Choice(tester=tester)
    return Choice(tester=None, reason=_missing(target, interpreter, here))


def _missing(target: Target, interpreter: Interpreter, here: Sequence[Tester]) -> str:
    kinds = ", ".join(dict.fromkeys(kind for tester in here for kind in tester.start))
    if not kinds:
        return f"no tester image runs programs of {target.triple}"
    return f"no tester image has {interpreter.title} for {target.triple} (they have {kinds})"

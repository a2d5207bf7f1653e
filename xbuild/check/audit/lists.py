"""Lists of symbols and libraries: what interpreters export, and what platforms bring."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from abi3info import DATAS, FUNCTIONS  # type: ignore[import-untyped]

from xbuild.catalog import Interpreter
from xbuild.wheels.naming import Platform, platform_data


@dataclass(frozen=True, slots=True)
class SymbolList:
    """Names that may be imported, and what they were read from (the data file's ``reference``)."""

    names: frozenset[str]
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a manylinux or musllinux platform brings, on one architecture.

    :ivar forbidden: symbols of a library that may not be imported nevertheless.
    :ivar versions: symbol versions by prefix, such as ``GLIBC`` to ``{"2.17"}``; empty for musl.
    """

    name: str
    libraries: frozenset[str]
    versions: dict[str, frozenset[str]]
    forbidden: dict[str, frozenset[str]]


@lru_cache(maxsize=64)
def load_list(name: str) -> SymbolList | None:
    """The data file ``exports/<name>.txt``, or None where there is none."""
    path = files(__package__).joinpath("exports", f"{name}.txt")
    if not path.is_file():
        return None
    lines = path.read_text("utf-8").splitlines()
    header = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    names = frozenset(line for line in lines if line and not line.startswith("#"))
    same = load_list(header["same-as"]) if "same-as" in header else None
    reference = header.get("reference", "")
    if same is None:
        return SymbolList(names, reference)
    return SymbolList(names | same.names, reference if same.reference == "linux library" else same.reference)


def interpreter_symbols(interpreter: Interpreter, system: str) -> SymbolList | None:
    """What an interpreter exports on a system, or None where no list is known."""
    return load_list(f"{interpreter.tag}-{system}")


def later_symbols(interpreter: Interpreter, system: str) -> frozenset[str]:
    """What only releases of an interpreter export that are newer than the one in the list."""
    listed = load_list(f"{interpreter.tag}-linux-later") if system in {"linux", "macos"} else None
    return listed.names if listed else frozenset()


@lru_cache(maxsize=32)
def stable_abi(floor: tuple[int, int], system: str) -> SymbolList:
    """The stable ABI as of version ``floor``: on Windows, what that python3.dll really has of it."""
    conditions = platform_data()["stable-abi-conditions"].get(system, ())
    names = frozenset(
        item.symbol.name
        for item in (*FUNCTIONS.values(), *DATAS.values())
        if (item.added.major, item.added.minor) <= floor
        and (item.ifdef is None or item.ifdef.name in conditions)
    )
    reference = "abi3info"
    real = load_list(f"abi3-cp{floor[0]}{floor[1]}-windows") if system == "windows" else None
    if real is not None:
        return SymbolList(names & real.names, f"{reference}, {real.reference}")
    return SymbolList(names, reference)


@lru_cache(maxsize=8)
def windows_dlls(platform_tag: str) -> frozenset[str]:
    """DLLs that come with Windows on a platform, in lower case."""
    listed = load_list("windows-dlls")
    rows = (line.split(" ") for line in (listed.names if listed else ()))
    found = {name for name, *tags in rows if platform_tag in tags}
    return frozenset(found | set(platform_data()["windows-runtime"]["system"]))


def find_policy(platform: Platform, arch: str) -> Policy | None:
    """The policy for a platform tag: the newest one that is not newer than the tag."""
    known = [row for row in _policies(platform.libc) if arch in row["versions"]]
    fitting = [row for row in known if _version(row) <= platform.version]
    if not platform.version or not fitting:
        return None
    row = max(fitting, key=_version)
    return Policy(
        name=row["name"],
        libraries=frozenset(row["libraries"]),
        versions={key: frozenset(value.split()) for key, value in row["versions"][arch].items()},
        forbidden={key: frozenset(value.split()) for key, value in row["forbidden"].items()},
    )


def newer_policy(platform: Platform, arch: str, needed: tuple[int, ...]) -> str:
    """The oldest of the policies with a C library of at least ``needed``, or ``""``."""
    fitting = [row for row in _policies(platform.libc) if arch in row["versions"]]
    newer = [row for row in fitting if _version(row) >= max(needed, platform.version)]
    name: str = min(newer, key=_version)["name"] if newer and needed else ""
    return name


def _policies(libc: str) -> tuple[dict[str, Any], ...]:
    return tuple(_policy_table().get(libc, ()))


@lru_cache(maxsize=1)
def _policy_table() -> dict[str, Any]:
    """``policies.json``, which tools/platform_policies.py makes and which says what of."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("policies.json").read_text("utf-8"))
    return table


def _version(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in row["name"].split("_")[1:])

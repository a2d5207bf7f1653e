"""Which symbols the C libraries of Linux define, and since when: what a module without symbol versions needs.

A linker that finds a symbol nowhere leaves it without a version where a shared library is linked; the dynamic
linker then looks for it in everything that the process has loaded. ``exports/glibc.txt`` and
``exports/musl.txt`` say, for each architecture and library, since which release there is something to find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from xbuild.check.audit.context import PYTHON_NAME, Context, is_python_library, show
from xbuild.check.audit.lists import newer_policy
from xbuild.check.model import Finding, ModuleFacts, Slice
from xbuild.wheels.naming import Platform, arch_row, platform_data

Version = tuple[int, ...]

_NAMES = {"gnu": "glibc", "musl": "musl"}
LOADERS = ("ld-linux", "ld64.so.", "ld-musl-")


@dataclass(frozen=True, slots=True)
class Definition:
    """A library that defines a symbol, and the C library's release since which it does."""

    library: str
    since: Version


@lru_cache(maxsize=16)
def c_library(libc: str, arch: str) -> Mapping[str, tuple[Definition, ...]]:
    """The symbols that a C library defines on an architecture, as wheel tags spell it; empty where not known.

    :param libc: ``gnu`` or ``musl``.
    """
    found: dict[str, tuple[Definition, ...]] = defaultdict(tuple)
    name = _NAMES.get(libc)
    if name is None:
        return MappingProxyType(found)
    text = files(__package__).joinpath("exports", f"{name}.txt").read_text("utf-8")
    here: tuple[Definition, ...] = ()
    for line in text.splitlines():
        if line.startswith("= "):
            library, *places = line[2:].split(" ")
            since = dict(place.split(":") for place in places).get(arch)
            here = (Definition(library, _version(since)),) if since else ()
        elif here and not line.startswith("#"):
            found[line] += here
    return MappingProxyType(dict(found))


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def check_defined(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """Somebody defines every symbol, and did when the C library was as old as the wheel's tags allow.

    Weak symbols may stay undefined. Whether nobody at all defines a symbol is judged where all that the
    module links is known.
    """
    platforms = context.platforms_of(part.machine)
    if len({platform.libc for platform, _ in platforms}) != 1 or module.role == "program":
        return
    platform, arch = min(platforms, key=lambda item: item[0].version)
    known = c_library(platform.libc, arch)
    if not known:
        return
    linked = {*part.needed, *platform_data()["loaded-libraries"][platform.libc]}
    lost: dict[str, list[str]] = {}
    newer: dict[str, dict[str, Version]] = defaultdict(dict)
    for name in _left_to_others(part, context):
        old = [item for item in known.get(name, ()) if item.since <= platform.version]
        if not old and name in known:
            first = min(known[name], key=lambda item: item.since)
            newer[first.library][name] = first.since
        elif not any(item.library in linked for item in old):
            lost[name] = sorted({item.library for item in old})
    yield from _too_new(module, newer, platform, arch)
    if lost and _all_known(part, context):
        message = f"needs {show(list(lost))}, which nothing that it links defines"
        libraries = sorted({library for found in lost.values() for library in found})
        hint = f"link {show(libraries)}" if libraries else "a library is missing at link time"
        yield Finding("unresolved-symbol", "error", module.path, message, hint)


def _left_to_others(part: Slice, context: Context) -> list[str]:
    """Symbols that no version binds to a library, and that neither Python nor the wheel defines."""
    return sorted(
        {
            item.name
            for item in part.undefined
            if not (
                item.weak or item.library or PYTHON_NAME.match(item.name) or item.name in context.provided
            )
        }
    )


def _too_new(
    module: ModuleFacts, newer: Mapping[str, Mapping[str, Version]], platform: Platform, arch: str
) -> Iterator[Finding]:
    libc = _NAMES[platform.libc]
    promised = f"{platform.tag} promises {libc} {_spell(platform.version)}"
    for library, names in sorted(newer.items()):
        dated = [f"{name} (since {libc} {_spell(since)})" for name, since in names.items()]
        message = f"needs {show(dated)} of {library}; {promised}"
        hint = newer_way_out(platform, arch, names.values())
        yield Finding("symbol-too-new", "error", module.path, message, hint)


def newer_way_out(platform: Platform, arch: str, needed: Iterable[Version]) -> str:
    """What to do about symbols that are newer than a platform tag.

    :param needed: releases of the C library that have them.
    """
    policy = newer_policy(platform, arch, max(needed, default=()))
    asked = f"ask for --compatibility {policy}, or " if policy else ""
    return f"{asked}find the symbols at run time (dlsym, weak symbols)"


def _spell(version: Version) -> str:
    return ".".join(map(str, version))


def _all_known(part: Slice, context: Context) -> bool:
    """Whether all that a module links is known by its symbols."""
    platforms = context.platforms_of(part.machine)
    known = {arch_row("linux", arch).get("loader", "") for _, arch in platforms}
    known.update(*(platform_data()["known-libraries"][platform.libc] for platform, _ in platforms))
    linked = (name for name in part.needed if not name.startswith(LOADERS) and not is_python_library(name))
    return all(name in known or context.holds(name) for name in linked)

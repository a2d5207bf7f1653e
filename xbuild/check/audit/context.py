"""What the checks of a native file need to know about the wheel around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from xbuild.catalog import Interpreter
from xbuild.check.model import ModuleFacts, Slice, Undefined
from xbuild.wheels.naming import Platform, WheelName, arch_row

PYTHON_NAME = re.compile(r"_?(PyPy|Py)(_|[A-Z])")
"""Names that are the interpreter's to define."""
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The wheel around a native file.

    :ivar basenames: last components of all members, in lower case.
    :ivar provided: symbols that native files of the wheel define for others.
    """

    name: WheelName
    interpreters: tuple[Interpreter, ...]
    basenames: frozenset[str]
    provided: frozenset[str]

    def platforms_of(self, machine: str) -> tuple[tuple[Platform, str], ...]:
        """The wheel's platforms that run ``machine``, each with the architecture's name in that tag."""
        return tuple(
            (platform, arch)
            for platform in self.name.platforms
            for arch in platform.archs
            if arch_row(platform.os, arch).get("machine") == machine
        )

    def holds(self, library: str) -> bool:
        """Whether the wheel brings a library of that name."""
        return PurePosixPath(library).name.lower() in self.basenames


def make_context(
    name: WheelName,
    interpreters: tuple[Interpreter, ...],
    files: tuple[str, ...],
    facts: tuple[ModuleFacts, ...],
) -> Context:
    """The context for all native files of a wheel."""
    return Context(
        name=name,
        interpreters=interpreters,
        basenames=frozenset(PurePosixPath(file).name.lower() for file in files),
        provided=frozenset(symbol for module in facts for part in module.slices for symbol in part.exports),
    )


def python_imports(part: Slice, context: Context) -> tuple[str, ...]:
    """Names that a slice needs from the interpreter, sorted; on Windows those of any Python DLL."""
    return tuple(sorted({item.name for item in part.undefined if _is_python(item, context)}))


def _is_python(item: Undefined, context: Context) -> bool:
    if item.library and is_python_library(item.library):
        return True
    named = PYTHON_NAME.match(item.name) is not None
    return named and item.dynamic and not item.weak and item.name not in context.provided


def is_python_library(name: str) -> bool:
    """Whether a library is an interpreter's."""
    pattern = r"(python3\d*t?(_d)?\.dll|libpypy3?[\d.]*-c\.(dll|so.*|dylib)|libpython3[\w.]*|Python)"
    return re.fullmatch(pattern, PurePosixPath(name).name, re.IGNORECASE) is not None


def show(names: list[str] | tuple[str, ...]) -> str:
    """A few names for a message."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

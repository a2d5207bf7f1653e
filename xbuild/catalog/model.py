"""The rows of the catalog as frozen values."""

from __future__ import annotations

import difflib
import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from packaging.specifiers import SpecifierSet

from xbuild.errors import RefusedError

Implementation = Literal["cpython", "pypy"]
Os = Literal["linux", "windows", "macos"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target platform. The fields are explained in ``targets.toml``."""

    triple: str
    family: str
    os: Os
    arch: str
    platform_tag: str
    implementations: tuple[str, ...]
    compatibility: str = ""
    policies: tuple[str, ...] = ()
    zig: bool = False
    glibc: str = ""
    musl: str = ""
    macos_minimum: str = ""
    no: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    interpreter_env: Mapping[str, str] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    sysroot_env: Mapping[str, str] = field(default_factory=dict)

    @property
    def env_key(self) -> str:
        """The triple as cargo and the ``cc`` crate spell it inside names of environment variables."""
        return self.triple.replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """An interpreter kind. The fields are explained in ``interpreters.toml``."""

    kind: str
    implementation: Implementation
    version: str
    python_tag: str
    abi_tag: str
    pyo3: str
    import_library: str = ""
    windows_dll: str = ""
    headers: str = ""
    free_threaded: bool = False

    @property
    def version_info(self) -> tuple[int, int]:
        """(major, minor) of the language version."""
        major, minor = self.version.split(".")
        return int(major), int(minor)

    @property
    def tag(self) -> str:
        """The short name: ``cp311``, ``cp314t``, ``pp39``."""
        return self.python_tag + ("t" if self.free_threaded else "")

    @property
    def pyo3_specifier(self) -> SpecifierSet:
        """PyO3 releases that can build for it."""
        return SpecifierSet(self.pyo3, prereleases=True)

    @property
    def title(self) -> str:
        """The name for people: ``CPython 3.11``, ``PyPy 3.9``."""
        name = {"cpython": "CPython", "pypy": "PyPy"}[self.implementation]
        return f"{name} {self.version}{' free-threaded' if self.free_threaded else ''}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """All targets and interpreters, in the order of the data files."""

    targets: Mapping[str, Target]
    interpreters: Mapping[str, Interpreter]

    def target(self, triple: str) -> Target:
        """The target with that triple.

        :raises RefusedError: ``unknown-target``, with the nearest match.
        """
        found = self.targets.get(triple)
        if found is None:
            raise RefusedError(
                f"unknown target {triple!r}",
                details=f"known targets: {', '.join(self.targets)}",
                hint=did_you_mean(triple, self.targets) or "`xbuild targets` lists what can be built",
                code="unknown-target",
            )
        return found

    def supports(self, target: Target, interpreter: Interpreter) -> str:
        """Why ``target`` has no wheels for ``interpreter``, or ``""`` where it has."""
        if interpreter.implementation in target.implementations:
            return ""
        return target.no.get(
            interpreter.implementation, f"{interpreter.title} does not exist for {target.triple}"
        )


def did_you_mean(word: str, choices: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
    """``did you mean "x"?`` for the nearest of ``choices``, or ``""`` where none is near."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f'did you mean "{near[0]}"?' if near else ""


def _freeze(value: object) -> object:
    match value:
        case dict():
            return MappingProxyType({key: _freeze(item) for key, item in value.items()})
        case list():
            return tuple(_freeze(item) for item in value)
        case _:
            return value


def _rows(name: str, table: str) -> list[dict[str, Any]]:
    data = tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))
    return [{key: _freeze(value) for key, value in row.items()} for row in data[table]]


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """The catalog that comes with this version of xbuild."""
    targets = [Target(**row) for row in _rows("targets.toml", "target")]
    interpreters = [Interpreter(**row) for row in _rows("interpreters.toml", "interpreter")]
    return Catalog(
        targets=MappingProxyType({target.triple: target for target in targets}),
        interpreters=MappingProxyType({item.kind: item for item in interpreters}),
    )

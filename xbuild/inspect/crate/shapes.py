"""The types of what is read from Cargo.toml and pyproject.toml. Everything else in them is passed over."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from packaging.specifiers import SpecifierSet
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError


def _path(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold a NUL byte")
    return value


def _profile(value: str) -> str:
    if not re.fullmatch(r"\w[\w-]*", value):
        raise ValueError("is no name of a Cargo profile")
    return value


PathWord = Annotated[str, AfterValidator(_path)]
Table = dict[str, Any]


def _spelled(field: str) -> str:
    return field.replace("_", "-")


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=_spelled)


class Dependency(_Shape):
    """A dependency with more than a version."""

    package: str = ""
    path: PathWord = ""


Dependencies = dict[str, str | Dependency]


class _Scope(_Shape):
    dependencies: Dependencies = {}
    dev_dependencies: Dependencies = {}
    build_dependencies: Dependencies = {}


class _Package(_Shape):
    name: str
    version: str | Table = ""
    rust_version: str | Table = ""
    workspace: PathWord = ""


class _Workspace(_Shape):
    members: list[PathWord] = []
    exclude: list[PathWord] = []
    package: Table = {}
    dependencies: Dependencies = {}


class _Lib(_Shape):
    crate_type: list[str] = []


class CargoToml(_Scope):
    """Cargo.toml."""

    cargo_features: list[str] = []
    package: _Package | None = None
    workspace: _Workspace | None = None
    lib: _Lib = _Lib()
    target: dict[str, _Scope] = {}
    patch: dict[str, Dependencies] = {}
    profile: Table = {}


class _BuildSystem(_Shape):
    requires: list[str] = []
    build_backend: str = ""


class _Project(_Shape):
    name: str = ""
    version: str = ""
    requires_python: str = ""


def _specifier(value: str) -> str:
    SpecifierSet(value)
    return value


class _Feature(_Shape):
    feature: str
    python_version: Annotated[str, AfterValidator(_specifier)] = ""
    python_implementation: str = ""


class _Maturin(_Shape):
    manifest_path: PathWord = ""
    python_source: PathWord = ""
    python_packages: list[PathWord] = []
    bindings: Literal["", "pyo3", "pyo3-ffi", "cffi", "uniffi", "bin"] = ""
    profile: Annotated[str, AfterValidator(_profile)] = ""
    compatibility: str = ""
    features: list[str | _Feature] = []
    all_features: bool = False
    no_default_features: bool = False


class _Tool(_Shape):
    maturin: _Maturin = _Maturin()


class PyprojectToml(_Shape):
    """pyproject.toml."""

    build_system: _BuildSystem | None = None
    project: _Project = _Project()
    tool: _Tool = _Tool()


def problems(shape: type[CargoToml | PyprojectToml], document: Table) -> str:
    """What in a document has another type than ``shape`` says, one line for each; ``""`` for nothing."""
    try:
        shape.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return "\n".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found)
    return ""

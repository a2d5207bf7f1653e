"""Cargo features that ``[tool.maturin]`` turns on, for every Python or for some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import SpecifierSet

from xbuild.catalog import Interpreter

_LIBRARIES = ("pyo3/", "pyo3-ffi/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalFeature:
    """A feature for some versions, or for an implementation, of Python.

    :ivar python_version: a specifier; ``""`` holds for all.
    :ivar python_implementation: such as ``cpython``; ``""`` holds for all.
    """

    feature: str
    python_version: str = ""
    python_implementation: str = ""

    def holds(self, interpreter: Interpreter) -> bool:
        """Whether it is on for an interpreter."""
        wanted = SpecifierSet(self.python_version)
        return self.python_implementation.lower() in {"", interpreter.implementation} and (
            not self.python_version or wanted.contains(interpreter.version, prereleases=True)
        )


def read_features(items: Iterable[str | Mapping[str, Any]]) -> list[str | ConditionalFeature]:
    """The features of ``[tool.maturin]``. One that names no condition is as good as its name."""
    found: list[str | ConditionalFeature] = []
    for item in items:
        if isinstance(item, str):
            found.append(item)
            continue
        feature = ConditionalFeature(
            feature=item["feature"],
            python_version=item.get("python-version", ""),
            python_implementation=item.get("python-implementation", ""),
        )
        unconditional = not (feature.python_version or feature.python_implementation)
        found.append(feature.feature if unconditional else feature)
    return found


def features_for(interpreter: Interpreter, features: Iterable[ConditionalFeature]) -> tuple[str, ...]:
    """The features that are on for an interpreter."""
    return tuple(item.feature for item in features if item.holds(interpreter))


def of_pyo3(features: Iterable[str]) -> tuple[str, ...]:
    """The features of PyO3 itself, as maturin sees them: not those that a feature of the crate's brings."""
    return tuple(
        name.removeprefix(prefix) for name in features for prefix in _LIBRARIES if name.startswith(prefix)
    )

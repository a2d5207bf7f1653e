"""Which bindings maturin finds in a crate: by its dependencies as cargo resolves them, not by its manifest.

What maturin 1.16 does (``src/bridge/detection.rs``): PyO3 anywhere among the dependencies counts, also where
only tests or build scripts use it. In a workspace of several members, ``cargo metadata`` takes the features
of all of them together; there ``cargo tree``, which resolves the crate alone, has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_LIBRARIES = ("pyo3-ffi", "pyo3")
"""The stronger one last: where both are there, its version is the one that counts."""

_CRATES = {*_LIBRARIES, "uniffi"}
_NO_PART = {"bench", "custom-build", "example", "proc-macro", "test"}
"""Kinds of cargo's targets that end in no wheel."""

TREE_FORMAT = ("--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}|{f}")
"""The words with which ``cargo tree`` says what :func:`read_metadata` takes from it."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What maturin finds.

    :ivar kind: ``pyo3``, ``pyo3-ffi``, ``pyo3-bin`` (a program with PyO3 in it), ``uniffi``, ``cffi`` or
        ``bin``; ``""`` where it finds nothing that it could build.
    :ivar version: of PyO3, or ``""``.
    :ivar features: of PyO3.
    """

    kind: str
    version: str
    features: tuple[str, ...]


def needs_tree(metadata: Mapping[str, Any]) -> bool:
    """Whether only ``cargo tree`` says what the crate by itself depends on."""
    members = metadata.get("workspace_members", ())
    return len(members) > 1 and any(item["name"] in _CRATES for item in metadata["packages"])


def read_tree(text: str) -> dict[tuple[str, str], set[str]]:
    """Name and version of the bindings' crates to their features, from what ``cargo tree`` prints."""
    found: dict[tuple[str, str], set[str]] = {}
    for line in text.splitlines():
        package, bar, features = line.strip().removesuffix(" (*)").partition("|")
        name, _, rest = package.partition(" ")
        if bar and name in _CRATES:
            version = rest.partition(" ")[0].removeprefix("v")
            found.setdefault((name, version), set()).update(filter(None, features.split(",")))
    return found


def find_bindings(
    package: Mapping[str, Any],
    used: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
    scoped: Mapping[tuple[str, str], set[str]] | None,
) -> Bindings:
    """What maturin finds.

    :param package: the crate, as in cargo's metadata.
    :param used: packages that it depends on in any way, and their nodes in the resolved graph.
    :param scoped: what :func:`read_tree` gave, or ``None`` where the graph is the crate's alone.
    """
    names: set[str] = set()
    features: set[str] = set()
    versions: dict[str, str] = {}
    for item, node in used:
        name, version = item["name"], item["version"]
        if name not in _CRATES or (scoped is not None and (name, version) not in scoped):
            continue
        names.add(name)
        if name in _LIBRARIES:
            versions[name] = version
            features |= set(node["features"]) if scoped is None else scoped[name, version]
    library = next((name for name in reversed(_LIBRARIES) if name in names), "")
    kind = _kind(library, _products(package), uniffi="uniffi" in names)
    return Bindings(kind, versions.get(library, ""), tuple(sorted(features)))


def _products(package: Mapping[str, Any]) -> set[str]:
    """The kinds of what cargo can make of a crate: ``cdylib``, ``bin``, ..."""
    return {
        kind
        for target in package.get("targets", ())
        if set(target["kind"]) - _NO_PART
        for kind in target["crate_types"]
    }


def _kind(library: str, products: set[str], *, uniffi: bool) -> str:
    program = "bin" in products and "cdylib" not in products
    if library:
        return "pyo3-bin" if program else library
    if uniffi:
        return "uniffi"
    return "cffi" if "cdylib" in products else "bin" if program else ""

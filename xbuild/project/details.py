"""What cargo says about a crate once its dependencies are there (``cargo metadata``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_ONLY_ONCE = ("prettyplease", "pyo3-ffi", "python3-sys", "rayon-core", "wasm-bindgen-shared")
"""Crates that set ``links`` only so that no second release of them gets into a graph."""

_NATIVE_BUILDERS = ("cc", "cmake", "bindgen", "nasm-rs", "autotools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """The resolved crate.

    :ivar pyo3_version: version of ``pyo3`` (or ``pyo3-ffi``) in the graph, or ``""``.
    :ivar pyo3_features: its resolved features.
    :ivar rust_version: the newest ``rust-version`` that any package of the graph asks for, or ``""``.
    :ivar rust_version_of: the package that asks for it.
    :ivar native: crates of the graph that bring or build native code.
    :ivar packages: how many packages the graph has.
    """

    pyo3_version: str
    pyo3_features: tuple[str, ...]
    rust_version: str
    rust_version_of: str
    native: tuple[str, ...]
    packages: int

    @property
    def abi3(self) -> bool:
        """Whether the crate is built against the stable ABI."""
        return any(name == "abi3" or name.startswith("abi3-py") for name in self.pyo3_features)

    @property
    def abi3_floor(self) -> tuple[int, int] | None:
        """Oldest CPython of a stable-ABI build, or ``None`` where the features name none."""
        found = [re.fullmatch(r"abi3-py(\d)(\d+)", name) for name in self.pyo3_features]
        return min(((int(match[1]), int(match[2])) for match in found if match), default=None)

    @property
    def generates_import_library(self) -> bool:
        """Whether PyO3 makes Python's import library by itself."""
        return "generate-import-lib" in self.pyo3_features

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Details:
        """The inverse of :meth:`as_dict`.

        :raises TypeError: the values are of another shape.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"{type(values).__name__} is no table")
        known: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**known)


def read_metadata(metadata: Mapping[str, Any], *, crate: str) -> Details:
    """The details of ``crate`` (a package name) from the JSON of ``cargo metadata``."""
    packages = {item["id"]: item for item in metadata["packages"]}
    nodes = {item["id"]: item for item in metadata["resolve"]["nodes"]}
    root = next(
        (key for key, item in packages.items() if item["name"] == crate and item["source"] is None),
        metadata["resolve"].get("root"),
    )
    reached = list(_reach(nodes, root)) if root else list(nodes)
    used = [packages[key] for key in reached]
    features: set[str] = set()
    pyo3_version = ""
    for name in ("pyo3-ffi", "pyo3"):
        for key in reached:
            if packages[key]["name"] == name:
                features |= set(nodes[key]["features"])
                pyo3_version = packages[key]["version"]
    rust_version, rust_version_of = _newest_rust(used)
    native = sorted({item["name"] for item in used if _brings_native_code(item)})
    return Details(
        pyo3_version=pyo3_version,
        pyo3_features=tuple(sorted(features)),
        rust_version=rust_version,
        rust_version_of=rust_version_of,
        native=tuple(native),
        packages=len(used),
    )


def _brings_native_code(package: Mapping[str, Any]) -> bool:
    name = package["name"]
    return name in _NATIVE_BUILDERS or bool(package.get("links") and name not in _ONLY_ONCE)


def _reach(nodes: Mapping[str, Any], root: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        key = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        yield key
        for dependency in nodes[key]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if kinds != {"dev"}:
                waiting.append(dependency["pkg"])


def version_key(text: str) -> tuple[int, ...]:
    """A rust-version such as ``1.74`` or ``1.74.1`` as numbers to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _newest_rust(used: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    asked = [
        (item["rust_version"], f"{item['name']} {item['version']}") for item in used if item["rust_version"]
    ]
    return max(asked, key=lambda pair: version_key(pair[0]), default=("", ""))

"""What cargo says about a crate once its dependencies are there (``cargo metadata``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xbuild.inspect.crate.bindings import find_bindings, read_tree

_NATIVE_BUILDERS = {
    *("autotools", "bindgen", "cc", "cmake", "gcc", "nasm-rs"),
    *("metadeps", "pkg-config", "system-deps", "vcpkg"),
}
"""Crates with which build scripts compile native code, or find a library of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """The resolved crate.

    :ivar bindings: which bindings maturin finds; see :class:`xbuild.inspect.crate.bindings.Bindings`.
    :ivar pyo3_version: version of ``pyo3`` (or ``pyo3-ffi``) in the graph, or ``""``.
    :ivar pyo3_features: its resolved features.
    :ivar rust_version: the newest ``rust-version`` that any package of the graph asks for, or ``""``.
    :ivar rust_version_of: the package that asks for it.
    :ivar native: crates of the graph whose build scripts compile native code, or look for a library of it.
    :ivar packages: how many packages the graph has.
    :ivar crates: names of the crates that what is built is made of, and not just build scripts.
    """

    bindings: str
    pyo3_version: str
    pyo3_features: tuple[str, ...]
    rust_version: str
    rust_version_of: str
    native: tuple[str, ...]
    packages: int
    crates: tuple[str, ...]

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


def read_metadata(metadata: Mapping[str, Any], *, crate: str, tree: str | None = None) -> Details:
    """The details of ``crate`` (a package name) from the JSON of ``cargo metadata``.

    :param tree: what ``cargo tree`` says, where :func:`xbuild.inspect.crate.bindings.needs_tree` asks for it.
    """
    packages = {item["id"]: item for item in metadata["packages"]}
    nodes = {item["id"]: item for item in metadata["resolve"]["nodes"]}
    root = next(
        (key for key, item in packages.items() if item["name"] == crate and item["source"] is None),
        metadata["resolve"].get("root"),
    )
    reached = list(_reach(nodes, root)) if root else list(nodes)
    used = [packages[key] for key in reached]
    linked = list(_closure(nodes, root, lambda _: True)) if root else list(nodes)
    bindings = find_bindings(
        packages.get(root, {}),
        [(packages[key], nodes[key]) for key in linked],
        None if tree is None else read_tree(tree),
    )
    rust_version, rust_version_of = _newest_rust(used)
    native = sorted({packages[key]["name"] for key in reached if _brings_native_code(packages, nodes, key)})
    return Details(
        bindings=bindings.kind,
        pyo3_version=bindings.version,
        pyo3_features=bindings.features,
        rust_version=rust_version,
        rust_version_of=rust_version_of,
        native=tuple(native),
        packages=len(used),
        crates=tuple(sorted({packages[key]["name"] for key in (_linked(nodes, root) if root else nodes)})),
    )


def _brings_native_code(packages: Mapping[str, Any], nodes: Mapping[str, Any], key: str) -> bool:
    """Whether a package's build script has the means to compile native code, or to find a library of it.

    ``links`` does not say so: crates set it too so that no second release of them gets into a graph.
    """
    build = (dep["pkg"] for dep in nodes[key]["deps"] if "build" in _kinds(dep))
    return any(
        packages[each]["name"] in _NATIVE_BUILDERS for start in build for each in _linked(nodes, start)
    )


def _kinds(dependency: Mapping[str, Any]) -> set[str | None]:
    return {kind["kind"] for kind in dependency["dep_kinds"]}


def _linked(nodes: Mapping[str, Any], start: str) -> Iterator[str]:
    """A package, and what is compiled into one program with it."""
    return _closure(nodes, start, lambda kinds: None in kinds)


def _reach(nodes: Mapping[str, Any], root: str) -> Iterator[str]:
    """A package, and everything that its build takes; what only its tests need is none of that."""
    return _closure(nodes, root, lambda kinds: kinds != {"dev"})


def _closure(
    nodes: Mapping[str, Any], start: str, follows: Callable[[set[str | None]], bool]
) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        key = waiting.pop()
        if key in seen:
            continue
        seen.add(key)
        yield key
        waiting += [dep["pkg"] for dep in nodes[key]["deps"] if follows(_kinds(dep))]


def version_key(text: str) -> tuple[int, ...]:
    """A rust-version such as ``1.74`` or ``1.74.1`` as numbers to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _newest_rust(used: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    asked = [
        (item["rust_version"], f"{item['name']} {item['version']}") for item in used if item["rust_version"]
    ]
    return max(asked, key=lambda pair: version_key(pair[0]), default=("", ""))

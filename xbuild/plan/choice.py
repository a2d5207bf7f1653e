"""Which bindings a crate is built with: what the project sets, else what maturin finds."""

from __future__ import annotations

from xbuild.errors import RefusedError
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest

_PYO3 = {"pyo3", "pyo3-ffi"}
_RUN_PYTHON = {"cffi", "uniffi"}
"""Bindings that a Python of the target platform generates."""


def choose_bindings(manifest: Manifest, details: Details | None) -> str:
    """The kind of :class:`xbuild.inspect.crate.bindings.Bindings`.

    :param details: of the crate for one target; ``None`` before the dependencies are there: it is what the
        manifest lets expect then, or ``""`` where that does not say enough.
    :raises RefusedError: ``unsupported-bindings``, which cannot be cross-built, or which there are not.
    """
    chosen = str(manifest.maturin.get("bindings", ""))
    if chosen in _RUN_PYTHON:
        raise _unsupported(chosen)
    if details is None:
        return chosen or manifest.bindings
    if chosen == "bin":
        return "pyo3-bin" if details.pyo3_version else "bin"
    found = details.bindings
    if manifest.bindings in _PYO3 and not details.pyo3_version:
        raise RefusedError(
            f"{manifest.name} is not built with PyO3",
            details=f"{manifest.cargo_toml} names {manifest.bindings} or the project asks for it; with these "
            "features it is no dependency on this target",
            hint="turn on the feature that brings it: --features, or features in [tool.maturin]",
            code="unsupported-bindings",
        )
    if found in _RUN_PYTHON:
        raise _unsupported(found)
    if not found:
        raise RefusedError(
            f"{manifest.name} is neither a Python module nor a program",
            details=f"{manifest.cargo_toml} has no bindings among its dependencies, no cdylib and no program",
            hint='a module needs PyO3, and crate-type = ["cdylib"] below [lib]',
            code="unsupported-bindings",
        )
    return found


def _unsupported(bindings: str) -> RefusedError:
    return RefusedError(
        f"{bindings} bindings cannot be cross-built",
        details="maturin runs a Python interpreter of the target platform to generate them",
        hint="build on the target platform, or move to PyO3",
        code="unsupported-bindings",
    )

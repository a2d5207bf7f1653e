"""What cannot work, and why: pairs of target and interpreter, whole targets, and all that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from xbuild.catalog import Catalog, Interpreter, Target
from xbuild.errors import RefusedError
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.crate.versions import crate_version
from xbuild.plan.model import Refusal
from xbuild.request.model import TargetRequest

_PATCHES = range(100)
"""Releases of a minor version of Python that ``requires-python`` may mean."""


def refused_target(wanted: TargetRequest, error: RefusedError) -> Refusal:
    """A whole target that one of its own files or dependencies rules out."""
    reason = ": ".join(filter(None, (error.brief, error.details.replace("\n", "; "))))
    return Refusal(
        target=wanted.target.triple, interpreter="all", code=error.code, reason=reason, hint=error.hint
    )


def all_refused(refused: Sequence[Refusal]) -> RefusedError:
    """The one error for all that was refused."""
    first = refused[0]
    lines = [f"{item.target} {item.interpreter}: {item.reason}" for item in refused]
    hints = dict.fromkeys(item.hint for item in refused if item.hint)
    return RefusedError(
        first.reason
        if len({item.reason for item in refused}) == 1
        else f"{len(refused)} of the requested builds cannot work",
        details="\n".join(lines),
        hint="\n".join(hints),
        code=first.code,
    )


def refuse(
    target: Target, interpreter: Interpreter, manifest: Manifest, details: Details | None, catalog: Catalog
) -> Refusal | None:
    """Why a pair cannot work, or ``None`` where it can."""

    def refusal(code: str, reason: str, hint: str = "") -> Refusal:
        return Refusal(
            target=target.triple, interpreter=interpreter.kind, code=code, reason=reason, hint=hint
        )

    unsupported = catalog.supports(target, interpreter)
    if unsupported:
        return refusal("unsupported-interpreter", unsupported, "build for another target, or without it")
    if not _allows(manifest.specifier, interpreter.version):
        return refusal(
            "requires-python",
            f"{manifest.name} has requires-python {manifest.requires_python!r}, which leaves out "
            f"{interpreter.title}",
        )
    versions = _pyo3_versions(manifest, details)
    if versions and not any(version in interpreter.pyo3_specifier for version in versions):
        return refusal(
            "pyo3-interpreter",
            f"PyO3 {versions[0]}, which Cargo.lock pins, does not support {interpreter.title} "
            f"(that takes PyO3 {interpreter.pyo3})",
            f"cargo update -p pyo3 --precise VERSION, with a version {interpreter.pyo3}",
        )
    if details and details.abi3:
        if interpreter.free_threaded:
            return refusal(
                "abi3-free-threaded",
                f"{manifest.name} is built against the stable ABI, which {interpreter.title} does not have",
                "turn the abi3 feature off for it",
            )
        floor = details.abi3_floor
        if floor and interpreter.implementation == "cpython" and interpreter.version_info < floor:
            return refusal(
                "abi3-floor",
                f"the abi3-py{floor[0]}{floor[1]} feature leaves out {interpreter.title}",
            )
    return None


def _allows(specifier: SpecifierSet, version: str) -> bool:
    """Whether any release of a minor version of Python is allowed."""
    releases = (version, *(f"{version}.{patch}" for patch in _PATCHES))
    return any(specifier.contains(release, prereleases=True) for release in releases)


def _pyo3_versions(manifest: Manifest, details: Details | None) -> tuple[Version, ...]:
    """The crate's PyO3, or all that it may turn out to be while only its workspace's lockfile is known."""
    if details:
        known = crate_version(details.pyo3_version)
        return (known,) if known else ()
    return manifest.locked_versions("pyo3") or manifest.locked_versions("pyo3-ffi")

"""What a crate demands of the tools that build it, held against those of the images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xbuild.catalog import beyond_the_stubs
from xbuild.errors import RefusedError
from xbuild.inspect.configuration.maturin import check_environment, judge_settings
from xbuild.inspect.crate.details import Details, version_key
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.crate.toolchain import check_demands
from xbuild.request.model import BuildRequest, TargetRequest


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a plan that is worth saying.

    :ivar code: identifies the kind in machine-readable output.
    """

    text: str
    code: str = "note"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The tools of the images; ``""`` where a version is not known yet."""

    rust: str = ""
    maturin: str = ""


def check_tools(
    request: BuildRequest, manifest: Manifest, details: Iterable[Details], versions: Versions
) -> Iterator[Note]:
    """Hold the images' tools against what the crate asks for, and with ``details`` what its crates ask for.

    :raises RefusedError: ``rust-too-old``, ``unsupported-toolchain``, ``unsupported-requirement``,
        ``unsupported-variable``, or the code of a row of ``maturin.toml``.
    """
    for one in (None, *details):
        _check_rust(manifest, one, versions.rust)
    if request.overlooked:
        yield Note(
            f"builds do not get {', '.join(request.overlooked)} of your environment; "
            "what is below [environment] they get",
            "environment",
        )
    for wanted in request.targets:
        check_environment(wanted.environment, wanted.target)
        profiled = any(flag.startswith("-Cprofile-use=") for flag in wanted.rustflags)
        for code, text in judge_settings(manifest.maturin, wanted.target, wanted.environment):
            if not (profiled and code == "pgo-skipped"):
                yield Note(text, code)
        for text in check_demands(
            manifest.demands,
            name=manifest.name,
            rust=versions.rust,
            maturin=versions.maturin,
            environment=wanted.environment,
        ):
            yield Note(text, "toolchain")


def _check_rust(manifest: Manifest, details: Details | None, rust: str) -> None:
    asked, who = manifest.rust_version, manifest.name
    if details and details.rust_version and version_key(details.rust_version) > version_key(asked or "0"):
        asked, who = details.rust_version, details.rust_version_of
    if asked and rust and version_key(asked) > version_key(rust):
        raise RefusedError(
            f"{who} needs Rust {asked}; the toolchain images have {rust}",
            details=f"rust-version in {manifest.cargo_toml if who == manifest.name else 'Cargo.lock'}",
            hint="lock an older release of it, or use an xbuild whose images have a newer Rust",
            code="rust-too-old",
        )


def check_sysroot(wanted: TargetRequest, details: Details | None) -> None:
    """Hold the open sysroot for macOS against what the crates of the graph bind.

    :raises RefusedError: ``needs-sdk``.
    """
    if wanted.target.os != "macos" or wanted.sysroot or wanted.image or details is None:
        return
    needs = [f"{crate} needs {what}" for crate, what in beyond_the_stubs(details.crates).items()]
    if needs:
        raise RefusedError(
            "xbuild's own sysroot for macOS is not enough",
            details="\n".join(needs),
            hint="mount Apple's SDK: --sysroot MacOSX.sdk, from Xcode or its Command Line Tools",
            code="needs-sdk",
        )

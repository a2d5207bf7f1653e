"""The environment of a build container, and what of a project's own configuration goes into it."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.catalog.model import did_you_mean
from xbuild.engine.layout import SRC, TARGET_DIR, VENDOR
from xbuild.errors import RefusedError
from xbuild.inspect.configuration.cargo_config import judge
from xbuild.inspect.configuration.rustflags import configured_flags, without_linker, without_lookup
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.sources.history import CONFIG_HOME
from xbuild.plan.tools import Note
from xbuild.request.model import BuildRequest, TargetRequest

_BUILT_IN = ("bench", "dev", "release", "test")
"""Profiles that cargo has by itself."""


def job_environment(
    wanted: TargetRequest, request: BuildRequest, manifest: Manifest, bindings: str, *, epoch: int
) -> dict[str, str]:
    """Everything that the processes of a build find in their environment, besides what one interpreter needs.

    :param bindings: what :func:`xbuild.plan.choice.choose_bindings` gave.
    :param epoch: SOURCE_DATE_EPOCH, in seconds.
    :raises RefusedError: ``unsupported-cargo-config`` or ``bad-cargo-config``.
    """
    _, passing_over = judge(manifest.config, wanted.target, wanted.environment)
    return {
        "HOME": "/tmp/home",  # noqa: S108  # a private tmpfs of the container
        "XDG_CACHE_HOME": f"{TARGET_DIR}/cache",
        "ZIG_GLOBAL_CACHE_DIR": f"{TARGET_DIR}/zig",
        "ZIG_LOCAL_CACHE_DIR": f"{TARGET_DIR}/zig",
        "CARGO_HOME": VENDOR,
        "CARGO_TARGET_DIR": f"{TARGET_DIR}/build",
        "CARGO_NET_OFFLINE": "true",
        "CARGO_INCREMENTAL": "0",
        "CARGO_TERM_COLOR": "never",
        "SOURCE_DATE_EPOCH": str(epoch),
        "ZERO_AR_DATE": "1",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        **({"XDG_CONFIG_HOME": f"{SRC}/{CONFIG_HOME}"} if request.source_git else {}),
        **passing_over,
        **_profile_env(profile_of(wanted, manifest), request),
        **wanted.target.env,
        **(wanted.target.sysroot_env if wanted.sysroot else {}),
        **_rustflags(wanted, manifest, bindings),
        **wanted.environment,
    }


def configuration_notes(wanted: TargetRequest, manifest: Manifest) -> Iterator[Note]:
    """What of cargo's configuration is passed over.

    :raises RefusedError: as :func:`job_environment`.
    """
    found, _ = judge(manifest.config, wanted.target, wanted.environment)
    for item in found:
        yield Note(item.text, "cargo-config")
    flags = configured_flags(manifest.config.merged, wanted.target)
    if without_linker(flags) != flags:
        yield Note("the project's -fuse-ld is passed over: xbuild links with its own linker", "cargo-config")
    for file in manifest.config.beside:
        text = (
            f"{file.shown} does not count: cargo is started in {manifest.project}, and reads it from there up"
        )
        yield Note(text, "cargo-config")


def check_profile(wanted: TargetRequest, manifest: Manifest) -> None:
    """Refuse a profile that nothing defines: cargo would, in the middle of a build.

    :raises RefusedError: ``unknown-profile``.
    """
    profile = profile_of(wanted, manifest)
    tables = manifest.config.merged.get("profile", {})
    known = {*_BUILT_IN, *manifest.demands.profiles, *(tables if isinstance(tables, dict) else ())}
    variable = f"CARGO_PROFILE_{profile.upper().replace('-', '_')}_INHERITS"
    if profile in known or variable in wanted.environment:
        return
    raise RefusedError(
        f"there is no Cargo profile {profile}",
        details=f"{manifest.lock_path.with_name('Cargo.toml')} has no [profile.{profile}]; known are "
        f"{', '.join(sorted(known))}",
        hint=did_you_mean(profile, sorted(known))
        or "name one of these: --profile, or profile in [tool.maturin]",
        code="unknown-profile",
    )


def profile_of(wanted: TargetRequest, manifest: Manifest) -> str:
    """The Cargo profile: the caller's, else the one of ``[tool.maturin]``, else what pip would get."""
    return wanted.profile or str(manifest.maturin.get("profile") or "release")


def _profile_env(profile: str, request: BuildRequest) -> dict[str, str]:
    if not request.reproducible:
        return {}
    name = profile.upper().replace("-", "_")
    return {f"CARGO_PROFILE_{name}_CODEGEN_UNITS": "1"}


def _rustflags(wanted: TargetRequest, manifest: Manifest, bindings: str) -> dict[str, str]:
    """The flags for rustc, where cargo and maturin would not find all of them by themselves.

    RUSTFLAGS wins over every other place: then the target's own are in it, those of the project, and the
    caller's. Without it, ``build.rustflags`` does not count beside flags of the target's; and where maturin
    finds the flags of a PyO3 module for macOS in a file that cargo does not read, neither of them gives them.
    """
    target, config = wanted.target, manifest.config
    own = target.env.get(f"CARGO_TARGET_{target.env_key.upper()}_RUSTFLAGS", "").split()
    configured = configured_flags(config.merged, target)
    kept = without_linker(configured)
    if target.os == "macos" and bindings in {"pyo3", "pyo3-ffi"}:
        kept = without_lookup(kept)
    apart = configured_flags(config.merged_for_maturin, target) != configured
    if not (wanted.rustflags or apart or kept != configured or (own and configured)):
        return {}
    flags = [*own, *kept, *" ".join(wanted.rustflags).split()]
    if any(" " in flag for flag in kept):
        return {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}
    return {"RUSTFLAGS": " ".join(flags)}

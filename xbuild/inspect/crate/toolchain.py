"""What a project demands of Rust and of maturin, held against those of the images.

The images have one Rust, a stable one, and one maturin. rustup would fetch what ``rust-toolchain.toml``
names, and pip what ``build-system.requires`` does; a build of xbuild's has no network, and takes what the
image has (docs/decisions/0014-one-stable-rust-for-each-image.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from xbuild.errors import RefusedError
from xbuild.inspect.crate.details import version_key
from xbuild.util.toml import parse_toml, toml_text

BOOTSTRAP = "RUSTC_BOOTSTRAP"
"""The variable that makes a stable Rust take unstable features, as far as it has the same ones."""

_NAMES = ("rust-toolchain", "rust-toolchain.toml")
"""As rustup has it: where both are there, the first one counts."""

_RELEASE = re.compile(r"(?P<version>\d+\.\d+(\.\d+)?)(-[a-z0-9_-]+)?")
_STABLE = re.compile(r"stable(-[a-z0-9_-]+)?")
_UNSTABLE = re.compile(r"(nightly|beta)(-[a-z0-9_-]+)?")

_UNSTABLE_FEATURES = {
    *("codegen-backend", "different-binary-name", "metabuild", "open-namespaces", "panic-immediate-abort"),
    *("path-bases", "per-package-target", "profile-rustflags", "public-dependency", "trim-paths"),
    "unstable-editions",
}
"""What ``cargo-features`` turns on in a nightly only. Those that are stable by now, cargo only warns of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What the files of a project demand of the tools that build it.

    :ivar toolchain: what ``toolchain_file`` names, or ``""``: a channel, or the path of a toolchain.
    :ivar requires: requirements of the build backend's environment, as pyproject.toml has them.
    :ivar cargo_features: unstable features of cargo's that Cargo.toml turns on.
    :ivar profiles: profiles that the workspace's Cargo.toml has a table for.
    """

    toolchain: str = ""
    toolchain_file: Path = Path()
    requires: tuple[str, ...] = ()
    cargo_features: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


def read_demands(
    project: Path,
    root: Path,
    pyproject: Mapping[str, Any],
    cargo: Mapping[str, Any],
    workspace: Mapping[str, Any],
) -> Demands:
    """What a project's files demand.

    :param root: the outermost folder that is looked at.
    :param workspace: Cargo.toml of the workspace.
    :raises RefusedError: ``bad-toolchain-file``.
    """
    file, toolchain = _find_toolchain(project, root)
    return Demands(
        toolchain=toolchain,
        toolchain_file=file,
        requires=tuple(pyproject.get("build-system", {}).get("requires", ())),
        cargo_features=tuple(name for name in cargo.get("cargo-features", ()) if name in _UNSTABLE_FEATURES),
        profiles=tuple(workspace.get("profile", {})),
    )


def _find_toolchain(project: Path, root: Path) -> tuple[Path, str]:
    """The file that rustup would go by, from where maturin is started upwards, and what it names."""
    for folder in (project, *project.parents):
        path = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
        # What a link brings from elsewhere is nobody's to read, and not in the build
        if path and path.resolve().is_relative_to(root):
            return path, _toolchain(path)
        if folder == root:
            break
    return Path(), ""


def _toolchain(path: Path) -> str:
    try:
        text = toml_text(path)
        if path.name == _NAMES[0] and re.fullmatch(r"\s*[^\s=\[\]]+\s*", text):
            return text.strip()
        table = parse_toml(text).get("toolchain", {})
        named = table.get("path") or table.get("channel", "")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise _bad(path, str(error)) from error
    if not isinstance(named, str):
        raise _bad(path, "neither channel nor path is a text")
    return named


def _bad(path: Path, why: str) -> RefusedError:
    return RefusedError(
        f"{path} is no toolchain file that rustup understands",
        details=why,
        hint='it holds [toolchain] and channel = "..."',
        code="bad-toolchain-file",
    )


def check_demands(
    demands: Demands, *, name: str, rust: str, maturin: str, environment: Mapping[str, str]
) -> Iterator[str]:
    """Hold what a project demands against what the images have; gives notes.

    :param name: of the project.
    :param rust: version of the images' Rust, or ``""`` where it is not known yet.
    :param maturin: version of the images' maturin, likewise.
    :param environment: the caller's variables for the build.
    :raises RefusedError: ``unsupported-toolchain``, ``unsupported-requirement``.
    """
    bootstrap = bool(environment.get(BOOTSTRAP))
    if demands.cargo_features:
        raise RefusedError(
            f"{name} needs a nightly Rust; the toolchain images have a stable one only",
            details=f"Cargo.toml: cargo-features = {list(demands.cargo_features)}",
            hint="take out of Cargo.toml what is unstable",
            code="unsupported-toolchain",
        )
    yield from _check_toolchain(demands, rust, bootstrap=bootstrap)
    for text in demands.requires:
        yield from _check_requirement(text, maturin)


def _check_toolchain(demands: Demands, rust: str, *, bootstrap: bool) -> Iterator[str]:
    toolchain, file = demands.toolchain, demands.toolchain_file
    if not toolchain or _STABLE.fullmatch(toolchain):
        return
    have = f"Rust {rust}" if rust else "a stable Rust"
    if _UNSTABLE.fullmatch(toolchain):
        if not bootstrap:
            raise RefusedError(
                f"{file.name} asks for the Rust {toolchain}; the toolchain images have a stable one only",
                details=str(file),
                hint='where the code allows it, name a stable release: channel = "stable";\n'
                "to try it with the unstable features of the images' Rust, set "
                f'{BOOTSTRAP} = "1" below [environment]',
                code="unsupported-toolchain",
            )
        yield f"{file.name} asks for {toolchain}; it is {have} with unstable features ({BOOTSTRAP})"
    elif release := _RELEASE.fullmatch(toolchain):
        asked, known = version_key(release["version"]), version_key(rust)
        if rust and asked > known[: len(asked)]:
            raise RefusedError(
                f"{file.name} asks for Rust {toolchain}; the toolchain images have {rust}",
                details=str(file),
                hint="name an older one, or use an xbuild whose images have a newer Rust",
                code="unsupported-toolchain",
            )
        if rust and asked != known[: len(asked)]:
            yield f"{file.name} asks for Rust {toolchain}; it is built with the images' Rust {rust}"
    else:
        raise RefusedError(
            f"{file.name} asks for a toolchain of another machine: {toolchain}",
            details=f"{file}\nthe images have {have}",
            hint='name a release: channel = "stable"',
            code="unsupported-toolchain",
        )


def _check_requirement(text: str, maturin: str) -> Iterator[str]:
    try:
        asked = Requirement(text)
    except InvalidRequirement:
        return  # maturin is not the one that reads it
    if canonicalize_name(asked.name) != "maturin":
        yield f"build-system.requires names {text}, which builds of xbuild's do not get"
    elif maturin and not asked.specifier.contains(maturin, prereleases=True):
        if _is_newer_wanted(asked, maturin):
            raise RefusedError(
                f"the project needs {text}; the toolchain images have maturin {maturin}",
                details="build-system.requires in pyproject.toml",
                hint="use an xbuild whose images have a newer maturin, or allow an older one",
                code="unsupported-requirement",
            )
        yield f"build-system.requires names {text}; it is built with the images' maturin {maturin}"


def _is_newer_wanted(asked: Requirement, maturin: str) -> bool:
    """Whether a specifier that leaves a release out does so because that is too old."""
    have = Version(maturin)
    for part in asked.specifier:
        wanted = part.version.removesuffix(".*")
        if part.operator in {">=", ">", "==", "===", "~="} and Version(wanted) >= have:
            return True
    return False

"""What a crate's own files say, read without running anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from xbuild.errors import RefusedError
from xbuild.inspect.crate.cargo_lock import LockedPackage, read_lock
from xbuild.inspect.crate.cargoconfig import CargoConfig
from xbuild.inspect.crate.features import ConditionalFeature, read_features
from xbuild.inspect.crate.named import Manifests, check_python_source, named
from xbuild.inspect.crate.roots import Sources, find_sources
from xbuild.inspect.crate.shapes import CargoToml, PyprojectToml
from xbuild.inspect.crate.toolchain import Demands, read_demands
from xbuild.inspect.crate.versions import crate_version, semver_to_pep440
from xbuild.inspect.crate.workspace import find_workspace, path_dependencies, read_document


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A crate as its files describe it.

    :ivar project: folder with pyproject.toml (or, without one, Cargo.toml).
    :ivar cargo_toml: the crate's Cargo.toml.
    :ivar workspace: folder of the workspace's root, where Cargo.lock belongs.
    :ivar root: the folder that has everything the build reads; see :mod:`xbuild.inspect.crate.roots`.
    :ivar folders: the folders in ``root`` that are sources: all that the crate's files refer to.
    :ivar files: files that are sources wherever they are, and whether git ignores them or not.
    :ivar name: distribution name as the project spells it.
    :ivar version: normalised version (PEP 440).
    :ivar requires_python: ``""`` where the project does not say.
    :ivar rust_version: oldest Rust that the crate itself asks for, or ``""``.
    :ivar locked: packages of Cargo.lock, or ``None`` without one.
    :ivar bindings: what ``[tool.maturin]`` sets, else what Cargo.toml lets expect; ``""`` where it does not
        say enough.
    :ivar demands: what the project demands of Rust and of maturin.
    :ivar config: cargo's configuration in the sources, once these are taken.
    :ivar maturin_features: features that ``[tool.maturin]`` turns on.
    :ivar conditional_features: those that it turns on for some Pythons only.
    """

    project: Path
    cargo_toml: Path
    workspace: Path
    root: Path
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    name: str
    version: str
    requires_python: str
    rust_version: str
    locked: tuple[LockedPackage, ...] | None
    bindings: str
    maturin_features: tuple[str, ...]
    conditional_features: tuple[ConditionalFeature, ...] = ()
    maturin: Mapping[str, Any]
    demands: Demands = field(default_factory=Demands)
    config: CargoConfig = field(default_factory=CargoConfig)

    @property
    def lock_path(self) -> Path:
        """Where Cargo.lock is or belongs."""
        return self.workspace / "Cargo.lock"

    def locked_versions(self, name: str) -> tuple[Version, ...]:
        """All locked versions of a package, the newest first."""
        found = (package.version for package in self.locked or () if package.name == name)
        versions = map(crate_version, found)
        return tuple(sorted((version for version in versions if version), reverse=True))

    @property
    def specifier(self) -> SpecifierSet:
        """``requires-python`` as a set of versions."""
        return SpecifierSet(self.requires_python)

    @property
    def wheel_name(self) -> str:
        """The distribution's name as maturin spells it in the names of wheels and of their folders."""
        return re.sub(r"[-_.]+", "_", self.name).lower()


def read_manifest(
    path: Path, *, source_root: Path | None = None, home: Path | None = None, trusted: bool = False
) -> Manifest:
    """Read a crate.

    :param path: the project's folder, or its pyproject.toml or Cargo.toml.
    :param source_root: where the user names it; see :mod:`xbuild.inspect.crate.roots`.
    :param home: the user's home folder.
    :param trusted: whether the user trusts what the project names outside of what it came with.
    :raises RefusedError: ``no-crate``, ``bad-manifest``, ``not-maturin``, ``bad-version``,
        ``outside-sources`` or ``python-source-outside``.
    :raises UsageError: ``bad-source-root``.
    """
    project = path.parent if path.name in {"Cargo.toml", "pyproject.toml"} else path
    try:
        manifests = _read_manifests(project)
        check_python_source(manifests)
        sources = _find_sources(manifests, source_root=source_root, home=home, trusted=trusted)
        return _manifest(manifests, sources)
    except OSError as error:
        # Such as a name, in one of them, that is longer than a file's can be
        raise RefusedError(
            f"cannot read what the manifests of {project} name", details=str(error), code="bad-manifest"
        ) from error


def _manifest(manifests: Manifests, sources: Sources) -> Manifest:
    pyproject, cargo, shared = manifests.pyproject, manifests.cargo, manifests.workspace_cargo
    package = {key: _inherit(key, value, shared) for key, value in cargo["package"].items()}
    lock_path = manifests.workspace / "Cargo.lock"
    python = pyproject.get("project", {})
    settings = pyproject.get("tool", {}).get("maturin", {})
    features = read_features(settings.get("features", []))
    return Manifest(
        project=manifests.project,
        cargo_toml=manifests.cargo_toml,
        workspace=manifests.workspace,
        root=sources.root,
        folders=sources.folders,
        files=sources.files,
        name=_name(python, package),
        version=_version(python, package, manifests.cargo_toml),
        requires_python=_requires_python(python),
        rust_version=str(package.get("rust-version", "")),
        locked=read_lock(lock_path) if lock_path.is_file() else None,
        bindings=_bindings(settings, cargo, shared),
        maturin_features=tuple(item for item in features if isinstance(item, str)),
        conditional_features=tuple(item for item in features if not isinstance(item, str)),
        maturin=settings,
        demands=read_demands(manifests.project, sources.root, pyproject, cargo, shared),
    )


def _read_manifests(project: Path) -> Manifests:
    """The files that say what a crate is: its own two, and its workspace's."""
    path = project / "pyproject.toml"
    pyproject = read_document(path, PyprojectToml) if path.is_file() else {}
    _require_maturin(project, pyproject)
    settings = pyproject.get("tool", {}).get("maturin", {})
    cargo_toml = (project / settings.get("manifest-path", _default_cargo_toml(project, pyproject))).resolve()
    if not cargo_toml.is_file():
        raise RefusedError(
            f"no crate at {project}",
            details=f"{cargo_toml} does not exist",
            hint="give the folder that holds the crate's pyproject.toml and Cargo.toml",
            code="no-crate",
        )
    cargo = read_document(cargo_toml, CargoToml)
    if "package" not in cargo:
        raise RefusedError(
            f"{cargo_toml} is a workspace without a package of its own",
            hint="give the folder of the workspace member that makes the Python module",
            code="no-crate",
        )
    workspace, workspace_cargo = find_workspace(cargo_toml, cargo)
    return Manifests(
        project=project.resolve(),
        cargo_toml=cargo_toml,
        workspace=workspace,
        pyproject=pyproject,
        cargo=cargo,
        workspace_cargo=workspace_cargo,
    )


def _find_sources(
    manifests: Manifests, *, source_root: Path | None, home: Path | None, trusted: bool
) -> Sources:
    """What of the disk the build reads: all that the manifests refer to, and name."""
    project, cargo_toml, workspace = manifests.project, manifests.cargo_toml, manifests.workspace
    referred = path_dependencies(workspace, cargo_toml)
    return find_sources(
        project,
        needed=[workspace, *referred.folders],
        crates=[folder for folder in referred.folders if (folder / "Cargo.toml").is_file()],
        files=[workspace / "Cargo.lock", *referred.roots],
        named=named(manifests),
        source_root=source_root,
        home=home,
        trusted=trusted,
        around=_workspace_around(project, cargo_toml, manifests.cargo, workspace),
    )


def _workspace_around(
    project: Path, cargo_toml: Path, cargo: Mapping[str, Any], workspace: Path
) -> Path | None:
    """The workspace, where cargo finds it above the project, and no file of the project names it."""
    inside = cargo_toml.is_relative_to(project) and "workspace" not in cargo["package"]
    return workspace if inside else None


def _default_cargo_toml(project: Path, pyproject: Mapping[str, Any]) -> str:
    """Where maturin looks without a ``manifest-path`` (``resolve_manifest_paths`` in its project_layout.rs).

    A project that puts Python first has its crate in rust/, and its modules in src/ or where it says.
    """
    settings = pyproject.get("tool", {}).get("maturin", {})
    name = str(pyproject.get("project", {}).get("name", ""))
    packages = [name.replace("-", "_"), *settings.get("python-packages", ())] if name else []
    python_first = "python-source" in settings or any(
        (project / "src" / package / "__init__.py").is_file() for package in packages
    )
    crate = "rust/Cargo.toml"
    return crate if pyproject and python_first and (project / crate).is_file() else "Cargo.toml"


def _require_maturin(project: Path, pyproject: Mapping[str, Any]) -> None:
    system = pyproject.get("build-system")
    if system is None and (made_by := _setuptools(project, pyproject)):
        raise RefusedError(
            f"the build backend is {made_by}, not maturin",
            details=f"{project} has no [build-system], and is built by setuptools then",
            hint="xbuild builds what maturin builds; for other backends see cibuildwheel",
            code="not-maturin",
        )
    if system is None:
        if not (project / "Cargo.toml").is_file() and not pyproject:
            raise RefusedError(
                f"no crate at {project}",
                details="there is neither a pyproject.toml nor a Cargo.toml",
                hint="give the folder of the crate; for an sdist, unpack it first",
                code="no-crate",
            )
        return
    backend = system.get("build-backend", "setuptools.build_meta:__legacy__")
    if backend != "maturin":
        raise RefusedError(
            f"the build backend is {backend}, not maturin",
            details=f"{project / 'pyproject.toml'}: requires {', '.join(system.get('requires', ()))}",
            hint="xbuild builds what maturin builds; for other backends see cibuildwheel",
            code="not-maturin",
        )


def _setuptools(project: Path, pyproject: Mapping[str, Any]) -> str:
    """What makes a project without a ``[build-system]`` setuptools', or ``""``."""
    tools = pyproject.get("tool", {})
    if "maturin" in tools:
        return ""
    if "setuptools-rust" in tools:
        return "setuptools-rust (pyproject.toml)"
    return "setuptools (setup.py)" if (project / "setup.py").is_file() else ""


def _inherit(key: str, value: object, workspace: Mapping[str, Any]) -> object:
    if isinstance(value, dict) and value.get("workspace") is True:
        return workspace.get("workspace", {}).get("package", {}).get(key, "")
    return value


def _name(python: Mapping[str, Any], package: Mapping[str, Any]) -> str:
    name = str(python.get("name") or package.get("name", ""))
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise RefusedError(f"{name!r} is no name of a Python distribution", code="bad-manifest")
    canonicalize_name(name)
    return name


def _version(python: Mapping[str, Any], package: Mapping[str, Any], cargo_toml: Path) -> str:
    raw = str(python.get("version") or package.get("version", ""))
    try:
        return str(Version(semver_to_pep440(raw)))
    except InvalidVersion as error:
        raise RefusedError(f"{cargo_toml}: {raw!r} is no version", code="bad-version") from error


def _requires_python(python: Mapping[str, Any]) -> str:
    text = str(python.get("requires-python", ""))
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise RefusedError(f"requires-python {text!r} is no specifier", code="bad-manifest") from error
    return text


def _bindings(settings: Mapping[str, Any], cargo: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """The setting, else what the manifest lets expect of maturin, which goes by the resolved dependencies.

    :param shared: Cargo.toml of the workspace.
    """
    if "bindings" in settings:
        return str(settings["bindings"])
    inherited = shared.get("workspace", {}).get("dependencies", {})
    always: set[str] = set()
    names: set[str] = set()
    for scope in (cargo, *cargo.get("target", {}).values()):
        for name, asked in scope.get("dependencies", {}).items():
            table = asked if isinstance(asked, dict) else {}
            source = inherited.get(name) if table.get("workspace") is True else table
            package = str(source.get("package", name)) if isinstance(source, dict) else name
            names.add(package)
            if scope is cargo and not table.get("optional"):
                always.add(package)
    module = "cdylib" in cargo.get("lib", {}).get("crate-type", ())
    for candidate in ("pyo3", "pyo3-ffi"):
        if candidate in (names if module else always):
            return candidate
    return "" if module or "pyo3" in names or "uniffi" in names or "lib" in cargo else "bin"

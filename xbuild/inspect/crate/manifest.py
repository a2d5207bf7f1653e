"""What a crate's own files say, read without running anything."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
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
from xbuild.inspect.crate.roots import find_sources
from xbuild.inspect.crate.shapes import CargoToml, PyprojectToml, problems
from xbuild.inspect.crate.toolchain import Demands, read_demands
from xbuild.util.toml import read_toml


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
        return _manifest(project, source_root, home, trusted=trusted)
    except OSError as error:
        # Such as a name, in one of them, that is longer than a file's can be
        raise RefusedError(
            f"cannot read what the manifests of {project} name", details=str(error), code="bad-manifest"
        ) from error


def _manifest(project: Path, source_root: Path | None, home: Path | None, *, trusted: bool) -> Manifest:
    path = project / "pyproject.toml"
    pyproject = _read_toml(path, PyprojectToml) if path.is_file() else {}
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
    cargo = _read_toml(cargo_toml, CargoToml)
    if "package" not in cargo:
        raise RefusedError(
            f"{cargo_toml} is a workspace without a package of its own",
            hint="give the folder of the workspace member that makes the Python module",
            code="no-crate",
        )
    workspace, workspace_cargo = _find_workspace(cargo_toml, cargo)
    package = {key: _inherit(key, value, workspace_cargo) for key, value in cargo["package"].items()}
    lock_path = workspace / "Cargo.lock"
    python = pyproject.get("project", {})
    referred = _path_dependencies(workspace, cargo_toml)
    manifests = Manifests(
        project=project.resolve(),
        crate=cargo_toml.parent,
        workspace=workspace,
        pyproject=pyproject,
        cargo=cargo,
        workspace_cargo=workspace_cargo,
    )
    check_python_source(manifests)
    sources = find_sources(
        project.resolve(),
        needed=[workspace, *referred.folders],
        crates=[folder for folder in referred.folders if (folder / "Cargo.toml").is_file()],
        files=[lock_path, *referred.roots],
        named=named(manifests),
        source_root=source_root,
        home=home,
        trusted=trusted,
        around=_workspace_around(project.resolve(), cargo_toml, cargo, workspace),
    )
    features = read_features(settings.get("features", []))
    return Manifest(
        project=project.resolve(),
        cargo_toml=cargo_toml,
        workspace=workspace,
        root=sources.root,
        folders=sources.folders,
        files=sources.files,
        name=_name(python, package),
        version=_version(python, package, cargo_toml),
        requires_python=_requires_python(python),
        rust_version=str(package.get("rust-version", "")),
        locked=read_lock(lock_path) if lock_path.is_file() else None,
        bindings=_bindings(settings, cargo, workspace_cargo),
        maturin_features=tuple(item for item in features if isinstance(item, str)),
        conditional_features=tuple(item for item in features if not isinstance(item, str)),
        maturin=settings,
        demands=read_demands(project.resolve(), sources.root, pyproject, cargo, workspace_cargo),
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


def _read_toml(path: Path, shape: type[CargoToml | PyprojectToml]) -> dict[str, Any]:
    try:
        document = read_toml(path)
    except (OSError, ValueError, RecursionError) as error:
        raise RefusedError(f"cannot read {path}", details=str(error), code="bad-manifest") from error
    wrong = problems(shape, document)
    if wrong:
        raise RefusedError(f"cannot make sense of {path}", details=wrong, code="bad-manifest")
    return document


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


def _find_workspace(cargo_toml: Path, cargo: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """The workspace's root, found as cargo finds it: ``package.workspace``, or upwards."""
    if "workspace" in cargo:
        return cargo_toml.parent, dict(cargo)
    named = cargo["package"].get("workspace")
    folders = [(cargo_toml.parent / named).resolve()] if named else cargo_toml.parent.parents
    for folder in folders:
        candidate = folder / "Cargo.toml"
        if candidate.is_file():
            data = _read_toml(candidate, CargoToml)
            if "workspace" in data and not _is_excluded(cargo_toml.parent, folder, data["workspace"]):
                return folder, data
    return cargo_toml.parent, dict(cargo)


def _is_excluded(folder: Path, root: Path, workspace: Mapping[str, Any]) -> bool:
    """Whether a workspace does not want a folder. As in cargo, patterns among the members count as paths."""

    def listed(key: str) -> bool:
        return any(folder.is_relative_to(os.path.normpath(root / name)) for name in workspace.get(key, ()))

    return listed("exclude") and not listed("members")


def _inherit(key: str, value: object, workspace: Mapping[str, Any]) -> object:
    if isinstance(value, dict) and value.get("workspace") is True:
        return workspace.get("workspace", {}).get("package", {}).get(key, "")
    return value


def _dependency_tables(cargo: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    names = ("dependencies", "dev-dependencies", "build-dependencies")
    for scope in (cargo, *cargo.get("target", {}).values()):
        yield from (scope.get(name, {}) for name in names)
    yield cargo.get("workspace", {}).get("dependencies", {})
    yield from cargo.get("patch", {}).values()


@dataclass(frozen=True, slots=True)
class _Referred:
    """What a crate's manifests refer to.

    :ivar folders: of all path dependencies, direct and indirect, of the crate and its workspace.
    :ivar roots: Cargo.toml of the other workspaces that path dependencies belong to, and may inherit from.
    """

    folders: list[Path]
    roots: list[Path]


def _path_dependencies(workspace: Path, cargo_toml: Path) -> _Referred:
    found = _Referred([], [])
    waiting = [workspace, cargo_toml.parent]
    while waiting:
        folder = waiting.pop()
        if folder in found.folders:
            continue
        found.folders.append(folder)
        manifest = folder / "Cargo.toml"
        if not manifest.is_file():
            continue
        cargo = _read_toml(manifest, CargoToml)
        above, shared = _find_workspace(manifest, cargo) if "package" in cargo else (folder, cargo)
        if above not in {folder, workspace}:
            found.roots.append(above / "Cargo.toml")
        waiting += _paths(folder, cargo, above, shared)
        if folder == workspace:
            waiting += _members(folder, cargo.get("workspace", {}))
    return found


def _paths(folder: Path, cargo: Mapping[str, Any], above: Path, shared: Mapping[str, Any]) -> Iterator[Path]:
    """Where the path dependencies of one manifest are, inherited ones too."""
    inherited = shared.get("workspace", {}).get("dependencies", {})
    for table in _dependency_tables(cargo):
        for name, wanted in table.items():
            start, asked = folder, wanted
            if isinstance(wanted, dict) and wanted.get("workspace") is True:
                start, asked = above, inherited.get(name)
            if isinstance(asked, dict) and "path" in asked:
                yield (start / asked["path"]).resolve()


def _members(root: Path, workspace: Mapping[str, Any]) -> Iterator[Path]:
    """The workspace's members, all of which cargo reads."""
    for pattern in workspace.get("members", ()):
        # Path.glob takes neither absolute patterns nor empty ones, and cargo takes both
        whole = os.path.normpath(os.path.join(glob.escape(str(root)), pattern))  # noqa: PTH118
        for name in glob.glob(whole):  # noqa: PTH207
            folder = Path(name).resolve()
            if (folder / "Cargo.toml").is_file() and not _is_excluded(folder, root, workspace):
                yield folder


def _name(python: Mapping[str, Any], package: Mapping[str, Any]) -> str:
    name = str(python.get("name") or package.get("name", ""))
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise RefusedError(f"{name!r} is no name of a Python distribution", code="bad-manifest")
    canonicalize_name(name)
    return name


def crate_version(text: str) -> Version | None:
    """A crate's version without its build metadata, or ``None`` for one that PEP 440 cannot say."""
    try:
        return Version(_semver_to_pep440(text.partition("+")[0]))
    except InvalidVersion:
        return None


def _version(python: Mapping[str, Any], package: Mapping[str, Any], cargo_toml: Path) -> str:
    raw = str(python.get("version") or package.get("version", ""))
    try:
        return str(Version(_semver_to_pep440(raw)))
    except InvalidVersion as error:
        raise RefusedError(f"{cargo_toml}: {raw!r} is no version", code="bad-version") from error


def _semver_to_pep440(text: str) -> str:
    """Cargo's pre-releases as maturin spells them: ``1.0.0-alpha.1`` is ``1.0.0a1``."""
    head, _, build = text.partition("+")
    match = re.fullmatch(r"(\d+\.\d+\.\d+)-(alpha|beta|rc)\.?(\d+)?", head)
    if match:
        letter = {"alpha": "a", "beta": "b", "rc": "rc"}[match[2]]
        head = f"{match[1]}{letter}{match[3] or 0}"
    return f"{head}+{build}" if build else head


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

"""What a project's manifests name: files that maturin packs, and such that cargo compiles from elsewhere.

They are sources, also where git ignores them: that is what naming them is for. Facts about maturin are those
of 1.16.0, as it was tried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from xbuild.errors import RefusedError
from xbuild.inspect.sources.walk import NEVER, ignore_rules, is_output, walk

Kind = Literal["file", "folder", "packed"]
_MAGIC = set("*?[")
_LICENSES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")
"""What maturin takes as licences where the project names none."""
_READMES = ("README.md", "README.txt", "README.rst", "README")


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a manifest names, and that is there.

    :ivar path: absolute, without ``..``; it may be a link.
    :ivar where: what names it: ``project.readme of pyproject.toml``.
    :ivar kind: a ``file`` that is a source whether git ignores it or not; a ``folder`` whose files are, as
        far as git does not ignore them; or one that is ``packed`` whole.
    """

    path: Path
    where: str
    kind: Kind = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """The manifests of a project, as they were read.

    :ivar project: folder of pyproject.toml.
    :ivar cargo_toml: the crate's own.
    :ivar workspace: folder of the workspace's root.
    """

    project: Path
    cargo_toml: Path
    workspace: Path
    pyproject: Mapping[str, Any]
    cargo: Mapping[str, Any]
    workspace_cargo: Mapping[str, Any]

    @property
    def crate(self) -> Path:
        """Folder of the crate's Cargo.toml."""
        return self.cargo_toml.parent

    @property
    def maturin(self) -> Mapping[str, Any]:
        """``[tool.maturin]``."""
        return _table(self.pyproject.get("tool"), "maturin")

    @property
    def python(self) -> Mapping[str, Any]:
        """``[project]``."""
        return _table(self.pyproject, "project")

    @property
    def package(self) -> Mapping[str, Any]:
        """``[package]``."""
        return _table(self.cargo, "package")


def named(manifests: Manifests) -> tuple[Named, ...]:
    """All that is named and there."""
    found = (*_by_cargo(manifests), *_by_project(manifests), *_by_maturin(manifests))
    return tuple(dict.fromkeys(item for item in found if os.path.lexists(item.path)))


def _by_cargo(manifests: Manifests) -> Iterator[Named]:
    crate, package = manifests.crate, manifests.package
    for key in ("readme", "license-file"):
        folder, value = crate, package.get(key)
        if isinstance(value, dict) and value.get("workspace") is True:
            folder = manifests.workspace
            value = _table(manifests.workspace_cargo.get("workspace"), "package").get(key)
        if isinstance(value, str):
            yield Named(_join(folder, value), f"package.{key} of {crate.name}/Cargo.toml")
    if (package.get("readme") is None or package.get("readme") is True) and "readme" not in manifests.python:
        yield from (Named(crate / name, "the crate's readme") for name in _READMES)
    if isinstance(package.get("build"), str):
        yield Named(_join(crate, package["build"]), f"package.build of {crate.name}/Cargo.toml")
    targets = [("lib", manifests.cargo.get("lib"))]
    targets += [("bin", item) for item in _list(manifests.cargo.get("bin"))]
    for name, target in targets:
        if isinstance(target, dict) and isinstance(target.get("path"), str):
            path = _join(crate, target["path"])
            yield Named(path, f"{name}.path of {crate.name}/Cargo.toml")
            if path.is_file() and not crate.is_relative_to(path.parent):
                # The modules are beside it
                yield Named(path.parent, f"{name}.path of {crate.name}/Cargo.toml", "folder")


def _by_project(manifests: Manifests) -> Iterator[Named]:
    project, python = manifests.project, manifests.python
    for key in ("readme", "license"):
        value = python.get(key)
        if isinstance(value, dict):
            value = value.get("file")
        elif key == "license":
            continue
        if isinstance(value, str):
            yield Named(_join(project, value), f"project.{key} of pyproject.toml")
    patterns = _list(python.get("license-files", _LICENSES))
    for path in _matching(project, patterns):
        yield Named(path, "project.license-files of pyproject.toml")


def _by_maturin(manifests: Manifests) -> Iterator[Named]:
    project, maturin = manifests.project, manifests.maturin
    where = "of [tool.maturin] in pyproject.toml"
    layout = _layout(manifests)
    if isinstance(maturin.get("python-source"), str):
        yield Named(_join(project, maturin["python-source"]), f"python-source {where}", "folder")
    for package in layout.packages:
        yield from (
            Named(path, f"a package that is packed ({where})") for path in _package_files(project, package)
        )
    for pattern in _wheel_patterns(maturin.get("include")):
        matches = list(_matching(project, [pattern])) or list(_matching(layout.source, [pattern]))
        yield from (Named(path, f"include = {pattern!r} {where}") for path in matches)
    if isinstance(maturin.get("data"), str):
        yield Named(_join(project, maturin["data"]), f"data {where}", "packed")
    for name in layout.names:
        yield Named(project / f"{name}.data", f"the data folder {where}", "packed")
        yield Named(project / f"{name.rpartition('.')[2]}.pyi", f"the stub of the module {where}")
    for name in _list(_table(maturin, "sbom").get("include")):
        yield Named(_join(project, name), f"sbom.include {where}")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where maturin looks for Python files.

    :ivar names: what the module may be called.
    :ivar source: the folder that packages are in.
    :ivar packages: those that are there.
    """

    names: tuple[str, ...]
    source: Path
    packages: tuple[Path, ...]


def _layout(manifests: Manifests) -> _Layout:
    maturin, project = manifests.maturin, manifests.project
    said = (
        maturin.get("module-name"),
        _table(manifests.cargo, "lib").get("name"),
        manifests.python.get("name"),
        manifests.package.get("name"),
    )
    name = next((item for item in said if isinstance(item, str) and item), "")
    names = tuple(dict.fromkeys((name, name.replace("-", "_"))))
    others = [item for item in _list(maturin.get("python-packages")) if isinstance(item, str)]
    source = _python_source(manifests, others)
    packages = [source / item.partition(".")[0] for item in names] + [_join(source, item) for item in others]
    return _Layout(
        names,
        source,
        tuple(
            folder
            for folder in dict.fromkeys(packages)
            if folder.is_dir()
            and folder not in {source, project}
            and ((folder / "__init__.py").is_file() or not (folder / "Cargo.toml").is_file())
        ),
    )


def _python_source(manifests: Manifests, packages: Sequence[str]) -> Path:
    project = manifests.project
    said = manifests.maturin.get("python-source")
    if isinstance(said, str):
        return (project / said).resolve()
    own = str(manifests.python.get("name", "")).replace("-", "_")
    found = any((project / "src" / name / "__init__.py").is_file() for name in (own, *packages) if name)
    return project / "src" if found and (project / "rust" / "Cargo.toml").is_file() else project


def check_python_source(manifests: Manifests) -> None:
    """Refuse Python sources that maturin would leave out of the wheel without a word.

    It looks for them below the folder of pyproject.toml only, whatever ``python-source`` says.

    :raises RefusedError: ``python-source-outside``.
    """
    layout, project = _layout(manifests), manifests.project
    lost = [folder for folder in layout.packages if folder.is_symlink() or not folder.is_relative_to(project)]
    patterns = list(_wheel_patterns(manifests.maturin.get("include")))
    if lost and not any(_matching(layout.source, patterns)):
        name = lost[0].name
        how = "is a link" if lost[0].is_symlink() else "is outside of the project"
        raise RefusedError(
            f"the wheel would be without {name}: the package {how}",
            details=f"python-source of {project / 'pyproject.toml'} leads to {layout.source};\n"
            "maturin packs what is below the folder of pyproject.toml, follows no link there, and passes over"
            " the rest without a word",
            hint=f'add include = ["{name}/**/*"] to [tool.maturin], which takes files from python-source;\n'
            "or move pyproject.toml to a folder that has both, with manifest-path for the crate",
            code="python-source-outside",
        )


def _wheel_patterns(include: object) -> Iterator[str]:
    """The patterns of ``include`` that are about wheels and about files of the project."""
    for item in _list(include):
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and "wheel" in _list(item.get("format")):
            yield str(item.get("path", ""))


def _package_files(project: Path, package: Path) -> Iterator[Path]:
    """The files of a package as maturin packs them: it goes by the ``.gitignore`` of the project's folder and
    those below, where there is a git repository around them, and by no other, and never asks git.

    Bytecode is left out here, which maturin would pack.
    """
    if not package.is_relative_to(project):
        return
    ignoring = any((folder / ".git").exists() for folder in (project, *project.parents))
    name = package.relative_to(project).as_posix()
    above = ["", *(f"{folder.as_posix()}/" for folder in reversed(Path(name).parents) if folder.name)]
    rules = (
        tuple(rule for prefix in above for rule in ignore_rules(project / prefix, prefix)) if ignoring else ()
    )
    for found in walk(project, ignoring=ignoring, prefix=f"{name}/", rules=rules):
        if not found.endswith(".pyc"):
            yield project / found


def _matching(folder: Path, patterns: Sequence[Any]) -> Iterator[Path]:
    """The files and links that patterns with ``*``, ``?``, ``[...]`` and ``**`` mean below a folder."""
    for pattern in patterns:
        if isinstance(pattern, str) and not pattern.startswith("/"):
            parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
            if parts and ".." not in parts:
                yield from _match(folder, parts)


def _match(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    head, rest = parts[0], parts[1:]
    if head == "**":
        yield from _match(folder, rest or ("*",))
        for entry in _entries(folder):
            if entry.is_dir() and not entry.is_symlink():
                yield from _match(entry, parts)
        return
    found = _entries(folder) if _MAGIC & set(head) else [folder / head]
    for path in found:
        if fnmatchcase(path.name, head) or path.name == head:
            if rest and path.is_dir() and not path.is_symlink():
                yield from _match(path, rest)
            elif path.is_symlink() or (not rest and path.is_file()):
                yield path


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name not in NEVER and not is_output(path))
    except OSError:
        return []


def _join(folder: Path, name: str) -> Path:
    return Path(os.path.normpath(folder / name))


def _table(value: object, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _list(value: object) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]

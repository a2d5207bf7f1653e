"""What the build script of a crate says: the sources and the unpacked crates are on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from xbuild.catalog import Target
from xbuild.engine import Limits
from xbuild.engine.layout import SRC, VENDOR
from xbuild.execute.diagnosis.finder import Crate, Diagnosis
from xbuild.util.toml import parse_toml

_LARGEST = 1 << 20
"""Bytes of a build script that are read."""
_MOST_CRATES = 200
"""Build scripts of the project's own that are looked at."""
_LONGEST_STATEMENT = 12
"""Lines above a panic in which the beginning of its statement is looked for."""
_COMMAND = re.compile(r"""Command::new\(\s*(?:"(?P<program>[\w.+-]+)"|)""")
_RUNS = re.compile(r"\.(?:status|output|spawn)\(\)")
_CFG = re.compile(r"\bcfg!\s*\(|#!?\[cfg(?:_attr)?\s*\(")
_KEY = re.compile(r"\btarget_(?:arch|env|family|feature|os|vendor)\b|(?<![\"\w])(?:unix|windows)(?![\"\w])")
_LINE_COMMENT = re.compile(r"(?m)^\s*//.*$|\s//\s.*$")
_LONGEST_PREDICATE = 300
_VARIABLES = {"unix": "CARGO_CFG_UNIX", "windows": "CARGO_CFG_WINDOWS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a build failed.

    :ivar target: what it built for.
    :ivar host: what build scripts run on.
    :ivar source: the snapshot.
    :ivar vendor: the folder of the unpacked crates.
    :ivar limits: bounds of the container.
    """

    target: Target
    host: Target
    source: Path
    vendor: Path
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A place where a build script asks for a platform by cfg.

    :ivar crate: its name.
    :ivar file: below the crate's folder.
    :ivar line: counted from 1.
    :ivar asked: as it is written, such as ``cfg!(target_arch = "x86_64")``.
    :ivar key: what decides, such as ``target_arch``.
    """

    crate: str
    file: str
    line: int
    asked: str
    key: str

    @property
    def variable(self) -> str:
        """What cargo tells build scripts of the platform that is built for."""
        return _VARIABLES.get(self.key) or f"CARGO_CFG_{self.key.upper()}"


def program_of_panic(diagnosis: Diagnosis, scene: Scene) -> str | None:
    """The program that a build script runs in the statement that panicked, ``""`` where nothing is run there,
    and ``None`` where something is, or may be, and what cannot be seen."""
    file, number = diagnosis.panicked_at
    if not (diagnosis.script and file):
        return None
    text = _read(_folder(diagnosis.script, scene), PurePosixPath(_below_crate(file, diagnosis.script)))
    if not text:
        return None
    statement = list(_statement(text.split("\n")[:number]))
    for line in statement:
        found = _COMMAND.search(line)
        if found:
            return found["program"] or ""
    return None if any(_RUNS.search(line) for line in statement) else ""


def _statement(lines: Sequence[str]) -> Iterator[str]:
    """The last statement of some lines, from its end."""
    for back, line in enumerate(reversed(lines[-_LONGEST_STATEMENT:])):
        if back and line.rstrip().endswith((";", "{", "}")):
            return
        yield line


def programs(crate: Crate, scene: Scene) -> set[str]:
    """All programs that a crate's build script runs by a name that is written in it."""
    folder = _folder(crate, scene)
    found = (_COMMAND.findall(_read(folder, file)) for file in _files(folder))
    return {name for names in found for name in names if name}


def questions(crate: Crate, scene: Scene) -> Iterator[Question]:
    """Where a crate's build script asks for its own platform, and gets another answer than the target's."""
    yield from _questions(crate.name, _folder(crate, scene), scene, "")


def questions_about(library: str, scene: Scene) -> list[Question]:
    """Such questions of the first crate whose build script names a library: it may ask for it by mistake."""
    crates = [path.parent for path in sorted(scene.source.rglob("build.rs"))[:_MOST_CRATES]]
    crates += sorted(scene.vendor.iterdir()) if scene.vendor.is_dir() else []
    for folder in crates:
        found = list(_questions(folder.name, folder, scene, library))
        if found:
            return found
    return []


def _questions(crate: str, folder: Path, scene: Scene, library: str) -> Iterator[Question]:
    differing = _differing(scene)
    for file in _files(folder):
        text = _without_comments(_read(folder, file))
        if not re.search(rf"(?<![\w-]){re.escape(library)}(?![\w-])", text):
            continue
        for found in _CFG.finditer(text):
            predicate = _balanced(text, found.end())
            key = next((key for key in _KEY.findall(predicate) if key in differing), "")
            if key:
                asked = f"{found[0]}{predicate}".split("\n", 1)[0]
                line = text.count("\n", 0, found.start()) + 1
                yield Question(crate=crate, file=str(file), line=line, asked=asked, key=key)


def _differing(scene: Scene) -> set[str]:
    """The keys of cfg that say something else of the platform of build scripts than of the target."""
    host, target = scene.host, scene.target
    keys = {"target_arch", "target_feature"} if host.arch != target.arch else set()
    if host.os != target.os:
        keys |= {"target_os", "target_vendor"}
    if (host.os == "windows") != (target.os == "windows"):
        keys |= {"target_family", "unix", "windows"}
    if host.triple.rpartition("-")[2] != target.triple.rpartition("-")[2]:
        keys.add("target_env")
    return keys


def _folder(crate: Crate, scene: Scene) -> Path:
    path = PurePosixPath(crate.path)
    if path.is_relative_to(SRC) and ".." not in path.parts:
        return scene.source / path.relative_to(SRC)
    return scene.vendor / f"{crate.name}-{crate.version}"


def _below_crate(file: str, crate: Crate) -> str:
    """A path as a panic has it, relative to the crate where it names a file of the crate."""
    for folder in (crate.path, f"{VENDOR}/vendor/{crate.name}-{crate.version}"):
        if folder and file.startswith(f"{folder}/"):
            return file[len(folder) + 1 :]
    return file


def _files(folder: Path) -> Iterator[PurePosixPath]:
    """The files of a crate's build script: the one that the manifest names, and those beside it where it has
    a folder of its own."""
    try:
        package = parse_toml(_read(folder, PurePosixPath("Cargo.toml"))).get("package")
    except (ValueError, RecursionError):
        package = None
    named = package.get("build") if isinstance(package, dict) else None
    main = PurePosixPath(named if isinstance(named, str) else "build.rs")
    yield main
    if len(main.parts) > 1 and ".." not in main.parts and main.parts[0] != "src":
        beside = sorted(path.name for path in (folder / main.parent).glob("*.rs"))
        yield from (main.parent / name for name in beside if name != main.name)


def _read(folder: Path, file: PurePosixPath) -> str:
    """A file of a crate, ``""`` where it is none: a container gave its name, and a link may lead out."""
    path = folder / file
    try:
        inside = folder.resolve(strict=True)
        if not path.resolve(strict=True).is_relative_to(inside) or not path.is_file():
            return ""
        with path.open("rb") as stream:
            return stream.read(_LARGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _without_comments(text: str) -> str:
    """A program without its comments, with as many lines."""
    return _LINE_COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)


def _balanced(text: str, start: int) -> str:
    """From ``start`` up to the parenthesis that closes what was open there."""
    depth = 1
    for index in range(start, min(len(text), start + _LONGEST_PREDICATE)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return text[start : index + 1]
    return ""

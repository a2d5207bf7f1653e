"""The walls that a build meets in xbuild's containers (``walls.toml``), and the way out of each."""

from __future__ import annotations

import re
import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from xbuild.catalog import Target, load_catalog
from xbuild.engine import Limits
from xbuild.engine.layout import SRC
from xbuild.execute.diagnosis.finder import Crate, Diagnosis
from xbuild.execute.diagnosis.scripts import (
    Question,
    Scene,
    program_of_panic,
    programs,
    questions,
    questions_about,
)

_NOT_FOUND = re.compile(r"kind: NotFound|\(os error 2\)|program not found")
_WORD = re.compile(r"[\w.+-]+")
_ANY_WHAT = "what it looks for"
_GIB = 1 << 30
_COLUMNS = 400
"""How much of a line is looked at: build scripts print lines of any length."""
_PROGRAM, _LIBRARY = "missing-program", "missing-library-to-link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """One wall. The fields are explained in ``walls.toml``."""

    name: str
    patterns: tuple[re.Pattern[str], ...]
    hint: str
    scripts_only: bool = False
    os: str = ""

    def match(self, line: str) -> re.Match[str] | None:
        """Whether a line of a failed build speaks of this wall."""
        return next((found for pattern in self.patterns if (found := pattern.search(line))), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """All walls, and what helps with them.

    :ivar downloads: name of a crate to how it gets what it would download.
    :ivar packages: program to the Debian package that has it.
    :ivar words: in small letters; one of them is in every line that any wall speaks in.
    :ivar host: the triple that build scripts run on.
    """

    rows: tuple[Wall, ...]
    downloads: Mapping[str, str]
    packages: Mapping[str, str]
    words: tuple[str, ...]
    host: str


@lru_cache(maxsize=1)
def load_walls() -> Walls:
    """The walls that this version of xbuild knows."""
    data = tomllib.loads(files(__package__).joinpath("walls.toml").read_text("utf-8"))
    return Walls(
        rows=tuple(
            Wall(
                name=row["name"],
                patterns=tuple(re.compile(pattern) for pattern in row["patterns"]),
                hint=_paragraph(row["hint"]),
                scripts_only=row.get("scripts_only", False),
                os=row.get("os", ""),
            )
            for row in data["wall"]
        ),
        downloads=data["download"],
        packages=data["packages"],
        words=tuple(data["words"]),
        host=data["host"],
    )


def _paragraph(hint: str) -> str:
    """A hint as it is shown: the wall, and the way out as one line, which whoever shows it wraps."""
    wall, *way = hint.strip().split("\n")
    return "\n".join([wall, " ".join(way)]).rstrip()


def is_known(line: str) -> bool:
    """Whether any wall speaks of itself in a line."""
    walls = load_walls()
    line = line[:_COLUMNS]
    small = line.lower()
    return any(word in small for word in walls.words) and any(wall.match(line) for wall in walls.rows)


def hint_of(diagnosis: Diagnosis, scene: Scene) -> str:
    """The wall that a failed build met, and the way out; ``""`` where none is known.

    A build script's panic comes before what it said right before, and what is shown before the rest; where a
    compiler failed in it, nothing else counts. A script that asks for its own platform may be the cause of
    any of it.
    """
    shown = diagnosis.lines[1:] if diagnosis.script else diagnosis.lines
    told = () if diagnosis.compiles else diagnosis.told
    wall = (
        _wall_in(diagnosis.panic, diagnosis, scene)
        or _wall_in(shown, diagnosis, scene)
        or _missing_program(diagnosis, scene)
        or _wall_in(told, diagnosis, scene)
    )
    return "\n".join(part for part in (_asked_of_the_host(diagnosis, scene), wall) if part)


def build_platform() -> Target:
    """What build scripts run on."""
    return load_catalog().target(load_walls().host)


def _wall_in(lines: Iterable[str], diagnosis: Diagnosis, scene: Scene) -> str:
    lines = tuple(lines)
    for wall in load_walls().rows:
        if wall.os not in {"", scene.target.os}:
            continue
        for line in lines if diagnosis.script or not wall.scripts_only else ():
            found = wall.match(line)
            if found:
                return _filled(wall, found.groupdict().get("what") or "", diagnosis.script, scene.limits)
    return ""


def _filled(wall: Wall, what: str, script: Crate | None, limits: Limits) -> str:
    walls = load_walls()
    package = _package(wall, what)
    text = wall.hint.format(
        what=what.removeprefix(f"{SRC}/") or _ANY_WHAT,
        setting=f'build-packages = ["{package}"] in [tool.xbuild]',
        memory=f"{limits.memory / _GIB:.1f} GiB",
        tmp_size=f"{limits.tmp_size / _GIB:.0f} GiB",
        file_size=f"{limits.file_size / _GIB:.0f} GiB",
        open_files=limits.open_files,
        pids=limits.pids,
        script=f"the build script of {script.name}" if script else "the crate",
    )
    way = walls.downloads.get(script.name) if script and wall.name == "no-network" else None
    return f"{text}\n{script.name if script else ''} has for this: {way}" if way else text


def _package(wall: Wall, what: str) -> str:
    """The Debian package that has something."""
    match wall.name:
        case "missing-python-module":
            return f"python3-{what.lower().replace('_', '-')}"
        case "missing-perl-module":
            return f"lib{what.lower().replace('/', '-')}-perl"
    return load_walls().packages.get(what, "NAME-OF-THE-PACKAGE")


def _missing_program(diagnosis: Diagnosis, scene: Scene) -> str:
    """The hint where a build script could not start a program that it does not name as such.

    Rust's own error says that there was no such file, and not which. A word beside it may be a program; or
    the script runs one in the statement that panicked, or only one in all of it that the image does not have.
    """
    said = [line for line in diagnosis.lines[1:] if _NOT_FOUND.search(line)] if diagnosis.script else []
    if not said:
        return ""
    walls = load_walls()
    words = (word for line in said for word in _WORD.findall(line) if word in walls.packages)
    program = next(words, "") or program_of_panic(diagnosis, scene)
    if program is None and diagnosis.script:
        known = programs(diagnosis.script, scene) & walls.packages.keys()
        program = known.pop() if len(known) == 1 else ""
    wall = next(wall for wall in walls.rows if wall.name == _PROGRAM)
    return _filled(wall, program, diagnosis.script, scene.limits) if program else ""


def _asked_of_the_host(diagnosis: Diagnosis, scene: Scene) -> str:
    """The hint where what a build script compiles, or lets be linked, is of the platform that it runs on: it
    asks for that one in place of the target."""
    if diagnosis.script and diagnosis.compiles:
        return _blamed(list(questions(diagnosis.script, scene)), scene)
    link = next(wall for wall in load_walls().rows if wall.name == _LIBRARY)
    missing = (link.match(line) for line in diagnosis.lines) if diagnosis.links else ()
    return next((_blamed(questions_about(found["what"], scene), scene) for found in missing if found), "")


def _blamed(found: Sequence[Question], scene: Scene) -> str:
    if not found:
        return ""
    first = found[0]
    variables = ", ".join(dict.fromkeys(question.variable for question in found))
    return (
        f"the build script of {first.crate} seems to take {scene.target.triple} for the platform it runs on "
        f"itself\nLine {first.line} of its {first.file} has {first.asked}, which speaks of "
        f"{scene.host.triple}.\nA build script has to ask the environment for the target: {variables}."
    )

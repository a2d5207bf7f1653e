"""The part of the Dockerfile language that the recipes in docker/ use.

xbuild runs the recipes itself (docs/decisions/0001-recipes-without-the-classic-builder.md), and so reads them
itself (docs/decisions/0003-a-dockerfile-reader-of-our-own.md). They stay ordinary Dockerfiles, of the shape
"build into /layer, then copy /layer": one stage that makes files, and a last one that adds them as one layer.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xbuild.errors import ImageError

_ARGUMENT = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Copy:
    """``COPY``: ``source`` is a folder of the context, or of the stage named ``stage``."""

    source: str
    destination: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """``RUN`` in exec form. ``secrets`` are the identifiers of the secrets that it may read."""

    argv: tuple[str, ...]
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A build stage. ``parent`` is an image reference, an argument already put in, or ``scratch``."""

    parent: str
    name: str
    steps: tuple[Copy | Run, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed file: the arguments that it declares, and its stages."""

    arguments: tuple[str, ...]
    stages: tuple[Stage, ...]

    @property
    def build(self) -> Stage:
        """The stage that makes files."""
        return self.stages[0]

    @property
    def final(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[-1]


class _Parser:
    def __init__(self, path: str, arguments: Mapping[str, str]) -> None:
        self.path = path
        self.given = arguments
        self.declared: list[str] = []
        self.stages: list[Stage] = []
        self.open: tuple[str, str, list[Copy | Run], dict[str, str]] | None = None

    def fail(self, line: str, why: str) -> ImageError:
        return ImageError(f"{self.path}: {why}", details=line, code="bad-recipe")

    def fill_in(self, line: str, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[1] not in self.declared or match[1] not in self.given:
                raise self.fail(line, f"there is no argument {match[1]}, or no value for it")
            return self.given[match[1]]

        if "$" in _ARGUMENT.sub("", text):
            raise self.fail(line, "arguments are written ${NAME}")
        return _ARGUMENT.sub(value, text)

    def close(self) -> None:
        if self.open:
            parent, name, steps, env = self.open
            self.stages.append(Stage(parent, name, tuple(steps), MappingProxyType(env)))
        self.open = None

    def take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "ARG":
            self.declared.append(self.argument(line, rest))
        elif word == "FROM":
            self.close()
            self.open = (*self.parent(line, rest), [], {})
        elif self.open is None:
            raise self.fail(line, f"{word} before FROM")
        elif word == "COPY":
            self.open[2].append(self.copy(line, rest))
        elif word == "RUN":
            self.open[2].append(self.run(line, rest))
        elif word == "ENV":
            key, value = self.variable(line, rest)
            self.open[3][key] = value
        else:
            raise self.fail(line, f"{word} is not supported in recipes")

    def argument(self, line: str, rest: str) -> str:
        if not re.fullmatch(r"\w+", rest):
            raise self.fail(line, "ARG takes one name, without a default")
        return rest

    def parent(self, line: str, rest: str) -> tuple[str, str]:
        match = re.fullmatch(r"([^\s-]\S*)(?: AS (\w+))?", self.fill_in(line, rest))
        if match is None:
            raise self.fail(line, "FROM takes an image, and AS with a name")
        return match[1], match[2] or ""

    def variable(self, line: str, rest: str) -> tuple[str, str]:
        match = re.fullmatch(r"([A-Za-z_]\w*)=([^\s\"'\\]*)", rest)
        if match is None:
            raise self.fail(line, "ENV takes one NAME=value, without spaces and quotes")
        return match[1], self.fill_in(line, match[2])

    def copy(self, line: str, rest: str) -> Copy:
        try:
            words = shlex.split(rest)
        except ValueError as error:
            raise self.fail(line, str(error)) from error
        stage = ""
        if words and words[0].startswith("--from="):
            stage = words.pop(0).removeprefix("--from=")
        if len(words) != 2 or not all(word.endswith("/") for word in words):
            raise self.fail(line, "COPY takes one folder and its destination, both with a slash at the end")
        if "$" in rest:
            raise self.fail(line, "COPY takes no arguments")
        return Copy(words[0], words[1], stage)

    def run(self, line: str, rest: str) -> Run:
        secrets = []
        while rest.startswith("--mount="):
            mount, _, rest = rest.partition(" ")
            options = dict(part.partition("=")[::2] for part in mount.removeprefix("--mount=").split(","))
            if set(options) != {"type", "id"} or options["type"] != "secret":
                raise self.fail(line, "only --mount=type=secret,id=... is supported")
            secrets.append(options["id"])
        try:
            argv = json.loads(rest)
        except ValueError as error:
            raise self.fail(line, "RUN takes a JSON array of words") from error
        if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
            raise self.fail(line, "RUN takes a JSON array of words")
        return Run(tuple(argv), tuple(secrets))


def parse(text: str, arguments: Mapping[str, str], *, path: str = "Dockerfile") -> Dockerfile:
    """Parse a recipe, with its arguments put in.

    :raises ImageError: ``bad-recipe``.
    """
    parser = _Parser(path, arguments)
    joined = re.sub(r"\\\n\s*", " ", text)
    for raw in joined.splitlines():
        line = raw.strip()
        if line and not line.startswith("#"):
            parser.take(line)
    parser.close()
    if len(parser.stages) != 2 or not parser.stages[0].name:
        raise ImageError(f"{path}: a recipe has a named build stage and a final stage", code="bad-recipe")
    return Dockerfile(tuple(dict.fromkeys(parser.declared)), tuple(parser.stages))

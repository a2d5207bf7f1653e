"""Which images there are, what each is made of, and the digest that identifies it."""

from __future__ import annotations

import hashlib
import re
import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

from xbuild.catalog import Target, load_catalog
from xbuild.images.dockerfile import Copy, Dockerfile, parse

REPOSITORY = "xbuild"
RECIPE_LABEL = "xbuild.recipe"
NAME_LABEL = "xbuild.image"
MANIFEST_LABEL = "xbuild.manifest"
PARENT_LABEL = "xbuild.parent"
"""On an image with packages that a project asked for: the digest of the recipe that it stands on."""
ROOT_LABEL = "xbuild.root"
"""Reference of the minimal Debian in which an image's files, or those of what it stands on, were made."""


@dataclass(frozen=True, slots=True)
class RootRecipe:
    """Where the minimal Debian comes from; the fields are explained in root.toml."""

    registry: str
    suite: str
    packages: tuple[str, ...]
    llvm: str

    @property
    def digest(self) -> str:
        """sha256 of what is asked for, of a registry or of mmdebstrap."""
        return hashlib.sha256(repr((self.registry, self.suite, self.packages)).encode()).hexdigest()

    @property
    def tag(self) -> str:
        """The reference of the bootstrapped image."""
        return f"{REPOSITORY}/root:{self.digest[:16]}"


@lru_cache(maxsize=1)
def root_recipe() -> RootRecipe:
    """The recipe that comes with this version of xbuild."""
    data = tomllib.loads(files(__package__).joinpath("root.toml").read_text("utf-8"))
    return RootRecipe(data["registry"], data["suite"], tuple(data["packages"]), data["llvm"])


@lru_cache(maxsize=1)
def pinned_maturin() -> str:
    """The version of maturin that the base image gets, or ``""`` where its list names none."""
    text = (recipes_dir() / "base" / "requirements.txt").read_text("utf-8")
    found = re.search(r"^maturin==(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def recipes_dir() -> Path:
    """The docker/ folder: beside the package in a checkout, inside it when installed.

    :raises FileNotFoundError: the installation is damaged.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "_docker", package.parent / "docker"):
        if (place / "base" / "Dockerfile").is_file():
            return place
    raise FileNotFoundError(f"the recipes of the toolchain images are missing beside {package}")


@dataclass(frozen=True)
class Recipe:
    """How one image is made.

    :ivar name: what it is called, for instance the target triple.
    :ivar folder: its folder in docker/.
    :ivar parent_argument: the ``ARG`` that names the parent image.
    :ivar parent: its parent's recipe, or ``None`` where it is the minimal Debian of root.toml.
    :ivar arguments: the other ``ARG`` values.
    """

    name: str
    folder: str
    parent_argument: str
    parent: Recipe | None
    arguments: Mapping[str, str]

    @property
    def packages(self) -> tuple[str, ...]:
        """The Debian packages that a project asked for."""
        return tuple(self.arguments["PACKAGES"].split()) if self.folder == "build-packages" else ()

    @property
    def context(self) -> Path:
        """The root of what ``COPY`` can name."""
        return recipes_dir()

    def folder_of(self, source: str) -> Path:
        """What ``COPY source`` names: a folder of docker/, docker/ itself, or the package xbuild."""
        own = {"docker/": self.context, "xbuild/": Path(__file__).resolve().parent.parent}
        return own.get(source, self.context / source)

    def dockerfile(self, parent_reference: str) -> Dockerfile:
        """The parsed recipe, with its parent put in."""
        path = self.context / self.folder / "Dockerfile"
        arguments = {**self.arguments, self.parent_argument: parent_reference}
        return parse(path.read_text("utf-8"), arguments, path=f"docker/{self.folder}/Dockerfile")

    @cached_property
    def digest(self) -> str:
        """sha256 of everything that goes in: the recipe, what it copies, its arguments, its parent's digest.

        Without a parent it is the digest of root.toml, whose two ways to a minimal Debian count as one. What
        the packages' archives hold on the day of the build is not in it; the image's own digest is for that,
        and xbuild.lock pins it.
        """
        state = hashlib.sha256()
        parsed = self.dockerfile(self.parent.digest if self.parent else root_recipe().digest)
        for key, value in sorted(self.arguments.items()):
            state.update(f"{key}={value}\0".encode())
        state.update(repr(parsed).encode())
        for step in parsed.build.steps:
            if isinstance(step, Copy) and not step.stage:
                folder = self.folder_of(step.source)
                for path in context_files(folder):
                    relative = step.source + path.relative_to(folder).as_posix()
                    mode = "x" if is_executable(path) else "-"
                    state.update(f"{relative}\0{mode}\0".encode())
                    state.update(hashlib.sha256(path.read_bytes()).digest())
        return state.hexdigest()

    @property
    def tag(self) -> str:
        """The reference of the image that this recipe makes."""
        return f"{REPOSITORY}/{self.name}:{self.digest[:16]}"


def is_executable(path: Path) -> bool:
    """Whether a file of the context is copied as a program."""
    return bool(path.stat().st_mode & 0o100)


def context_files(folder: Path) -> list[Path]:
    """The files below a folder of the context, sorted; caches of interpreters are no part of it."""
    found = (
        path
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", "_docker"} & set(path.relative_to(folder).parts)
    )
    return sorted(found)


def base_recipe() -> Recipe:
    """The base that all toolchain images share."""
    root = root_recipe()
    return Recipe("base", "base", "ROOT", None, {"SUITE": root.suite, "LLVM": root.llvm})


def toolchain_recipe(target: Target) -> Recipe:
    """The toolchain image of one target."""
    arguments = {"TARGET": target.triple}
    if target.zig:
        arguments |= {
            "COMPATIBILITY": target.compatibility,
            "BUILD_ENV": " ".join(f"{key}={value}" for key, value in target.env.items()),
            "HEADERS": " ".join(_headers(target)),
        }
    return Recipe(target.triple, target.family, "BASE", base_recipe(), arguments)


def with_packages(recipe: Recipe, packages: Iterable[str]) -> Recipe:
    """The recipe of an image on a toolchain image, with more Debian packages; or the same without any."""
    words = sorted(set(packages))
    if not words:
        return recipe
    return Recipe(recipe.name, "build-packages", "BASE", recipe, {"PACKAGES": " ".join(words)})


def _headers(target: Target) -> Iterator[str]:
    """``KIND/SUITE`` of the interpreters whose headers an image gets."""
    if target.glibc:
        for item in load_catalog().interpreters.values():
            if item.headers:
                yield f"{item.kind}/{item.headers}"


def cli_recipe() -> Recipe:
    """The image that xbuild itself runs in, beside an engine."""
    return Recipe("cli", "cli", "ROOT", None, {})

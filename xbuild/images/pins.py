"""xbuild.lock: which images and tools a project is built with.

A recipe names Debian packages, not their versions, so the same recipe gives another image on another day.
This file pins what it gave; ``--locked`` refuses anything else. It is TOML, the same bytes for the same pins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from xbuild.engine import Image
from xbuild.errors import DriftError, RefusedError
from xbuild.images.manifest import layers_digest, tool_versions
from xbuild.images.recipe import RECIPE_LABEL
from xbuild.util.files import open_regular, write_whole
from xbuild.util.toml import parse_toml

LOCK_FILE = "xbuild.lock"
SCHEMA = 1
_LIMIT = 1 << 20
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEAD = "# Pins what xbuild builds with. Made by `xbuild lock`; commit it, and do not edit it.\n"

What = Literal["xbuild", "not-locked", "not-built", "recipe", "image", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedImage:
    """An image that builds use.

    :ivar id: the engine's identifier of it, ``sha256:...``. Engines with containerd's image store give other
        identifiers to the same image, so it is only compared where ``layers`` differ or are not known, and
        where the image is not xbuild's.
    :ivar layers: sha256 over the digests of its layers, uncompressed; the same in every engine.
    :ivar recipe: the digest of the recipe that it was made by; ``""`` for an image that is not xbuild's.
    :ivar tools: versions of its tools and components.
    """

    id: str
    recipe: str = ""
    layers: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The pins.

    :ivar xbuild: the version of xbuild that made them.
    :ivar images: by target triple, and ``base``.
    """

    xbuild: str
    images: Mapping[str, LockedImage]


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not what the lockfile pins.

    :ivar what: ``xbuild``, ``not-locked``, ``not-built``, ``recipe``, ``image`` or ``tool``.
    :ivar where: the target triple, or ``base``; ``""`` for xbuild itself.
    :ivar name: the tool's name, else ``""``.
    """

    what: What
    where: str
    name: str
    locked: str
    current: str

    def __str__(self) -> str:
        place = " ".join(part for part in (self.where, self.name or self.what) if part)
        if self.what == "not-locked":
            return f"{self.where}: the lockfile does not have it"
        if self.what == "not-built":
            return f"{self.where}: there is no image of it yet; {_short(self.locked)} is locked"
        return f"{place}: {_short(self.locked)} is locked, this is {_short(self.current)}"

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return {
            "what": self.what,
            "where": self.where,
            "name": self.name,
            "locked": self.locked,
            "current": self.current,
        }


def _short(value: str) -> str:
    return value[:19] if value.startswith("sha256:") else value[:32] or "nothing"


def lock_images(images: Mapping[str, Image], *, xbuild: str) -> Lock:
    """The lock of some images.

    :param images: by target triple, and ``base``.
    :param xbuild: this xbuild's version.
    """
    return Lock(
        xbuild=xbuild, images=MappingProxyType({name: _locked(image) for name, image in images.items()})
    )


def _locked(image: Image) -> LockedImage:
    return LockedImage(
        id=image.id,
        recipe=image.labels.get(RECIPE_LABEL, ""),
        layers=layers_digest(image),
        tools=MappingProxyType({name: str(version) for name, version in tool_versions(image).items()}),
    )


def merge(lock: Lock, fresh: Lock) -> Lock:
    """``lock`` with the images of ``fresh`` in place of its own: for refreshing some of its targets."""
    return Lock(xbuild=fresh.xbuild, images=MappingProxyType({**lock.images, **fresh.images}))


def drift(lock: Lock, current: Lock, *, wanted: Iterable[str] | None = None) -> tuple[Drift, ...]:
    """What of ``current`` is not what ``lock`` pins. Pins of images that are not wanted count for nothing.

    :param wanted: names of images; all of ``current`` when it is ``None``.
    """
    found: list[Drift] = []
    if lock.xbuild != current.xbuild:
        found.append(Drift("xbuild", "", "xbuild", lock.xbuild, current.xbuild))
    for name in sorted(current.images if wanted is None else set(wanted)):
        pinned, here = lock.images.get(name), current.images.get(name)
        if pinned is None:
            found.append(Drift("not-locked", name, "", "", here.id if here else ""))
        elif here is None:
            found.append(Drift("not-built", name, "", pinned.id, ""))
        else:
            found += _image_drift(name, pinned, here)
    return tuple(found)


def recipe_drift(lock: Lock, recipes: Mapping[str, str], *, xbuild: str) -> tuple[Drift, ...]:
    """What is not what ``lock`` pins, as far as it can be said without any image.

    :param recipes: digests of the recipes that this xbuild has, by target triple, and ``base``.
    :param xbuild: this xbuild's version.
    """
    found = [Drift("xbuild", "", "xbuild", lock.xbuild, xbuild)] if lock.xbuild != xbuild else []
    for name, digest in sorted(recipes.items()):
        pinned = lock.images.get(name)
        if pinned is None:
            found.append(Drift("not-locked", name, "", "", ""))
        elif pinned.recipe != digest:
            found.append(Drift("recipe", name, "", pinned.recipe, digest))
    return tuple(found)


def changes(old: Lock | None, new: Lock) -> tuple[str, ...]:
    """What a new lock pins otherwise than the old one, a line each; everything is new without an old one."""
    before = old or Lock(xbuild=new.xbuild, images={})
    return tuple(
        f"{item.where}: new"
        if item.what == "not-locked"
        else f"{item.where} {item.name or item.what}: {_short(item.locked)} -> {_short(item.current)}".strip()
        for item in drift(before, new)
    )


def _image_drift(name: str, pinned: LockedImage, here: LockedImage) -> Iterator[Drift]:
    if pinned.recipe != here.recipe:
        yield Drift("recipe", name, "", pinned.recipe, here.recipe)
    # Layers do not hold an image's environment; the recipe says it, and what is not xbuild's has none
    same_layers = bool(pinned.recipe and pinned.layers) and pinned.layers == here.layers
    if pinned.id != here.id and not same_layers:
        yield Drift("image", name, "", pinned.id, here.id)
    for tool in sorted({*pinned.tools, *here.tools}):
        versions = pinned.tools.get(tool, ""), here.tools.get(tool, "")
        if versions[0] != versions[1]:
            yield Drift("tool", name, tool, *versions)


def drift_error(drifts: Iterable[Drift]) -> DriftError:
    """The error that says what drifted, one line each."""
    lines = [str(item) for item in drifts]
    return DriftError(
        f"{len(lines)} thing{'s are' if len(lines) != 1 else ' is'} not what {LOCK_FILE} pins",
        details="\n".join(lines),
        hint="`xbuild images pull` or `load` gets the locked images; `xbuild lock` takes what is here",
    )


def format_lock(lock: Lock) -> str:
    """The text of a lockfile: sorted, so that it changes where the pins do."""
    lines = [_HEAD, f"schema = {SCHEMA}", f"xbuild = {_quoted(lock.xbuild)}"]
    for name, image in sorted(lock.images.items()):
        table = f"image.{_key(name)}"
        lines += ["", f"[{table}]", f"id = {_quoted(image.id)}"]
        lines += [f"layers = {_quoted(image.layers)}"] if image.layers else []
        lines += [f"recipe = {_quoted(image.recipe)}"] if image.recipe else []
        lines += ["", f"[{table}.tools]"] if image.tools else []
        lines += [f"{_key(tool)} = {_quoted(version)}" for tool, version in sorted(image.tools.items())]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    """A basic string (https://toml.io/en/v1.0.0#string)."""
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    # A lone surrogate is no Unicode scalar value, and nothing that TOML can hold
    return "\\uFFFD" if 0xD800 <= code <= 0xDFFF else f"\\U{code:08X}"


def parse_lock(text: str, *, where: str) -> Lock:
    """The pins in a lockfile's text.

    :raises RefusedError: ``bad-xbuild-lock``.
    """
    try:
        data = parse_toml(text)
        _check_schema(data)
        images = {name: _image(table) for name, table in _table(data, "image").items()}
        return Lock(xbuild=_string(data, "xbuild"), images=MappingProxyType(images))
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            f"{where} is no lockfile that this xbuild can read",
            details=str(error),
            hint="`xbuild lock` makes a new one",
            code="bad-xbuild-lock",
        ) from error


def _check_schema(data: Mapping[str, Any]) -> None:
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema {data.get('schema')!r}; this xbuild reads {SCHEMA}")


def _image(table: object) -> LockedImage:
    if not isinstance(table, dict):
        raise ValueError("an image is not a table")  # noqa: TRY004  # a value of the file, not of the program
    tools = _table(table, "tools")
    return LockedImage(
        id=_string(table, "id"),
        recipe=_string(table, "recipe", ""),
        layers=_string(table, "layers", ""),
        tools=MappingProxyType({name: _string(tools, name) for name in tools}),
    )


def _table(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a table")  # noqa: TRY004
    return value


def _string(data: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing or not a string")  # noqa: TRY004
    return value


def read_lock(path: Path) -> Lock | None:
    """The pins in a lockfile; ``None`` where there is none.

    :raises RefusedError: ``bad-xbuild-lock``.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_LIMIT + 1)
        if len(data) > _LIMIT:
            raise RefusedError(f"{path} has more than {_LIMIT} bytes", code="bad-xbuild-lock")
        return parse_lock(data.decode(), where=str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"cannot read {path}", details=str(error), code="bad-xbuild-lock") from error


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lockfile so that its readers see the old one or the new one, never a part.

    :raises OSError: it cannot be written.
    """
    write_whole(path, format_lock(lock).encode())

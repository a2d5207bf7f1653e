"""Cargo.lock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbuild.errors import RefusedError
from xbuild.util.toml import parse_toml

# Names, versions and checksums become names of files, and somebody else may have written the lockfile
_SHAPES = {
    "name": re.compile(r"\w[\w-]*"),
    "version": re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"),
    "source": re.compile(r"[^\x00-\x1f]*"),
    "checksum": re.compile(r"([0-9a-f]{64})?"),
}
_NO_CHECKSUM = "<none>"
"""What old lockfiles have for packages whose source knows no checksums."""


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package of Cargo.lock. ``source`` is empty for path dependencies; ``checksum`` for git ones too."""

    name: str
    version: str
    source: str
    checksum: str

    @property
    def is_registry(self) -> bool:
        """Whether it comes as a ``.crate`` file with a checksum."""
        return bool(self.checksum)

    @property
    def is_git(self) -> bool:
        """Whether it comes from a git repository; the commit is part of ``source``."""
        return self.source.startswith("git+")

    @property
    def folder(self) -> str:
        """The name of its folder, as in its ``.crate`` file."""
        return f"{self.name}-{self.version}"


def parse_lock(text: str, *, where: str) -> tuple[LockedPackage, ...]:
    """The packages of a lockfile's text.

    :raises RefusedError: ``bad-lockfile``.
    """
    try:
        data = parse_toml(text)
        old_checksums = data.get("metadata", {})
        return tuple(_package(item, old_checksums) for item in data.get("package", ()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RefusedError(
            f"{where} is no lockfile that cargo wrote",
            details=str(error),
            hint="cargo generate-lockfile makes a new one",
            code="bad-lockfile",
        ) from error


def _package(item: Mapping[str, Any], old_checksums: Mapping[str, str]) -> LockedPackage:
    values = {key: item.get(key, "") for key in _SHAPES}
    if "checksum" not in item:
        old = old_checksums.get("checksum {name} {version} ({source})".format(**values), _NO_CHECKSUM)
        values["checksum"] = old.replace(_NO_CHECKSUM, "")
    for key, shape in _SHAPES.items():
        if not shape.fullmatch(values[key]):
            raise ValueError(f"{key} = {values[key]!r} of a package")
    return LockedPackage(**values)


def no_lockfile(name: str, path: Path) -> RefusedError:
    """The error for a crate without Cargo.lock, where there has to be one."""
    return RefusedError(
        f"{name} has no Cargo.lock",
        details=f"--locked was given, and {path} does not exist",
        hint="run `cargo generate-lockfile` and commit it, or leave --locked out",
        code="no-lockfile",
    )


def read_lock(path: Path) -> tuple[LockedPackage, ...]:
    """The packages of a lockfile.

    :raises RefusedError: ``bad-lockfile``.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"cannot read {path}", details=str(error), code="bad-lockfile") from error
    return parse_lock(text, where=str(path))

"""Cargo.lock."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from xbuild.errors import RefusedError


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
        data = tomllib.loads(text)
        old_checksums = data.get("metadata", {})
        return tuple(
            LockedPackage(
                item["name"],
                item["version"],
                item.get("source", ""),
                item.get("checksum")
                or old_checksums.get(f"checksum {item['name']} {item['version']} ({item.get('source')})", ""),
            )
            for item in data.get("package", ())
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedError(
            f"{where} is no lockfile that cargo wrote",
            details=str(error),
            hint="cargo generate-lockfile makes a new one",
            code="bad-lockfile",
        ) from error


def read_lock(path: Path) -> tuple[LockedPackage, ...]:
    """The packages of a lockfile.

    :raises RefusedError: ``bad-lockfile``.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"cannot read {path}", details=str(error), code="bad-lockfile") from error
    return parse_lock(text, where=str(path))

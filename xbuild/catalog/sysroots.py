"""Sysroots of the caller's own: which systems take one, and whether a folder is one."""

from __future__ import annotations

import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from xbuild.errors import UsageError


@dataclass(frozen=True, slots=True)
class SysrootLayout:
    """A row of ``sysroots.toml``, which explains the fields."""

    what: str
    parts: tuple[str, ...]
    hint: str
    below: str = ""

    def missing(self, folder: Path) -> tuple[str, ...]:
        """The parts that a folder lacks."""
        return tuple(part for part in self.parts if not (folder / part).exists())

    def is_in(self, folder: Path) -> bool:
        """Whether a folder is or holds such a sysroot."""
        return not self.missing(folder) or bool(self.below and not self.missing(folder / self.below))

    def find(self, folder: Path) -> Path:
        """The sysroot that a folder is or holds, without symbolic links on the way to it.

        :raises UsageError: ``bad-sysroot``: it is none, with what is missing.
        """
        missing = self.missing(folder)
        if missing and self.is_in(folder):
            return (folder / self.below).resolve()
        if missing:
            lacks = f"it has no {', '.join(missing)}" if folder.is_dir() else "there is no such folder"
            raise UsageError(
                f"{folder} is not {self.what}", details=lacks, hint=self.hint, code="bad-sysroot"
            )
        return folder.resolve()


@lru_cache(maxsize=1)
def sysroot_layouts() -> Mapping[str, SysrootLayout]:
    """The layouts by system: the ``os`` of targets."""
    data = tomllib.loads(files(__package__).joinpath("sysroots.toml").read_text("utf-8"))
    return {os: SysrootLayout(**{**row, "parts": tuple(row["parts"])}) for os, row in data.items()}

"""A Cargo.lock that holds more than the sources need.

maturin leaves out of an sdist what the wheel does not need of a workspace, and takes its Cargo.lock along as
it is. cargo without ``--locked`` drops what is too much; that is all that it may do to a lockfile here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from xbuild.errors import RefusedError
from xbuild.inspect.crate.cargo_lock import LockedPackage, parse_lock, read_lock
from xbuild.util.files import keep, mark_used, sealed, unsealed

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The packages of a lockfile as it is among the sources, to hold a pruned one against.

    :ivar before: all of them.
    """

    before: tuple[LockedPackage, ...]

    def check(self, lock_path: Path, *, said: str) -> None:
        """Refuse a lockfile that has a package which the one before did not have, or has in another way.

        :param said: what cargo said of the lockfile before.
        :raises RefusedError: ``lockfile-outdated``.
        """
        new = sorted({package.folder for package in set(read_lock(lock_path)) - set(self.before)})
        if new:
            more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
            raise outdated(f"{said}\nit would take in {', '.join(new[:_SHOWN])}{more}".lstrip("\n"))

    def count(self, lock_path: Path) -> int:
        """How many packages a lockfile has less."""
        return len(self.before) - len(read_lock(lock_path))


def outdated(details: str) -> RefusedError:
    """The error for a Cargo.lock that lacks something which Cargo.toml wants."""
    return RefusedError(
        "Cargo.lock does not fit Cargo.toml any more",
        details=details,
        hint="run `cargo update --workspace` and commit Cargo.lock",
        code="lockfile-outdated",
    )


def recall(path: Path, lock_path: Path) -> None:
    """Put the pruned lockfile that an earlier run remembered in its place, if there is a sound one."""
    mark_used(path)
    try:
        text = str(json.loads(unsealed(path.read_bytes()))["lock"])
        packages = set(parse_lock(text, where=str(path)))
    except (OSError, ValueError, TypeError, KeyError, RefusedError):
        return
    if packages <= set(read_lock(lock_path)):
        _replace(lock_path, text)


def remember(path: Path, lock_path: Path) -> None:
    """Keep a pruned lockfile for later runs."""
    keep(path, sealed(json.dumps({"lock": lock_path.read_text("utf-8")}).encode()))


def _replace(lock_path: Path, text: str) -> None:
    lock_path.unlink()
    lock_path.write_text(text, "utf-8")
    lock_path.chmod(0o644)

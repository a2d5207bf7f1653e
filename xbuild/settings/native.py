"""The targets of a call that names none, as cargo finds them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from xbuild.errors import UsageError
from xbuild.util.toml import read_toml

_MACHINE = "host-tuple"
"""What cargo takes in ``build.target`` for the platform that it runs on."""


def default_targets(project: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """``CARGO_BUILD_TARGET``, else ``build.target`` of .cargo/config.toml, else this machine's platform."""
    machine = f"{os.uname().machine}-unknown-linux-gnu"
    named = environ.get("CARGO_BUILD_TARGET")
    if named:
        return (named,)
    for folder in (project, *project.parents):
        # Where both are there, cargo takes the one without a suffix, and only that
        paths = (folder / ".cargo" / name for name in ("config", "config.toml"))
        path = next((path for path in paths if path.is_file()), None)
        targets = _build_targets(path) if path else ()
        if targets:
            return tuple(machine if target == _MACHINE else target for target in targets)
    return (machine,)


def _build_targets(path: Path) -> tuple[str, ...]:
    """What ``build.target`` of a configuration of cargo's names, one target or a list."""
    try:
        build = read_toml(path).get("build", {})
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {path}", details=str(error), code="bad-config") from error
    target = build.get("target", []) if isinstance(build, dict) else None
    targets = [target] if isinstance(target, str) else target
    if not isinstance(targets, list) or not all(isinstance(one, str) for one in targets):
        raise UsageError(f"build.target of {path} is no target", code="bad-config")
    return tuple(filter(None, targets))

"""The directories of one user: configuration, cache and state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

_APPLICATION = "xbuild"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDirs:
    """Where a user's configuration, cache, and state (runs, logs, reports) lie."""

    config: Path
    cache: Path
    state: Path

    @classmethod
    def from_platform(cls) -> UserDirs:
        """As the platform has it: the XDG base directories on Linux, ``~/Library`` on macOS."""
        dirs = platformdirs.PlatformDirs(_APPLICATION, appauthor=False)
        return cls(config=dirs.user_config_path, cache=dirs.user_cache_path, state=dirs.user_state_path)

"""A crate and a user with configuration files of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xbuild.errors import ExitStatus, RefusedError, UsageError
from xbuild.settings import Loaded, UserDirs, load_settings


class Place:
    """A crate's directory and a user's home, without anything of the real ones."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.repo = root / "repo"
        self.crate = self.repo / "crates" / "one"
        self.dirs = UserDirs(
            config=self.home / "config", cache=self.home / "cache", state=self.home / "state"
        )
        self.crate.mkdir(parents=True)
        self.dirs.config.mkdir(parents=True)

    def write(self, text: str, *, name: str = "xbuild.toml", directory: Path | None = None) -> Path:
        path = (directory or self.crate) / name
        path.write_text(text, "utf-8")
        return path

    def say(self, text: str) -> Path:
        """Write the user's own file."""
        return self.write(text, name="config.toml", directory=self.dirs.config)

    def load(
        self,
        *,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        config_file: Path | None = None,
        bundles: tuple[Path, ...] = (),
    ) -> Loaded:
        return load_settings(
            flags=flags or {},
            environ=environ or {},
            project_dir=self.crate,
            config_file=config_file,
            user_dirs=self.dirs,
            system_ca_bundles=bundles,
        )

    def refusal(self, **arguments: Any) -> UsageError:
        with pytest.raises(UsageError) as caught:
            self.load(**arguments)
        assert caught.value.exit_status is ExitStatus.USAGE
        return caught.value

    def not_for_projects(self, **arguments: Any) -> RefusedError:
        with pytest.raises(RefusedError) as caught:
            self.load(**arguments)
        assert (caught.value.code, caught.value.exit_status) == ("not-for-projects", ExitStatus.REFUSED)
        return caught.value

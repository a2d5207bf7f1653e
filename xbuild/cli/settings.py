"""The settings of a call of the command: flags, files and environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbuild.settings import Loaded, load_settings


def load(flags: Mapping[str, Any], project: Path | None, config_file: Path | None = None) -> Loaded:
    """The settings for a call of the command.

    :raises UsageError: a value cannot be understood.
    """
    folder = project if project is None or project.is_dir() else project.parent
    return load_settings(flags=flags, environ=os.environ, project_dir=folder, config_file=config_file)

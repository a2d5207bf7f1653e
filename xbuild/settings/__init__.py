"""Settings: flags over the environment over files over defaults, each value knowing where it came from.

This is the edge. The core takes the values and never reads the environment or the working directory.
"""

from xbuild.settings.describe import describe
from xbuild.settings.dirs import UserDirs
from xbuild.settings.files import tree_of
from xbuild.settings.foreign import Trust
from xbuild.settings.load import DEFAULT, Loaded, load_settings
from xbuild.settings.model import (
    AttestSettings,
    ImagesSettings,
    NetworkSettings,
    RunsSettings,
    Settings,
    TargetSettings,
)
from xbuild.settings.units import format_duration, format_size, parse_duration, parse_size
from xbuild.util.redact import looks_secret, without_userinfo

__all__ = [
    "DEFAULT",
    "AttestSettings",
    "ImagesSettings",
    "Loaded",
    "NetworkSettings",
    "RunsSettings",
    "Settings",
    "TargetSettings",
    "Trust",
    "UserDirs",
    "describe",
    "format_duration",
    "format_size",
    "load_settings",
    "looks_secret",
    "parse_duration",
    "parse_size",
    "tree_of",
    "without_userinfo",
]

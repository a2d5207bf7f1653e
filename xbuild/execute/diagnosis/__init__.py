"""Why a build failed: its first real error, and the wall that it met, from what it printed."""

from xbuild.execute.diagnosis.finder import MOST_LINES, Crate, Diagnosis, Finder, first_error
from xbuild.execute.diagnosis.scripts import Scene
from xbuild.execute.diagnosis.walls import build_platform, hint_of, is_known

__all__ = [
    "MOST_LINES",
    "Crate",
    "Diagnosis",
    "Finder",
    "Scene",
    "build_platform",
    "first_error",
    "hint_of",
    "is_known",
]

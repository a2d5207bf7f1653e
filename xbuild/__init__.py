"""xbuild: containerised cross-builds of Rust extensions for Python.

As a library: :func:`plan_wheels`, :func:`build_wheels`, :func:`rebuild_wheels`, :func:`audit_wheels`, with
:class:`Settings` in and a :class:`Report` out. What they need is loaded when it is first asked for.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xbuild.app.library import audit_wheels, build_wheels, configure, plan_wheels, rebuild_wheels
    from xbuild.errors import InterruptedRunError, XbuildError
    from xbuild.report.model import Report
    from xbuild.settings import Settings
    from xbuild.util.cancel import CancelToken

try:
    __version__ = version("xbuild-wheels")
except PackageNotFoundError:
    __version__ = "0+unknown"

__all__ = [
    "CancelToken",
    "InterruptedRunError",
    "Report",
    "Settings",
    "XbuildError",
    "__version__",
    "audit_wheels",
    "build_wheels",
    "configure",
    "plan_wheels",
    "rebuild_wheels",
]

_PLACES = {
    "CancelToken": "xbuild.util.cancel",
    "InterruptedRunError": "xbuild.errors",
    "Report": "xbuild.report.model",
    "Settings": "xbuild.settings",
    "XbuildError": "xbuild.errors",
    "audit_wheels": "xbuild.app.library",
    "build_wheels": "xbuild.app.library",
    "configure": "xbuild.app.library",
    "plan_wheels": "xbuild.app.library",
    "rebuild_wheels": "xbuild.app.library",
}
"""Where the public names are; the packages ``plan`` and ``rebuild`` have the shorter names."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)

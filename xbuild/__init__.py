"""xbuild: containerised cross-builds of Rust extensions for Python."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("xbuild-wheels")
except PackageNotFoundError:
    __version__ = "0+unknown"

__all__ = ["__version__"]

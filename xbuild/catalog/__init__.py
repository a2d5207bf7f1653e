"""Facts about targets and interpreters, read from the data files beside this module."""

from xbuild.catalog.frameworks import beyond_the_stubs
from xbuild.catalog.model import Catalog, Interpreter, Target, load_catalog
from xbuild.catalog.sysroots import sysroot_layouts

__all__ = ["Catalog", "Interpreter", "Target", "beyond_the_stubs", "load_catalog", "sysroot_layouts"]

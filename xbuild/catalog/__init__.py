"""Facts about targets and interpreters, read from the data files beside this module."""

from xbuild.catalog.model import Catalog, Interpreter, Target, load_catalog

__all__ = ["Catalog", "Interpreter", "Target", "load_catalog"]

"""What crates need of macOS beyond xbuild's own sysroot."""

from __future__ import annotations

import tomllib  # noqa: TID251  # for tables of xbuild's own
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any

_OBJC2 = "objc2-"


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("frameworks.toml").read_text("utf-8"))


def beyond_the_stubs(crates: Iterable[str]) -> dict[str, str]:
    """Which of the crates need Apple's SDK, and what of it.

    :param crates: names of all crates that are compiled for a macOS target.
    """
    table = _table()
    bound = {*table["objc2"]["stubs"], *table["objc2"]["others"]}
    found: dict[str, str] = {}
    for crate in crates:
        if crate in table["needs"]:
            found[crate] = table["needs"][crate]
        elif crate.startswith(_OBJC2) and crate.removeprefix(_OBJC2) not in bound:
            found[crate] = "the framework that it binds"
    return found

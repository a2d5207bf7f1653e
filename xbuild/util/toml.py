"""TOML that others wrote: read as cargo and maturin read it.

docs/decisions/0016-toml-as-cargo-reads-it.md tells how that differs from Python's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli

_BYTE_ORDER_MARK = "\ufeff"


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a text in TOML 1.1, with or without a byte order mark.

    cargo and maturin take both (the crate ``toml`` since 0.9); Python's tomllib takes neither before 3.15.

    :raises ValueError: it is none, or nothing that can be held: numbers of too many digits.
    :raises RecursionError: tables or arrays in too many others.
    """
    return tomli.loads(text.removeprefix(_BYTE_ORDER_MARK))


def toml_text(path: Path) -> str:
    """The text of a file, without the byte order mark that it may begin with.

    :raises OSError: it cannot be read.
    :raises UnicodeDecodeError: it is not in UTF-8.
    """
    return path.read_text("utf-8").removeprefix(_BYTE_ORDER_MARK)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.

    :raises OSError: it cannot be read.
    :raises ValueError: as :func:`parse_toml`; or the file is not in UTF-8.
    :raises RecursionError: as :func:`parse_toml`.
    """
    return parse_toml(toml_text(path))

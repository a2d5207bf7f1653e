"""What make_sysroot.py adds because Microsoft documents it: shims of headers, and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def needs_shims(shims: Path, include: Path, needs: Mapping[str, Sequence[str]]) -> None:
    """Shims of headers that need others before them, or stand for them, as Windows' SDK divides some."""
    for header, before in needs.items():
        present = any((include / folder / header).exists() for folder in ("ucrt", "um", "shared"))
        lines = [
            f"/* What {header} needs, or has in Windows' SDK. */",
            *(f"#include <{name}>" for name in before),
        ]
        if present:
            lines.append(f"#include_next <{header}>")
        (shims / header).write_text("\n".join([*lines, ""]))


def dll_exports(path: Path) -> dict[str, list[str]]:
    """Lines of a DLL's name, a colon and names."""
    lines = (line for line in path.read_text().splitlines() if not line.startswith("#"))
    return {dll: names.split() for dll, _, names in (line.partition(":") for line in lines)}

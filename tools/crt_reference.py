"""Names of the C runtime's functions and their headers, from its reference's pages, for windows_names.py."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

WORD = re.compile(r"[A-Za-z_]\w*")
HEADER = re.compile(r"<([\w/\\.]+\.h)>")
CODE = re.compile(r"`([^`]+)`")
LIST = re.compile(r"^api_name: \[(.*)\]", re.MULTILINE)
REQUIREMENTS = re.compile(r"^##+ Requirements?\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
NOWHERE = "-"  # in place of a header

Names = dict[tuple[str, str], set[str]]
"""Functions by header and DLL."""


def tables(text: str) -> Iterator[tuple[str, set[str]]]:
    """Headers and names of a page's requirements.

    Of "A and B" the first one declares them, but for <sys/types.h> and <stdarg.h>; of "A or B" the second is
    the narrower one.
    """
    for section in REQUIREMENTS.findall(text):
        for line in section.splitlines():
            cells = line.strip().strip("|").split("|")
            headers = (
                [name for name in HEADER.findall(cells[1]) if name not in {"sys/types.h", "stdarg.h"}]
                if len(cells) > 1
                else []
            )
            if line.startswith("|") and headers:
                header = headers[-1 if " or " in cells[1] else 0]
                yield header.replace("\\", "/").lower(), set(WORD.findall(" ".join(CODE.findall(cells[0]))))


def of_crt(reference: Path) -> Names:
    """What the reference documents for C, with its header.

    Pages about POSIX names say only which other name to use, with the same header. Where a page has no table,
    its first header counts. Names that only a page's list has are misspelt ones, or other versions'.
    """
    found: dict[str, str] = {}
    listed: dict[str, str] = {}
    for path in sorted((reference / "reference").glob("*.md")):
        text = path.read_text(errors="replace")
        rows = list(tables(text))
        for header, names in rows:
            for name in names:
                found.setdefault(name, header)
        api = LIST.search(text)
        if not rows and api:
            headers = [name for name in HEADER.findall(text) if name != "stdio.h"] or HEADER.findall(text)
            listed.update(
                dict.fromkeys(re.findall(r'"(?!_o_)(\w+)"', api[1]), headers[0] if headers else NOWHERE)
            )
    for name, header in sorted(listed.items()):
        if name not in found and (where := found.get(f"_{name}", header)) != NOWHERE:
            found[name] = where
    documented: Names = defaultdict(set)
    for name, header in found.items():
        if header != "iso646.h":  # operators
            documented[header, "ucrtbase.dll"].add(name)
    return documented

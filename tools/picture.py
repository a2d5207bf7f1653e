"""The picture of a run in the README, made from what a terminal showed.

    script -qc 'xbuild run ...' /dev/null | python tools/picture.py 'xbuild run ...' docs/images/run.svg

Colours are kept. Lines that only say that something goes on are left out.
"""

from __future__ import annotations

import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

COLUMNS = 108
FONTS = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)
"""What would be loaded from elsewhere; a viewer takes its own font of fixed width in place of it."""


def drawn(command: str, output: str) -> str:
    """An SVG of a terminal in which ``command`` was typed and ``output`` came."""
    console = Console(width=COLUMNS, record=True, file=StringIO(), highlight=False)
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    for line in output.splitlines():
        if "still " not in line:
            console.print(Text.from_ansi(line))
    made = console.export_svg(title="xbuild", theme=SVG_EXPORT_THEME, unique_id="run")
    return FONTS.sub("", made)


if __name__ == "__main__":
    words, place = sys.argv[1:]
    Path(place).write_text(drawn(words, sys.stdin.read()), "utf-8")

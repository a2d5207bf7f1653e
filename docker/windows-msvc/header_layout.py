"""Writes what completes Wine's headers, and leaves out what does not compile, for complete_headers.py."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from header_items import Item

# mingw-w64's own, and drivers' headers, or another version of what Wine has.
OWN_HEADERS = re.compile(
    r"_mingw|_bsd|_cygwin|_timeval|pthread|vadefs|sdks/|sdkddkver|psdk_inc/intrin|psdk_inc/_dbg_load"
    r"|windot11|ntddndis|virtdisk|rpcdcep"
)
PART_OF_A_HEADER = re.compile(r"psdk_inc/|sec_api/|.*\.inl\Z")
BEGIN = ("#ifndef RC_INVOKED", "#ifdef __cplusplus", 'extern "C" {', "#endif")
END = ("#ifdef __cplusplus", "}", "#endif", "#endif")
ERROR = re.compile(r"(.*?)[(:](\d+)(?:[,:]\d+\)?)?: *(error|fatal error|note|warning): ")
ROUNDS = 20


@dataclass(frozen=True)
class Layout:
    """Where additions are written.

    :ivar include: the folder that comes before Wine's, with the shims.
    :ivar present: headers of Wine's, in lower case.
    :ivar core: headers that <windows.h> includes in any case.
    :ivar beside: headers of Wine's that its <windows.h> ought to include.
    :ivar late: headers that its <windows.h> includes without WIN32_LEAN_AND_MEAN.
    :ivar includes: what each header of mingw-w64's includes itself.
    """

    include: Path
    present: Collection[str]
    core: Collection[str]
    beside: Sequence[str]
    late: Sequence[str]
    includes: Mapping[str, Iterable[str]]
    crt_headers: Collection[str]

    def home(self, header: str) -> str:
        """The header that users include to get what is in this one."""
        if header in self.core:
            return "windows.h"
        if header.startswith("sec_api/"):
            return header.removeprefix("sec_api/").replace("_s.h", ".h").replace("wconio.h", "conio.h")
        if PART_OF_A_HEADER.match(header):
            return next((self.home(name) for name, inner in self.includes.items() if header in inner), header)
        return header

    def write(self, added: Mapping[str, Sequence[Item]]) -> dict[Path, dict[int, Item]]:
        """Returns which item each line of the files is of."""
        by_home: dict[str, list[Item]] = defaultdict(list)
        for header, items in added.items():
            by_home[self.home(header)].extend(items)
        missing = {self.home(name) for name in self.includes} - set(self.present)
        homes = sorted(set(by_home) | {name for name in missing if not OWN_HEADERS.match(name)})
        lines: dict[Path, dict[int, Item]] = {}
        for home in homes:
            path, places = self.write_one(home, by_home[home], homes)
            lines[path] = places
        for header in sorted(set(self.core) - set(self.present) - set(homes)):
            if not PART_OF_A_HEADER.match(header) and not OWN_HEADERS.match(header):
                self.write_shim(header, "#include <windows.h>\n")
        return lines

    def write_one(
        self, home: str, items: Sequence[Item], homes: Collection[str]
    ) -> tuple[Path, dict[int, Item]]:
        path = self.include / "xbuild/more" / home
        path.parent.mkdir(parents=True, exist_ok=True)
        guard = "XBUILD_MORE_" + re.sub(r"\W", "_", home).upper()
        text = [
            f"/* Beyond Wine's {home}: after mingw-w64's headers. */",
            f"#ifndef {guard}",
            f"#define {guard}",
        ]
        if home == "windows.h":
            text += [f"#include <{name}>" for name in self.beside]
        else:
            if home not in self.present and home not in self.crt_headers:
                text.append("#include <windows.h>")
            inner = dict.fromkeys(self.home(name) for name in self.includes.get(home, ()))
            wanted = set(homes) if home in self.present else set(homes) | set(self.present)
            text += [
                f"#include <{name}>" for name in inner if name in wanted and name not in {home, "windows.h"}
            ]
        places: dict[int, Item] = {}
        declaring = False
        for item in items:
            if declaring != (item.kind != "macro"):
                text += END if declaring else BEGIN
                declaring = not declaring
            for line in item.text.split("\n"):
                text.append(line)
                places[len(text)] = item
        text += END if declaring else ()
        if home == "windows.h":  # what these add has waited for its end
            text += [
                "#ifndef WIN32_LEAN_AND_MEAN",
                *(f"#include <{name}>" for name in self.late if name in homes),
            ]
            text += ["#endif"]
        text += ["#endif", ""]
        path.write_text("\n".join(text))
        self.write_shim(home, f"#include_next <{home}>\n" if home in self.present else "", home)
        return path, places

    def write_shim(self, header: str, text: str, more: str = "") -> None:
        """A shim of our own gets the additions at its end."""
        path = self.include / header
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.read_text() if path.exists() else text
        if more and f"xbuild/more/{more}>" not in own:
            own += f"#ifndef XBUILD_IN_WINDOWS_H\n#include <xbuild/more/{more}>\n#endif\n"
        path.write_text(own)


def settle(
    compiler: Sequence[str | Path],
    layout: Layout,
    added: dict[str, list[Item]],
    orders: Iterable[Sequence[str]],
) -> list[Item]:
    """Writes the additions, and leaves out what the compiler objects to, until it does not.

    Each of ``orders`` is a list of headers that are compiled together, as C and as C++.

    :returns: what was left out.
    """
    objected: list[Item] = []
    for _ in range(ROUNDS):
        lines = layout.write(added)
        names = {name for items in added.values() for item in items for name in item.names}
        bad: dict[int, Item] = {}
        follow: dict[int, Item] = {}  # may be objected to only for want of another one
        for order in orders:
            for language in ("/TC", "/TP"):
                for item, reason in complaints(compiler, language, order, lines):
                    cause = set(re.findall(r"'(?:struct |union |enum )?(\w+)", reason)[:1])
                    (follow if cause & (names - set(item.names)) else bad)[id(item)] = item
        bad = bad or follow
        if not bad:
            return objected
        objected += bad.values()
        for header, items in added.items():
            added[header] = [item for item in items if id(item) not in bad]
    raise SystemExit(
        f"headers that complete Wine's do not settle: {[item.names[0] for item in bad.values()]}"
    )


def complaints(
    compiler: Sequence[str | Path],
    language: str,
    headers: Iterable[str],
    lines: Mapping[Path, Mapping[int, Item]],
) -> Iterator[tuple[Item, str]]:
    """Items that an error or a note is at, and the error's words."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "all.c"
        source.write_text("".join(f"#include <{name}>\n" for name in headers))
        done = subprocess.run(
            [*compiler, language, "-Xclang", "-fsyntax-only", "-ferror-limit=0", source],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=scratch,
        )
    reason, explained = "", False
    for line in (done.stdout + done.stderr).splitlines():
        if (found := ERROR.match(line)) and found[3] != "warning":
            item = lines.get(Path(found[1]), {}).get(int(found[2]))
            if found[3] != "note":
                reason, explained = line[found.end() :], item is not None
            if item is not None and (found[3] != "note" or not explained):
                yield item, reason

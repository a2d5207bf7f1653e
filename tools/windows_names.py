"""Gather the names of functions that Microsoft documents, with header and DLL, for tests and libraries.

    pip install winmd
    python tools/windows_names.py --metadata Windows.Win32.winmd --pages ApiInfo.csv \\
        --crt C-RUNTIME-LIBRARY --mingw MINGW --versions 0.66.0 d0f363037c69 a2e592a8fc39

- Windows: the metadata that Microsoft makes of the SDK's headers, as it is in the crate windows-bindgen
  (default/Windows.Win32.winmd; MIT OR Apache-2.0). The DLL of a function is what it is imported from there,
  its header is in the address of its documentation.
- What no DLL exports, inline functions and macros: scripts/ApiInfo.csv of the repository
  microsoft/win32metadata, a list of the pages about the SDK's headers, less what the metadata has already.
- The C runtime: docs/c-runtime-library of the repository MicrosoftDocs/cpp-docs. Each page of its reference
  names functions and headers.

It writes tests/integration/msvc/names/{windows,inline,crt}.txt, a line for each header and DLL, and
docker/windows-msvc/exports.txt: of the DLLs' functions those that no .def file of mingw-w64 has
(lib/libc/mingw of ziglang). Names only, no declarations. ``--versions`` says what of the sources it was: the
crate's version, the repositories' commits.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import defaultdict
from pathlib import Path

from crt_reference import NOWHERE, WORD, Names, of_crt
from winmd.reader import cache, get_attribute

ROOT = Path(__file__).resolve().parents[1]
NAMES = ROOT / "tests/integration/msvc/names"
EXPORTS = ROOT / "docker/windows-msvc/exports.txt"
ATTRIBUTES = "Windows.Win32.Foundation.Metadata"
X86_64 = 2  # Windows.Win32.Foundation.Metadata.Architecture
INLINE_HEADERS = {"intsafe.h", "strsafe.h", "versionhelpers.h", "windowsx.h"}
PAGE = re.compile(r"/windows/win32/api/([^/]+)/nf-")


def of_windows(metadata: Path) -> Names:
    """The functions of x86_64 that are imported by name."""
    found: Names = defaultdict(set)
    (database,) = cache([str(metadata)]).databases()
    for row in database.ImplMap:
        method = row.MemberForwarded().get_row()
        name, library = row.ImportName(), row.ImportScope().Name().lower()
        architecture = get_attribute(method, ATTRIBUTES, "SupportedArchitectureAttribute")
        only = architecture.Value().FixedArgs()[0].value.value.value if architecture else X86_64
        if only & X86_64 and WORD.fullmatch(name):
            about = get_attribute(method, ATTRIBUTES, "DocumentationAttribute")
            page = PAGE.search(str(about.Value().FixedArgs()[0].value)) if about else None
            found[f"{page[1].lower()}.h" if page else NOWHERE, library].add(name)
    return found


def of_pages(path: Path, metadata: Path, functions: Names) -> Names:
    """Inline functions and macros: of headers that the metadata has functions of, and of some without any."""
    (database,) = cache([str(metadata)]).databases()
    known = {row.TypeName().lower().lstrip("_") for row in database.TypeDef}
    known |= {row.Name().lower() for row in database.Field}
    known |= {name.lower() for names in functions.values() for name in names}
    headers = {header for header, _ in functions} | INLINE_HEADERS
    found: Names = defaultdict(set)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            name, header = row["Name"], row["Header"].lower()
            tag = name.startswith(("_", "tag")) and not name.startswith(("_interlocked", "_Inline"))
            twins = {name.lower().lstrip("_"), name.lower(), f"{name}a".lower(), f"{name}w".lower()}
            if header in headers and WORD.fullmatch(name) and not tag and not twins & known:
                found[header, NOWHERE].add(name)
    return found


def exported_by_mingw(mingw: Path) -> dict[str, set[str]]:
    """Names of the .def files by their stems; what preprocessor macros hide in them is taken for there."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in ("lib-common", "lib64"):
        for path in (mingw / folder).iterdir():
            found[path.name.partition(".def")[0].lower()] |= set(WORD.findall(path.read_text()))
    return found


def written(names: Names, source: str) -> str:
    """The text of a list."""
    lines = [f"# Names of functions by header and DLL, by tools/windows_names.py of {source}."]
    lines += [
        f"{header} {library}: {' '.join(sorted(found))}" for (header, library), found in sorted(names.items())
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Writes the lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metadata", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--crt", type=Path, required=True)
    parser.add_argument("--mingw", type=Path, required=True)
    parser.add_argument("--versions", nargs=3, metavar=("CRATE", "PAGES", "CRT"), required=True)
    options = parser.parse_args()
    crate, pages, commit = options.versions
    windows, crt = of_windows(options.metadata), of_crt(options.crt)
    (NAMES / "windows.txt").write_text(written(windows, f"windows-bindgen {crate}'s Windows.Win32.winmd"))
    inline = of_pages(options.pages, options.metadata, windows)
    (NAMES / "inline.txt").write_text(written(inline, f"microsoft/win32metadata at {pages}"))
    (NAMES / "crt.txt").write_text(written(crt, f"MicrosoftDocs/cpp-docs at {commit}"))
    have = exported_by_mingw(options.mingw)
    missing: dict[str, set[str]] = defaultdict(set)
    for (_, library), names in windows.items():
        stem, dot, _ = library.rpartition(".")
        if dot:  # functions that are inline are said to be in FORCEINLINE
            missing[library] |= names - have[stem]
    lines = [
        f"# Exports that mingw-w64's .def files lack, by tools/windows_names.py of windows-bindgen {crate}."
    ]
    lines += [f"{library}: {' '.join(sorted(names))}" for library, names in sorted(missing.items()) if names]
    EXPORTS.write_text("\n".join([*lines, ""]))
    for name, lists in (("windows", windows), ("inline", inline), ("crt", crt)):
        sys.stdout.write(f"{name}: {len(set().union(*lists.values()))} names\n")


if __name__ == "__main__":
    main()

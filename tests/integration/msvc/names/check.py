"""Compiles and links every documented name, in the toolchain's container; holds what fails against a list.

    check.py DOCUMENTED... --lacking FILE [--write FILE]

For each header one C file takes the address of each of its functions; of what is a macro, it is enough that
it is defined. All files are linked into one DLL. Windows' headers come after <winsock2.h> and <windows.h>,
precompiled, as they do in most programs; those of a file called crt.txt stand alone. What is documented with
no header is only linked.

What fails and is not in the list, and what is in it and does not fail, goes to the output; the status is 1.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

REASONS = {
    "header": "The sysroot has no such header.",
    "alone": "The header does not compile behind nothing but <winsock2.h> and <windows.h>, in C or in C++.",
    "undeclared": "The header does not declare them.",
    "unlinked": "No import library has them.",
    "intrinsic": "These do not lack: the compiler makes code of their calls, and they have no address.",
}
NOWHERE = "-"  # in place of a header
PRELUDE = "#define SECURITY_WIN32\n#include <winsock2.h>\n#include <windows.h>\n"
LANGUAGES = {"/TC": "c", "/TP": "cpp"}
# The image's own clang-cl is a script that adds libc++'s headers: a third of the time of a small file in C.
COMPILERS = {"/TC": "/usr/lib/llvm/bin/clang-cl", "/TP": "clang-cl"}
FLAGS = (
    *(
        "--target=x86_64-pc-windows-msvc",
        "/nologo",
        "/c",
        "/MD",
        "/O1",
        "/Zl",
        "/EHsc",
        "-w",
        "-ferror-limit=0",
    ),
    *("-D_CRT_SECURE_NO_WARNINGS", "-D_WIN32_WINNT=0x0A00", "-DNTDDI_VERSION=0x0A000010"),
)
ERROR = re.compile(r"(\S+?)[(:](\d+)(?:[,:]\d+\)?)?: *(?:fatal )?error: (.*)")
UNDEFINED = re.compile(r"undefined symbol: (.*)")
NO_ADDRESS = "builtin functions must be directly called"
WIDTH = 110

Lacking = dict[tuple[str, str], str]
"""The reason by header and name."""


@dataclass
class Header:
    """A header (or none) and the functions that are documented with it."""

    name: str
    crt: bool
    names: list[str]
    language: str = "/TC"
    lacking: dict[str, str] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """For files' names."""
        return re.sub(r"\W", "_", f"{'crt' if self.crt else 'windows'}_{self.name}")

    def source(self, names: Iterable[str]) -> Iterator[str]:
        """Lines of C; a name has three of them, the last ones but one."""
        if self.name == NOWHERE:
            yield from (f"void {name}(void);" for name in names)
        else:
            yield f"#include <{self.name}>"
        yield f"__declspec(dllexport) void **{self.stem}(void **p) {{"
        for name in names:
            yield from (f"#ifndef {name}", f"*p++ = (void *)&{name};", "#endif")
        yield "return p; }"


class Compiler:
    """clang-cl as cargo-xwin calls it, in a folder for what is made."""

    def __init__(self, xwin: Path, folder: Path) -> None:
        self.folder = folder
        include = xwin / "sdk/include"
        folders = [xwin / "crt/include", *(include / name for name in ("ucrt", "um", "shared"))]
        self.flags = [*FLAGS, *(word for path in folders for word in ("/imsvc", str(path)))]
        self.search = [xwin / "crt/lib/x86_64", xwin / "sdk/lib/um/x86_64", xwin / "sdk/lib/ucrt/x86_64"]
        self.headers = {
            path.relative_to(root).as_posix().lower() for root in folders for path in root.rglob("*.h")
        }

    def run(self, language: str, *words: str) -> str:
        done = subprocess.run(
            [COMPILERS[language], *self.flags, language, *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return done.stdout + done.stderr

    def precompile(self) -> None:
        """The prelude, once for each language."""
        for flag, suffix in LANGUAGES.items():
            (self.folder / f"pre_{suffix}.h").write_text(PRELUDE)
            (self.folder / f"pre.{suffix}").write_text(f'#include "pre_{suffix}.h"\n')
            said = self.run(
                flag, f"/Ycpre_{suffix}.h", f"/Fppre_{suffix}.pch", f"/Fopre_{suffix}.obj", f"pre.{suffix}"
            )
            if ERROR.search(said):
                raise SystemExit(f"<windows.h> does not compile:\n{said}")

    def errors(self, header: Header, names: list[str], *flags: str) -> tuple[dict[str, str], str]:
        """What the compiler says of names, and its first error about anything else."""
        suffix = LANGUAGES[header.language]
        path = self.folder / f"{header.stem}.{suffix}"
        lines = list(header.source(names))
        if not header.crt and header.name != NOWHERE:
            lines = [f'#include "pre_{suffix}.h"', *lines]
            flags = (f"/Yupre_{suffix}.h", f"/Fppre_{suffix}.pch", *flags)
        path.write_text("\n".join([*lines, ""]))
        first = len(lines) - 3 * len(names)
        found: dict[str, str] = {}
        for line in self.run(header.language, *flags, path.name).splitlines():
            if error := ERROR.match(line):
                index = (int(error[2]) - first - 1) // 3 if error[1] == path.name else -1
                if index < 0:
                    return {}, line
                found.setdefault(names[index], error[3])
        return found, ""


def read_documented(paths: Iterable[Path]) -> tuple[list[Header], set[str]]:
    """The headers, and the DLLs that export what they declare."""
    names: dict[tuple[str, bool], set[str]] = defaultdict(set)
    libraries: set[str] = set()
    for path in paths:
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                where, _, rest = line.partition(":")
                header, _, library = where.partition(" ")
                names[header, path.name == "crt.txt"].update(rest.split())
                libraries.add(library)
    return [Header(name, crt, sorted(found)) for (name, crt), found in sorted(names.items())], libraries


def read_lacking(path: Path) -> Lacking:
    found: Lacking = {}
    reason = header = ""
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("["):
            reason = line.strip("[]")
        elif line and not line.startswith("#"):
            where, colon, rest = line.rpartition(":")
            header = where if colon else header
            found.update({(header, name): reason for name in rest.split()})
    return found


def examine(compiler: Compiler, header: Header, known: Mapping[str, str]) -> None:
    """Finds what the header lacks, and leaves an object that needs all the rest."""
    if header.name not in {NOWHERE, *compiler.headers}:
        header.lacking = dict.fromkeys(header.names, "header")
        return
    doubtful = {name for name in header.names if known.get(name) in {"undeclared", "intrinsic"}}
    said: dict[str, str] = {}
    for header.language in LANGUAGES:
        wanted = [name for name in header.names if name not in doubtful]
        found, broken = compiler.errors(header, wanted, f"/Fo{header.stem}.obj")
        if not broken:
            break
    else:
        header.lacking = dict.fromkeys(header.names, "alone")
        sys.stdout.write(f"{header.name}: {broken}\n")
        return
    if doubtful:
        said = compiler.errors(header, sorted(doubtful), "-Xclang", "-fsyntax-only")[0]
    said |= found
    wanted = [name for name in header.names if name not in said]
    again = found or doubtful - said.keys()
    if again and any(compiler.errors(header, wanted, f"/Fo{header.stem}.obj")):
        raise SystemExit(f"{header.name}: what compiled alone does not compile together")
    header.lacking = {
        name: "intrinsic" if NO_ADDRESS in text else "undeclared" for name, text in said.items()
    }


def undefined(compiler: Compiler, libraries: Iterable[str]) -> set[str]:
    """Links all objects, and gives what no library has."""
    present = {path.name for folder in compiler.search for path in folder.iterdir()}
    wanted = {library.rpartition(".")[0] + ".lib" for library in libraries}
    wanted |= {
        "ucrt.lib",
        "vcruntime.lib",
        "msvcrt.lib",
        "legacy_stdio_definitions.lib",
        "uuid.lib",
        "c++.lib",
    }
    objects = sorted(path.name for path in compiler.folder.glob("*.obj"))
    command = ["/dll", "/noentry", "/force:multiple", "/errorlimit:0", "/out:all.dll", *objects]
    command += [*sorted(wanted & present), *(f"/libpath:{folder}" for folder in compiler.search)]
    (compiler.folder / "link.rsp").write_text("\n".join(command))
    done = subprocess.run(
        ["lld-link", "@link.rsp"],
        cwd=compiler.folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    found = set()
    for line in done.stderr.splitlines():
        if symbol := UNDEFINED.search(line):
            found.update(
                re.findall(
                    r"\w+", symbol[1].partition("(")[0] if not symbol[1].startswith("_") else symbol[1]
                )
            )
        elif "error:" in line:
            raise SystemExit(f"the link fails otherwise:\n{line}")
    return found


def written(lacking: Lacking) -> str:
    """The text of the list."""
    lines: list[str] = []
    for reason, words in REASONS.items():
        by_header: dict[str, list[str]] = defaultdict(list)
        for (header, name), why in sorted(lacking.items()):
            if why == reason:
                by_header[header].append(name)
        lines += [f"[{reason}]", f"# {words}"]
        lines += [f"{header}: {' '.join(names)}" for header, names in by_header.items()]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("documented", nargs="+", type=Path)
    parser.add_argument("--lacking", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="writes the list as it is now")
    options = parser.parse_args()
    headers, libraries = read_documented(options.documented)
    known = read_lacking(options.lacking)
    by_header: dict[str, dict[str, str]] = defaultdict(dict)
    for (where, name), reason in known.items():
        by_header[where][name] = reason
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        compiler = Compiler(Path(os.environ["XWIN_CACHE_DIR"]) / "xwin", Path(folder))
        compiler.precompile()
        for done in [pool.submit(examine, compiler, header, by_header[header.name]) for header in headers]:
            done.result()
        compiled = time.monotonic()
        missing = undefined(compiler, libraries)
    for header in headers:
        header.lacking |= {
            name: "unlinked" for name in header.names if name in missing and name not in header.lacking
        }
    found: Lacking = {
        (header.name, name): reason for header in headers for name, reason in header.lacking.items()
    }
    if options.write:
        options.write.write_text(written(found))
    for key in sorted(known.keys() | found.keys()):
        if known.get(key) != found.get(key):
            sys.stdout.write(f"{' '.join(key)}: {found.get(key, 'works')}, not {known.get(key, 'works')}\n")
    total = sum(len(header.names) for header in headers)
    lacking = sum(reason != "intrinsic" for reason in found.values())
    sys.stdout.write(
        f"{total - lacking} of {total} names work; {compiled - started:.0f} s to compile,"
        f" {time.monotonic() - compiled:.0f} s to link\n"
    )
    sys.exit(known != found)


if __name__ == "__main__":
    main()

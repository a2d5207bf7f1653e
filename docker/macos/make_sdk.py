#!/usr/bin/env python3
"""Makes a folder in the form of a macOS SDK: no file of Apple's SDK is in it.

    OUT/SDKSettings.json            its version, for clang
    OUT/usr/include                 Apple's open-source headers, which zig carries
    OUT/usr/include/c++/v1          libc++'s headers, of the base's LLVM
    OUT/usr/lib/libNAME.tbd         stubs: a library's install name, and the names that it defines
    OUT/System/Library/Frameworks   stubs of frameworks

clang and ld64.lld take it as they take Apple's own, which can stand in its place (SDKROOT). Equal inputs give
equal bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TARGETS = ("x86_64-macos", "arm64-macos")
SYSTEM_NAMES = ("c", "dl", "info", "m", "pthread", "proc", "util", "System.B")
"""What libSystem is called besides ``System``."""

_LIST = re.compile(r"(?P<key>\b(?:targets|symbols|weak-symbols|libraries)):\s*\[(?P<items>[^]]*)\]")
_EXTERN = re.compile(
    r"(?P<before>(?:#\s*\[[^\n]*\n\s*)*)(?:unsafe\s+)?"
    r'(?:extern\s+"C(?:-unwind)?"\s*\{|extern_c(?:_unwind)?!\s*\{)'
)
_LINK = re.compile(r'link\(name\s*=\s*"(?P<name>[^"]+)"(?:,\s*kind\s*=\s*"(?P<kind>\w+)")?')
_DECLARED = re.compile(r"\bfn\s+(\w+)\s*[(<]|\bstatic\s+(?:mut\s+)?(\w+)\s*:")
_CLASS = re.compile(r"\bextern_class!\s*[({](?P<body>.*?)\bstruct\s+(?P<name>\w+)", re.DOTALL)
_CLASS_NAME = re.compile(r'#\[name\s*=\s*"(\w+)"\]')
_COMMENT = re.compile(r"//[^\n]*")


@dataclass(frozen=True)
class Stub:
    """A row of stubs.toml, which explains the fields."""

    kind: str
    name: str
    install: str = ""
    compatibility: str = "1.0.0"
    crates: Sequence[str] = ()
    reexports: Sequence[str] = ()
    symbols: Sequence[str] = ()

    @property
    def install_name(self) -> str:
        """What a module that links it asks dyld for."""
        if self.install:
            return self.install
        return f"/System/Library/Frameworks/{self.name}.framework/Versions/A/{self.name}"


@dataclass
class Names:
    """Names that crates declare, by the stub that they belong to: in the order of the crates."""

    by_stub: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, stub: str, names: Iterable[str]) -> None:
        """Count names to a stub."""
        self.by_stub.setdefault(stub, {}).update(dict.fromkeys(names))


def block_end(text: str, start: int) -> int:
    """Where the block ends whose ``{`` is right before ``start``."""
    depth = 1
    for found in re.finditer(r"[{}]", text[start:]):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return start + found.start()
    return len(text)


def declared(text: str) -> Iterator[tuple[str, list[str]]]:
    """What is linked for the ``extern`` blocks and Objective-C classes of a Rust file, and the names in them.

    What is linked is "" where the file does not say so.
    """
    text = _COMMENT.sub("", text)
    for found in _EXTERN.finditer(text):
        body = text[found.end() : block_end(text, found.end())]
        links = [link["name"] for link in _LINK.finditer(found["before"])]
        yield (links[0] if links else ""), [one or other for one, other in _DECLARED.findall(body)]
    for found in _CLASS.finditer(text):
        named = _CLASS_NAME.search(found["body"])
        name = named[1] if named else found["name"]
        yield "", [f"OBJC_CLASS_$_{name}", f"OBJC_METACLASS_$_{name}"]


def names_of(stubs: Sequence[Stub], bindings: Path, taken: set[str]) -> Names:
    """The names in each stub.

    :param bindings: vendored crates, each in a folder NAME-VERSION.
    :param taken: names that are not in any of the stubs, because libSystem has them.
    """
    found = Names()
    known = {stub.name for stub in stubs}
    for stub in stubs:
        found.add(stub.name, stub.symbols)
    for turn in range(max(len(stub.crates) for stub in stubs)):
        has = {name for names in found.by_stub.values() for name in names}
        fresh: list[tuple[str, list[str]]] = []
        for stub in stubs:
            for crate in stub.crates[turn : turn + 1]:
                fresh += [
                    (linked if linked in known else stub.name, names)
                    for path in sources(bindings, crate)
                    for linked, names in declared(path.read_text("utf-8"))
                ]
        for name, names in fresh:
            found.add(name, (one for one in names if one not in has | taken))
    return found


def sources(bindings: Path, crate: str) -> list[Path]:
    """The Rust files of a crate."""
    (folder,) = (path for path in bindings.glob(f"{crate}-[0-9]*") if path.is_dir())
    root = folder / "src" if (folder / "src").is_dir() else folder
    files = sorted(root.rglob("*.rs"))
    if not files:
        raise SystemExit(f"the crate {crate} has no sources")
    return files


def quoted(name: str) -> str:
    """A name as YAML takes it."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else f"'{name}'"


def stub_text(
    install: str, names: Iterable[str], reexports: Sequence[str] = (), compatibility: str = "1.0.0"
) -> str:
    """A stub (tbd-version 4) of a library for all architectures.

    :param names: as the C language has them, without the leading underscore.
    """
    targets = f"[ {', '.join(TARGETS)} ]"
    lines = ["--- !tapi-tbd", "tbd-version: 4", f"targets: {targets}", f"install-name: '{install}'"]
    lines += [f"current-version: {compatibility}", f"compatibility-version: {compatibility}"]
    if reexports:
        libraries = ", ".join(f"'{name}'" for name in reexports)
        lines += ["reexported-libraries:", f"  - targets: {targets}", f"    libraries: [ {libraries} ]"]
    symbols = ",\n               ".join(quoted(f"_{name}") for name in sorted(set(names)))
    if symbols:
        lines += ["exports:", f"  - targets: {targets}", f"    symbols: [ {symbols} ]"]
    return "\n".join([*lines, "...", ""])


def plain_targets(text: str) -> str:
    """A stub of Apple's sources with the two architectures that wheels are for, and no other.

    LLVM reads nothing of a file in which one architecture is new to it, and libraries of the system itself
    are for arm64e, which plain arm64 may link.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["key"] != "targets":
            return found[0]
        items = {item.strip() for item in found["items"].split(",")}
        kept = [TARGETS[0]] * (TARGETS[0] in items) + [TARGETS[1]] * bool(
            {TARGETS[1], "arm64e-macos"} & items
        )
        # A list must not be empty: what is for Mac Catalyst alone is nobody's
        return f"targets: [ {', '.join(kept) or 'x86_64-maccatalyst'} ]"

    return _LIST.sub(replaced, text)


def symbols_in(text: str) -> set[str]:
    """The names that a stub exports, without the leading underscore."""
    found: set[str] = set()
    for match in _LIST.finditer(text):
        if match["key"].endswith("symbols"):
            found |= {item.strip().strip("'\"").removeprefix("_") for item in match["items"].split(",")}
    return found


def libcxx_names(llvm: Path) -> tuple[set[str], set[str]]:
    """What libc++ and libc++abi define, from the static libraries of the same version as the headers."""
    found = []
    for library in ("libc++.a", "libc++abi.a"):
        said = subprocess.run(
            [llvm / "bin/llvm-readelf", "--symbols", "--wide", llvm / "lib" / library],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        rows = (line.split() for line in said.splitlines())
        found.append(
            {
                row[7].partition("@")[0]
                for row in rows
                if len(row) > 7 and row[4] in {"GLOBAL", "WEAK"} and row[5] == "DEFAULT" and row[6] != "UND"
            }
        )
        if not found[-1]:
            raise SystemExit(f"{llvm}/lib/{library} defines nothing")
    # The C library's own unwinder is in libSystem
    return found[0] - found[1], {name for name in found[1] if not name.startswith(("_Unwind_", "unw_"))}


def write_library(lib: Path, name: str, text: str) -> None:
    """A stub in usr/lib."""
    (lib / f"lib{name}.tbd").write_text(text, "utf-8")


def write_framework(out: Path, name: str, text: str) -> None:
    """A stub as a framework's folder of an SDK has it."""
    folder = out / f"{name}.framework"
    (folder / "Versions/A").mkdir(parents=True)
    (folder / "Versions/A" / f"{name}.tbd").write_text(text, "utf-8")
    (folder / "Versions/Current").symlink_to("A")
    (folder / f"{name}.tbd").symlink_to(f"Versions/Current/{name}.tbd")


def write_libraries(lib: Path, zig_lib: Path, llvm: Path) -> set[str]:
    """libSystem and libc++.

    :returns: what libSystem exports.
    """
    system = plain_targets((zig_lib / "libc/darwin/libSystem.tbd").read_text("utf-8"))
    write_library(lib, "System", system)
    for name in SYSTEM_NAMES:
        (lib / f"lib{name}.tbd").symlink_to("libSystem.tbd")
    plain, abi = libcxx_names(llvm)
    write_library(lib, "c++abi", stub_text("/usr/lib/libc++abi.dylib", abi))
    # macOS' own re-exports the other, and is the only one that modules name
    write_library(lib, "c++", stub_text("/usr/lib/libc++.1.dylib", plain | abi))
    (lib / "libc++.1.tbd").symlink_to("libc++.tbd")
    return symbols_in(system)


def write_headers(include: Path, zig_lib: Path, llvm: Path) -> None:
    """The C library's headers, and libc++'s with a configuration for macOS."""
    shutil.copytree(zig_lib / "libc/include/any-darwin-any", include)
    libcxx = include / "c++/v1"
    libcxx.mkdir(parents=True)
    source = llvm / "include/c++/v1"
    for path in sorted(source.iterdir()):
        (libcxx / path.name).symlink_to(path)
    site = (source / "__config_site").read_text("utf-8")
    changes = {
        # Without it, the headers count on functions that the libc++ of older systems does not have
        "_LIBCPP_HAS_VENDOR_AVAILABILITY_ANNOTATIONS": "1",
        "_LIBCPP_HAS_TIME_ZONE_DATABASE": "0",
    }
    for name, value in changes.items():
        site, count = re.subn(rf"(#define {name}) \d", rf"\1 {value}", site)
        if count != 1:
            raise SystemExit(f"{source}/__config_site has no {name}")
    (libcxx / "__config_site").unlink()
    (libcxx / "__config_site").write_text(site, "utf-8")


def make(out: Path, zig_lib: Path, llvm: Path, rows: Sequence[Mapping[str, object]], bindings: Path) -> None:
    """Make the folder."""
    stubs = [Stub(**row) for row in rows]  # type: ignore[arg-type]
    lib, frameworks = out / "usr/lib", out / "System/Library/Frameworks"
    lib.mkdir(parents=True)
    write_headers(out / "usr/include", zig_lib, llvm)
    version = json.loads((zig_lib / "libc/darwin/SDKSettings.json").read_text("utf-8"))["Version"]
    settings = {
        "CanonicalName": f"macosx{version}",
        "Version": version,
        "MaximumDeploymentTarget": f"{version}.99",
    }
    (out / "SDKSettings.json").write_text(json.dumps(settings) + "\n", "utf-8")
    taken = write_libraries(lib, zig_lib, llvm)
    names = names_of(stubs, bindings, taken)
    installs = {stub.name: stub.install_name for stub in stubs}
    for stub in stubs:
        own = names.by_stub.get(stub.name, {})
        reexports = [installs[name] for name in stub.reexports]
        text = stub_text(stub.install_name, own, reexports, stub.compatibility)
        sys.stdout.write(f"{stub.kind} {stub.name}: {len(own)} names\n")
        if stub.kind == "framework":
            write_framework(frameworks, stub.name, text)
        else:
            write_library(lib, stub.name, text)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--zig-lib", type=Path, required=True, help="lib of ziglang")
    parser.add_argument("--llvm", type=Path, required=True, help="the folder of LLVM, with libc++")
    parser.add_argument("--stubs", type=Path, required=True, help="stubs.toml")
    parser.add_argument("--bindings", type=Path, required=True, help="vendored crates that bind frameworks")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    options = parser.parse_args()
    rows = tomllib.loads(options.stubs.read_text("utf-8"))["stub"]
    make(options.out, options.zig_lib, options.llvm, rows, options.bindings)


if __name__ == "__main__":
    main()

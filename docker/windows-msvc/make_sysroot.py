#!/usr/bin/env python3
"""Makes the open sysroot for *-pc-windows-msvc: no file of Microsoft's SDK is in it.

The layout is the one that cargo-xwin unpacks Microsoft's SDK to, so that maturin builds with it unmodified,
and a real one can take its place:

    OUT/xwin/crt/{include,lib/ARCH}          own start-up code, vcruntime's import library, libc++
    OUT/xwin/sdk/include/{ucrt,um,shared,winrt}   Wine's headers
    OUT/xwin/sdk/lib/{ucrt,um}/ARCH          import libraries
    OUT/xwin/libcxx/include                  libc++'s headers
    OUT/xwin/DONE                            what cargo-xwin looks for before it downloads anything
    OUT/python/KIND                          import libraries of one interpreter (cp311, pp39, ...), or of the
                                             stable ABI (abi3)

Equal inputs give equal bytes: members of archives are sorted and named relative to their directory, and no
object holds a time or a path of this run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from complete_headers import Sources, complete
from documented import dll_exports, needs_shims

HERE = Path(__file__).resolve().parent
LLVM = Path("/usr/lib/llvm/bin")
FOLDERS = {
    "--zig-lib": "lib of ziglang: mingw-w64's .def files and libc++'s sources",
    "--wine-headers": "the folder that holds windows/ and msvcrt/",
    "--libcxx-headers": "include/c++/v1, of the version of libc++'s sources",
    "--python-defs": "src of the crate python3-dll-a",
    "--out": "where the sysroot is made",
}


@dataclass(frozen=True)
class Arch:
    """One architecture in the words of each tool."""

    name: str  # cargo-xwin
    llvm: str  # clang's --target
    machine: str  # llvm-dlltool's -m
    defines: tuple[str, ...]  # of mingw-w64's .def.in files
    def_folder: str | None  # of mingw-w64, next to lib-common

    @property
    def target(self) -> str:
        return f"{self.llvm}-pc-windows-msvc"


ARCHES = {
    arch.name: arch
    for arch in (
        Arch("x86_64", "x86_64", "i386:x86-64", ("__x86_64__", "DEF_X64"), "lib64"),
        Arch("aarch64", "aarch64", "arm64", ("__aarch64__", "DEF_ARM64"), None),
        Arch("x86", "i686", "i386", ("__i386__", "DEF_I386"), "lib32"),
    )
}

# Import libraries that are made in another way, or are another C runtime's, the kernel's or store apps'.
EXCLUDED_DEFS = re.compile(
    r"api-ms-win-crt-|ucrtbase|vcruntime|msvcr|msvcp|msvcirt|crtdll|ntdllcrt|mfc\d|ntoskrnl$"
    r"|.*_windowsapp$|.*_app$"
)
# Its exports come from vcruntime140.dll instead: exception handling must not be split between two DLLs.
EXCLUDED_UCRT_DEF = "api-ms-win-crt-private-l1-1-0"
# Functions of the UCRT that mingw-w64 implements itself and so leaves out of its lists.
EXTRA_UCRT_EXPORTS = {"api-ms-win-crt-convert-l1-1-0": ("btowc", "wctob")}
DATA_ALIAS = re.compile(r"__msvcrt_\w+\s+DATA\s*==\s*(\w+)")
# An export under its own name: an alias of another one is mingw-w64's.
EXPORT = re.compile(r"^\s*([A-Za-z_]\w*)(?:@\d+)?(?=\s*(?:;.*|DATA\b.*)?$)", re.MULTILINE)
STDCALL_SUFFIX = re.compile(r"^([A-Za-z_]\w*)@\d+", re.MULTILINE)

START_OBJECTS = ("sections", "onexit", "dll", "dllmain", "tls", "tls_dynamic", "statics", "cookie", "fltused")
START_ASSEMBLY = ("chkstk", "load_config", "type_info")
ARCH_SOURCES = {
    "x86_64": ("check_cookie.S", "setjmp.S"),
    "aarch64": ("setjmp.S",),
    "x86": ("check_cookie.S", "seh_i386.c", "int64_i386.c", "tls_i386.S"),
}
ENTRY_POINTS = ("main", "wmain", "winmain", "wwinmain")
START_FLAGS = (
    "-c",
    "-O2",
    "-Wall",
    "-Werror",
    "-Wno-missing-declarations",
    "-Wno-incompatible-library-redeclaration",
    "-Wno-builtin-requires-header",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-stack-protector",
    "-mno-stack-arg-probe",
    "-fms-extensions",
    "-mno-incremental-linker-compatible",  # no time in the object
)
GUID_LIBRARIES = ("uuid", "strmiids", "wbemuuid", "taskschd")

# /Zl: which C runtime is linked is up to the user's objects; /Brepro: no time in the object.
LIBRARY_FLAGS = ("/nologo", "/c", "/O2", "/MD", "/Zl", "/Brepro", "-w")
LIBCXX_FLAGS = (
    "/EHsc",
    "/std:c++latest",
    "/I.",
    "/I../libc",
    "/D_LIBCPP_BUILDING_LIBRARY",
    "/D_LIBCPP_REMOVE_TRANSITIVE_INCLUDES",
    "/D_CRT_SECURE_NO_WARNINGS",
    "/D_CRT_STDIO_ISO_WIDE_SPECIFIERS",
    "/DNOMINMAX",
    "/DWIN32_LEAN_AND_MEAN",
)
LIBCXX_SOURCES = ("*.cpp", "filesystem/*.cpp", "ryu/*.cpp", "support/win32/*.cpp")
# Replaced by the files in cxx/, or not of this platform.
LIBCXX_EXCLUDED = {"exception.cpp", "new.cpp", "filesystem/int128_builtins.cpp"}


def run(arguments: Sequence[str | Path], cwd: Path) -> str:
    """Runs a tool; its output is shown only when it fails."""
    done = subprocess.run(
        [str(part) for part in arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_parallel(work: Iterable[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in [pool.submit(task) for task in work]:
            result.result()


def link_unless_present(link: Path, target: str) -> None:
    if not link.exists():
        link.symlink_to(target)


class Sysroot:
    """Writes one architecture's part; what the architectures share is written again with the same bytes."""

    def __init__(self, arch: Arch, out: Path, scratch: Path) -> None:
        self.arch = arch
        self.scratch = scratch
        self.xwin = out / "xwin"
        self.python = out / "python"
        self.exported: set[str] = set()
        self.crt_lib = self.xwin / "crt/lib" / arch.name
        self.um_lib = self.xwin / "sdk/lib/um" / arch.name
        self.ucrt_lib = self.xwin / "sdk/lib/ucrt" / arch.name
        self.libcxx_include = self.xwin / "libcxx/include"
        for folder in (self.crt_lib, self.um_lib, self.ucrt_lib, self.python):
            folder.mkdir(parents=True, exist_ok=True)

    def tool(self, name: str) -> Path:
        return LLVM / name

    def folder(self, name: str) -> Path:
        made = self.scratch / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def archive(self, library: Path, folder: Path, members: Iterable[str]) -> None:
        """The members' names are stored as given, so they are relative to their folder."""
        library.unlink(missing_ok=True)
        run([self.tool("llvm-lib"), "/nologo", "/llvmlibempty", f"/out:{library}", *sorted(members)], folder)

    # Import libraries

    def import_library(self, library: Path, definition: str) -> None:
        """``definition`` is the text of a .def file; the scratch file's name does not reach the library."""
        definition = DATA_ALIAS.sub(r"\1", definition)
        self.exported.update(EXPORT.findall(definition))
        if self.arch.name != "x86":  # only i686 decorates names with the size of their arguments
            definition = STDCALL_SUFFIX.sub(r"\1", definition)
        with tempfile.NamedTemporaryFile("w", suffix=".def", dir=self.scratch) as file:
            file.write(definition)
            file.flush()
            run(
                [self.tool("llvm-dlltool"), "-k", "-m", self.arch.machine, "-d", file.name, "-l", library],
                self.scratch,
            )

    def read_def(self, mingw: Path, path: Path) -> str:
        if path.suffix != ".in":
            return path.read_text()
        defines = [f"-D{name}" for name in self.arch.defines]
        include = f"-I{mingw / 'def-include'}"
        return run(
            [self.tool("clang"), "-E", "-P", "-x", "c", "-undef", "-w", *defines, include, path], self.scratch
        )

    def import_libraries(self, mingw: Path, more: Mapping[str, Sequence[str]]) -> None:
        """``more``: names by DLL that mingw-w64's lists lack.

        Not for i686, whose names there are without the size of their arguments.
        """
        paths: dict[str, Path] = {}
        for folder in filter(None, ("lib-common", self.arch.def_folder)):
            for path in sorted((mingw / folder).iterdir()):
                paths[path.name.removesuffix(".in").removesuffix(".def").lower()] = path
        um = {name: path for name, path in paths.items() if not EXCLUDED_DEFS.match(name)}
        ucrt = {name: path for name, path in paths.items() if name.startswith("api-ms-win-crt-")}
        del ucrt[EXCLUDED_UCRT_DEF]
        ucrt_parts = self.folder("ucrt")

        def make(library: Path, name: str) -> None:
            definition = self.read_def(mingw, paths[name])
            added = [
                *EXTRA_UCRT_EXPORTS.get(name, ()),
                *(beyond.pop(name, ()) if library.parent == self.um_lib else ()),
            ]
            present = set(EXPORT.findall(DATA_ALIAS.sub(r"\1", definition)))
            extra = "".join(f"\n{export}" for export in added if export not in present)
            self.import_library(library, definition + extra)

        beyond = (
            {} if self.arch.name == "x86" else {dll.rpartition(".")[0]: names for dll, names in more.items()}
        )
        dlls = {dll.rpartition(".")[0]: dll for dll in more}
        folders = dict.fromkeys(um, self.um_lib) | dict.fromkeys(ucrt, ucrt_parts)
        in_parallel(partial(make, folder / f"{name}.lib", name) for name, folder in folders.items())
        for name, exports in beyond.items():  # DLLs that mingw-w64 does not know
            definition = "\n".join([f"LIBRARY {dlls[name]}", "EXPORTS", *exports, ""])
            self.import_library(self.um_lib / f"{name}.lib", definition)
        make(self.crt_lib / "vcruntime.lib", "vcruntime140")
        self.archive(self.ucrt_lib / "ucrt.lib", ucrt_parts, (f"{name}.lib" for name in ucrt))

    def umbrella_libraries(self, umbrellas: dict[str, list[str]]) -> None:
        """Libraries of Microsoft's SDK that gather the exports of several DLLs; a name's first DLL counts."""
        present = sorted(path.stem for path in self.um_lib.glob("*.lib"))
        for name, patterns in umbrellas.items():
            merged = [
                f"{stem}.lib"
                for pattern in patterns
                for stem in present
                if re.fullmatch(pattern, stem) and stem not in umbrellas
            ]
            library = self.um_lib / f"{name}.lib"
            library.unlink(missing_ok=True)
            run([self.tool("llvm-lib"), "/nologo", f"/out:{library}", *dict.fromkeys(merged)], self.um_lib)

    def python_libraries(self, defs: Path) -> None:
        """A folder for each kind of interpreter: PyPy's library has CPython's name but another DLL."""
        for path in sorted(defs.glob("*.def")):
            cpython = re.fullmatch(r"python3(\d+)(t?)\.def", path.name)
            pypy = re.fullmatch(r"libpypy3\.(\d+)-c\.def", path.name)
            if cpython:
                minor, flags = cpython.groups()
                names = {f"python3{minor}{flags}": path.name, "python3": "python3.def"}
                kind = f"cp3{minor}{flags}"
            elif pypy:
                # PyO3 and PyPy's own configuration disagree on the name.
                names = {f"python3{pypy[1]}": path.name, path.stem: path.name}
                kind = f"pp3{pypy[1]}"
            elif path.name == "python3.def":
                names, kind = {path.stem: path.name}, "abi3"
            else:
                continue
            folder = self.python / kind
            folder.mkdir(exist_ok=True)
            for name, definition in names.items():
                self.import_library(folder / f"{name}.lib", (defs / definition).read_text())

    # The C runtime's static part

    def compile_start(self, source: str, made: Path, *flags: str) -> None:
        compiler: list[str | Path] = [self.tool("clang"), f"--target={self.arch.target}", *START_FLAGS]
        run([*compiler, *flags, source, "-o", made], HERE / "crt")

    def start_up(self) -> Path:
        """Compiles what goes into msvcrt.lib; libc++'s operator new joins it later."""
        objects = self.folder("crt")
        sources = [f"{name}.c" for name in START_OBJECTS] + [f"{name}.S" for name in START_ASSEMBLY]
        for source in [*sources, *ARCH_SOURCES[self.arch.name]]:
            self.compile_start(source, objects / f"{Path(source).stem}.obj")
        for entry in ENTRY_POINTS:
            self.compile_start("exe.c", objects / f"exe_{entry}.obj", f"-DENTRY_{entry.upper()}")
        stdio = self.folder("stdio")
        self.compile_start("stdio.c", stdio / "stdio.obj")
        self.archive(self.crt_lib / "legacy_stdio_definitions.lib", stdio, ["stdio.obj"])
        self.archive(self.crt_lib / "oldnames.lib", stdio, [])  # ucrt.lib has these names
        return objects

    def finish_start_up(self, objects: Path) -> None:
        self.archive(self.crt_lib / "msvcrt.lib", objects, (path.name for path in objects.glob("*.obj")))
        # There is no static C runtime: what asks for it gets the same DLLs, as if built without crt-static.
        link_unless_present(self.crt_lib / "libcmt.lib", "msvcrt.lib")
        link_unless_present(self.crt_lib / "libvcruntime.lib", "vcruntime.lib")
        link_unless_present(self.ucrt_lib / "libucrt.lib", "ucrt.lib")

    # Headers

    def complete_headers(self, mingw: Path, wanted: Mapping[str, Sequence[str]]) -> None:
        include = self.xwin / "sdk/include"
        builtin = Path(run([self.tool("clang"), "-print-resource-dir"], self.scratch).strip()) / "include"
        sources = Sources(
            clang=self.tool("clang"),
            mingw=mingw,
            wine=[include / name for name in ("ucrt", "um", "shared")],
            shims=self.xwin / "crt/include",
            builtin=builtin,
            llvm_arch=self.arch.llvm,
        )
        left_out = complete(sources, self.compiler, wanted, frozenset(self.exported))
        if left_out:
            sys.stdout.write(f"declarations that do not fit beside Wine's: {' '.join(left_out)}\n")

    def headers(
        self,
        wine: Path,
        mingw: Path,
        wanted: Mapping[str, Sequence[str]],
        needs: Mapping[str, Sequence[str]],
        aliases: Iterable[str],
    ) -> None:
        include = self.xwin / "sdk/include"
        copy_headers(wine / "msvcrt", include / "ucrt")
        copy_headers(wine / "windows", include / "um", lambda name: not name.startswith("windows."))
        copy_headers(wine / "windows", include / "winrt", lambda name: name.startswith("windows."))
        shutil.move(include / "winrt/windows.h", include / "um/windows.h")
        copy_headers(wine / "windows/ddk", include / "shared")
        link_unless_present(include / "shared/ddk", ".")  # Wine's name for them
        copy_headers(HERE / "shim", self.xwin / "crt/include")
        needs_shims(self.xwin / "crt/include", include, needs)
        self.complete_headers(mingw, wanted)
        for alias in aliases:
            # A link to a shim, or else to Wine's header: a shim goes on to the next folder that has its name.
            for folder in (self.xwin / "crt/include", include / "um", include / "shared", include / "ucrt"):
                if (folder / alias.lower()).exists():
                    link_unless_present(folder / alias, alias.lower())

    def library_aliases(self, aliases: Iterable[str]) -> None:
        for alias in aliases:
            if (self.um_lib / f"{alias.lower()}.lib").exists():
                link_unless_present(self.um_lib / f"{alias}.lib", f"{alias.lower()}.lib")

    @property
    def compiler(self) -> list[str | Path]:
        include = self.xwin / "sdk/include"
        folders = [self.xwin / "crt/include", *(include / name for name in ("ucrt", "um", "shared"))]
        return [
            self.tool("clang-cl"),
            f"--target={self.arch.target}",
            *LIBRARY_FLAGS,
            *(argument for folder in folders for argument in ("/imsvc", folder)),
            f"/clang:-fmacro-prefix-map={self.xwin}=xwin",
        ]

    def guid_libraries(self) -> None:
        for name in GUID_LIBRARIES:
            folder = self.folder(name)
            define = f"/D{name.upper()}_LIB"
            run([*self.compiler, "/Gw", define, "uuid.c", f"/Fo{folder / name}.obj"], HERE / "cxx")
            self.archive(self.um_lib / f"{name}.lib", folder, [f"{name}.obj"])

    # libc++

    def libcxx_headers(self, headers: Path) -> None:
        shutil.rmtree(self.libcxx_include, ignore_errors=True)
        # __cxx03 is a copy of the library for a dialect that clang-cl does not have.
        unwanted = shutil.ignore_patterns("__cxx03")
        shutil.copytree(headers, self.libcxx_include, ignore=unwanted, copy_function=shutil.copyfile)
        shutil.copyfile(HERE / "cxx/__config_site", self.libcxx_include / "__config_site")

    def libcxx(self, libcxx: Path, start_objects: Path) -> None:
        source = libcxx / "src"
        names = sorted(
            path.relative_to(source).as_posix() for pattern in LIBCXX_SOURCES for path in source.glob(pattern)
        )
        compiler = [
            *self.compiler,
            *LIBCXX_FLAGS,
            f"/clang:-stdlib++-isystem{self.libcxx_include}",
            f"/clang:-fmacro-prefix-map={libcxx}=libcxx",
        ]
        objects = self.folder("libcxx")
        own = {"exception_ptr": objects, "operator_new": start_objects}
        work = [
            (name, objects / f"{name.removesuffix('.cpp').replace('/', '_')}.obj")
            for name in names
            if name not in LIBCXX_EXCLUDED
        ]
        work += [(str(HERE / "cxx" / f"{name}.cpp"), folder / f"{name}.obj") for name, folder in own.items()]
        in_parallel(partial(run, [*compiler, name, f"/Fo{made}"], source) for name, made in work)
        self.archive(self.crt_lib / "c++.lib", objects, (path.name for path in objects.glob("*.obj")))
        link_unless_present(self.crt_lib / "libc++.lib", "c++.lib")


def copy_headers(source: Path, target: Path, wanted: Callable[[str], bool] = lambda _name: True) -> None:
    """Without the interface definitions that the headers were made from."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            if path.name != "ddk":
                copy_headers(path, target / path.name)
        elif path.suffix in {".h", ".inl", ".rh"} and wanted(path.name):
            shutil.copyfile(path, target / path.name)


def make(options: argparse.Namespace, arch: Arch, scratch: Path) -> None:
    names = json.loads((HERE / "names.json").read_text())
    mingw = options.zig_lib / "libc/mingw"
    sysroot = Sysroot(arch, options.out, scratch)
    sysroot.import_libraries(mingw, dll_exports(HERE / "exports.txt"))
    sysroot.umbrella_libraries(names["umbrella_libraries"])
    headers = options.zig_lib / "libc/include/any-windows-any"
    sysroot.headers(
        options.wine_headers,
        headers,
        names["completed_headers"],
        names["header_needs"],
        names["header_aliases"],
    )
    sysroot.guid_libraries()
    sysroot.library_aliases(names["library_aliases"])
    objects = sysroot.start_up()
    sysroot.libcxx_headers(options.libcxx_headers)
    sysroot.libcxx(options.zig_lib / "libcxx", objects)
    sysroot.finish_start_up(objects)
    sysroot.python_libraries(options.python_defs)
    # cargo-xwin downloads unless the first line names every architecture that it is configured for, and its
    # default is more than one.
    (sysroot.xwin / "DONE").write_text(" ".join(ARCHES) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the open sysroot for *-pc-windows-msvc.")
    parser.add_argument("--arch", choices=ARCHES, required=True)
    for name, what in FOLDERS.items():
        parser.add_argument(name, type=Path, required=True, help=what)
    options = parser.parse_args()
    for name in ("zig_lib", "wine_headers", "libcxx_headers", "python_defs", "out"):
        setattr(options, name, getattr(options, name).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        make(options, ARCHES[options.arch], Path(scratch))


if __name__ == "__main__":
    main()

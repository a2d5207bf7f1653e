"""Checks that hold for native files of every format: machine, file name, init function, Python's symbols."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import PurePosixPath

from xbuild.check.audit.context import Context, python_imports, show
from xbuild.check.audit.lists import SymbolList, interpreter_symbols, later_symbols, stable_abi
from xbuild.check.model import Finding, ModuleFacts, Severity
from xbuild.wheels.naming import Platform, arch_row

FORMATS = {"windows": "pe", "linux": "elf", "macos": "macho"}
_TAGGED = re.compile(r"\.(cpython-\w[^.]*|abi3t?|cp\d[^.]*|pypy\d[^.]*)\.(so|pyd)")
_CPYTHON = re.compile(r"cp(?P<version>3\d+)(?P<flags>t?)")
_PYPY = re.compile(r"pypy(?P<version>3\d+)_pp(?P<abi>\d+)")
_MUSL_SUFFIX_SINCE = (3, 11)


def with_role(module: ModuleFacts, context: Context) -> ModuleFacts:
    """``module`` with its role, its Python symbols and what they are compared with."""
    path = PurePosixPath(module.path)
    stem = path.name.split(".")[0]
    named = _TAGGED.search(path.name) is not None or path.suffix == ".pyd"
    inits = {init_name(stem), init_name(stem).replace("PyInit", "PyModExport", 1)}
    role = "library"
    if named or inits & {name for part in module.slices for name in part.exports}:
        role = "extension"
    elif all(part.kind == "program" for part in module.slices):
        role = "program"
    symbols = {name for part in module.slices for name in python_imports(part, context)}
    reference = (
        ", ".join(sorted({listed.reference for _, listed in _lists(context) if listed})) if symbols else ""
    )
    return replace(module, role=role, python_symbols=tuple(sorted(symbols)), reference=reference)


def check_common(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """All checks of this module."""
    yield from check_machine(module, context)
    if module.role == "extension":
        yield from check_file_name(module, context)
        yield from check_init(module)
    if module.role != "program":
        yield from check_python_symbols(module, context)


def check_machine(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """The file is of the platform's format, and for all of the platform's architectures."""
    severity: Severity = "warning" if module.role == "program" else "error"
    if FORMATS.get(context.name.os) != module.format:
        message = f"a file of format {module.format} in a wheel for {context.name.os or 'an unknown system'}"
        yield Finding("wrong-format", severity, module.path, message, "check the target that was built for")
        return
    wanted = [
        arch_row(platform.os, arch).get("machine", arch)
        for platform in context.name.platforms
        for arch in platform.archs
    ]
    found = [part.machine for part in module.slices]
    extra = module.format != "macho" and any(machine not in wanted for machine in found)
    if extra or any(machine not in found for machine in wanted):
        message = f"is for {show(found)}; the platform tags say {show(sorted(set(wanted)))}"
        yield Finding("wrong-machine", severity, module.path, message, "check the target that was built for")


def check_file_name(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """The interpreters that the wheel is for look for a file of that name."""
    name = PurePosixPath(module.path).name
    suffix = name[len(name.split(".")[0]) :]
    allowed = {
        item
        for tag, platform in product(context.name.tags, context.name.platforms)
        for item in suffixes(tag.abi, platform)
    }
    if allowed and suffix not in allowed:
        message = f"these interpreters do not import a module with the suffix {suffix}"
        yield Finding("wrong-suffix", "error", module.path, message, f"expected {show(sorted(allowed))}")


def suffixes(abi: str, platform: Platform) -> Iterator[str]:
    """The file name suffixes that interpreters of an ABI look for; none for tags that are not understood.

    Windows has no ``.abi3`` suffix, and PyPy no musl spelling; before CPython 3.11 musl builds called
    themselves gnu (https://github.com/pypa/auditwheel/issues/349).
    """
    last = ".pyd" if platform.os == "windows" else ".so"
    cpython, pypy = _CPYTHON.fullmatch(abi), _PYPY.fullmatch(abi)
    if cpython is None and pypy is None and abi not in {"abi3", "abi3t"}:
        return
    yield last
    free_threaded = abi == "abi3t" or (cpython is not None and cpython["flags"] == "t")
    if pypy is None and platform.os != "windows":
        yield f".abi3t{last}" if free_threaded else f".abi3{last}"
    for arch in platform.archs:
        row = arch_row(platform.os, arch)
        if pypy is not None:
            system = "-gnu" + row.get("abi", "").removeprefix("e") if platform.os == "linux" else ""
            yield f".pypy{pypy['version']}-pp{pypy['abi']}-{row.get('suffix', '')}{system}{last}"
        elif cpython is not None and platform.os == "windows":
            yield f".{abi}-{row.get('suffix', '')}{last}"
        elif cpython is not None:
            version = f"{cpython['version']}{cpython['flags']}"
            for system in _libc_suffixes(cpython["version"], platform):
                yield f".cpython-{version}-{row.get('suffix', '')}{system}{row.get('abi', '')}{last}"


def _libc_suffixes(version: str, platform: Platform) -> tuple[str, ...]:
    if platform.os != "linux":
        return ("",)
    if platform.libc != "musl":
        return ("-gnu",)
    major, minor = int(version[0]), int(version[1:])
    return ("-musl",) if (major, minor) >= _MUSL_SUFFIX_SINCE else ("-gnu", "-musl")


def init_name(stem: str) -> str:
    """The init function of a module of that name (PEP 489)."""
    if stem.isascii():
        return f"PyInit_{stem}"
    return "PyInitU_" + stem.encode("punycode").decode("ascii").replace("-", "_")


def check_init(module: ModuleFacts) -> Iterator[Finding]:
    """Every slice exports the function that importing the module calls."""
    wanted = init_name(PurePosixPath(module.path).name.split(".")[0])
    choices = {wanted, wanted.replace("PyInit", "PyModExport", 1)}
    for part in module.slices:
        if not choices & part.exports:
            message = f"does not export {wanted}" + (f" for {part.machine}" if len(module.slices) > 1 else "")
            hint = "the name of #[pymodule] and the module's file name must be the same"
            yield Finding("init-missing", "error", module.path, message, hint)


def check_python_symbols(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """Every interpreter that the wheel is for exports what the module imports from it."""
    if not module.python_symbols:
        return
    lists = _lists(context)
    later = frozenset[str]().union(*(later_symbols(item, context.name.os) for item in context.interpreters))
    for title, listed in lists:
        if listed is None:
            message = f"there is no list of what {title} exports; the module's imports were not compared"
            yield Finding("no-symbol-list", "warning", module.path, message)
            continue
        missing = [name for name in module.python_symbols if name not in listed.names]
        if newer := [name for name in missing if name in later]:
            message = f"imports {show(newer)}, which only later releases of {title} have"
            hint = f"compared with: {listed.reference}"
            yield Finding("later-symbol", "warning", module.path, message, hint)
        if missing := [name for name in missing if name not in later]:
            message = f"imports {show(missing)}, which {title} does not have"
            yield Finding(
                "missing-symbol", "error", module.path, message, f"compared with: {listed.reference}"
            )
    if not lists:
        message = "imports Python symbols; none of the wheel's interpreters is known"
        yield Finding("no-symbol-list", "warning", module.path, message)


def _lists(context: Context) -> list[tuple[str, SymbolList | None]]:
    system = context.name.os
    floor = context.name.abi3_floor
    if floor is not None:
        return [(f"the stable ABI of {floor[0]}.{floor[1]}", stable_abi(floor, system))]
    return [(item.title, interpreter_symbols(item, system)) for item in context.interpreters]

"""Checks of PE files: which DLLs they import."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.check.audit.context import Context, is_python_library
from xbuild.check.audit.lists import windows_dlls
from xbuild.check.model import Finding, ModuleFacts, Slice
from xbuild.wheels.naming import platform_data

_API_SETS = ("api-ms-", "ext-ms-")


def check_pe(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """All checks of this module."""
    for part in module.slices:
        yield from check_python_dll(module, part, context)
        yield from check_dlls(module, part, context)


def check_python_dll(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """Python's symbols come by name, and from the DLL that the wheel's interpreters have."""
    stable = context.name.abi3_floor is not None
    own = () if stable else (item.windows_dll for item in context.interpreters)
    allowed = {"python3.dll", *own}
    for dll in sorted({name for name in (*part.needed, *part.delayed) if is_python_library(name)}):
        if context.interpreters and dll.lower() not in allowed:
            message = f"imports from {dll}; expected {' or '.join(sorted(allowed))}"
            hint = (
                "a wheel with the stable ABI must link python3.dll"
                if stable
                else "check PyO3's configuration"
            )
            yield Finding("wrong-python-dll", "error", module.path, message, hint)
        if dll in part.ordinals:
            message = f"imports from {dll} by number, which changes between releases"
            yield Finding("import-by-number", "error", module.path, message)


def check_dlls(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """Other DLLs come with Windows, with the interpreter or with the wheel."""
    runtime = platform_data()["windows-runtime"]
    brought = [frozenset(runtime[item.implementation]) for item in context.interpreters]
    known = frozenset.intersection(*brought) if brought else frozenset(runtime["pypy"])
    platforms = context.platforms_of(part.machine)
    if not platforms:  # said already: wrong-machine
        return
    for platform, _ in platforms:
        known |= windows_dlls(platform.tag)
    for dll in sorted({*part.needed, *part.delayed}):
        name = dll.lower()
        if name in known or name.startswith(_API_SETS) or is_python_library(name) or context.holds(name):
            continue
        message = f"imports {dll}, which neither Windows nor the interpreter brings"
        hint = "link it statically, or put the DLL into the wheel (delvewheel)"
        yield Finding("foreign-library", "error", module.path, message, hint)

"""Checks of Mach-O files: oldest macOS, code signature, and what dyld would find."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.check.audit.context import PYTHON_NAME, Context, is_python_library, show
from xbuild.check.model import Finding, ModuleFacts, Slice
from xbuild.wheels.naming import arch_row, platform_data

_SYSTEM = ("/usr/lib/", "/System/")
_RELATIVE = ("@rpath/", "@loader_path/", "@executable_path/")
_MUST_BE_SIGNED = "ARM64"


def check_macho(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """All checks of this module."""
    for part in module.slices:
        yield from check_oldest(module, part, context)
        yield from check_signature(module, part)
        yield from check_libraries(module, part, context)
        yield from check_resolved(module, part, context)


def check_oldest(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """The slice runs on the oldest macOS of the wheel's tags (arm64 begins with 11.0)."""
    if part.platform and part.platform != "MACOS":
        message = f"the {part.machine} part is for {part.platform}, not for macOS"
        yield Finding("wrong-machine", "error", module.path, message)
    promised = [max(platform.version, _oldest(arch)) for platform, arch in context.platforms_of(part.machine)]
    if not part.minimum_os:
        message = f"the {part.machine} part does not say which macOS it needs"
        yield Finding("macos-unknown", "warning", module.path, message)
    elif promised and part.minimum_os > min(promised):
        needs, says = (".".join(map(str, version)) for version in (part.minimum_os, min(promised)))
        message = f"the {part.machine} part needs macOS {needs}; the platform tag says {says}"
        yield Finding("macos-too-new", "error", module.path, message, "set MACOSX_DEPLOYMENT_TARGET")


def _oldest(arch: str) -> tuple[int, ...]:
    first = arch_row("macos", arch).get("oldest", "0.0")
    return tuple(int(number) for number in first.split("."))


def check_signature(module: ModuleFacts, part: Slice) -> Iterator[Finding]:
    """The kernel runs no unsigned code on arm64; an ad-hoc signature is enough."""
    if part.machine == _MUST_BE_SIGNED and not part.signed:
        message = "the ARM64 part has no code signature; macOS does not load it"
        yield Finding("unsigned", "error", module.path, message, "sign it (an ad-hoc signature is enough)")


def check_libraries(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """Libraries come with macOS or with the wheel, and the interpreter is not linked."""
    for name in sorted(set(part.needed)):
        if is_python_library(name):
            hint = "build with PyO3's feature extension-module"
            yield Finding("links-libpython", "error", module.path, f"links {name}", hint)
        elif not name.startswith(_SYSTEM) and not (name.startswith(_RELATIVE) and context.holds(name)):
            message = f"links {name}, which neither macOS nor the wheel brings"
            hint = "link it statically, or put it into the wheel (delocate)"
            yield Finding("foreign-library", "error", module.path, message, hint)


def check_resolved(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """Symbols that are looked up at run time are Python's or the wheel's: the linker did not check them."""
    loaded = tuple(platform_data()["loaded-symbols"]["macos"])
    lost = sorted(
        item.name
        for item in part.undefined
        if item.dynamic
        and not item.weak
        and item.name not in context.provided
        and not item.name.startswith(loaded)
        and not PYTHON_NAME.match(item.name)
    )
    if lost and module.role != "program":
        message = f"needs {show(lost)}, which nothing that it links defines"
        yield Finding("unresolved-symbol", "error", module.path, message, "a library or framework is missing")

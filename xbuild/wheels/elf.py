"""Checks of ELF files: manylinux and musllinux policies, and what the dynamic linker would find."""

from __future__ import annotations

from collections.abc import Iterator

from xbuild.wheels.context import PYTHON_NAME, Context, is_python_library, show
from xbuild.wheels.lists import Policy, find_policy, load_list
from xbuild.wheels.model import Finding, ModuleFacts, Slice, Undefined
from xbuild.wheels.naming import Platform, arch_row, platform_data

_LOADERS = ("ld-linux", "ld64.so.", "ld-musl-")


def check_elf(module: ModuleFacts, context: Context) -> Iterator[Finding]:
    """All checks of this module."""
    for part in module.slices:
        yield from check_hardening(module, part)
        yield from check_libpython(module, part)
        policies: set[str] = set()
        for platform, arch in context.platforms_of(part.machine):
            policy = find_policy(platform, arch)
            if policy is None:
                message = f"no policy is known for the platform tag {platform.tag}"
                yield Finding(
                    "no-policy", "warning", module.path, message, "an index takes no linux_* wheels"
                )
            elif policy.name not in policies:
                policies.add(policy.name)
                yield from check_libraries(module, part, policy, platform, context)
                yield from check_versions(module, part, policy, platform, context)
        yield from check_resolved(module, part, context)


def check_hardening(module: ModuleFacts, part: Slice) -> Iterator[Finding]:
    """No executable stack (glibc 2.41 refuses to load it), no run path outside the wheel."""
    if part.executable_stack:
        message = "asks for an executable stack; glibc 2.41 and later do not load it"
        yield Finding("executable-stack", "warning", module.path, message, "link with -z noexecstack")
    for path in part.rpaths:
        if not path.startswith(("$ORIGIN", "${ORIGIN}")):
            message = f"has the run path {path!a}, which is not inside the wheel"
            yield Finding("rpath", "warning", module.path, message)


def check_libpython(module: ModuleFacts, part: Slice) -> Iterator[Finding]:
    """The interpreter is not linked: it is loaded already, and a second one would come to life."""
    for name in part.needed:
        if is_python_library(name):
            hint = "build with PyO3's feature extension-module"
            yield Finding("links-libpython", "error", module.path, f"links {name}", hint)


def check_libraries(
    module: ModuleFacts, part: Slice, policy: Policy, platform: Platform, context: Context
) -> Iterator[Finding]:
    """Libraries come from the policy's list or with the wheel, and no forbidden symbol is used."""
    allowed = policy.libraries | {
        row["loader"] for row in platform_data()["linux"].values() if "loader" in row
    }
    for name in sorted(set(part.needed)):
        if name.startswith(_LOADERS) or name in allowed or context.holds(name) or is_python_library(name):
            continue
        message = f"links {name}, which {platform.tag} does not promise"
        hint = "link it statically, or put it into the wheel (auditwheel repair)"
        yield Finding("foreign-library", "error", module.path, message, hint)
    wanted = {item.name for item in part.undefined if not item.weak}
    for library in sorted(policy.forbidden.keys() & set(part.needed)):
        used = sorted(policy.forbidden[library] & wanted)
        if used:
            message = f"uses {show(used)} of {library}, which {platform.tag} forbids"
            yield Finding("forbidden-symbol", "error", module.path, message)


def check_versions(
    module: ModuleFacts, part: Slice, policy: Policy, platform: Platform, context: Context
) -> Iterator[Finding]:
    """No symbol version is newer than the platform tag; musl has none at all."""
    for library, versions in part.versions:
        if context.holds(library):
            continue
        glibc = [item for item in versions if item.startswith("GLIBC_")]
        if platform.libc == "musl" and glibc:
            message = f"needs glibc: {show(glibc)} of {library}"
            yield Finding(
                "glibc-symbol", "error", module.path, message, "check the target that was built for"
            )
            continue
        newer = [item for item in versions if not _promised(item, policy)]
        if newer:
            names = sorted(item.name for item in part.undefined if item.library in newer)
            message = f"needs {show(sorted(newer))} of {library} ({show(names)}); {platform.tag} has less"
            yield Finding("symbol-too-new", "error", module.path, message, "build against an older C library")


def _promised(version: str, policy: Policy) -> bool:
    prefix, _, number = version.partition("_")
    return prefix not in policy.versions or number in policy.versions[prefix]


def check_resolved(module: ModuleFacts, part: Slice, context: Context) -> Iterator[Finding]:
    """Somebody defines every symbol, where all that the module links is known.

    A symbol without a version is looked up in everything that the process has loaded, its C library among it.
    """
    libcs = {platform.libc for platform, _ in context.platforms_of(part.machine)}
    if len(libcs) != 1 or module.role == "program":
        return
    libc = libcs.pop()
    listed = load_list({"gnu": "glibc", "musl": "musl"}.get(libc, ""))
    if listed is None:
        return
    loaders = {arch_row("linux", arch).get("loader", "") for _, arch in context.platforms_of(part.machine)}
    known = {*platform_data()["known-libraries"][libc], *loaders}
    linked = (name for name in part.needed if not name.startswith(_LOADERS) and not is_python_library(name))
    if not all(name in known or context.holds(name) for name in linked):
        return
    lost = sorted(item.name for item in part.undefined if not _is_defined(item, listed.names, context))
    if lost:
        message = f"needs {show(lost)}, which nothing that it links defines"
        yield Finding("unresolved-symbol", "error", module.path, message, "a library is missing at link time")


def _is_defined(item: Undefined, libc: frozenset[str], context: Context) -> bool:
    if item.weak or item.library or PYTHON_NAME.match(item.name):
        return True
    return item.name in libc or item.name in context.provided

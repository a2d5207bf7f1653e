"""Checks of ELF files: manylinux and musllinux policies, and what the dynamic linker would find."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xbuild.check.audit.context import Context, is_python_library, show
from xbuild.check.audit.libc import LOADERS, check_defined, newer_way_out
from xbuild.check.audit.lists import Policy, find_policy
from xbuild.check.model import Finding, ModuleFacts, Slice
from xbuild.wheels.naming import Platform, platform_data

_GLIBC = re.compile(r"GLIBC_(\d+(?:\.\d+)+)", re.ASCII)


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
                yield from check_versions(module, part, policy, (platform, arch), context)
        yield from check_defined(module, part, context)


def check_hardening(module: ModuleFacts, part: Slice) -> Iterator[Finding]:
    """No executable stack (glibc 2.41 refuses to load it), no run path outside the wheel."""
    if part.executable_stack:
        message = "asks for an executable stack; glibc 2.41 and later do not load it"
        yield Finding("executable-stack", "warning", module.path, message, "link with -z noexecstack")
    for path in dict.fromkeys(part.rpaths):
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
        if name.startswith(LOADERS) or name in allowed or context.holds(name) or is_python_library(name):
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
    module: ModuleFacts, part: Slice, policy: Policy, promise: tuple[Platform, str], context: Context
) -> Iterator[Finding]:
    """No symbol version is newer than the platform tag; musl has none at all.

    :param promise: the platform tag, and the architecture in it.
    """
    platform, arch = promise
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
            yield Finding("symbol-too-new", "error", module.path, message, _way_out(newer, platform, arch))


def _way_out(versions: list[str], platform: Platform, arch: str) -> str:
    releases = [_GLIBC.fullmatch(version) for version in versions]
    if not all(releases):
        return "build against an older C or C++ library"
    needed = [tuple(map(int, release[1].split("."))) for release in releases if release]
    return newer_way_out(platform, arch, needed)


def _promised(version: str, policy: Policy) -> bool:
    prefix, _, number = version.partition("_")
    return prefix not in policy.versions or number in policy.versions[prefix]

"""The static audit of a wheel. Reads one file, starts one limited parser process, prints nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from xbuild.catalog import Catalog
from xbuild.check.audit.contents import check_contents
from xbuild.check.audit.context import Context, make_context
from xbuild.check.audit.elf import check_elf
from xbuild.check.audit.extension import FORMATS, check_common, with_role
from xbuild.check.audit.macho import check_macho
from xbuild.check.audit.pe import check_pe
from xbuild.check.model import AuditResult, Finding, ModuleFacts, Severity
from xbuild.check.native.parser import Parsers
from xbuild.check.native.probing import looks_native, probe_members
from xbuild.errors import ArtifactError
from xbuild.wheels.members import scan_members
from xbuild.wheels.naming import WheelName, find_interpreters, find_target, interpreter_tags, parse_name
from xbuild.wheels.zip import Limits, read_entries

_CHECKS = {"pe": check_pe, "elf": check_elf, "macho": check_macho}
_DEFAULT_LIMITS = Limits()
_LONGEST = 2000
_MOST = 200
"""Findings of a severity that are kept of one part of an audit. A file can be wrong in a million ways."""


def audit(
    path: Path,
    *,
    catalog: Catalog,
    limits: Limits = _DEFAULT_LIMITS,
    timeout: float = 300.0,
    parsers: Parsers | None = None,
) -> AuditResult:
    """Audit the wheel at ``path``, which may be hostile.

    What is wrong with the wheel is a finding, never an exception.

    :param timeout: seconds that the parser of native files may take.
    :param parsers: where parsers come from that were started before; without it one is started now.
    :raises OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        result = AuditResult(wheel=path.name, sha256=digest, size=path.stat().st_size)
        try:
            name = parse_name(path.name)
        except ArtifactError as error:
            return replace(result, findings=(_as_finding(error),))
        result = replace(
            result,
            tags=tuple(sorted(map(str, name.tags))),
            target=find_target(name, catalog),
            interpreters=interpreter_tags(name, catalog),
        )
        try:
            findings, modules = _examine(
                file, name, catalog, limits, parsers=parsers or Parsers(), timeout=timeout
            )
        except ArtifactError as error:
            return replace(result, findings=(_as_finding(error),))
    return replace(result, findings=tuple(map(_printable, findings)), modules=modules)


def _as_finding(error: ArtifactError) -> Finding:
    return _printable(Finding(error.code, "error", error.details, error.brief, error.hint))


def _printable(finding: Finding) -> Finding:
    """The finding as one bounded line each: names of symbols and libraries can hold anything."""
    return replace(
        finding, where=_line(finding.where), message=_line(finding.message), hint=_line(finding.hint)
    )


def _line(text: str) -> str:
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:_LONGEST])
    return shown + ("..." if len(text) > _LONGEST else "")


def _examine(
    file: BinaryIO,
    name: WheelName,
    catalog: Catalog,
    limits: Limits,
    *,
    parsers: Parsers,
    timeout: float,
) -> tuple[tuple[Finding, ...], tuple[ModuleFacts, ...]]:
    entries = read_entries(file, limits)
    members = scan_members(file, entries)
    findings = list(check_contents(file, entries, members, name))
    native = [member for member in members if looks_native(member)]
    facts, unreadable = probe_members(file, native, parsers, timeout=timeout)
    files = tuple(member.entry.name for member in members)
    found, modules = check_modules(name, facts, files, catalog)
    return (*_few((*findings, *unreadable)), *found), modules


def check_modules(
    name: WheelName, facts: tuple[ModuleFacts, ...], files: tuple[str, ...], catalog: Catalog
) -> tuple[tuple[Finding, ...], tuple[ModuleFacts, ...]]:
    """Findings about native files, and the files with their roles.

    :param files: names of all members of the wheel.
    """
    context = make_context(name, find_interpreters(name, catalog), files, facts)
    modules = tuple(with_role(module, context) for module in facts)
    return _few(_check_all(modules, context)), modules


def _few(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first findings of each severity, so that no number of warnings hides an error, and how many more
    there are."""
    kept: list[Finding] = []
    counts: Counter[Severity] = Counter()
    for finding in findings:
        counts[finding.severity] += 1
        if counts[finding.severity] <= _MOST:
            kept.append(finding)
    if more := counts.total() - len(kept):
        kept.append(Finding("more-findings", "warning", "", f"{more} more findings are left out"))
    return tuple(kept)


def _check_all(modules: tuple[ModuleFacts, ...], context: Context) -> Iterator[Finding]:
    if context.name.os not in FORMATS:
        message = "native files cannot be checked for these platform tags"
        if modules:
            yield Finding("unknown-platform", "error", context.name.file, message)
        return
    has_abi = any(tag.abi != "none" for tag in context.name.tags)
    if has_abi and not any(module.role == "extension" for module in modules):
        message = "there is no extension module in the wheel"
        yield Finding("no-extension", "warning", "", message)
    for module in modules:
        yield from check_common(module, context)
        yield from _CHECKS[module.format](module, context)

"""What a rebuild came to, for people: a line for each wheel, and below it what differs and why, probably."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from xbuild.rebuild.compare import Cause, Comparison, EntryDifference, SectionDifference
from xbuild.rebuild.rebuild import Outcome, Verdict
from xbuild.ui.lines import Indented, safe

_STYLES = {"identical": "green", "differs": "bold red", "not-built": "yellow"}
_MOST = 20
"""Of more entries, facts or lines of a difference than that only the first ones are shown."""


def render_outcome(outcome: Outcome) -> RenderableType:
    """The wheels in the order of the record, then the notes."""
    parts: list[RenderableType] = []
    for verdict in outcome.verdicts:
        parts += _verdict(verdict)
    if outcome.exit_status:
        parts += [safe(f"note: {note}") for note in outcome.notes]
    return Group(*parts)


def _verdict(verdict: Verdict) -> Iterator[RenderableType]:
    digests = verdict.sha256[:16]
    if verdict.rebuilt and verdict.rebuilt != verdict.sha256:
        digests += f" {verdict.rebuilt[:16]}"
    yield Text(f"{verdict.status:<10} ", style=_STYLES[verdict.status]) + safe(f"{verdict.file} {digests}")
    if verdict.reason:
        yield Indented(verdict.reason, 4)
    if verdict.comparison:
        yield from _comparison(verdict.comparison)


def _comparison(found: Comparison) -> Iterator[RenderableType]:
    for item in found.archive[:_MOST]:
        yield safe(f"    {item.where or 'the archive'}: {item.aspect}: {_pair(item.a, item.b)}")
    yield from _more(len(found.archive), "facts of the archive")
    entries = [entry for entry in found.entries if not entry.consequence]
    for entry in entries[:_MOST]:
        yield from _entry(entry)
    yield from _more(len(entries), "files")
    for cause in found.causes:
        yield from _cause(cause)
    if found.external_problem:
        yield safe(f"    {found.external_problem}")
    if found.external:
        yield Indented(found.external, 4)


def _more(count: int, what: str) -> Iterator[RenderableType]:
    if count > _MOST:
        yield safe(f"    and {count - _MOST} more {what}")


def _entry(entry: EntryDifference) -> Iterator[RenderableType]:
    sizes = dict.fromkeys((entry.size_a, entry.size_b))
    shown = " and ".join(map(str, sizes))
    yield safe(f"    {entry.name}: {entry.kind}, {shown} bytes, first difference at byte {entry.first}")
    for section in entry.sections[:_MOST]:
        yield safe(f"      section {section.name}: {_section(section)}")
    for fact in entry.facts[:_MOST]:
        yield safe(f"      {fact.where} ({fact.aspect}): {_pair(fact.a, fact.b)}")
    yield from (safe(f"      {line}") for line in entry.diff[:_MOST])


def _section(section: SectionDifference) -> str:
    if section.reordered:
        return "the same bytes in another order"
    if section.size_a == section.size_b:
        return f"{section.size_a} bytes"
    return _pair(*("nothing" if size < 0 else f"{size} bytes" for size in (section.size_a, section.size_b)))


def _pair(a: str, b: str) -> str:
    return f"{a or 'nothing'} and {b or 'nothing'}"


def _cause(cause: Cause) -> Iterator[RenderableType]:
    where = f"{cause.where}: " if cause.where else ""
    yield safe("    probably ", "cyan") + safe(f"{cause.code}: {where}{cause.message}")
    yield from (safe(f"      {line}") for line in cause.evidence[:4])

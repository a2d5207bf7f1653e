"""The results that are kept, a JSON file for each project in the repository, and the table made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

LARGER = 1.5
"""From this many times upstream's size on, the size is told."""
_MARKS = re.compile(r"(?<=<!-- scoreboard -->\n).*?(?=<!-- end of scoreboard -->\n)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What was seen of a project and a target.

    :ivar outcome: ``equal``, ``differs``, ``refused`` (before anything was compiled), ``failed``, or
        ``no upstream``: built, and there is nothing to compare with.
    :ivar notes: what differs, or why nothing was built.
    :ivar sizes: bytes of our wheel and of upstream's, 0 where there is none.
    :ivar seconds: of the job.
    :ivar commit: xbuild's.
    :ivar day: when, as YYYY-MM-DD in UTC.
    """

    outcome: str
    notes: Sequence[str] = ()
    wheel: str = ""
    upstream: str = ""
    sizes: Sequence[int] = (0, 0)
    seconds: int = 0
    commit: str = ""
    day: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was seen of a release.

    :ivar options: of ``xbuild run``, as upstream's own release passes them to maturin.
    """

    project: str
    version: str
    options: Sequence[str] = ()
    pairs: Mapping[str, Pair] = field(default_factory=dict)


def read(path: Path) -> Result:
    """A kept result.

    :raises OSError: there is none.
    """
    body = json.loads(path.read_text("utf-8"))
    pairs = {triple: Pair(**pair) for triple, pair in body.pop("pairs").items()}
    return Result(**body, pairs=pairs)


def write(result: Result, path: Path) -> None:
    """Keep a result; equal results are equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result), indent=1, sort_keys=True) + "\n", "utf-8")


def renewed(document: str, table: str) -> str:
    """A document with all between the scoreboard's marks made anew."""
    return _MARKS.sub(lambda _found: table, document)


def rendered(
    results: Iterable[Result], targets: Sequence[str], known: Mapping[str, Mapping[str, str]]
) -> str:
    """The table in Markdown, what its numbers mean, and how many pairs came to what.

    :param known: for each project, the beginnings of differences that lie with the release, and why.
    """
    notes: dict[str, int] = {}
    outcomes: list[str] = []
    lines = [_row("project", *targets), f"|{'---|' * (len(targets) + 1)}"]
    for result in results:
        cells = []
        for triple in targets:
            outcome, remarks = _judged(result.pairs.get(triple), known.get(result.project, {}))
            outcomes.append(outcome)
            cells.append(_cell(outcome, [notes.setdefault(remark, len(notes) + 1) for remark in remarks]))
        options = "".join(f" `{option}`" for option in result.options)
        lines.append(_row(f"{result.project} {result.version}{options}", *cells))
    counts = [f"{outcomes.count(word)} {word}" for word in dict.fromkeys(sorted(outcomes))]
    lines += ["", f"Of {len(outcomes)} pairs: {', '.join(counts)}."]
    lines += ["", *(f"{number}. {note}" for note, number in notes.items())] if notes else []
    return "".join(f"{line}\n" for line in lines)


def _judged(pair: Pair | None, known: Mapping[str, str]) -> tuple[str, list[str]]:
    """The outcome as the table has it, and its remarks."""
    if pair is None:
        return "not seen", []
    reasons = [_reason(note, known) for note in pair.notes]
    explained = pair.outcome == "differs" and all(reasons)
    remarks = [
        f"{note} ({reason})" if reason else note for note, reason in zip(pair.notes, reasons, strict=True)
    ]
    return "as released" if explained else pair.outcome, [*remarks, *_size(pair)]


def _reason(note: str, known: Mapping[str, str]) -> str:
    return next((reason for beginning, reason in known.items() if note.startswith(beginning)), "")


def _size(pair: Pair) -> Iterator[str]:
    ours, theirs = pair.sizes
    if theirs and ours / theirs >= LARGER:
        yield f"{ours / theirs:.1f} times as large as upstream's"


def _cell(outcome: str, numbers: Sequence[int]) -> str:
    return f"{outcome} ({', '.join(map(str, numbers))})" if numbers else outcome


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

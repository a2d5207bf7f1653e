"""Texts inside of files that tell where a difference comes from: times, paths, versions, identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_BYTES = 128 << 20
_MOST_SEARCHED = 4 << 20
_MOST_FOUND = 20_000
_MOST_KEPT = 200
_RUN = re.compile(rb"[\x20-\x7e]{8,}")
_MONTHS = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# Rust's strings lie in the file without anything between them, so a pattern has to know where it ends
_PATTERNS = {
    "timestamp": re.compile(
        rb"20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-5]\d)?|" + _MONTHS + rb" [ \d]\d 20\d\d"
    ),
    "toolchain": re.compile(
        rb"rustc version \d[\w.-]{1,30}(?: \([0-9a-f]{7,12} [0-9-]{10}\))?|/rustc/[0-9a-f]{40}"
        rb"|clang version \d[\w.+~-]{1,40}|Generator: maturin \([\w.]{1,20}\)"
    ),
    "dependencies": re.compile(
        rb"(?<=/)[A-Za-z][\w-]{0,60}-\d{1,4}\.\d{1,4}\.\d{1,4}(?:[-+][\w.]{1,30})?(?=/src/)"
    ),
    "random-id": re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "path": re.compile(
        rb"(?:/[\w.+@-]{1,64}){0,12}?/[\w.+@-]{0,64}?[\w+@-]\.(?:rs|pdb|cpp|toml|pyd|dll|rlib|pyx?)"
        rb"|[A-Za-z]:(?:\\[\w.+@ -]{1,64}){1,12}?\.(?:rs|pdb|cpp|toml|pyd|dll)"
        rb"|(?:/(?:home|root|tmp|var|Users|build|mnt|workspace)(?:/[\w.+@-]{1,100}){1,30})"
    ),
}
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Trace:
    """Texts of one kind that only one of two files has."""

    kind: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        """A few of them."""
        return (
            *(f"a: {text}" for text in self.only_a[:_SHOWN]),
            *(f"b: {text}" for text in self.only_b[:_SHOWN]),
        )


def compare_traces(a: bytes, b: bytes) -> tuple[Trace, ...]:
    """The kinds of texts that differ.

    Only runs of printable bytes that the other file does not have are searched, and of these 4 MiB: the
    patterns take a while.
    """
    runs_a, runs_b = _runs(a), _runs(b)
    changed_a, changed_b = (_joined(one, other) for one, other in ((runs_a, runs_b), (runs_b, runs_a)))
    found = []
    for kind, pattern in _PATTERNS.items():
        first, second = _find(pattern, changed_a), _find(pattern, changed_b)
        only_a, only_b = _missing(first - second, b), _missing(second - first, a)
        if only_a or only_b:
            found.append(Trace(kind, only_a, only_b))
    return tuple(found)


def _runs(data: bytes) -> dict[bytes, None]:
    return dict.fromkeys(match[0] for match in _RUN.finditer(data, 0, _MOST_BYTES))


def _joined(runs: dict[bytes, None], others: dict[bytes, None]) -> bytes:
    """The runs that the other file does not have, one a line."""
    return b"\n".join(run for run in runs if run not in others)[:_MOST_SEARCHED]


def _find(pattern: re.Pattern[bytes], data: bytes) -> set[bytes]:
    found: set[bytes] = set()
    for match in pattern.finditer(data):
        found.add(match[0])
        if len(found) >= _MOST_FOUND:
            break
    return found


def _missing(texts: set[bytes], data: bytes) -> tuple[str, ...]:
    """Those that are nowhere in ``data``, sorted."""
    return tuple(text.decode("latin-1") for text in sorted(texts)[:_MOST_KEPT] if text not in data)

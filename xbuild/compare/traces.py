"""Texts inside of files that tell where a difference comes from: times, paths, versions, identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_BYTES = 32 << 20
_MOST_FOUND = 20_000
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
    """The kinds of texts that differ. Only the first 32 MiB of each are looked at."""
    found = []
    for kind, pattern in _PATTERNS.items():
        first, second = _find(pattern, a), _find(pattern, b)
        if first != second:
            found.append(Trace(kind, *(_sorted(texts) for texts in (first - second, second - first))))
    return tuple(found)


def _find(pattern: re.Pattern[bytes], data: bytes) -> set[bytes]:
    found: set[bytes] = set()
    for match in pattern.finditer(data, 0, _MOST_BYTES):
        found.add(match[0])
        if len(found) >= _MOST_FOUND:
            break
    return found


def _sorted(texts: set[bytes]) -> tuple[str, ...]:
    return tuple(sorted(text.decode("latin-1") for text in texts))

"""What a comparison gives back, as frozen values. Texts come from the wheels: escape them for a terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Aspect = Literal[
    "unreadable",
    "removed",
    "added",
    "order",
    "time",
    "mode",
    "flags",
    "extra",
    "compression",
    "bytes",
    "header",
    "symbols",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that differs.

    :ivar where: the entry of the wheel (or the part of it), or ``""`` for the whole archive.
    :ivar a: what the first has; ``""`` where it has nothing.
    """

    aspect: Aspect
    where: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class SectionDifference:
    """A section of a native file. Sizes in bytes; -1 where it is not there.

    :ivar reordered: both hold the same bytes, each as often, in another order.
    """

    name: str
    size_a: int
    size_b: int
    reordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDifference:
    """A file that both wheels have, with other contents. Sizes in bytes.

    :ivar kind: ``text``, ``native`` or ``data``.
    :ivar first: offset of the first byte that differs.
    :ivar diff: a unified diff of a small text file, clipped.
    :ivar sections: sections of a native file that differ.
    :ivar facts: what else of a native file differs: headers and symbols.
    :ivar consequence: whether it differs because other files do (RECORD).
    """

    name: str
    kind: str
    size_a: int
    size_b: int
    first: int
    diff: tuple[str, ...] = ()
    sections: tuple[SectionDifference, ...] = ()
    facts: tuple[Difference, ...] = ()
    consequence: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something probably differs.

    :ivar code: ``timestamp``, ``path``, ``hash-order``, ``codegen-units``, ``metadata-hash``, ``toolchain``,
        ``dependencies``, ``random-id``, ``compressor`` or ``archive``.
    :ivar where: the entry, or ``""`` for the archive.
    :ivar evidence: what points to it, a few examples.
    """

    code: str
    where: str
    message: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two wheels beside each other.

    :ivar archive: what differs about the archives and their entries' headers.
    :ivar entries: files with other contents, in the first archive's order.
    :ivar external: diffoscope's report, or ``""``; ``external_problem`` says why there is none.
    """

    sha256_a: str
    sha256_b: str
    archive: tuple[Difference, ...] = ()
    entries: tuple[EntryDifference, ...] = ()
    causes: tuple[Cause, ...] = ()
    external: str = ""
    external_problem: str = ""

    @property
    def identical(self) -> bool:
        """Whether the files are the same, byte for byte."""
        return self.sha256_a == self.sha256_b

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"schema": "xbuild.comparison/1", "identical": self.identical, **asdict(self)}

"""Native files beside each other: starts ``probe.py`` over both, and takes its answers with care."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from xbuild.check.native.parser import Parser, ask
from xbuild.rebuild.compare.model import Difference, SectionDifference

_ANSWER_LIMIT = 128 << 20
_SHOWN = 8
_HASHES = re.compile(r"17h[0-9a-f]{16}E|(?<=Cs)[0-9A-Za-z]{6,13}_|\.llvm\.\d+")


@dataclass(frozen=True, slots=True)
class Native:
    """What the probe saw of one file.

    :ivar sections: by name: size, sha256, and the digest of its bytes regardless of their order.
    :ivar symbols: (name, size) in the order of their addresses.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[str, tuple[int, str, str]] = field(default_factory=dict)
    symbols: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Symbols:
    """How the symbols of two files relate.

    :ivar moved: the same names and sizes in another order.
    :ivar resized: names that both have, with other sizes.
    :ivar rehashed: names that are the same but for the compiler's hashes in them.
    """

    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()
    rehashed: tuple[str, ...] = ()
    moved: bool = False


def probe(paths: Sequence[Path], *, timeout: float) -> list[Native]:
    """What there is to see of the files, in their order; nothing of those that crash the parser.

    :param timeout: seconds for all of them.
    """
    answers = ask(paths, partial(Parser, "contents"), timeout=timeout, room=_ANSWER_LIMIT)
    return [_read(answers.get(str(path), {})) for path in paths]


def _read(answer: Mapping[str, Any]) -> Native:
    """The answer as far as it is one: the file may have made the parser say anything."""
    try:
        return _native(answer["parts"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Native()


def _native(parts: list[dict[str, Any]]) -> Native:
    headers: dict[str, str] = {}
    sections: dict[str, tuple[int, str, str]] = {}
    symbols: list[tuple[str, int]] = []
    for part in parts:
        headers |= {str(name): str(value) for name, value in part["headers"].items()}
        for item in part["sections"]:
            name = str(item["name"])
            while name in sections:
                name += "'"
            sections[name] = (int(item["size"]), str(item["sha256"]), str(item["bag"]))
        symbols += [(str(name), int(size)) for name, size in part["symbols"]]
    return Native(headers, sections, tuple(symbols))


def compare_sections(a: Native, b: Native) -> Iterator[SectionDifference]:
    """Sections that differ, in the first file's order."""
    for name in dict.fromkeys((*a.sections, *b.sections)):
        first, second = a.sections.get(name), b.sections.get(name)
        if first == second:
            continue
        reordered = (
            first is not None and second is not None and (first[0], first[2]) == (second[0], second[2])
        )
        yield SectionDifference(name, first[0] if first else -1, second[0] if second else -1, reordered)


def compare_headers(where: str, a: Native, b: Native) -> Iterator[Difference]:
    """Facts of the headers that differ."""
    for name in dict.fromkeys((*a.headers, *b.headers)):
        first, second = a.headers.get(name, ""), b.headers.get(name, "")
        if first != second:
            yield Difference("header", f"{where}: {name}", first, second)


def compare_symbols(a: Native, b: Native) -> Symbols:
    """How the symbols of two files relate."""
    names_a, names_b = (Counter(name for name, _ in native.symbols) for native in (a, b))
    only_a, only_b = tuple((names_a - names_b).keys()), tuple((names_b - names_a).keys())
    plain_b = {_HASHES.sub("#", name) for name in only_b}
    sizes_b = {name: size for name, size in b.symbols if names_a[name] == names_b[name] == 1}
    return Symbols(
        only_a=only_a,
        only_b=only_b,
        resized=tuple(name for name, size in a.symbols if sizes_b.get(name, size) != size),
        rehashed=tuple(name for name in only_a if _HASHES.sub("#", name) in plain_b),
        moved=a.symbols != b.symbols and Counter(a.symbols) == Counter(b.symbols),
    )


def describe_symbols(where: str, found: Symbols) -> Iterator[Difference]:
    """The same for a report."""
    place = f"{where}: symbols"
    if found.only_a or found.only_b:
        yield Difference("symbols", place, _few(found.only_a), _few(found.only_b))
    if found.resized:
        yield Difference("symbols", f"{place} of another size", _few(found.resized), _few(found.resized))
    if found.moved:
        yield Difference("symbols", place, "one order", "another order")


def _few(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

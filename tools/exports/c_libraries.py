"""Since when each symbol of glibc and of musl exists: the files ``glibc.txt`` and ``musl.txt``.

zig's wheels bring, for its own linker, every public symbol of glibc with each version that it has on each
architecture (``abilists``), and the dynamic symbols of one release of musl (``libc.S``).
"""

from __future__ import annotations

import argparse
import re
import tomllib
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fetching import digest, fetch_distribution, write_lines

HERE = Path(__file__).resolve().parent
_LAST = 0x80
_LABEL = re.compile(r"([A-Za-z_]\w*):")
_CONDITION = re.compile(r"(!?)defined\((\w+)\)")

Version = tuple[int, ...]
Since = dict[tuple[str, str], dict[str, Version]]
"""(symbol, library): {architecture: version}."""


class Reader:
    """A cursor over the bytes of an ``abilists`` file.

    Its format is told by https://github.com/ziglang/libc-abi-tools (README.md, "abilists binary format"); a
    third part, of thread-local objects, has since come to those of functions and objects.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def ended(self) -> bool:
        return self._place == len(self._data)

    def number(self, size: int = 1) -> int:
        self._place += size
        return int.from_bytes(self._data[self._place - size : self._place], "little")

    def variable(self) -> int:
        """An unsigned number in LEB128."""
        value = shift = 0
        while True:
            byte = self.number()
            value |= (byte & ~_LAST) << shift
            shift += 7
            if not byte & _LAST:
                return value

    def text(self) -> str:
        end = self._data.index(b"\0", self._place)
        text = self._data[self._place : end].decode("ascii")
        self._place = end + 1
        return text

    def indexes(self) -> Iterator[int]:
        """Indexes, of which the last is marked."""
        while True:
            byte = self.number()
            yield byte & ~_LAST
            if byte & _LAST:
                return


def read_abilists(data: bytes, triples: Mapping[str, str], libraries: Mapping[str, str]) -> Since:
    """The oldest version of each symbol.

    :param triples: zig's names of the architectures that are wanted, by wheel tags' names.
    :param libraries: sonames by zig's names.
    """
    reader = Reader(data)
    sonames = [libraries[reader.text()] for _ in range(reader.number())]
    versions = [tuple(reader.number() for _ in range(3)) for _ in range(reader.number())]
    targets = [reader.text() for _ in range(reader.number())]
    bits = {arch: 1 << targets.index(triple) for arch, triple in triples.items()}
    since: Since = defaultdict(dict)
    for sized in (False, True, True):
        name = ""
        for _ in range(reader.number(2)):
            name = name or reader.text()
            archs = reader.variable()
            if sized:
                reader.variable()
            library = reader.number()
            oldest = versions[min(reader.indexes())]
            own = since[name, sonames[library & ~_LAST]]
            for arch, bit in bits.items():
                if archs & bit:
                    own[arch] = min(own.get(arch, oldest), oldest)
            if library & _LAST:
                name = ""
    if not reader.ended:
        raise SystemExit("abilists: bytes are left over, the format has changed")
    return {key: own for key, own in since.items() if own}


@dataclass(frozen=True)
class Label:
    """A symbol of ``libc.S``, and the conditions under which it is there."""

    name: str
    conditions: tuple[str, ...]

    def holds(self, macros: Iterable[str]) -> bool:
        known = set(macros)
        return all(
            (macro in known) != bool(negated)
            for condition in self.conditions
            for negated, macro in _CONDITION.findall(condition)
        )


def read_labels(text: str) -> Iterator[Label]:
    """The symbols of an assembler file whose conditions are all conjunctions."""
    stack: list[str] = []
    for line in text.splitlines():
        words = line.split(maxsplit=1)
        match words[0] if words else "":
            case "#ifdef":
                stack.append(f"defined({words[1]})")
            case "#if" if "||" not in words[1]:
                stack.append(words[1])
            case "#else" if stack[-1] in {"defined(PTR64)", "defined(TIME32)"}:
                stack[-1] = f"!{stack[-1]}"
            case "#endif":
                stack.pop()
            case "#define":
                pass
            case word if word.startswith("#"):
                raise SystemExit(f"libc.S: {line!r} is not understood")
            case _ if match := _LABEL.match(line):
                yield Label(match[1], tuple(stack))


def read_musl(texts: Mapping[str, str], facts: Mapping[str, Any], macros: Mapping[str, list[str]]) -> Since:
    """The first release that has each symbol.

    :param texts: ``libc.S`` by the release of musl that it shows.
    :param facts: ``before``, ``time64``, ``ports`` and ``new`` of ``sources.toml``.
    """
    new = {name: number(release) for release, names in facts["new"].items() for name in names}
    since: Since = defaultdict(dict)
    for index, (release, text) in enumerate(texts.items()):
        first = index == 0
        for label in read_labels(text):
            time64 = any("TIME32" in item or "PTR32" in item for item in label.conditions)
            # What an architecture has of its own it had from the beginning; the first list has none of it
            old = first or label.conditions
            found = number(facts["time64"] if time64 else facts["before"] if old else release)
            for arch, known in macros.items():
                port = number(facts["ports"].get(arch, facts["before"]))
                if label.holds(known) and (port <= number(release) or first):
                    own = since[label.name, "libc.so"]
                    own.setdefault(arch, max(new.get(label.name, found), port))
    return {key: own for key, own in since.items() if own}


def number(text: str) -> Version:
    """A version as numbers, without zeros at its end beyond the second."""
    return tuple(int(part) for part in text.split("."))


def spell(version: Version) -> str:
    parts = version[:-1] if len(version) == 3 and version[2] == 0 else version
    return ".".join(map(str, parts))


def lines_of(since: Since) -> Iterator[str]:
    """Groups of symbols of one library that came to each architecture at the same time."""
    groups: dict[str, list[str]] = defaultdict(list)
    for (name, library), own in since.items():
        when = " ".join(f"{arch}:{spell(version)}" for arch, version in sorted(own.items()))
        groups[f"= {library} {when}"].append(name)
    for group in sorted(groups):
        yield group
        yield from sorted(groups[group])


def read_member(work: Path, row: Mapping[str, Any], member: str) -> tuple[bytes, str]:
    """A file of a wheel of zig's, and where it is from."""
    path = fetch_distribution(work, dict(row))
    with zipfile.ZipFile(path) as archive:
        data = archive.read(member)
    origin = f"PyPI {row['requirement']} (sha256 {row['sha256']}, {row['licence']}), {member}"
    return data, f"{origin} (sha256 {digest(data)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is fetched")
    work = parser.parse_args().work.resolve()
    sources = tomllib.loads((HERE / "sources.toml").read_text("utf-8"))
    archs = sources["c-architectures"]
    row = sources["glibc"]
    data, origin = read_member(work, row, row["member"])
    triples = {arch: item["glibc"] for arch, item in archs.items()}
    found = read_abilists(data, triples, row["libraries"])
    title = "public symbols of glibc, and the version since which each architecture has them"
    write_lines("glibc", title, origin, "zig's abilists", list(lines_of(found)))
    facts = sources["musl"]
    texts, origins = {}, []
    for row in facts["release"]:
        data, origin = read_member(work, row, row["member"])
        texts[row["musl"]] = data.decode("utf-8")
        origins.append(f"{row['musl']}: {origin}")
    found = read_musl(texts, facts, {arch: item["musl"] for arch, item in archs.items()})
    title = "symbols of musl, and the release since which each architecture has them"
    write_lines(
        "musl", title, "; ".join(origins), "zig's libc.S, musl's release notes", list(lines_of(found))
    )


if __name__ == "__main__":
    main()

"""Splits C headers into what they declare, for complete_headers.py."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(
    r'(?:L|u8?|U)?"(?:\\.|[^"\\])*"|L?\'(?:\\.|[^\'\\])*\'|[A-Za-z_]\w*|\.?\d(?:[eEpP][+-]|[\w.])*'
    r"|<<=|>>=|<<|>>|##|::|->|\.\.\.|[<>=!&|+\-*/%^]=|&&|\|\||\+\+|--|\S"
)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
MARKER = re.compile(r'# \d+ "([^"]*)"((?: \d)*)')
DEFINITION = re.compile(r"#(define|undef) ([A-Za-z_]\w*)(.*)", re.DOTALL)
PACK = re.compile(r"#pragma pack\((.*)\)")
OPEN, CLOSE = frozenset("([{"), frozenset(")]}")
ATTRIBUTES = frozenset(("__attribute__", "__declspec", "__asm__", "asm", "__pragma"))
TAGS = frozenset(("struct", "union", "enum", "class"))
CALLING = frozenset(
    ("__stdcall", "__cdecl", "__fastcall", "__thiscall", "__vectorcall", "WINAPI", "CALLBACK")
)

# The oldest declarations that a header hides are those of the oldest Windows, so the newest is asked for.
NEWEST = (
    "-D_WIN32_WINNT=0x0A00",
    "-DNTDDI_VERSION=0x0A000010",
    "-DWINVER=0x0A00",
    "-D_UCRT",
    "-DUSE___UUIDOF=1",
)

# mingw-w64's own words, and what Windows' headers say.
WORDS = {"WINBOOL": "BOOL", "__LONG32": "long", "__extension__": "", "__MINGW_EXTENSION": ""}


@dataclass(frozen=True)
class Item:
    """One top-level thing of a header.

    :ivar header: where it is, below the include folder.
    :ivar names: what it makes known, its own name first.
    :ivar pack: the packing of structures there, empty for the default.
    """

    kind: str
    header: str
    text: str
    names: tuple[str, ...] = ()
    pack: str = ""


@dataclass
class Reading:
    """What a run of the preprocessor saw."""

    items: list[Item] = field(default_factory=list)
    includes: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))


class Reader:
    """Splits the output of ``clang -E -dD`` into items."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = tuple(f"{root}/" for root in roots)
        self.reading = Reading()
        self.files: list[str] = []
        self.pending: list[str] = []
        self.depth = self.transparent = 0
        self.packs: list[str] = [""]
        self.function = False
        self.header = ""

    def read(self, lines: Iterable[str]) -> Reading:
        for line in lines:
            if not line.startswith("#"):
                for token in TOKEN.findall(line):
                    self.take(token)
            elif marker := MARKER.match(line):
                self.move(marker[1], marker[2])
            elif pack := PACK.match(line):
                self.repack(pack[1])
            elif (definition := DEFINITION.match(line)) and self.files:
                kind, name, text = definition.groups()
                self.add(
                    Item("macro" if kind == "define" else "undef", self.files[-1], text.rstrip(), (name,))
                )
        return self.reading

    def add(self, item: Item) -> None:
        if item.header:
            self.reading.items.append(item)

    def move(self, path: str, flags: str) -> None:
        header = next((path[len(root) :].lower() for root in self.roots if path.startswith(root)), "")
        if " 1" in flags:
            if self.files and self.files[-1] and header:
                self.reading.includes[self.files[-1]][header] = None
            self.files.append(header)
        elif " 2" in flags:
            if self.files:
                self.files.pop()
            self.files = self.files or [header]
        elif not self.files:
            self.files = [header]

    def repack(self, arguments: str) -> None:
        words = [word.strip() for word in arguments.split(",")]
        number = words[-1] if words[-1].isdigit() else ""
        if words[0] == "pop":
            self.packs = self.packs[:-1] or [""]
        elif words[0] == "push":
            self.packs.append(number or self.packs[-1])
        else:
            self.packs[-1] = number

    def take(self, word: str) -> None:
        if not self.depth:
            if word == "}" and not self.pending:
                self.transparent -= 1
                return
            if word == "{" and self.pending[:1] == ["extern"] and len(self.pending) == 2:
                self.transparent += 1
                self.pending = []
                return
            if not self.pending:
                if word == ";":
                    return
                self.header = self.files[-1] if self.files else ""
        self.pending.append(word)
        if word in OPEN:
            if word == "{" and not self.depth:
                self.function = has_body(self.pending)
            self.depth += 1
        elif word in CLOSE:
            self.depth -= 1
            if word == "}" and not self.depth and self.function:
                self.finish()
        elif word == ";" and not self.depth:
            self.finish()

    def finish(self) -> None:
        tokens, self.pending = self.pending, []
        body, self.function = self.function, False
        if self.header:
            kind, names = declared(tokens, body=body)
            self.add(Item(kind, self.header, " ".join(tokens), names, self.packs[-1]))


def without_attributes(tokens: Sequence[str]) -> list[str]:
    kept: list[str] = []
    inside = -1
    for index, token in enumerate(tokens):
        if inside >= 0:
            inside += (token in OPEN) - (token in CLOSE)
            if not inside:
                inside = -1
        elif token in ATTRIBUTES and tokens[index + 1 : index + 2] == ["("]:
            inside = 0
        elif WORDS.get(token, token) and token not in CALLING:
            kept.append(token)
    return kept


def has_body(tokens: Sequence[str]) -> bool:
    """Whether the ``{`` that has just come begins what ends without a semicolon."""
    if tokens[0] in {"namespace", "typedef"} or tokens[:2] == ["inline", "namespace"]:
        return tokens[0] != "typedef"
    plain = without_attributes(tokens)
    return "(" in plain and "=" not in plain


def groups(tokens: Sequence[str], separator: str = ",") -> Iterator[list[str]]:
    """Parts between separators that are in no bracket."""
    part: list[str] = []
    depth = 0
    for token in tokens:
        depth += (token in OPEN) - (token in CLOSE)
        if token == separator and not depth:
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def end_of_group(tokens: Sequence[str], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        depth += (tokens[index] in OPEN) - (tokens[index] in CLOSE)
        if not depth:
            return index
    return len(tokens) - 1


def declarator_name(tokens: Sequence[str]) -> str:
    """The name that a declarator (with or without the type before it) declares."""
    if "(" in tokens:
        start = tokens.index("(")
        end = end_of_group(tokens, start)
        inner = tokens[start + 1 : end]
        if len(inner) == 1 and tuple(tokens[end + 1 : end + 2]) == ("(",):
            return inner[0]
        if inner and inner[0] in "*&":
            return declarator_name([token for token in inner if token not in {"*", "&", "const"}])
        tokens = tokens[:start]
    elif "[" in tokens:
        tokens = tokens[: tokens.index("[")]
    names = [token for token in tokens if IDENTIFIER.match(token)]
    return names[-1] if names else ""


def enumerators(body: Sequence[str]) -> list[tuple[str, str]]:
    """Each constant and the expression of its value."""
    found: list[tuple[str, str]] = []
    base, offset = "0", 0
    for entry in groups(body):
        part = without_attributes(entry)
        if not part:
            continue
        if len(part) > 2 and part[1] == "=":
            base, offset = " ".join(part[2:]), 0
        found.append((part[0], f"({base})+{offset}" if offset else base))
        offset += 1
    return found


@dataclass(frozen=True)
class Declaration:
    """A typedef, or a structure, union or enumeration, taken apart; tokens without attributes."""

    tag_kind: str
    tag: str
    body: tuple[str, ...] | None
    base: tuple[str, ...]
    declarators: tuple[tuple[str, ...], ...]


def take_apart(tokens: Sequence[str]) -> Declaration:
    plain = [token for token in without_attributes(tokens) if token not in {"typedef", ";"}]
    start = next((i for i, token in enumerate(plain) if token in TAGS), -1)
    kind = plain[start] if start >= 0 and "(" not in plain[:start] else ""
    brace = plain.index("{") if "{" in plain else -1
    if kind and brace > start:
        end = end_of_group(plain, brace)
        tag = next((token for token in plain[start + 1 : brace] if IDENTIFIER.match(token)), "")
        rest = plain[end + 1 :]
        return Declaration(
            kind, tag, tuple(plain[brace + 1 : end]), (), tuple(tuple(part) for part in groups(rest))
        )
    parts = list(groups(plain))
    first = parts[0] if parts else []
    name = declarator_name(first)
    at = len(first) - 1 - first[::-1].index(name) if name in first else len(first)
    while at and first[at - 1] in {"*", "(", "const"}:
        at -= 1
    base, declarator = first[:at], first[at:]
    tag = plain[start + 1] if kind and start + 1 < len(plain) else ""
    return Declaration(
        kind, tag, None, tuple(base), (tuple(declarator), *(tuple(part) for part in parts[1:]))
    )


def declared(tokens: Sequence[str], *, body: bool) -> tuple[str, tuple[str, ...]]:
    """Kind and names of a declaration."""
    first = tokens[0]
    plain = without_attributes(tokens)
    if (
        first in {"template", "namespace", "using", "class"}
        or plain[:2] == ["inline", "namespace"]
        or "operator" in plain
        or not plain
    ):
        return "other", ()
    if first == "typedef" or ("{" in plain and not body and TAGS & set(plain[: plain.index("{")])):
        parts = take_apart(tokens)
        constants = enumerators(parts.body) if parts.tag_kind == "enum" and parts.body is not None else []
        declarators = [declarator_name(part) for part in parts.declarators]
        if first != "typedef":
            own = [parts.tag, *declarators]
        else:
            own = [*declarators, *([parts.tag] if parts.body is not None else [])]
        names = [name for name in (*own, *(name for name, _ in constants)) if name]
        return ("type" if first == "typedef" or parts.tag else "constants"), tuple(dict.fromkeys(names))
    if "(" in plain and "=" not in plain[: plain.index("(")]:
        name = declarator_name(plain[: plain.index("{")] if "{" in plain else plain)
        kind = "inline" if body else "function"
        if plain[plain.index("(") + 1 : plain.index("(") + 2] == ["*"]:
            kind = "variable"
        return kind, ((name,) if name else ())
    if first in TAGS and len(plain) == 3:
        return "forward", ()
    cut = plain[: plain.index("=")] if "=" in plain else plain
    name = declarator_name(cut)
    return "variable", ((name,) if name else ())


def preprocess(
    clang: Path, arguments: Sequence[str | Path], headers: Iterable[str], roots: Iterable[Path]
) -> Reading:
    """Reads headers, those that a folder of ``arguments`` has, in this order."""
    text = "".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in headers)
    done = subprocess.run(
        [clang, "-E", "-dD", "-w", "-nostdlibinc", *NEWEST, *arguments, "-"],
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if not done.stdout:
        raise SystemExit(f"{clang}: {done.stderr}")
    return Reader(roots).read(done.stdout.splitlines())

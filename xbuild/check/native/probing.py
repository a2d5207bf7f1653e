"""What the parser sees of a wheel's native files, as facts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from xbuild.check.model import Finding, Format, ModuleFacts, Slice, Undefined
from xbuild.check.native.parser import Parsers, ask
from xbuild.wheels.members import Member, read_pieces

_ANSWER_LIMIT = 16 << 20
"""Bytes of answers about all files of a wheel. The largest compilers' libraries take three million."""
_MAGICS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xfe\xed\xfa\xce")
_FAT = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
_SUFFIXES = (".so", ".pyd", ".dll", ".dylib")
_MOST_SLICES = 20


def looks_native(member: Member) -> bool:
    """Whether a member is a native file, by its first bytes or its name.

    A fat Mach-O file begins as a Java class does; then comes a small number of slices, or a class version.
    """
    head = member.head
    fat = head[:4] in _FAT and 0 < int.from_bytes(head[4:8], "big") < _MOST_SLICES
    return head[:4] in _MAGICS or fat or member.entry.name.lower().endswith(_SUFFIXES) or _is_program(member)


def _is_program(member: Member) -> bool:
    return member.head[:2] == b"MZ" and member.entry.name.lower().endswith(".exe")


def probe_members(
    file: BinaryIO, members: Sequence[Member], parsers: Parsers, *, timeout: float
) -> tuple[tuple[ModuleFacts, ...], tuple[Finding, ...]]:
    """Facts about native files, and findings about those that could not be read.

    :param timeout: seconds that parsers may take over all of them, also where one after the other dies.
    :raises OSError: there is no room for copies of them, or no process can be started.
    """
    facts: list[ModuleFacts] = []
    findings: list[Finding] = []
    if not members:
        return (), ()
    with tempfile.TemporaryDirectory(prefix="xbuild-audit-") as folder:
        paths = _unpack(file, members, Path(folder))
        answers = ask(paths, parsers.take, timeout=timeout, room=_ANSWER_LIMIT)
        for path, member in zip(paths, members, strict=True):
            found = make_facts(answers.get(str(path), {}), member.entry.name, member.entry.size)
            if found is None:
                message = "not a native file that can be read"
                findings.append(Finding("binary-unreadable", "error", member.entry.name, message))
            else:
                facts.append(found)
    return tuple(facts), tuple(findings)


def _unpack(file: BinaryIO, members: Sequence[Member], folder: Path) -> list[Path]:
    """Write the members to files with plain names; their sizes were bounded when the archive was opened."""
    paths = []
    for index, member in enumerate(members):
        path = folder / f"module-{index}"
        with path.open("wb") as copy:
            for piece in read_pieces(file, member.entry):
                copy.write(piece)
        paths.append(path)
    return paths


def make_facts(answer: dict[str, Any], path: str, size: int) -> ModuleFacts | None:
    """Facts from the parser's answer, or None where it could make no sense of the file."""
    form = _format(answer.get("format"))
    if form is None or not answer.get("slices"):
        return None
    slices = tuple(_slice(part) for part in answer["slices"])
    return ModuleFacts(path=path, size=size, format=form, slices=slices)


def _format(value: object) -> Format | None:
    match value:
        case "pe":
            return "pe"
        case "elf":
            return "elf"
        case "macho":
            return "macho"
        case _:
            return None


def _slice(part: dict[str, Any]) -> Slice:
    return Slice(
        machine=str(part["machine"]),
        kind=str(part["kind"]),
        needed=tuple(part.get("needed", ())),
        delayed=tuple(part.get("delayed", ())),
        undefined=tuple(Undefined(**item) for item in part.get("undefined", ())),
        ordinals=tuple(part.get("ordinals", ())),
        exports=frozenset(part.get("exports", ())),
        versions=tuple((name, tuple(wanted)) for name, wanted in part.get("versions", ())),
        rpaths=tuple(part.get("rpaths", ())),
        executable_stack=bool(part.get("executable_stack")),
        minimum_os=tuple(part.get("minimum_os", ())),
        platform=str(part.get("platform", "")),
        signed=bool(part.get("signed")),
    )

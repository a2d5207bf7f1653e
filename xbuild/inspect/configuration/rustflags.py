"""The flags that a project's configuration gives to rustc for a target."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from xbuild.catalog import Target

_WORDS = re.compile(r'\s*(?:(?P<word>[A-Za-z_][\w-]*)|"(?P<text>[^"]*)"|(?P<mark>[(),=]))')
_POINTERS = {"i686": "32", "arm": "32", "armv7": "32"}

_LOOKUP = re.compile(r"link-args?=(-undefined|dynamic_lookup)")
_LOOKUP_AT_ONCE = {"link-args=-undefined dynamic_lookup", "link-arg=-Wl,-undefined,dynamic_lookup"}
_OTHER_LINKER = re.compile(r"link-args?=-fuse-ld=\S+")


def flags_of(value: object) -> list[str]:
    """Flags as cargo takes them: a list, or a text of words.

    :raises ValueError: it is neither.
    """
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(value)
    raise ValueError(f"rustflags = {value!r} is neither a text nor a list of texts")


def configured_flags(config: Mapping[str, Any], target: Target) -> list[str]:
    """What a merged configuration gives to rustc: all that holds for the target, else ``build.rustflags``.

    :raises ValueError: it has another shape than cargo takes.
    """
    tables = config.get("target", {})
    found: list[str] = []
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if isinstance(table, dict) and "rustflags" in table and applies(name, target):
            flags = flags_of(table["rustflags"])
            found = [*flags, *found] if name == target.triple else [*found, *flags]
    build = config.get("build", {})
    return found or flags_of(build.get("rustflags", []) if isinstance(build, dict) else [])


def applies(name: str, target: Target) -> bool:
    """Whether ``[target.NAME]`` holds for a target: its triple, or a ``cfg(...)`` that is true there.

    :raises ValueError: the expression has a syntax error.
    """
    if not name.startswith("cfg("):
        return name == target.triple
    words = _Words(name.removeprefix("cfg(").removesuffix(")"), name)
    result = _evaluate(words, _facts(target))
    if words.next is not None:
        raise ValueError(f"{name} is no expression that cargo takes")
    return result


class _Words:
    """The words of an expression, one after the other."""

    def __init__(self, text: str, whole: str) -> None:
        self._rest = text.strip()
        self._whole = whole
        self.next: tuple[str, str] | None = None
        self.take()

    def take(self) -> tuple[str, str]:
        """The next word, of which kind it is, and go on.

        :raises ValueError: there is none.
        """
        taken = self.next or ("", "")
        match = _WORDS.match(self._rest)
        if self._rest and not match:
            raise ValueError(f"{self._whole} is no expression that cargo takes")
        self.next = (str(match.lastgroup), match[str(match.lastgroup)]) if match else None
        self._rest = self._rest[match.end() :] if match else ""
        return taken

    def expect(self, mark: str) -> None:
        """Take a mark.

        :raises ValueError: something else comes next.
        """
        if self.take() != ("mark", mark):
            raise ValueError(f"{self._whole} is no expression that cargo takes")


def _evaluate(words: _Words, facts: set[tuple[str, str]]) -> bool:
    kind, name = words.take()
    if kind != "word":
        words.expect("a name")
    if words.next == ("mark", "("):
        words.take()
        values = list(_list(words, facts))
        words.expect(")")
        if name == "not":
            return not all(values)
        return any(values) if name == "any" else all(values)
    if words.next == ("mark", "="):
        words.take()
        return (name, words.take()[1]) in facts
    return name == "true" or (name, "") in facts


def _list(words: _Words, facts: set[tuple[str, str]]) -> Iterator[bool]:
    while words.next not in {("mark", ")"), None}:
        yield _evaluate(words, facts)
        if words.next == ("mark", ","):
            words.take()


def _facts(target: Target) -> set[tuple[str, str]]:
    """What rustc says about a target (``--print cfg``), as far as it goes by the platform."""
    parts = target.triple.split("-")
    family = "windows" if target.os == "windows" else "unix"
    return {
        (family, ""),
        ("debug_assertions", ""),
        ("panic", "unwind"),
        ("target_family", family),
        ("target_os", target.os),
        ("target_arch", target.arch),
        ("target_vendor", parts[1]),
        ("target_env", parts[3] if len(parts) > 3 else ""),
        ("target_endian", "big" if target.arch == "s390x" else "little"),
        ("target_pointer_width", _POINTERS.get(target.arch, "64")),
    }


def without_lookup(flags: Sequence[str]) -> list[str]:
    """Flags without the ones that let macOS look symbols up when it loads a module.

    maturin adds them to every PyO3 module where it does not find them.
    """
    return list(_without(flags, lambda flag: flag in _LOOKUP_AT_ONCE or bool(_LOOKUP.fullmatch(flag))))


def without_linker(flags: Sequence[str]) -> list[str]:
    """Flags without the choice of a linker of the developer's machine."""
    return list(_without(flags, lambda flag: bool(_OTHER_LINKER.fullmatch(flag))))


def _without(flags: Sequence[str], unwanted: Callable[[str], bool]) -> Iterator[str]:
    waiting = iter(flags)
    for flag in waiting:
        if flag in {"-C", "--codegen"}:
            value = next(waiting, None)
            if value is None:
                yield flag
            elif not unwanted(value):
                yield from (flag, value)
        elif not (flag.startswith(("-C", "--codegen=")) and unwanted(re.sub(r"^(-C|--codegen=)", "", flag))):
            yield flag

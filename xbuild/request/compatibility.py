"""The platform tag that is asked for: ``--compatibility``, and ``compatibility`` of ``[tool.maturin]``.

maturin's words are taken. What a word promises is held against the target's row in ``targets.toml``, before
anything starts; maturin itself would say it after compiling, or let it through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xbuild.catalog import Target
from xbuild.errors import RefusedError, UsageError

_ALIASES = {"1": "2_5", "2010": "2_12", "2014": "2_17"}
_POLICY = re.compile(r"(?P<kind>manylinux|musllinux)_(?P<version>\d{1,3}_\d{1,3})")
_NATIVE = "linux"
_ANY = "pypi"
_KINDS = {"manylinux": "gnu", "musllinux": "musl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compatibility:
    """What maturin is asked for.

    :ivar word: the argument of maturin's ``--compatibility``, or ``""`` where the platform takes none.
    :ivar platform_tag: the platform tag of the wheels, in maturin's order.
    :ivar asked_by: who asks for another than the target's own, or ``""``.
    """

    word: str
    platform_tag: str
    asked_by: str = ""


def understand(word: str) -> str:
    """A word of maturin's as xbuild writes it: ``manylinux_2_17``, ``musllinux_1_2``, ``linux`` or ``pypi``.

    :raises UsageError: ``bad-compatibility``.
    """
    text = word.strip().lower()
    if text in {_NATIVE, "off"}:
        return _NATIVE
    if text == _ANY:
        return _ANY
    short = text.removeprefix("manylinux")
    if short in _ALIASES:
        return f"manylinux_{_ALIASES[short]}"
    named = f"manylinux_{text}" if text[:1].isdigit() else text
    if not _POLICY.fullmatch(named):
        raise UsageError(
            f"{word!r} is no compatibility",
            details="such words are manylinux_2_28, manylinux2014, musllinux_1_2, linux, off and pypi",
            code="bad-compatibility",
        )
    return named


def concerns(target: Target, word: str) -> bool:
    """Whether a word says something about a target's platform tag; maturin passes over it elsewhere.

    :raises UsageError: ``bad-compatibility``.
    """
    known = understand(word)
    if known == _ANY:
        return True
    if known == _NATIVE:
        return target.os == "linux"
    libc = "gnu" if target.glibc else "musl" if target.musl else ""
    return _KINDS[known.partition("_")[0]] == libc


def choose_compatibility(target: Target, asked: str, maturin: Mapping[str, Any]) -> Compatibility:
    """What to ask maturin for: the caller's word, else the project's, else what belongs to the target.

    :param asked: the caller's word, or ``""``.
    :param maturin: the table ``[tool.maturin]``.
    :raises RefusedError: ``unsupported-compatibility``.
    :raises UsageError: ``bad-compatibility``.
    """
    standard = Compatibility(word=target.compatibility, platform_tag=target.platform_tag)
    own = maturin.get("compatibility") or maturin.get("manylinux", "")
    for word, where in ((asked, "the setting compatibility"), (own, "compatibility of [tool.maturin]")):
        if not word or not concerns(target, str(word)):
            continue
        known = understand(str(word))
        if known in {_ANY, target.compatibility}:
            return standard
        if known == _NATIVE and target.glibc:
            return Compatibility(word=_NATIVE, platform_tag=f"linux_{target.arch}", asked_by=where)
        if known not in target.policies:
            raise _unsupported(target, known, where)
        return Compatibility(word=known, platform_tag=f"{known}_{target.arch}", asked_by=where)
    return standard


def _unsupported(target: Target, word: str, where: str) -> RefusedError:
    known = ", ".join(target.policies)
    if word == _NATIVE:
        reason = "a linux tag does not say that the wheel needs musl: installers would take it on glibc too"
    elif _version(word) < _version(target.compatibility):
        reason = f"the standard library of the images' Rust needs {target.compatibility} at least"
    elif _version(word) > max(map(_version, target.policies)):
        reason = "it is newer than all that maturin, zig and the audit know"
    else:
        reason = "there is no such policy: the tools know none between these"
    return RefusedError(
        f"{word} cannot be built for {target.triple}",
        details=f"{where} asks for it; {reason}\nknown: {known}",
        hint=f"ask for another: --compatibility {target.compatibility}",
        code="unsupported-compatibility",
    )


def _version(word: str) -> tuple[int, ...]:
    return tuple(int(part) for part in word.split("_")[1:])

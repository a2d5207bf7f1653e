"""Versions as cargo writes them, in the spelling of Python."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version


def crate_version(text: str) -> Version | None:
    """A crate's version without its build metadata, or ``None`` for one that PEP 440 cannot say."""
    try:
        return Version(semver_to_pep440(text.partition("+")[0]))
    except InvalidVersion:
        return None


def semver_to_pep440(text: str) -> str:
    """Cargo's pre-releases as maturin spells them: ``1.0.0-alpha.1`` is ``1.0.0a1``."""
    head, _, build = text.partition("+")
    match = re.fullmatch(r"(\d+\.\d+\.\d+)-(alpha|beta|rc)\.?(\d+)?", head)
    if match:
        letter = {"alpha": "a", "beta": "b", "rc": "rc"}[match[2]]
        head = f"{match[1]}{letter}{match[3] or 0}"
    return f"{head}+{build}" if build else head

"""Make the tables of docs/project-files.md anew: python tools/project_files.py"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from xbuild.inspect.configuration.cargo_config import Rule, rules
from xbuild.inspect.configuration.maturin import keys, variables

PAGE = Path(__file__).resolve().parent.parent / "docs" / "project-files.md"
_MARKS = re.compile(r"<!-- table: (?P<name>\S+) -->\n.*?<!-- end of table -->\n", re.DOTALL)


def _cargo_config() -> Iterator[str]:
    yield from ("| Key | What is done | Why |", "|---|---|---|")
    for rule in rules():
        yield f"| `{rule.key}` | {_done(rule)} | {rule.why} |"


_CHECKS = {
    "inside": "where it lies in the sources",
    "local-source": "where the crates lie in the sources (`directory`, `local-registry`)",
    "nightly": "without `-Z`",
    "built": "for what is built, and for build scripts",
}
_LIMITS = {
    "nightly": "without `-Z`",
    "cargo-config": "for keys that are honoured in .cargo/config.toml without a condition",
    "macos-minimum": "up to the oldest macOS that the target's wheels are for",
}


def _done(rule: Rule) -> str:
    if not rule.check:
        return rule.does
    return f"{rule.does} {_CHECKS[rule.check]}, else {rule.otherwise}"


def _maturin() -> Iterator[str]:
    yield from ("| Key | What is done | Why |", "|---|---|---|")
    for row in keys():
        does = f"{row.does} {_LIMITS[row.check]}, else {row.otherwise}" if row.check in _LIMITS else row.does
        yield f"| `{row.key}` | {does} | {row.why} |"


def _variables() -> Iterator[str]:
    yield from ("| Variables | Below `[environment]` | In your shell | |", "|---|---|---|---|")
    for row in variables():
        below: str = row.environment
        if row.check in _LIMITS:
            below = f"{below} {_LIMITS[row.check]}, else {row.otherwise}"
        yield f"| {', '.join(f'`{name}`' for name in row.names)} | {below} | {row.shell} | {row.why} |"


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "cargo-config": _cargo_config,
    "maturin": _maturin,
    "variables": _variables,
}


def renewed(page: str) -> str:
    """The page with its tables made anew.

    :raises KeyError: it has a table that is none of these.
    """

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        return (
            f"<!-- table: {name} -->\n"
            + "".join(f"{line}\n" for line in TABLES[name]())
            + "<!-- end of table -->\n"
        )

    return _MARKS.sub(table, page)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")

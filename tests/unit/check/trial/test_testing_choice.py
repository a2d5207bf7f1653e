"""Which tester is chosen, and the reasons where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.catalog import load_catalog
from xbuild.check.trial.binfmt import runs_foreign
from xbuild.check.trial.recipes import recipe_for
from xbuild.check.trial.testers import choose, load_testers

CATALOG = load_catalog()


@pytest.mark.parametrize(
    ("triple", "kind", "expected"),
    [
        ("x86_64-pc-windows-msvc", "python3.11", "tester-wine"),
        ("x86_64-pc-windows-msvc", "python3.13", "tester-wine"),
        ("x86_64-unknown-linux-gnu", "python3.13", "tester-trixie-amd64"),
        ("x86_64-unknown-linux-gnu", "pypy3.9", "tester-bookworm-amd64"),
        ("aarch64-unknown-linux-gnu", "pypy3.9", "tester-bookworm-arm64"),
    ],
)
def test_choose(triple: str, kind: str, expected: str) -> None:
    choice = choose(CATALOG.target(triple), CATALOG.interpreters[kind])
    assert choice.tester is not None
    assert choice.tester.name == expected


@pytest.mark.parametrize(
    ("triple", "kind", "reason"),
    [
        ("x86_64-unknown-linux-musl", "python3.11", "musl"),
        ("aarch64-apple-darwin", "pypy3.9", "macOS"),
        ("x86_64-pc-windows-msvc", "pypy3.9", "PyPy for Windows"),
        ("x86_64-pc-windows-msvc", "python3.14", "CPython 3.14"),
        ("x86_64-unknown-linux-gnu", "python3.10", "python3.11, pypy3.9"),
    ],
)
def test_reasons(triple: str, kind: str, reason: str) -> None:
    choice = choose(CATALOG.target(triple), CATALOG.interpreters[kind])
    assert choice.tester is None
    assert reason in choice.reason


def test_rows_name_known_targets_and_kinds() -> None:
    testers = load_testers()
    assert {target for row in testers.rows for target in row.targets} <= set(CATALOG.targets)
    assert {row.target for row in testers.never} <= set(CATALOG.targets)
    assert {kind for row in testers.rows for kind in row.start} <= set(CATALOG.interpreters)


@pytest.mark.parametrize("tester", load_testers().rows, ids=lambda tester: tester.name)
def test_recipes_parse(tester: object) -> None:
    row = next(row for row in load_testers().rows if row is tester)
    recipe = recipe_for(row)
    parsed = recipe.dockerfile("root")
    assert set(recipe.arguments) | {"ROOT"} == set(parsed.arguments)
    assert recipe.tag.startswith(f"xbuild/{row.name}:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("enabled\ninterpreter /usr/bin/qemu\nflags: PF\n", True),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: P\n", False),
        ("disabled\nflags: F\n", False),
    ],
)
def test_registration(tmp_path: Path, text: str, *, expected: bool) -> None:
    (tmp_path / "qemu-aarch64").write_text(text)
    assert runs_foreign("arm64", registry=tmp_path) is expected


def test_no_registration(tmp_path: Path) -> None:
    assert not runs_foreign("arm64", registry=tmp_path)

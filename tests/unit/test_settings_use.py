"""What the documents say of settings holds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from cli_runner import xbuild

import xbuild as package
from xbuild.settings import AttestSettings, ImagesSettings, NetworkSettings

ROOT = Path(package.__file__).parent
DOCUMENT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")


def names_read() -> set[str]:
    """Every attribute that a module outside of the settings looks at."""
    return {
        node.attr
        for path in ROOT.rglob("*.py")
        if "settings" not in path.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("table", [AttestSettings, ImagesSettings, NetworkSettings])
def test_every_setting_of_a_table_is_read(
    table: type[AttestSettings | ImagesSettings | NetworkSettings],
) -> None:
    assert set(table.model_fields) - names_read() == set()


def test_the_help_and_the_document_agree_on_what_the_timeout_limits() -> None:
    help_text = " ".join(xbuild("run", "--help", environ={"COLUMNS": "200"}).out.split())
    limited = "a target with all its interpreters"
    assert limited in help_text
    assert any(limited in line for line in DOCUMENT.splitlines() if line.startswith("| `timeout`"))

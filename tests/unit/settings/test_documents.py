"""What the documents say of settings holds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support import ROOT as REPOSITORY
from support.cli_runner import xbuild, xbuild_without_engine
from support.fakes import make_crate
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

import xbuild as package
from xbuild.cli.app import app
from xbuild.errors import ExitStatus
from xbuild.settings import AttestSettings, ImagesSettings, NetworkSettings, RunsSettings, Settings

ROOT = Path(package.__file__).parent
DOCUMENT = (REPOSITORY / "docs" / "configuration.md").read_text("utf-8")


def names_read() -> set[str]:
    """Every attribute that a module outside of the settings looks at."""
    return {
        node.attr
        for path in ROOT.rglob("*.py")
        if "settings" not in path.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("table", [AttestSettings, ImagesSettings, NetworkSettings, RunsSettings])
def test_every_setting_of_a_table_is_read(
    table: type[AttestSettings | ImagesSettings | NetworkSettings | RunsSettings],
) -> None:
    assert set(table.model_fields) - names_read() == set()


def test_a_switch_that_a_file_turned_on_is_turned_off_by_a_flag(tmp_path: Path) -> None:
    make_crate(tmp_path)
    (tmp_path / "Cargo.lock").unlink()
    (tmp_path / "xbuild.toml").write_text("locked = true\n")
    words = ("run", str(tmp_path), "--target", "x86_64-unknown-linux-gnu")
    assert xbuild_without_engine(*words).status == ExitStatus.REFUSED
    assert xbuild_without_engine(*words, "--no-locked").status == ExitStatus.ENGINE


@pytest.mark.parametrize("command", ["run", "plan"])
def test_every_switch_of_a_setting_can_be_turned_off(command: str) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    options = [item for item in group.commands[command].params if isinstance(item, TyperOption)]
    switches = {item.name: item for item in options if item.is_flag and item.name}
    of_settings = switches.keys() & Settings.model_fields.keys()
    assert {"locked", "strict", "offline", "strip", "all_features", "no_default_features"} <= of_settings
    assert {name for name in of_settings if not switches[name].secondary_opts} == set()
    # What was not given must not be taken for a no
    assert {switches[name].default for name in of_settings} == {None}


def test_the_help_and_the_document_agree_on_what_the_timeout_limits() -> None:
    limited = "a target with all its interpreters"
    for command in ("run", "verify"):
        help_text = " ".join(xbuild(command, "--help", environ={"COLUMNS": "200"}).out.split())
        assert limited in help_text
    assert any(limited in line for line in DOCUMENT.splitlines() if line.startswith("| `timeout`"))

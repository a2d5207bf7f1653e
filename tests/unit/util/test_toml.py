"""TOML as cargo and maturin take it, wherever a project's files are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import make_crate

from xbuild.app.requests import make_request
from xbuild.catalog import load_catalog
from xbuild.inspect.crate.cargo_lock import read_lock
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.settings import Settings
from xbuild.settings.files import read
from xbuild.util.toml import parse_toml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = {\n  x = 1,\n  y = 2,\n}\n", {"x": 1, "y": 2}),
        ("a = { x = 1, # one\n y = [1,\n 2,],\n}", {"x": 1, "y": [1, 2]}),
        (r'a = "\e[1m\x41"', "\x1b[1mA"),
        ("\ufeffa = 1\r\n", 1),
    ],
)
def test_what_cargo_reads(text: str, value: object) -> None:
    assert parse_toml(text) == {"a": value}


def test_a_byte_order_mark_is_no_character_of_the_text() -> None:
    with pytest.raises(ValueError, match="at line 2"):
        parse_toml("a = 1\n\ufeffb = 2\n")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_file_of_a_project(tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARGO_BUILD_TARGET", raising=False)
    crate = make_crate(tmp_path / "demo")
    for name in ("Cargo.toml", "pyproject.toml", "Cargo.lock"):
        path = crate.folder / name
        crate.write(name, f"{mark}{path.read_text('utf-8')}\n[metadata.odd]\nx = {{\n  a = 1,\n}}\n")
    crate.write(".cargo/config.toml", mark + "build = {\n  target = 'x86_64-pc-windows-msvc',\n}\n")
    crate.write("xbuild.toml", mark + "[environment]\nA = 'b'\n")
    found = read_manifest(crate.folder)
    assert (found.name, found.bindings, len(found.locked or ())) == ("demo", "pyo3", 2)
    assert read_lock(crate.folder / "Cargo.lock")[1].name == "pyo3"
    asked = make_request(Settings(interpreters=("cp311",)), crate.folder, load_catalog())
    assert [wanted.target.triple for wanted in asked.targets] == ["x86_64-pc-windows-msvc"]
    config = read(crate.folder / "xbuild.toml", label_from=crate.folder)
    assert config is not None
    assert config.where(("environment", "A")) == "xbuild.toml:2"
    assert config.where(("environment",)) == "xbuild.toml:1"

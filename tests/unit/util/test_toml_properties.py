"""Any TOML in a project's files is read, or refused as an error that says which file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import make_crate
from support.hostile import PROFILE, altered, damaged, toml_values

from xbuild.errors import UsageError, XbuildError
from xbuild.inspect.crate.cargo_lock import read_lock
from xbuild.inspect.crate.cargoconfig import read_config
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.inspect.crate.toolchain import read_demands
from xbuild.settings.files import read
from xbuild.util.toml import parse_toml

MANIFEST = {
    "package": {
        "name": "demo",
        "version": "1.2.3",
        "edition": "2021",
        "rust-version": "1.70",
        "readme": "README.md",
        "include": ["src/**"],
        "metadata": {"maturin": {"name": "demo"}},
    },
    "lib": {"name": "demo", "crate-type": ["cdylib"], "path": "src/lib.rs"},
    "bin": [{"name": "demo", "path": "src/main.rs"}],
    "dependencies": {"pyo3": {"version": "0.26.0", "features": ["abi3-py39"], "optional": False}},
    "build-dependencies": {"cc": "1"},
    "target": {"cfg(unix)": {"dependencies": {"libc": "0.2"}}},
    "features": {"default": ["pyo3/abi3"]},
    "profile": {"dist": {"inherits": "release", "lto": "fat"}},
    "workspace": {"members": ["a"], "exclude": ["b"], "package": {"version": "1.0.0"}},
    "patch": {"crates-io": {"libc": {"path": "libc"}}},
}
PROJECT = {
    "build-system": {"requires": ["maturin>=1,<2"], "build-backend": "maturin", "backend-path": ["."]},
    "project": {
        "name": "demo",
        "version": "1.2.3",
        "requires-python": ">=3.8",
        "readme": {"file": "README.md", "content-type": "text/markdown"},
        "license": {"file": "LICENSE"},
        "license-files": ["LICENSE*"],
        "dynamic": ["classifiers"],
    },
    "tool": {
        "maturin": {
            "bindings": "pyo3",
            "manifest-path": "Cargo.toml",
            "module-name": "demo.demo",
            "python-source": ".",
            "features": ["a"],
            "include": [{"path": "a/*", "format": "wheel"}],
            "profile": "dist",
            "compatibility": "manylinux_2_28",
            "strip": True,
        },
        "xbuild": {"targets": ["x86_64-pc-windows-msvc"], "environment": {"A": "b"}},
    },
}
LOCK = {
    "version": 4,
    "package": [
        {"name": "demo", "version": "1.2.3", "dependencies": ["pyo3"]},
        {
            "name": "pyo3",
            "version": "0.26.0",
            "source": "registry+https://example.org/index",
            "checksum": "0" * 64,
        },
    ],
}
CONFIG = {
    "build": {"target": ["x86_64-pc-windows-msvc"], "rustflags": ["-C", "opt-level=3"], "target-dir": "t"},
    "target": {"x86_64-pc-windows-msvc": {"rustflags": "-C a", "linker": "l", "runner": ["r"]}},
    "env": {"A": {"value": "b", "force": True, "relative": True}},
    "source": {"crates-io": {"replace-with": "v"}, "v": {"directory": "vendor"}},
    "include": ["other.toml", {"path": "x.toml", "optional": True}],
    "profile": {"dist": {"inherits": "release"}},
}
TOOLCHAIN = {"toolchain": {"channel": "1.80", "components": ["rustfmt"], "path": "x"}}


def read_project(folder: Path) -> object:
    """What is read of pyproject.toml: the settings' table, and the crate."""
    with suppress(UsageError):
        read(folder / "pyproject.toml", label_from=folder)
    return read_manifest(folder)


FILES: dict[str, tuple[dict[str, Any], Callable[[Path], object]]] = {
    "Cargo.toml": (MANIFEST, read_manifest),
    "pyproject.toml": (PROJECT, read_project),
    "Cargo.lock": (LOCK, lambda folder: read_lock(folder / "Cargo.lock")),
    ".cargo/config.toml": (CONFIG, lambda folder: read_config(folder, folder, folder, shown=folder)),
    "rust-toolchain.toml": (TOOLCHAIN, lambda folder: read_demands(folder, folder, {}, {}, {})),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_shape(name: str) -> None:
    document, reader = FILES[name]

    @PROFILE
    @given(altered(document, toml_values()))
    def holds(changed: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as place:
            crate = make_crate(Path(place) / "demo")
            crate.write(name, tomli_w.dumps(changed))
            with suppress(XbuildError):
                reader(crate.folder)

    holds()


@PROFILE
@given(damaged(st.sampled_from([tomli_w.dumps(item).encode() for item, _ in FILES.values()])))
def test_a_text_is_toml_or_an_error_that_the_callers_know(data: bytes) -> None:
    with suppress(ValueError, RecursionError):
        assert isinstance(parse_toml(data.decode("utf-8", "replace")), dict)

"""The checks of native files, on tiny real ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.native_files import Pe
from xbuild.catalog import load_catalog
from xbuild.check.audit.audit import check_modules
from xbuild.check.model import Finding, ModuleFacts
from xbuild.check.native.probe import describe
from xbuild.check.native.probing import make_facts
from xbuild.wheels.naming import parse_name

WIN = "cp311-cp311-win_amd64"

LINUX = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"

MUSL = "cp311-cp311-musllinux_1_2_x86_64"

MAC = "cp311-cp311-macosx_11_0_arm64"

BOTH = "cp311-cp311-macosx_10_12_universal2"

PYD, GNU_SO = "demo/demo.cp311-win_amd64.pyd", "demo/demo.cpython-311-x86_64-linux-gnu.so"

MUSL_SO, MAC_SO = "demo/demo.cpython-311-x86_64-linux-musl.so", "demo/demo.cpython-311-darwin.so"

INIT, MAC_INIT = ["PyInit_demo"], ["_PyInit_demo"]

Files = Mapping[str, bytes]


def examine(folder: Path, tags: str, files: Files) -> tuple[tuple[Finding, ...], tuple[ModuleFacts, ...]]:
    """The checks without the archive and without the parser's own process; the files are not hostile here."""
    facts = []
    for index, (name, data) in enumerate(files.items()):
        path = folder / str(index)
        path.write_bytes(data)
        found = make_facts(describe(path), name, len(data))
        assert found is not None
        facts.append(found)
    wheel = parse_name(f"demo-1.0-{tags}.whl")
    return check_modules(wheel, tuple(facts), tuple(files), load_catalog())


def codes(folder: Path, tags: str, files: Files) -> list[str]:
    return sorted({finding.code for finding in examine(folder, tags, files)[0]})


def pe(*names: str, dll: str = "python311.dll", more: Mapping[str, tuple[str, ...]] | None = None) -> Pe:
    return Pe(
        imports={dll: names or ("PyList_New",), "KERNEL32.dll": ("Sleep",), **(more or {})}, exports=INIT
    )

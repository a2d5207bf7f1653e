"""The lists of documented names: how they are made, and how a header's C file is made of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from crt_reference import of_crt

ROOT = Path(__file__).resolve().parents[3]
NAMES = ROOT / "tests/integration/msvc/names"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    """It runs in a container, so it is no module of the tests."""
    specification = importlib.util.spec_from_file_location("check_names", NAMES / "check.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["check_names"] = module
    specification.loader.exec_module(module)
    return module


def pages(folder: Path, **texts: str) -> Path:
    (folder / "reference").mkdir()
    for name, text in texts.items():
        (folder / "reference" / f"{name}.md").write_text(text)
    return folder


def test_headers_of_the_reference(tmp_path: Path) -> None:
    found = of_crt(
        pages(
            tmp_path,
            stat=(
                'api_name: ["_stat", "_tstat"]\n## Requirements\n\n| Routine | Required header |\n|---|---|\n'
                "| **`_stat`** | `<sys/types.h>` followed by `<sys/stat.h>` |\n"
            ),
            spawn=(
                "## Requirements\n| Routine | Header |\n|---|---|\n"
                "| `_spawnv` | \\<stdio.h> or \\<process.h> |\n"
            ),
            posix='api_name: ["spawnv", "stranger"]\nUse the other one.\n',
            operator='api_name: ["compl"]\nIn \\<iso646.h>.\n',
        )
    )
    assert found == {
        ("sys/stat.h", "ucrtbase.dll"): {"_stat"},
        ("process.h", "ucrtbase.dll"): {"_spawnv", "spawnv"},
    }


def test_lists_are_whole(check: ModuleType) -> None:
    """What lacks is documented, and has a reason."""
    lists = [NAMES / f"{name}.txt" for name in ("windows", "inline", "crt")]
    headers, libraries = check.read_documented(lists)
    documented = {(header.name, name) for header in headers for name in header.names}
    lacking = check.read_lacking(NAMES / "lacking.txt")
    assert len(documented) > 15000
    assert {"kernel32.dll", "amsi.dll", "ucrtbase.dll"} <= libraries
    assert lacking.keys() <= documented
    assert set(lacking.values()) <= check.REASONS.keys()


def test_list_of_what_lacks_is_read_as_it_is_written(check: ModuleType, tmp_path: Path) -> None:
    lacking = {("a.h", "One"): "undeclared", ("a.h", "Two"): "unlinked", ("-", "Three"): "unlinked"}
    path = tmp_path / "lacking.txt"
    path.write_text(check.written(lacking))
    assert check.read_lacking(path) == lacking


def test_errors_are_told_by_their_line(check: ModuleType, tmp_path: Path) -> None:
    class Said(check.Compiler):  # type: ignore[misc, name-defined]
        def run(self, language: str, *words: str) -> str:
            lines = (tmp_path / words[-1]).read_text().splitlines()
            line = 1 + lines.index("*p++ = (void *)&Two;")
            return f"crt_a_h.c({line},18): error: use of undeclared identifier 'Two'\n"

    (tmp_path / "xwin").mkdir()
    compiler = Said(tmp_path / "xwin", tmp_path)
    header = check.Header("a.h", crt=True, names=["One", "Two", "Three"])
    found, broken = compiler.errors(header, header.names)
    assert found == {"Two": "use of undeclared identifier 'Two'"}
    assert not broken

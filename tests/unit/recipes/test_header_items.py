"""docker/windows-msvc: how the headers that complete Wine's are taken apart and chosen."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from support import ROOT

RECIPE = ROOT / "docker/windows-msvc"


@pytest.fixture(scope="module")
def recipe() -> Iterator[ModuleType]:
    """The recipe's modules find each other beside make_sysroot.py."""
    sys.path.insert(0, str(RECIPE))
    try:
        yield importlib.import_module("complete_headers")
    finally:
        sys.path.remove(str(RECIPE))


def read(recipe: ModuleType, text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    reader = sys.modules["header_items"].Reader([Path("/include")])
    lines = ['# 1 "/include/demo.h" 1', *text.splitlines()]
    return [(item.kind, item.header, item.names) for item in reader.read(lines).items]


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("#define ONE 1", "macro", ("ONE",)),
        ("typedef struct _A { int a; union { int b; }; } A, *PA;", "type", ("A", "PA", "_A")),
        ("typedef enum _E { X = 2, Y } E;", "type", ("E", "_E", "X", "Y")),
        ("typedef DWORD (__attribute__((__stdcall__)) *ROUTINE)(void *a);", "type", ("ROUTINE",)),
        ("typedef ULONG (__stdcall CALLED)(int);", "type", ("CALLED",)),
        (
            "__attribute__((dllimport)) BOOL __attribute__((__stdcall__)) Close(HANDLE *a);",
            "function",
            ("Close",),
        ),
        ("extern __inline__ int twice(int *a) { if (a) { return 2; } return 0; }", "inline", ("twice",)),
        ("extern const GUID IID_One;", "variable", ("IID_One",)),
        ("template<class T> T *of(T *a) { return a; }", "other", ()),
    ],
)
def test_what_a_declaration_makes_known(
    text: str, kind: str, names: tuple[str, ...], recipe: ModuleType
) -> None:
    assert read(recipe, text) == [(kind, "demo.h", names)]


def test_declarations_end_where_they_do(recipe: ModuleType) -> None:
    text = 'extern "C" {\nint a(void);\nint b(void) { return 1; }\nstruct S { int c; };\n}\nint d(void);'
    assert [names for _, _, names in read(recipe, text)] == [("a",), ("b",), ("S",), ("d",)]


def chosen(recipe: ModuleType, text: str, *, have: set[str], exported: set[str]) -> list[str]:
    items = sys.modules["header_items"]
    reading = items.Reader([Path("/include")]).read(['# 1 "/include/demo.h" 1', *text.splitlines()])
    completion = recipe.Completion(frozenset(have), frozenset(have), (), frozenset(exported), ())
    completion.choose(recipe.Views(reading, reading, reading, reading))
    return [item.text for item in completion.added["demo.h"]]


def test_a_function_is_declared_where_a_library_has_it(recipe: ModuleType) -> None:
    text = "int here(void);\nint nowhere(void);\nint known(void);"
    made = chosen(recipe, text, have={"known"}, exported={"here", "known"})
    assert made == ["int here ( void ) ;"]


def test_newer_constants_and_names_of_a_known_type_are_added_alone(recipe: ModuleType) -> None:
    text = "typedef enum _E { X = 2, Y, Z } E, *PE;"
    made = chosen(recipe, text, have={"E", "_E", "X"}, exported=set())
    assert made == [
        "typedef E * PE ;",
        "#ifndef Y\n#define Y ((E)((2)+1))\n#endif",
        "#ifndef Z\n#define Z ((E)((2)+2))\n#endif",
    ]


def test_a_name_for_both_widths_goes_by_unicode(recipe: ModuleType) -> None:
    made = chosen(recipe, "#define Open __MINGW_NAME_AW(Open)", have=set(), exported=set())
    assert made == ["#ifdef UNICODE\n#define Open OpenW\n#else\n#define Open OpenA\n#endif"]


def test_words_of_mingw_are_none_of_windows(recipe: ModuleType) -> None:
    text = "typedef WINBOOL (*CALL)(void);\n#define CODE __MSABI_LONG(5)\n#define OWN __MINGW_H"
    assert chosen(recipe, text, have=set(), exported=set()) == [
        "typedef BOOL ( * CALL ) ( void ) ;",
        "#ifndef CODE\n#define CODE 5L\n#endif",
    ]


def test_no_header_is_listed_twice() -> None:
    names = json.loads((RECIPE / "names.json").read_text())["completed_headers"]
    for kind in ("crt", "windows", "unfit"):
        assert len(names[kind]) == len(set(names[kind]))


def test_shims_of_what_headers_need(recipe: ModuleType, tmp_path: Path) -> None:
    """A header that Wine has too is included behind what it needs."""
    documented = importlib.import_module("documented")
    (tmp_path / "um").mkdir()
    (tmp_path / "um/lmat.h").touch()
    documented.needs_shims(tmp_path, tmp_path, {"lmat.h": ["lmcons.h"], "split.h": ["whole.h"]})
    assert (tmp_path / "lmat.h").read_text().splitlines()[1:] == [
        "#include <lmcons.h>",
        "#include_next <lmat.h>",
    ]
    assert (tmp_path / "split.h").read_text().splitlines()[1:] == ["#include <whole.h>"]


def test_exports_by_dll(recipe: ModuleType) -> None:
    exports = importlib.import_module("documented").dll_exports(RECIPE / "exports.txt")
    assert "AmsiScanBuffer" in exports["amsi.dll"]
    assert all(names for names in exports.values())

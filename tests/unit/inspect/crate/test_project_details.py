"""The answer of ``cargo metadata``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.fakes import CRATES_IO, locked, make_details, metadata_json

from xbuild.inspect.crate.bindings import needs_tree
from xbuild.inspect.crate.details import Details, read_metadata, version_key


def metadata(*packages: dict[str, Any], edges: dict[str, dict[str, str | None]]) -> dict[str, Any]:
    """A graph: ``edges`` is package to dependency to kind."""
    return {
        "packages": [
            {
                "id": item["name"],
                "version": "1.0.0",
                "source": None if item["name"] == "demo" else CRATES_IO,
                "rust_version": None,
                **item,
            }
            for item in packages
        ],
        "resolve": {
            "root": "demo",
            "nodes": [
                {
                    "id": item["name"],
                    "features": item.get("on", []),
                    "deps": [
                        {"pkg": name, "dep_kinds": [{"kind": kind}]}
                        for name, kind in edges.get(item["name"], {}).items()
                    ],
                }
                for item in packages
            ],
        },
    }


def test_pyo3_and_its_features() -> None:
    answer = json.loads(
        metadata_json(
            "demo", [locked("pyo3", "0.26.0")], features=["abi3", "abi3-py39", "generate-import-lib"]
        )
    )
    found = read_metadata(answer, crate="demo")
    assert found.pyo3_version == "0.26.0"
    assert found.abi3
    assert found.abi3_floor == (3, 9)
    assert found.generates_import_library
    assert found.packages == 2


def test_what_only_tests_need_does_not_count() -> None:
    answer = metadata(
        {"name": "demo", "rust_version": "1.60"},
        {"name": "tool", "rust_version": "1.99"},
        {"name": "used", "rust_version": "1.80", "version": "2.0.0"},
        edges={"demo": {"tool": "dev", "used": "build"}},
    )
    found = read_metadata(answer, crate="demo")
    assert (found.rust_version, found.rust_version_of) == ("1.80", "used 2.0.0")
    assert found.packages == 2


def test_other_members_of_the_workspace_do_not_count() -> None:
    answer = metadata(
        {"name": "demo"},
        {"name": "other", "source": None, "rust_version": "1.99", "links": "z"},
        {"name": "zlib", "links": "z"},
        {"name": "cc"},
        edges={"demo": {"zlib": None}, "other": {"zlib": None, "cc": "build"}, "zlib": {"cc": "build"}},
    )
    found = read_metadata(answer, crate="demo")
    assert found.rust_version == ""
    assert found.native == ("zlib",)
    assert found.packages == 3


def test_links_that_bring_no_native_code() -> None:
    answer = metadata(
        {"name": "demo"},
        {"name": "pyo3", "links": "pyo3-python"},
        {"name": "pyo3-ffi", "links": "python"},
        {"name": "pyo3-build-config"},
        {"name": "rayon-core", "links": "rayon-core"},
        {"name": "libz-sys", "links": "z"},
        {"name": "pkg-config"},
        edges={
            "demo": {"pyo3": None, "rayon-core": None, "libz-sys": None},
            "pyo3": {"pyo3-ffi": None, "pyo3-build-config": "build"},
            "pyo3-ffi": {"pyo3-build-config": "build"},
            "libz-sys": {"pkg-config": "build"},
        },
    )
    assert read_metadata(answer, crate="demo").native == ("libz-sys",)


def test_native_code_that_a_build_script_compiles_by_a_helper_of_its_own() -> None:
    answer = metadata(
        {"name": "demo"},
        {"name": "blas-src"},
        {"name": "blas-build"},
        {"name": "vergen"},
        {"name": "git2"},
        {"name": "cc"},
        edges={
            "demo": {"blas-src": None, "vergen": "build"},
            "blas-src": {"blas-build": "build"},
            "blas-build": {"cc": None},
            "vergen": {"git2": None},
            "git2": {"cc": "build"},
        },
    )
    # demo's own build script only runs what git2 compiled
    assert read_metadata(answer, crate="demo").native == ("blas-src", "git2")


def test_a_circle_of_dependencies_ends() -> None:
    answer = metadata({"name": "demo"}, {"name": "a"}, edges={"demo": {"a": None}, "a": {"demo": None}})
    assert read_metadata(answer, crate="demo").packages == 2


def test_newer_is_by_number_and_not_by_letter() -> None:
    answer = metadata(
        {"name": "demo", "rust_version": "1.9"},
        {"name": "a", "rust_version": "1.74.1"},
        {"name": "b", "rust_version": "1.74"},
        edges={"demo": {"a": None, "b": None}},
    )
    assert read_metadata(answer, crate="demo").rust_version == "1.74.1"


@pytest.mark.parametrize(
    ("text", "key"),
    [("1.74", (1, 74)), ("1.74.1", (1, 74, 1)), ("1.91.0-nightly", (1, 91, 0)), ("", ()), ("2", (2,))],
)
def test_version_key(text: str, key: tuple[int, ...]) -> None:
    assert version_key(text) == key


@pytest.mark.parametrize(
    ("features", "abi3", "floor"),
    [
        ((), False, None),
        (("abi3",), True, None),
        (("abi3-py311", "abi3-py310"), True, (3, 10)),
        (("abi3-py38", "abi3-py311"), True, (3, 8)),
        (("abi3x",), False, None),
    ],
)
def test_stable_abi(features: tuple[str, ...], *, abi3: bool, floor: tuple[int, int] | None) -> None:
    details = make_details(*features)
    assert details.abi3 == abi3
    assert details.abi3_floor == floor


def test_there_and_back() -> None:
    details = make_details("abi3", native=("cc",))
    assert Details.from_dict(json.loads(json.dumps(details.as_dict()))) == details
    values: list[Any] = [{"unknown": 1}, {}, [], None, 3, "text"]
    for other in values:
        with pytest.raises(TypeError):
            Details.from_dict(other)


# Bindings

CDYLIB = {"kind": ["cdylib"], "crate_types": ["cdylib"]}
PROGRAM = {"kind": ["bin"], "crate_types": ["bin"]}
SCRIPT = {"kind": ["custom-build"], "crate_types": ["bin"]}


def bindings_of(*targets: dict[str, Any], edges: dict[str, dict[str, str | None]]) -> str:
    names = {"demo", *edges, *(name for deps in edges.values() for name in deps)}
    packages = [{"name": name, "targets": list(targets) if name == "demo" else []} for name in sorted(names)]
    return read_metadata(metadata(*packages, edges=edges), crate="demo").bindings


@pytest.mark.parametrize(
    ("targets", "edges", "kind"),
    [
        ([CDYLIB], {"demo": {"pyo3": None}, "pyo3": {"pyo3-ffi": None}}, "pyo3"),
        ([CDYLIB], {"demo": {"pyo3-ffi": None}}, "pyo3-ffi"),
        ([CDYLIB], {"demo": {"own-wrapper": None}, "own-wrapper": {"pyo3": None}}, "pyo3"),
        ([CDYLIB], {"demo": {"pyo3": "dev"}}, "pyo3"),
        ([CDYLIB], {"demo": {"uniffi": None}}, "uniffi"),
        ([CDYLIB], {"demo": {"uniffi": None, "pyo3": None}}, "pyo3"),
        ([CDYLIB, PROGRAM], {"demo": {}}, "cffi"),
        ([CDYLIB, PROGRAM], {"demo": {"pyo3": None}}, "pyo3"),
        ([PROGRAM], {"demo": {"pyo3": None}}, "pyo3-bin"),
        ([PROGRAM, SCRIPT], {"demo": {"serde": None}}, "bin"),
        ([{"kind": ["lib"], "crate_types": ["lib"]}, SCRIPT], {"demo": {}}, ""),
        ([CDYLIB], {"demo": {}, "other": {"pyo3": None}}, "cffi"),
    ],
)
def test_bindings_as_maturin_finds_them(
    targets: list[dict[str, Any]], edges: dict[str, dict[str, str | None]], kind: str
) -> None:
    assert bindings_of(*targets, edges=edges) == kind


TREE = """demo v1.0.0 (/src/demo)|
other-lib v0.1.0|default
pyo3 v1.0.0|abi3,default,macros
pyo3-ffi v1.0.0|abi3 (*)
pyo3 v1.0.0|extension-module (*)
"""


def workspace(tree: str) -> Details:
    answer = metadata(
        {"name": "demo", "targets": [CDYLIB]},
        {"name": "other", "source": None},
        {"name": "pyo3", "on": ["abi3-py38", "default", "macros"]},
        edges={"demo": {"pyo3": None}, "other": {"pyo3": None}},
    )
    answer["workspace_members"] = ["demo", "other"]
    assert needs_tree(answer)
    return read_metadata(answer, crate="demo", tree=tree)


def test_what_another_member_of_the_workspace_turns_on_is_not_on() -> None:
    """cargo metadata takes the features of all members together (rust-lang/cargo#7754, PyO3/maturin#876)."""
    found = workspace(TREE)
    assert found.pyo3_features == ("abi3", "default", "extension-module", "macros")
    assert found.abi3_floor is None


def test_pyo3_that_only_another_member_turns_on() -> None:
    assert workspace("demo v1.0.0 (/src/demo)|\n").bindings == "cffi"


def test_a_crate_alone_needs_no_tree() -> None:
    answer = metadata({"name": "demo"}, {"name": "pyo3"}, edges={"demo": {"pyo3": None}})
    assert not needs_tree({**answer, "workspace_members": ["demo"]})
    apart = metadata({"name": "demo"}, {"name": "serde"}, edges={"demo": {"serde": None}})
    assert not needs_tree({**apart, "workspace_members": ["demo", "other"]})

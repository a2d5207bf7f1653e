"""The answer of ``cargo metadata``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import CRATES_IO, locked, make_details, metadata_json

from xbuild.project.details import Details, read_metadata, version_key


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

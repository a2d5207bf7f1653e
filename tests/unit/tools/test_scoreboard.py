"""The scoreboard of popular projects: what counts as a difference, what is kept, and the table of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from differences import differences
from results import Pair, Result, read, rendered, renewed, write
from scoreboard import STATUS, TARGETS, table_of_results
from support.wheel_files import INFO, METADATA, make_wheel

LINUX, WINDOWS = "x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc"
TAGS = "cp311-cp311-manylinux2014_x86_64"
FILES = {"demo/__init__.py": b"", "demo/py.typed": b""}
LACKS = "lacks demo/py.typed"


def test_the_table_is_made_of_the_results() -> None:
    """``python tests/scoreboard/scoreboard.py table`` writes it anew."""
    document = STATUS.read_text("utf-8")
    assert document == renewed(document, table_of_results())
    assert set(TARGETS) <= set(document.split())


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    pair = Pair(outcome="differs", notes=[LACKS], sizes=[3, 2], seconds=7, commit="abc", day="2026-12-01")
    result = Result(project="demo", version="1.2.3", options=["--strip"], pairs={LINUX: pair})
    write(result, tmp_path / "results" / "demo.json")
    assert read(tmp_path / "results" / "demo.json") == result


@pytest.mark.parametrize(
    ("pair", "cell", "remarks"),
    [
        (Pair(outcome="equal", sizes=(10, 10)), "equal", []),
        (Pair(outcome="equal", sizes=(22, 10)), "equal (1)", ["1. 2.2 times as large as upstream's"]),
        (Pair(outcome="differs", notes=[LACKS]), "as released (1)", [f"1. {LACKS} (its sdist has none)"]),
        (
            Pair(outcome="differs", notes=[LACKS, "links besides iconv"]),
            "differs (1, 2)",
            [f"1. {LACKS} (its sdist has none)", "2. links besides iconv"],
        ),
        (Pair(outcome="failed", notes=[LACKS]), "failed (1)", [f"1. {LACKS} (its sdist has none)"]),
    ],
)
def test_a_pair_in_the_table(pair: Pair, cell: str, remarks: list[str]) -> None:
    result = Result(project="demo", version="1", options=["--strip"], pairs={LINUX: pair})
    lines = rendered([result], [LINUX, WINDOWS], {"demo": {"lacks": "its sdist has none"}}).splitlines()
    assert f"| demo 1 `--strip` | {cell} | not seen |" in lines
    assert [line for line in lines if line[:1].isdigit()] == remarks


def test_one_number_for_one_remark() -> None:
    pair = Pair(outcome="refused", notes=["its backend is its own"])
    results = [Result(project=name, version="1", pairs={LINUX: pair}) for name in ("one", "two")]
    lines = rendered(results, [LINUX], {}).splitlines()
    assert "Of 2 pairs: 2 refused." in lines
    assert [line for line in lines if line.startswith(("1.", "2."))] == ["1. its backend is its own"]


def test_a_wheel_differs_from_itself_in_nothing(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, TAGS, FILES)
    assert differences(wheel, wheel) == []


@pytest.mark.parametrize(
    ("tags", "files", "metadata", "found"),
    [
        (TAGS, {"demo/__init__.py": b""}, METADATA, [LACKS]),
        (TAGS, {**FILES, "demo/more.txt": b""}, METADATA, ["has besides demo/more.txt"]),
        (TAGS, FILES, f"{METADATA}Summary: another\n", ["METADATA differs in Summary"]),
        (TAGS, FILES, f"{METADATA}\nWords.\n", ["METADATA differs in description"]),
        (
            "cp310-abi3-manylinux2014_x86_64",
            FILES,
            METADATA,
            ["tags [('cp310', 'abi3')], upstream's [('cp311', 'cp311')]"],
        ),
        (
            "cp311-cp311-manylinux_2_28_x86_64",
            FILES,
            METADATA,
            ["needs manylinux_2_28_x86_64, upstream's manylinux2014_x86_64"],
        ),
    ],
)
def test_what_counts_as_a_difference(
    tags: str, files: dict[str, bytes], metadata: str, found: list[str], tmp_path: Path
) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    ours = make_wheel(tmp_path / "ours", tags, files, replace={f"{INFO}/METADATA": metadata.encode()})
    assert differences(ours, make_wheel(tmp_path / "theirs", TAGS, FILES)) == found

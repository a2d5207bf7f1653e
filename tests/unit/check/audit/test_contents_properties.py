"""Any records of a wheel give findings of one printable line, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile import PROFILE, damaged, texts
from support.wheel_files import INFO, METADATA, wheel_text

from xbuild.check.audit.contents import check_metadata, check_record, check_wheel
from xbuild.check.model import Finding
from xbuild.errors import ArtifactError
from xbuild.wheels.naming import WheelName, parse_name

TAGS = "cp311-cp311-win_amd64"
NAME = parse_name(f"demo-1.2.3-{TAGS}.whl")
FIELDS = (
    "Metadata-Version",
    "Name",
    "Version",
    "Dynamic",
    "Platform",
    "Summary",
    "Description",
    "Description-Content-Type",
    "Keywords",
    "Home-page",
    "Download-URL",
    "Author-email",
    "License",
    "License-Expression",
    "License-File",
    "Classifier",
    "Requires-Dist",
    "Requires-Python",
    "Requires-External",
    "Project-URL",
    "Provides-Extra",
    "Provides-Dist",
    "Obsoletes-Dist",
    "Import-Name",
    "Tag",
    "Build",
    "Wheel-Version",
    "Root-Is-Purelib",
    "X-Odd",
)
VALUES = st.one_of(
    texts(),
    st.sampled_from(
        [
            "1.0",
            "2.4",
            "99.9",
            "demo",
            "demo[",
            "a (>=1)",
            "a @ b",
            "a; python_version < '3",
            ">=3.8",
            "~=x",
            "text/x; charset=",
            "MIT AND (",
            "a, b",
            "cp311-none-any",
            "cp3.cp4-a.b-c.d",
            "=?utf-8?q?=ff?=",
            "a\n b",
            "1!1.0+l",
            "name",
            "=?x?b?A?=",
        ]
    ),
)
LINES = st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=6)


def headers(lines: list[tuple[str, str]], body: str) -> bytes:
    text = "".join(f"{name}: {value}\n" for name, value in lines)
    return f"{text}\n{body}".encode("utf-8", "surrogatepass")


def judged(check: Callable[[bytes, str, WheelName], Iterator[Finding]], data: bytes) -> list[Finding]:
    """The findings, each of which can be shown; none where the record is refused."""
    try:
        found = list(check(data, INFO, NAME))
    except ArtifactError:
        return []
    for finding in found:
        assert finding.code
        assert finding.severity in {"error", "warning", "info"}
    return found


@pytest.mark.parametrize("check", [check_metadata, check_wheel])
def test_fields_of_any_kind(check: Callable[[bytes, str, WheelName], Iterator[Finding]]) -> None:
    @PROFILE
    @given(LINES, texts())
    def holds(lines: list[tuple[str, str]], body: str) -> None:
        judged(check, METADATA.encode() + headers(lines, body))
        judged(check, headers(lines, body))

    holds()


@PROFILE
@given(damaged(st.just(METADATA.encode())))
def test_damaged_metadata(data: bytes) -> None:
    judged(check_metadata, data)


@PROFILE
@given(damaged(st.just(wheel_text(TAGS).encode())))
def test_damaged_wheel_file(data: bytes) -> None:
    judged(check_wheel, data)


@PROFILE
@given(damaged(st.just(f"demo.pyd,sha256=abc,3\n{INFO}/RECORD,,\n".encode())))
def test_a_damaged_record(data: bytes) -> None:
    judged(lambda raw, folder, _: check_record(raw, folder, ()), data)

"""Any stream of a build's output is refused, or gives the files that another reader finds in it."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.hostile import PROFILE, damaged

from xbuild.check.audit import AuditResult
from xbuild.collect.collect import Limits, collect_stream
from xbuild.errors import ArtifactError

NAMES = ("demo-1.0-cp311-cp311-win_amd64.whl", f"{'demo' * 30}-1.0-cp311-cp311-win_amd64.whl")
LIMITS = Limits(total=1 << 16, file=1 << 15)


def stream(members: Mapping[str, bytes], kind: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as made:
        folder = tarfile.TarInfo("out")
        folder.type = tarfile.DIRTYPE
        made.addfile(folder)
        for name, data in members.items():
            info = tarfile.TarInfo(f"out/{name}")
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


MEMBERS = st.dictionaries(st.sampled_from(NAMES), st.binary(min_size=1, max_size=1500), max_size=2)
KINDS = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
SIZES = st.lists(st.integers(min_value=0, max_value=1000), max_size=8)


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


def accept(path: Path) -> AuditResult:
    data = path.read_bytes()
    return AuditResult(wheel=path.name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def collected(data: bytes, sizes: list[int]) -> dict[str, bytes] | str:
    """The files that are published, or the code of the refusal."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "dist"
        try:
            collect_stream(pieces(data, sizes), NAMES, place, validate=accept, limits=LIMITS)
        except ArtifactError as error:
            assert not place.is_dir() or not list(place.glob("*.whl"))
            return error.code
        return {path.name: path.read_bytes() for path in place.glob("*.whl")}


@PROFILE
@given(MEMBERS, KINDS, SIZES)
def test_what_is_sent_is_what_is_published(members: dict[str, bytes], kind: int, sizes: list[int]) -> None:
    assert collected(stream(members, kind), sizes) == members


@PROFILE
@given(damaged(st.builds(stream, MEMBERS, KINDS)), SIZES)
def test_what_is_accepted_is_the_same_to_another_reader(data: bytes, sizes: list[int]) -> None:
    found = collected(data, sizes)
    assert collected(data, []) == found
    if isinstance(found, dict):
        with tarfile.open(fileobj=io.BytesIO(data)) as other:
            files = [member for member in other if member.isfile()]
            assert {Path(member.name).name: other.extractfile(member).read() for member in files} == found  # type: ignore[union-attr]

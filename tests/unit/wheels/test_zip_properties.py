"""Any archive is refused, or is the same one to every reader."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from support.hostile import PROFILE, damaged

from xbuild.errors import ArtifactError
from xbuild.wheels.members import read_whole, scan_members
from xbuild.wheels.zip import Limits, read_entries

LIMITS = Limits(entries=50, inflated=1 << 20, directory=1 << 16)
PARTS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/\\:\x7f"),
    min_size=1,
    max_size=8,
)


def archive(members: Mapping[str, bytes], compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            info.external_attr = 0o100644 << 16
            made.writestr(info, data)
    return buffer.getvalue()


NAMES = PARTS.filter(lambda part: part.isprintable() and part not in {".", ".."})
MEMBERS = st.dictionaries(NAMES.map("top/{}".format), st.binary(max_size=200), max_size=4)
ARCHIVES = st.builds(archive, MEMBERS, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


def contents(data: bytes) -> dict[str, bytes]:
    """What this reader finds.

    :raises ArtifactError: it refuses the archive.
    """
    file = io.BytesIO(data)
    entries = read_entries(file, LIMITS)
    scan_members(file, entries)
    return {entry.name: read_whole(file, entry, 1 << 20) for entry in entries}


@PROFILE
@given(MEMBERS, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_what_is_packed_is_what_is_found(members: dict[str, bytes], compression: int) -> None:
    assert contents(archive(members, compression)) == members


@PROFILE
@given(damaged(ARCHIVES))
def test_what_is_accepted_is_the_same_to_another_reader(data: bytes) -> None:
    try:
        found = contents(data)
    except ArtifactError:
        return
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert {name: other.read(name) for name in other.namelist()} == found

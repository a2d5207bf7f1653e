"""What is imported, and where a wheel's files go."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from xbuild.check.trial.contents import installed_files, modules, tar_stream, tar_tests, tar_wheel, whole_file
from xbuild.errors import CheckError


def wheel(folder: Path, *names: str) -> Path:
    path = folder / "a-1-cp311-cp311-win_amd64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


ROOT = ""
"""What tarfile makes of ``/``: the folder, whose owner the engine takes from a header of that name only."""


def members(chunks: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(chunks)) as archive:
        return {member.name: member for member in archive}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["rpds/__init__.py", "rpds/rpds.cp311-win_amd64.pyd"], ("rpds", "rpds.rpds")),
        (["a/__init__.py", "a/b/_c.abi3.so", "a/py.typed"], ("a", "a.b._c")),
        (["single.py", "native.pypy39-pp73-x86_64-linux-gnu.so"], ("native", "single")),
        (["a.libs/libssl.so.3", "a/libfoo.so", "a-1.dist-info/METADATA"], ()),
    ],
)
def test_modules(paths: list[str], expected: tuple[str, ...]) -> None:
    assert modules(paths) == expected


def test_data_folders_are_merged_and_scripts_left_out(tmp_path: Path) -> None:
    path = wheel(tmp_path, "a/__init__.py", "a-1.data/platlib/a/_n.pyd", "a-1.data/scripts/run")
    assert set(installed_files(path)) == {"a/__init__.py", "a/_n.pyd"}


@pytest.mark.parametrize("name", ["../x.py", "/etc/x.py", "a\\..\\x.py", "C:/x.py"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckError) as caught:
        installed_files(wheel(tmp_path, name))
    assert caught.value.code == "bad-wheel"


def test_no_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"x")
    with pytest.raises(CheckError):
        installed_files(path)


@pytest.mark.parametrize("at", [b"a/__init__.py" * 2, b"PK\1\2"], ids=["contents", "method"])
def test_a_damaged_file_is_refused(tmp_path: Path, at: bytes) -> None:
    """A wheel that another one depends on is not audited."""
    path = wheel(tmp_path, "a/__init__.py")
    raw = bytearray(path.read_bytes())
    place = raw.index(at) + len(at) + (6 if at.startswith(b"PK") else -1)
    raw[place] ^= 0x20
    path.write_bytes(raw)
    with pytest.raises(CheckError) as caught:
        b"".join(tar_wheel(path, folder="site", owner=(1, 1)))
    assert caught.value.code == "bad-wheel"
    assert "'a/__init__.py' cannot be read" in caught.value.brief


def test_wheel_belongs_to_the_user(tmp_path: Path) -> None:
    path = wheel(tmp_path, "a/__init__.py")
    found = members(b"".join(tar_wheel(path, folder="site", owner=(7, 8))))
    assert set(found) == {ROOT, "site", "site/a", "site/a/__init__.py"}
    assert {(member.uid, member.gid) for member in found.values()} == {(7, 8)}


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", bytes(64 << 20))
    tracemalloc.start()
    assert sum(map(len, tar_wheel(path, folder="site", owner=(1, 1)))) > 64 << 20
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_tests_without_links(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "test_a.py").write_text("x")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert set(members(b"".join(tar_tests(tmp_path, owner=(1, 1))))) == {ROOT, "sub", "sub/test_a.py"}
    assert set(members(b"".join(tar_tests(tmp_path / "sub" / "test_a.py", owner=(1, 1))))) == {
        ROOT,
        "test_a.py",
    }


def test_long_names_survive() -> None:
    name = "/".join(["folder" * 8] * 4) + "/x.py"
    assert name in members(b"".join(tar_stream([whole_file(name, b"x")], owner=(1, 1))))

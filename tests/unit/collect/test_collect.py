"""Collecting wheels from hostile output: a zoo, as a directory and as a tar stream."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from xbuild.check.audit import AuditResult, Finding
from xbuild.collect.collect import Collected, Limits, collect_directory, collect_stream
from xbuild.collect.staging import Staging
from xbuild.errors import ArtifactError

ONE = "demo-1.0-cp311-cp311-win_amd64.whl"
TWO = "demo-1.0-pp39-pypy39_pp73-win_amd64.whl"
EXPECTED = (ONE, TWO)


def accept(path: Path) -> AuditResult:
    data = path.read_bytes()
    return AuditResult(wheel=path.name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def reject_two(path: Path) -> AuditResult:
    """An audit that finds fault with the second wheel only."""
    found = accept(path)
    if path.name != TWO:
        return found
    finding = Finding("missing-symbol", "error", "demo\x1b.pyd", "imports PyNope", "ask somebody")
    return AuditResult(wheel=found.wheel, sha256=found.sha256, size=found.size, findings=(finding,))


def spoil(path: Path) -> AuditResult:
    """An audit of something else than the copy."""
    return AuditResult(wheel=path.name, sha256="0" * 64, size=1)


Collect = Callable[..., list[Collected]]


class Zoo:
    """An output folder and a destination; ``collect`` goes one of the two ways."""

    def __init__(self, folder: Path, way: str) -> None:
        self.out = folder / "out"
        self.out.mkdir()
        self.destination = folder / "dist"
        self.way = way

    def collect(
        self, validate: Callable[[Path], AuditResult] = accept, limits: Limits | None = None
    ) -> list[Collected]:
        bounds = limits or Limits()
        if self.way == "directory":
            return collect_directory(self.out, EXPECTED, self.destination, validate=validate, limits=bounds)
        return collect_stream(self.stream(), EXPECTED, self.destination, validate=validate, limits=bounds)

    def stream(self) -> Iterator[bytes]:
        """The folder as docker gives it, in chunks that fit nothing."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            archive.add(self.out, "out")
        data = buffer.getvalue()
        return (data[start : start + 1000] for start in range(0, len(data), 1000))

    def refuse(self, limits: Limits | None = None) -> ArtifactError:
        before = self.published()
        with pytest.raises(ArtifactError) as caught:
            self.collect(limits=limits)
        error = caught.value
        assert error.code
        assert error.brief
        assert error.hint
        assert error.details.isascii()
        assert all(part.isprintable() for part in error.details.split("\n"))
        assert self.published() == before
        return error

    def published(self) -> dict[str, bytes]:
        """What the destination holds; staging folders would show here too."""
        if not self.destination.is_dir():
            return {}
        found = sorted(self.destination.rglob("*"))
        return {
            str(path.relative_to(self.destination)): path.read_bytes() for path in found if path.is_file()
        } | {str(path.relative_to(self.destination)): b"folder" for path in found if path.is_dir()}


@pytest.fixture(params=["directory", "stream"])
def zoo(request: pytest.FixtureRequest, tmp_path: Path) -> Zoo:
    return Zoo(tmp_path, request.param)


def test_wheels_are_published(zoo: Zoo) -> None:
    (zoo.out / ONE).write_bytes(b"one" * 5000)
    (zoo.out / TWO).write_bytes(b"two")
    (zoo.out / TWO).chmod(0o4777)
    found = zoo.collect()
    assert [wheel.path.name for wheel in found] == [ONE, TWO]
    assert found[0].sha256 == hashlib.sha256(b"one" * 5000).hexdigest()
    assert found[0].size == 15000
    assert zoo.published() == {ONE: b"one" * 5000, TWO: b"two"}
    for wheel in found:
        status = wheel.path.stat()
        assert status.st_mode & 0o7777 == 0o644
        assert status.st_uid == os.getuid()
        assert status.st_nlink == 1


def test_nothing_was_built(zoo: Zoo) -> None:
    assert zoo.collect() == []
    assert zoo.published() == {}


def test_earlier_wheel_is_replaced(zoo: Zoo) -> None:
    zoo.destination.mkdir()
    (zoo.destination / ONE).write_bytes(b"old")
    (zoo.out / ONE).write_bytes(b"new")
    zoo.collect()
    assert zoo.published() == {ONE: b"new"}


def test_link_in_the_destination_is_replaced_not_followed(zoo: Zoo, tmp_path: Path) -> None:
    zoo.destination.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (zoo.destination / ONE).symlink_to(victim)
    (zoo.out / ONE).write_bytes(b"new")
    zoo.collect()
    assert victim.read_bytes() == b"precious"
    assert not (zoo.destination / ONE).is_symlink()


def test_one_bad_wheel_keeps_all_back(zoo: Zoo) -> None:
    zoo.destination.mkdir()
    (zoo.destination / ONE).write_bytes(b"old")
    (zoo.out / ONE).write_bytes(b"new")
    (zoo.out / TWO).write_bytes(b"bad")
    with pytest.raises(ArtifactError) as caught:
        zoo.collect(reject_two)
    assert caught.value.code == "bad-wheel"
    assert "missing-symbol" in caught.value.details
    assert "\x1b" not in caught.value.details
    assert caught.value.hint == "ask somebody"
    assert zoo.published() == {ONE: b"old"}


def test_audit_must_be_of_the_copy(zoo: Zoo) -> None:
    (zoo.out / ONE).write_bytes(b"new")
    with pytest.raises(ArtifactError) as caught:
        zoo.collect(spoil)
    assert caught.value.code == "artifact-changed"
    assert zoo.published() == {}


def test_an_audit_that_fails_leaves_nothing(zoo: Zoo) -> None:
    def explode(path: Path) -> AuditResult:
        raise OSError(path)

    (zoo.out / ONE).write_bytes(b"new")
    with pytest.raises(OSError, match="demo"):
        zoo.collect(explode)
    assert zoo.published() == {}


def test_a_folder_in_the_way_undoes_the_others(zoo: Zoo) -> None:
    """The second rename fails; the first is taken back."""
    (zoo.destination / TWO / "x").mkdir(parents=True)
    (zoo.destination / ONE).write_bytes(b"old")
    (zoo.out / ONE).write_bytes(b"new")
    (zoo.out / TWO).write_bytes(b"new")
    error = zoo.refuse()
    assert error.code == "cannot-write"
    assert error.retryable


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("demo-9.9-cp311-cp311-win_amd64.whl", "unexpected-artifact"),
        ("demo-1.0-cp311-cp311-win_arm64.whl", "unexpected-artifact"),
        ("Demo-1.0-cp311-cp311-win_amd64.whl", "unexpected-artifact"),
        ("notes.txt", "bad-wheel-name"),
        (".hidden", "bad-wheel-name"),
        ("demo-1.0-cp311-cp311-win_amd64.whl\n", "bad-wheel-name"),
        ("de\x1b[2Jmo-1.0-cp311-cp311-win_amd64.whl", "bad-wheel-name"),
        ("demo-1.0-cp311-cp311-win_amd64.whl\u202e", "bad-wheel-name"),
        ("dem\u043e-1.0-cp311-cp311-win_amd64.whl", "bad-wheel-name"),
        ("demo 1.0.whl", "bad-wheel-name"),
        ("-rf", "bad-wheel-name"),
    ],
)
def test_hostile_names(zoo: Zoo, name: str, code: str) -> None:
    (zoo.out / name).write_bytes(b"x")
    (zoo.out / ONE).write_bytes(b"new")
    assert zoo.refuse().code == code


def test_name_that_is_not_text(zoo: Zoo) -> None:
    Path(os.fsdecode(os.fsencode(zoo.out) + b"/\xff\xfe.whl")).write_bytes(b"x")
    assert zoo.refuse().code == "bad-wheel-name"


def link_to_secret(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def dangling(path: Path) -> None:
    path.symlink_to("/nowhere")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def hard_link(path: Path) -> None:
    other = path.parent.parent / "elsewhere"
    other.write_bytes(b"secret")
    path.hardlink_to(other)


@pytest.mark.parametrize("make", [link_to_secret, dangling, fifo, folder])
def test_special_files(zoo: Zoo, make: Callable[[Path], None]) -> None:
    make(zoo.out / ONE)
    assert zoo.refuse().code == "not-a-regular-file"


def test_hard_link_to_the_outside(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path, "directory")
    hard_link(zoo.out / ONE)
    assert zoo.refuse().code == "not-a-regular-file"


def test_hard_link_between_wheels(zoo: Zoo) -> None:
    (zoo.out / ONE).write_bytes(b"x")
    (zoo.out / TWO).hardlink_to(zoo.out / ONE)
    assert zoo.refuse().code == "not-a-regular-file"


def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = Zoo(tmp_path, "directory")
    monkeypatch.chdir(zoo.out)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(ONE)
        assert zoo.refuse().code == "not-a-regular-file"


def test_empty_file(zoo: Zoo) -> None:
    (zoo.out / ONE).touch()
    assert zoo.refuse().code == "bad-artifact"


def test_sparse_giant(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path, "directory")
    with (zoo.out / ONE).open("wb") as file:
        file.truncate(3 << 30)
    assert zoo.refuse().code == "artifact-too-large"
    with (zoo.out / ONE).open("wb") as file:
        file.truncate(100 << 20)
    assert zoo.refuse().code == "sparse-artifact"


def test_limits(zoo: Zoo) -> None:
    (zoo.out / ONE).write_bytes(bytes(2000))
    (zoo.out / TWO).write_bytes(bytes(2000))
    assert zoo.refuse(Limits(file=1999)).code == "artifact-too-large"
    assert zoo.refuse(Limits(total=3999)).code == "artifact-too-large"
    assert zoo.refuse(Limits(files=1)).code == "too-many-artifacts"
    assert len(zoo.collect(limits=Limits(file=2000, total=4000, files=2))) == 2


def test_output_folder_that_is_a_link(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path, "directory")
    zoo.out.rmdir()
    zoo.out.symlink_to("/etc")
    assert zoo.refuse().code == "bad-output"


def test_destination_that_cannot_be_made(zoo: Zoo) -> None:
    zoo.destination.write_text("a file")
    (zoo.out / ONE).write_bytes(b"x")
    assert zoo.refuse().code == "cannot-write"


# Streams that no directory gives.


def header(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def block(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


END = bytes(1024)
GOOD = header(f"out/{ONE}", size=3) + block(b"abc")


def stream(tmp_path: Path, *chunks: bytes) -> list[Collected]:
    return collect_stream(chunks, EXPECTED, tmp_path / "dist", validate=accept)


def refuse_stream(tmp_path: Path, chunks: Iterable[bytes]) -> str:
    with pytest.raises(ArtifactError) as caught:
        collect_stream(chunks, EXPECTED, tmp_path / "dist", validate=accept)
    assert list((tmp_path / "dist").iterdir()) == []
    return caught.value.code


def test_plain_stream(tmp_path: Path) -> None:
    assert [
        wheel.size for wheel in stream(tmp_path, header("out/", kind=tarfile.DIRTYPE), GOOD, b"", END)
    ] == [3]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (GOOD, "bad-stream"),
        (GOOD[:-1], "bad-stream"),
        (GOOD + END[:512], "bad-stream"),
        (GOOD + END + b"x" * 512, "bad-stream"),
        (GOOD + GOOD + END, "duplicate-artifact"),
        (b"\x1f\x8b" + bytes(510) + END, "bad-stream"),
        (GOOD[:100] + b"7" + GOOD[101:] + END, "bad-stream"),
        (header(f"out/sub/{ONE}", size=3) + block(b"abc") + END, "unexpected-artifact"),
        (header(f"/out/{ONE}", size=3) + block(b"abc") + END, "unexpected-artifact"),
        (header(f"out/../{ONE}", size=3) + block(b"abc") + END, "unexpected-artifact"),
        (header(ONE, size=3) + block(b"abc") + END, "unexpected-artifact"),
        (header("out/..", size=3) + block(b"abc") + END, "bad-wheel-name"),
        (header("out/sub", kind=tarfile.DIRTYPE) + END, "not-a-regular-file"),
        (header(f"out/{ONE}", kind=tarfile.CHRTYPE) + END, "not-a-regular-file"),
        (header(f"out/{ONE}", kind=tarfile.BLKTYPE) + END, "not-a-regular-file"),
        (header(f"out/{ONE}", kind=tarfile.CONTTYPE) + END, "not-a-regular-file"),
        (header(f"out/{ONE}", kind=tarfile.XGLTYPE) + END, "not-a-regular-file"),
        (header(f"out/{ONE}", kind=tarfile.GNUTYPE_SPARSE) + END, "not-a-regular-file"),
        (header(f"out/{ONE}", size=3 << 30) + END, "artifact-too-large"),
        (header("x", size=1 << 40, kind=tarfile.XHDTYPE) + END, "bad-stream"),
        (header("x", size=1 << 40, kind=tarfile.GNUTYPE_LONGNAME) + END, "bad-stream"),
        (header("x", size=9, kind=tarfile.XHDTYPE) + block(b"9 size=x\n") + GOOD + END, "bad-stream"),
        (header("x", size=9, kind=tarfile.XHDTYPE) + block(b"99 size=3") + GOOD + END, "bad-stream"),
        (header("x", size=9, kind=tarfile.XHDTYPE) + block(b"nonsense\n") + GOOD + END, "bad-stream"),
        (
            header("x", size=23, kind=tarfile.XHDTYPE) + block(b"23 GNU.sparse.major=1 \n") + GOOD,
            "sparse-artifact",
        ),
        (
            header("x", size=19, kind=tarfile.XHDTYPE) + block(b"19 size=3221225472\n") + GOOD,
            "artifact-too-large",
        ),
    ],
)
def test_hostile_streams(tmp_path: Path, data: bytes, code: str) -> None:
    assert refuse_stream(tmp_path, [data[start : start + 700] for start in range(0, len(data), 700)]) == code


def test_long_names_replace_the_header(tmp_path: Path) -> None:
    name = f"out/{ONE}\0".encode()
    long = header("././@LongLink", size=len(name), kind=tarfile.GNUTYPE_LONGNAME) + block(name)
    member = header("out/short", size=3) + block(b"abc")
    assert [wheel.path.name for wheel in stream(tmp_path, long + member + END)] == [ONE]
    hostile = header("././@LongLink", size=13, kind=tarfile.GNUTYPE_LONGNAME) + block(b"/etc/passwd\0\0")
    assert refuse_stream(tmp_path / "other", [hostile + GOOD + END]) == "unexpected-artifact"


def test_refusal_comes_before_the_data(tmp_path: Path) -> None:
    """An endless stream behind a refused header is not read."""
    seen: list[int] = []

    def endless() -> Iterator[bytes]:
        yield header(f"out/{ONE}", size=1 << 33)
        while True:
            seen.append(1)
            yield bytes(1 << 20)

    assert refuse_stream(tmp_path, endless()) == "artifact-too-large"
    assert len(seen) <= 1


@pytest.mark.parametrize("size", [0, 10, 11, -1])
def test_what_is_passed_over_has_a_limit_too(tmp_path: Path, size: int) -> None:
    other = header(f"out/{TWO}", size=size) + block(bytes(max(size, 0)))

    def collect() -> list[Collected]:
        return collect_stream(
            [other, GOOD, END],
            {ONE},
            tmp_path / "dist",
            validate=accept,
            limits=Limits(total=10),
            others={TWO},
        )

    if 0 <= size <= 10:
        assert [wheel.path.name for wheel in collect()] == [ONE]
        return
    with pytest.raises(ArtifactError) as caught:
        collect()
    assert caught.value.code == "artifact-too-large"


def test_endless_padding(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield END
        while True:
            yield bytes(1 << 16)

    assert refuse_stream(tmp_path, endless()) == "bad-stream"


def test_stream_that_breaks(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield GOOD
        raise ConnectionError("the engine went away")

    with pytest.raises(ConnectionError):
        collect_stream(broken(), EXPECTED, tmp_path / "dist", validate=accept)
    assert list((tmp_path / "dist").iterdir()) == []


DYING = """
import os, sys
from pathlib import Path
from xbuild.collect.staging import DEFAULT_LIMITS, Staging
with Staging(Path(sys.argv[1]), validate=None, limits=DEFAULT_LIMITS) as staging:
    (staging.folder / "half").write_bytes(b"half a wheel")
    os._exit(9)
"""


def test_what_a_killed_run_left_is_removed_and_what_a_live_one_has_is_not(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path, "directory")
    assert subprocess.run([sys.executable, "-c", DYING, zoo.destination], check=False).returncode == 9
    (dead,) = zoo.destination.iterdir()
    with Staging(zoo.destination, validate=accept, limits=Limits()) as live:
        assert not dead.exists()
        (zoo.out / ONE).write_bytes(b"a wheel")
        zoo.collect()
        assert live.folder.is_dir()
    assert sorted(path.name for path in zoo.destination.iterdir()) == [ONE]

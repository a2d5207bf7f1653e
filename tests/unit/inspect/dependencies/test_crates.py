"""The store of crates: what is damaged or hostile is found, and what is unpacked is what was locked."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.conditions import together, umask
from support.fakes import crate_archive, locked, make_package

from xbuild.errors import FetchError
from xbuild.inspect.crate.cargo_lock import LockedPackage
from xbuild.inspect.dependencies.store import CrateStore, VendorReport

GIT = "git+https://example.org/fork?branch=main#0123456789"


class Place:
    """A store, and the folder that it unpacks to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = CrateStore(root / "store")
        self.vendor = root / "vendor" / "digest" / "vendor"

    def add(self, package: LockedPackage, content: bytes) -> LockedPackage:
        source = self.root / "download.crate"
        source.write_bytes(content)
        self.store.add_crate_file(package, source)
        return package

    def unpack(self, *packages: LockedPackage) -> VendorReport:
        return self.store.vendor(packages, self.vendor)

    def kept(self, suffix: str) -> Path:
        (found,) = (self.root / "store").rglob(f"*{suffix}")
        return found

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.vendor.rglob("*") if path.is_file())
        return {path.relative_to(self.vendor).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_locked_is_unpacked(place: Place) -> None:
    package = place.add(*make_package())
    assert place.unpack(package) == VendorReport(1, ("itoa-1.0.9",), ())
    files = place.files()
    assert set(files) == {
        f"itoa-1.0.9/{name}" for name in ("Cargo.toml", "src/lib.rs", "configure", ".cargo-checksum.json")
    }
    assert package.checksum.encode() in files["itoa-1.0.9/.cargo-checksum.json"]
    assert (place.vendor / "itoa-1.0.9" / "configure").stat().st_mode & 0o777 == 0o755
    assert (place.vendor / "itoa-1.0.9" / "Cargo.toml").stat().st_mode & 0o777 == 0o644
    assert (place.vendor / "itoa-1.0.9" / "src").stat().st_mode & 0o777 == 0o755
    assert int((place.vendor / "itoa-1.0.9" / "Cargo.toml").stat().st_mtime) == 1_153_704_088


def test_a_second_time_nothing_is_done(place: Place) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    before = (place.vendor / "itoa-1.0.9").stat().st_ino
    assert place.unpack(package) == VendorReport(1, (), ())
    assert (place.vendor / "itoa-1.0.9").stat().st_ino == before
    assert not list(place.vendor.parent.glob(".unpack-*"))


def test_nothing_but_crates_is_where_builds_read(place: Place) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    (place.vendor / "itoa-1.0.9" / "Cargo.toml").write_text("damage", "utf-8")
    place.unpack(package)
    assert [path.name for path in place.vendor.parent.iterdir()] == ["vendor"]
    assert [path.name for path in place.vendor.iterdir()] == ["itoa-1.0.9"]


def test_the_vendored_folder_can_be_read_by_the_build(place: Place) -> None:
    package = place.add(*make_package())
    with umask(0o077):
        place.unpack(package)
    crate = place.vendor / "itoa-1.0.9"
    folders = (place.vendor.parent, place.vendor, crate, crate / "src")
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o755}
    place.vendor.chmod(0o700)
    assert place.unpack(package).unpacked == ()
    assert place.vendor.stat().st_mode & 0o777 == 0o755


def test_path_dependencies_are_not_vendored(place: Place) -> None:
    assert place.unpack(LockedPackage("own", "1.0.0", "", "")) == VendorReport(0, (), ())
    assert place.store.missing([LockedPackage("own", "1.0.0", "", "")]) == ()


def test_a_download_that_is_not_what_is_locked(place: Place) -> None:
    package, content = make_package()
    with pytest.raises(FetchError) as caught:
        place.add(package, content + b"\0")
    assert caught.value.code == "checksum-mismatch"
    assert package.checksum in caught.value.details
    assert place.store.missing([package]) == (package,)
    assert not (place.root / "store").exists() or not any((place.root / "store").rglob("*.crate"))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "gone"])
def test_a_damaged_store_is_missing(place: Place, damage: str) -> None:
    package = place.add(*make_package())
    path = place.kept(".crate")
    body = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(body[:-7])
    elif damage == "flipped":
        body[len(body) // 2] ^= 1
        path.write_bytes(body)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    assert place.store.missing([package]) == (package,)


@pytest.mark.parametrize("damage", ["truncated", "gone"])
def test_a_damaged_store_is_not_unpacked(place: Place, damage: str) -> None:
    package = place.add(*make_package())
    path = place.kept(".crate")
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"
    assert caught.value.retryable
    assert not (place.vendor / "itoa-1.0.9").exists()


def state(path: Path) -> tuple[int, int]:
    """What tells whether anything was done to a file but reading it."""
    status = path.stat()
    return status.st_ino, status.st_ctime_ns


def flip(path: Path) -> None:
    body = path.read_bytes()
    path.write_bytes(bytes([body[0] ^ 1]) + body[1:])


def link_to_copy(path: Path) -> None:
    copy = path.parents[4] / "copy"
    path.rename(copy)
    path.symlink_to(copy)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped": lambda folder: flip(folder / "Cargo.toml"),
    "truncated": lambda folder: os.truncate(folder / "Cargo.toml", 3),
    "longer": lambda folder: (folder / "Cargo.toml").write_bytes(b"# itoa\n\n"),
    "gone": lambda folder: (folder / "Cargo.toml").unlink(),
    "extra file": lambda folder: (folder / "build.rs").write_text("evil", "utf-8"),
    "extra deep file": lambda folder: (folder / "src" / "x.rs").write_text("evil", "utf-8"),
    "extra folder": lambda folder: (folder / "src" / "more").mkdir(),
    "extra link": lambda folder: (folder / "more").symlink_to("src"),
    "link to file": lambda folder: link_to_copy(folder / "Cargo.toml"),
    "link to folder": lambda folder: link_to_copy(folder / "src"),
    "pipe": lambda folder: pipe(folder / "Cargo.toml"),
    "no longer a program": lambda folder: (folder / "configure").chmod(0o644),
    "now a program": lambda folder: (folder / "Cargo.toml").chmod(0o755),
    "not readable": lambda folder: (folder / "Cargo.toml").chmod(0o600),
    "folder not readable": lambda folder: (folder / "src").chmod(0o700),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_among_unpacked_files_is_repaired(place: Place, damage: str) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    whole = place.files()
    DAMAGE[damage](place.vendor / "itoa-1.0.9")
    assert place.unpack(package) == VendorReport(1, ("itoa-1.0.9",), ("itoa-1.0.9",))
    assert place.files() == whole
    assert not any(path.is_symlink() for path in place.vendor.rglob("*"))
    assert place.unpack(package).unpacked == ()


@pytest.mark.parametrize("kind", ["file", "link to folder", "dangling link", "folder"])
def test_something_else_beside_the_vendored_crates(place: Place, kind: str) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    (place.root / "outside").mkdir()
    (place.root / "outside" / "kept").write_text("x", "utf-8")
    stray = place.vendor / "stray"
    match kind:
        case "file":
            stray.write_text("x", "utf-8")
        case "link to folder":
            stray.symlink_to(place.root / "outside")
        case "dangling link":
            stray.symlink_to("nowhere")
        case _:
            (stray / "a" / "b").mkdir(parents=True)
    assert place.unpack(package) == VendorReport(1, (), ())
    assert [path.name for path in place.vendor.iterdir()] == ["itoa-1.0.9"]
    assert (place.root / "outside" / "kept").exists()


@pytest.mark.parametrize("kind", ["file", "link to a copy", "link to another folder", "dangling link"])
def test_something_else_in_place_of_a_vendored_crate(place: Place, kind: str) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    target = place.vendor / "itoa-1.0.9"
    target.rename(place.root / "copy")
    (place.root / "other").mkdir()
    match kind:
        case "file":
            target.write_text("x", "utf-8")
        case "link to a copy":
            target.symlink_to(place.root / "copy")
        case "link to another folder":
            target.symlink_to(place.root / "other")
        case _:
            target.symlink_to("nowhere")
    assert place.unpack(package).damaged == ("itoa-1.0.9",)
    assert target.is_dir()
    assert not target.is_symlink()
    assert (place.root / "copy" / "Cargo.toml").exists()


def test_only_what_is_damaged_is_replaced_and_never_edited(place: Place) -> None:
    whole, damaged = (place.add(*make_package(name)) for name in ("itoa", "ryu"))
    place.unpack(whole, damaged)
    before = {path: state(path) for path in place.vendor.rglob("*")}
    old = place.vendor / "ryu-1.0.9" / "Cargo.toml"
    old.write_text("damage", "utf-8")
    with old.open("rb") as reading:
        assert place.unpack(whole, damaged).damaged == ("ryu-1.0.9",)
        # a build that has the old one open reads on
        assert reading.read() == b"damage"
    assert old.read_bytes() == b"# ryu\n"
    assert state(old) != before[old]
    for path, then in before.items():
        if "itoa-1.0.9" in path.parts:
            assert state(path) == then


@pytest.mark.parametrize("damaged", [False, True], ids=["empty", "damaged"])
def test_runs_that_vendor_the_same_lockfile_at_once(place: Place, *, damaged: bool) -> None:
    packages = [place.add(*make_package(f"crate{number}")) for number in range(12)]
    for attempt in range(10):
        folder = place.root / f"vendor-{attempt}"
        if damaged:
            place.store.vendor(packages, folder)
            for package in packages:
                (folder / package.folder / "Cargo.toml").write_text("damage", "utf-8")
        reports: list[VendorReport] = []

        def work(folder: Path = folder, reports: list[VendorReport] = reports) -> None:
            reports.append(place.store.vendor(packages, folder))

        assert together(work, work, work) == []
        assert sorted(len(report.unpacked) for report in reports) == [0, 0, 12]
        assert place.store.vendor(packages, folder).unpacked == ()


def test_what_a_killed_run_left_is_in_nobodys_way(place: Place) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    (turn,) = (path for path in (place.root / "store" / "turns").iterdir() if path.suffix == ".lock")
    left = turn.with_suffix("") / "old" / "x"
    left.mkdir(parents=True)
    assert place.unpack(package) == VendorReport(1, (), ())
    assert not left.exists()


@pytest.mark.parametrize("what", ["store", "folder", "download"])
def test_errors_of_the_file_system_say_what_was_done(place: Place, what: str) -> None:
    package, content = make_package()
    place.add(package, content)
    with pytest.raises(FetchError) as caught:  # noqa: PT012  # one of three
        if what == "store":
            (place.root / "file").write_text("x", "utf-8")
            CrateStore(place.root / "file").add_config("digest", "", mount="/vendor")
        elif what == "folder":
            place.vendor.parent.mkdir(parents=True)
            place.vendor.write_text("x", "utf-8")
            place.unpack(package)
        else:
            place.store.add_crate_file(package, place.root / "missing")
    assert caught.value.code == "cache-unusable"
    assert caught.value.details


def test_other_crates_go(place: Place) -> None:
    old, new = place.add(*make_package(version="1.0.0")), place.add(*make_package(version="1.0.1"))
    place.unpack(old, new)
    assert place.unpack(new) == VendorReport(1, (), ())
    assert {path.name for path in place.vendor.iterdir()} == {"itoa-1.0.1"}


def test_two_versions_of_one_crate(place: Place) -> None:
    both = [place.add(*make_package(version=version)) for version in ("1.0.0", "2.0.0")]
    assert place.unpack(*both).crates == 2
    assert {path.name for path in place.vendor.iterdir()} == {"itoa-1.0.0", "itoa-2.0.0"}


def member(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", size: int = 4) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.size = size if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        member("/etc/xbuild-evil"),
        member("itoa-1.0.9/../../../evil"),
        member("../evil"),
        member("itoa-1.0.9"),
        member("other-1.0.0/src/evil"),
        member("./itoa-1.0.9/../evil"),
        member("itoa-1.0.9/link", tarfile.SYMTYPE, link="/etc/passwd"),
        member("itoa-1.0.9/hard", tarfile.LNKTYPE, link="/etc/passwd"),
        member("itoa-1.0.9/pipe", tarfile.FIFOTYPE),
        member("itoa-1.0.9/device", tarfile.CHRTYPE),
        member("itoa-1.0.9/.cargo-ok"),
    ],
    ids=lambda item: f"{item.name}-{item.type.decode()}",
)
def test_hostile_members_are_left_out(place: Place, hostile: tarfile.TarInfo) -> None:
    package = place.add(*make_package(extra=[hostile]))
    place.unpack(package)
    assert set(place.files()) == {
        f"itoa-1.0.9/{name}" for name in ("Cargo.toml", "src/lib.rs", "configure", ".cargo-checksum.json")
    }
    assert not any(path.is_symlink() for path in place.vendor.rglob("*"))
    assert not list(place.root.rglob("*evil*"))
    assert not Path("/etc/xbuild-evil").exists()
    assert place.unpack(package).unpacked == ()


def test_a_link_cannot_lead_a_later_file_out(place: Place) -> None:
    (place.root / "away").mkdir()
    first = member("itoa-1.0.9/dir", tarfile.SYMTYPE, link=str(place.root / "away"))
    package = place.add(*make_package(extra=[first, member("itoa-1.0.9/dir/evil")]))
    place.unpack(package)
    assert list((place.root / "away").iterdir()) == []
    assert (place.vendor / "itoa-1.0.9" / "dir" / "evil").read_bytes() == b"evil"


def test_a_forged_checksum_file_is_replaced(place: Place) -> None:
    package = place.add(*make_package(files={"Cargo.toml": b"#", ".cargo-checksum.json": b"{}"}))
    place.unpack(package)
    assert package.checksum.encode() in place.files()["itoa-1.0.9/.cargo-checksum.json"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00 not gzip at all"])
def test_a_locked_file_that_is_no_archive(place: Place, content: bytes) -> None:
    package = locked("itoa", "1.0.9", checksum=hashlib.sha256(content).hexdigest())
    place.add(package, content)
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"


def test_a_locked_file_that_is_cut_off(place: Place) -> None:
    content = crate_archive("itoa-1.0.9", {"Cargo.toml": os.urandom(50_000)})[:20_000]
    package = locked("itoa", "1.0.9", checksum=hashlib.sha256(content).hexdigest())
    place.add(package, content)
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"


def test_a_locked_archive_with_a_broken_middle(place: Place) -> None:
    text = "".join(hashlib.sha256(b"%d" % number).hexdigest() for number in range(3000)).encode()
    content = bytearray(crate_archive("itoa-1.0.9", {"Cargo.toml": text, "b": b"b" * 999}))
    content[40_000:40_400] = b"\xff" * 400
    package = locked("itoa", "1.0.9", checksum=hashlib.sha256(content).hexdigest())
    place.add(package, bytes(content))
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"


@pytest.mark.parametrize("name", ["Cargo.toml/evil", ".cargo-checksum.json/evil"])
def test_a_locked_archive_with_a_file_below_a_file(place: Place, name: str) -> None:
    package = place.add(*make_package(extra=[member(f"itoa-1.0.9/{name}")]))
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"
    assert name.partition("/")[0] in caught.value.details


@pytest.mark.parametrize(
    ("mtime", "kept"), [("-5", 0), ("1e300", (1 << 32) - 1), ("1700000000.9", 1_700_000_000)]
)
def test_times_that_no_file_system_has(place: Place, mtime: str, kept: int) -> None:
    odd = member("itoa-1.0.9/odd")
    odd.pax_headers = {"mtime": mtime}
    package = place.add(*make_package(extra=[odd]))
    place.unpack(package)
    assert int((place.vendor / "itoa-1.0.9" / "odd").stat().st_mtime) == kept


@pytest.mark.parametrize("headers", [{"mtime": "inf"}, {"mtime": "nan"}, {"path": "itoa-1.0.9/a\0b"}])
def test_headers_that_mean_nothing(place: Place, headers: dict[str, str]) -> None:
    odd = member("itoa-1.0.9/odd")
    odd.pax_headers = headers
    package = place.add(*make_package(extra=[odd]))
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"


# Packages from git


def checkout(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text("# fork\n", "utf-8")
    (folder / "src" / "lib.rs").write_text("//\n", "utf-8")
    (folder / "configure").write_text("#!/bin/sh\n", "utf-8")
    (folder / "configure").chmod(0o755)
    (folder / ".cargo-checksum.json").write_text('{"files":{}}', "utf-8")
    (folder / "link").symlink_to("/etc/passwd")
    return folder


def test_a_git_package(place: Place) -> None:
    package = LockedPackage("fork", "0.1.0", GIT, "")
    assert place.store.missing([package]) == (package,)
    place.store.add_git_package(package, checkout(place.root / "checkout"))
    assert place.store.missing([package]) == ()
    assert place.unpack(package) == VendorReport(1, ("fork-0.1.0",), ())
    assert set(place.files()) == {
        f"fork-0.1.0/{name}" for name in ("Cargo.toml", "src/lib.rs", "configure", ".cargo-checksum.json")
    }
    assert place.files()["fork-0.1.0/.cargo-checksum.json"] == b'{"files":{}}'
    assert (place.vendor / "fork-0.1.0" / "configure").stat().st_mode & 0o777 == 0o755
    assert place.unpack(package).unpacked == ()


def test_another_commit_is_another_package(place: Place) -> None:
    place.store.add_git_package(LockedPackage("fork", "0.1.0", GIT, ""), checkout(place.root / "checkout"))
    other = LockedPackage("fork", "0.1.0", GIT.replace("0123", "4567"), "")
    assert place.store.missing([other]) == (other,)


@pytest.mark.parametrize("suffix", [".tar", ".sha256"])
def test_a_damaged_git_package_is_missing(place: Place, suffix: str) -> None:
    package = LockedPackage("fork", "0.1.0", GIT, "")
    place.store.add_git_package(package, checkout(place.root / "checkout"))
    path = place.kept(suffix)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    assert place.store.missing([package]) == (package,)
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"


def test_a_git_package_that_cargo_did_not_check_out(place: Place) -> None:
    package = LockedPackage("fork", "0.1.0", GIT, "")
    for folder in (place.root / "nothing", place.root):
        with pytest.raises(FetchError) as caught:
            place.store.add_git_package(package, folder)
        assert caught.value.code == "fetch-failed"
    assert place.store.missing([package]) == (package,)


# Configuration


def test_the_source_replacement_points_to_the_mount(place: Place) -> None:
    text = '[source.crates-io]\nreplace-with = "v"\n\n[source.v]\ndirectory = "/out/a \\"b"\n'
    place.store.add_config("digest", text, mount="/vendor/vendor")
    kept = place.store.config_path("digest").read_text("utf-8")
    assert kept.partition("\n")[2] == text.replace('"/out/a \\"b"', '"/vendor/vendor"')


def test_a_source_replacement_that_was_changed_is_not_there(place: Place) -> None:
    assert not place.store.has_config("digest")
    place.store.add_config("digest", "[source.v]\n", mount="/vendor/vendor")
    path = place.store.config_path("digest")
    whole = path.read_bytes()
    assert place.store.has_config("digest")
    for damaged in (b"", whole[:-1], whole[:-3] + b"w]\n", whole + b"[http]\n", whole.partition(b"\n")[2]):
        path.write_bytes(damaged)
        assert not place.store.has_config("digest")


def test_the_source_replacement_can_be_read_by_the_build_and_is_replaced_whole(place: Place) -> None:
    path = place.root / "config.toml"
    for text in ("one", "two"):
        with umask(0o077):
            place.store.add_config("digest", text, mount="/vendor/vendor")
            place.store.write_config("digest", place.root)
        assert path.read_text("utf-8").partition("\n")[2] == text
        assert path.stat().st_mode & 0o777 == 0o644
    before = state(path)
    place.store.write_config("digest", place.root)
    assert state(path) == before
    path.chmod(0o600)
    place.store.write_config("digest", place.root)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.stat().st_ino != before[0]


def test_a_source_replacement_that_is_not_kept(place: Place) -> None:
    with pytest.raises(FetchError) as caught:
        place.store.write_config("digest", place.root)
    assert caught.value.code == "cache-unusable"

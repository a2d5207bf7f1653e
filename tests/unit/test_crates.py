"""The store of crates: what is damaged or hostile is found, and what is unpacked is what was locked."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import pytest
from fakes import crate_archive, locked, make_package

from xbuild.errors import FetchError
from xbuild.project.crates import CrateStore, VendorReport
from xbuild.project.lockfile import LockedPackage

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


def test_a_damaged_store_is_not_unpacked(place: Place) -> None:
    package = place.add(*make_package())
    path = place.kept(".crate")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FetchError) as caught:
        place.unpack(package)
    assert caught.value.code == "cache-damaged"
    assert caught.value.retryable
    assert not (place.vendor / "itoa-1.0.9").exists()


@pytest.mark.parametrize(
    "damage",
    [
        "flipped",
        "truncated",
        "longer",
        "gone",
        "extra file",
        "extra deep file",
        "link to file",
        "link to folder",
    ],
)
def test_damage_among_unpacked_files_is_repaired(place: Place, damage: str) -> None:
    package = place.add(*make_package())
    place.unpack(package)
    whole = place.files()
    folder = place.vendor / "itoa-1.0.9"
    path = folder / "Cargo.toml"
    body = path.read_bytes()
    (place.root / "copy").write_bytes(body)
    match damage:
        case "flipped":
            path.write_bytes(bytes([body[0] ^ 1]) + body[1:])
        case "truncated":
            path.write_bytes(body[:-1])
        case "longer":
            path.write_bytes(body + b"\n")
        case "gone":
            path.unlink()
        case "extra file":
            (folder / "build.rs").write_text("evil", "utf-8")
        case "extra deep file":
            (folder / "src" / "more").mkdir()
            (folder / "src" / "more" / "x.rs").write_text("evil", "utf-8")
        case "link to file":
            path.unlink()
            path.symlink_to(place.root / "copy")
        case "link to folder":
            (folder / "src").rename(place.root / "src")
            (folder / "src").symlink_to(place.root / "src")
    assert place.unpack(package) == VendorReport(1, ("itoa-1.0.9",), ("itoa-1.0.9",))
    assert place.files() == whole
    assert not path.is_symlink()
    assert not (folder / "src").is_symlink()


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


# Configuration


def test_the_source_replacement_points_to_the_mount(place: Place) -> None:
    text = '[source.crates-io]\nreplace-with = "v"\n\n[source.v]\ndirectory = "/out/a \\"b"\n'
    place.store.add_config("digest", text, mount="/vendor/vendor")
    kept = place.store.config_path("digest").read_text("utf-8")
    assert kept == text.replace('"/out/a \\"b"', '"/vendor/vendor"')

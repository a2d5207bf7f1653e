"""macOS without Apple's SDK, and with an SDK of one's own: what modules ask dyld for, and what they show."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import lief
import pytest
from support.real import ROOT, Xbuild, wheel_names

from xbuild.catalog import load_catalog
from xbuild.engine import ContainerSpec
from xbuild.engine.docker import DockerEngine

pytestmark = [pytest.mark.docker, pytest.mark.archives]

CRATES = ROOT / "tests" / "integration" / "crates"
TARGETS = tuple(target.triple for target in load_catalog().targets.values() if target.os == "macos")
_DYNAMIC_LOOKUP = 0xFE
_CODE_DIRECTORY = 0xFADE0C02


def build(xbuild: Xbuild, crate: Path, *words: str | Path) -> dict[str, lief.MachO.Binary]:
    """Build a crate, and read the one native file of its wheel, by the wheel's platform."""
    done = xbuild("run", crate, "--out", "out", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for name in wheel_names(xbuild.folder / "out"):
        with zipfile.ZipFile(xbuild.folder / "out" / name) as wheel:
            (member,) = (one for one in wheel.namelist() if one.endswith(".so") or "/scripts/" in one)
            path = xbuild.folder / f"{name}.native"
            path.write_bytes(wheel.read(member))
        fat = lief.MachO.parse(str(path))
        binary = fat.at(0) if fat else None
        assert binary
        found[name.rpartition("macosx_")[2]] = binary
        assert has_valid_signature(path, binary)
    return found


def libraries(binary: lief.MachO.Binary) -> list[str]:
    """What a file links, in dyld's order."""
    own = lief.MachO.LoadCommand.TYPE.ID_DYLIB
    return [str(library.name) for library in binary.libraries if library.command != own]


def bound(binary: lief.MachO.Binary) -> dict[str, str]:
    """The library of each symbol that a file needs, by the symbol; "" where it is looked up at run time."""
    names = libraries(binary)
    found = {}
    for symbol in binary.imported_symbols:
        ordinal = symbol.library_ordinal & 0xFF
        found[str(symbol.name)] = "" if ordinal == _DYNAMIC_LOOKUP else names[ordinal - 1].rpartition("/")[2]
    return found


def exports(binary: lief.MachO.Binary) -> list[str]:
    """What a file exports."""
    return [str(symbol.name) for symbol in binary.exported_symbols]


def has_valid_signature(path: Path, binary: lief.MachO.Binary) -> bool:
    """Whether an ad-hoc signature, where there is one, fits the file: each page's hash is in it."""
    signature = binary.code_signature
    if signature is None:
        return True
    content = path.read_bytes()
    blob = content[signature.data_offset : signature.data_offset + signature.data_size]
    (count,) = struct.unpack_from(">I", blob, 8)
    for index in range(count):
        (start,) = struct.unpack_from(">I", blob, 16 + 8 * index)
        magic, _, _, _, hashes, _, _, slots, limit = struct.unpack_from(">9I", blob, start)
        size, _, _, page = struct.unpack_from(">4B", blob, start + 36)
        if magic != _CODE_DIRECTORY:
            continue
        for slot in range(slots):
            place = content[slot << page : min((slot + 1) << page, limit)]
            at = start + hashes + slot * size
            if hashlib.sha256(place).digest()[:size] != blob[at : at + size]:
                return False
        return True
    return False


def test_symbols_are_bound_to_their_frameworks(xbuild: Xbuild) -> None:
    words = [word for triple in TARGETS for word in ("--target", triple)]
    found = build(xbuild, CRATES / "frameworks", *words, "--interp", "cp311")
    assert len(found) == len(TARGETS)
    for binary in found.values():
        assert exports(binary) == ["_PyInit_frameworks"]
        symbols = bound(binary)
        assert symbols["_FSEventStreamCreate"] == "CoreServices"
        assert symbols["_SecRandomCopyBytes"] == "Security"
        assert symbols["_SCNetworkInterfaceCopyAll"] == "SystemConfiguration"
        assert symbols["_CFTimeZoneCopySystem"] == "CoreFoundation"
        assert symbols["_objc_msgSend"] == "libobjc.A.dylib"
        assert symbols["_malloc"] == "libSystem.B.dylib"
        looked_up = {name for name, library in symbols.items() if not library}
        assert looked_up
        assert {name for name in looked_up if not name.startswith(("_Py", "__Py"))} == set()


@pytest.mark.parametrize("profile", ["release", pytest.param("thin", marks=pytest.mark.exhaustive)])
def test_c_and_cxx_and_assembly_optimised_as_a_whole(xbuild: Xbuild, profile: str) -> None:
    words = [word for triple in TARGETS for word in ("--target", triple)]
    found = build(xbuild, CRATES / "mixture", *words, "--interp", "cp311", "--profile", profile)
    assert len(found) == len(TARGETS)
    for binary in found.values():
        assert exports(binary) == ["_PyInit_mixture"]
        symbols = bound(binary)
        assert symbols["___cxa_throw"] == "libc++.1.dylib"
        assert {name.rpartition("/")[2] for name in libraries(binary)} <= {
            *("libSystem.B.dylib", "libc++.1.dylib", "libiconv.2.dylib")
        }


def test_a_program(xbuild: Xbuild) -> None:
    words = [word for triple in TARGETS for word in ("--target", triple)]
    found = build(xbuild, CRATES / "stout", *words)
    assert len(found) == len(TARGETS)
    for binary in found.values():
        assert "" not in bound(binary).values()


def test_an_sdk_of_ones_own(
    xbuild: Xbuild, engine: DockerEngine, toolchain_image: Callable[[str], str]
) -> None:
    triple = TARGETS[0]
    sdk = xbuild.folder / "MacOSX.sdk"
    # What the image has, and one framework that it has not
    spec = ContainerSpec(image=toolchain_image(triple), user="65532:65532", labels={})
    with (
        engine.container(spec) as container,
        closing(container.get("/opt/xbuild/sysroot/macos")) as stream,
        tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as packed,
    ):
        packed.extractall(xbuild.folder, filter="tar")
    (xbuild.folder / "macos").rename(sdk)
    framework = sdk / "System" / "Library" / "Frameworks" / "Thing.framework"
    (framework / "Headers").mkdir(parents=True)
    (framework / "Headers" / "Thing.h").write_text("#define THING_LIMIT 3\nint thing_count(void);\n")
    (framework / "Thing.tbd").write_text(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\n"
        "install-name: /System/Library/Frameworks/Thing.framework/Versions/A/Thing\n"
        "exports:\n  - targets: [ arm64-macos ]\n    symbols: [ _thing_name, _thing_count ]\n...\n"
    )
    (binary,) = build(xbuild, CRATES / "thing", "--target", triple, "--sysroot", sdk).values()
    symbols = bound(binary)
    assert symbols["_thing_name"] == symbols["_thing_count"] == "Thing"

    done = xbuild("run", CRATES / "thing", "--out", "without", "--target", triple, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode != 0
    assert any("Thing" in json.dumps(event) for event in events)

"""Pins, attestations, bills of materials and rebuilding, with real images and real wheels."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # no __all__
from support.real import ROOT, Xbuild, need, wheel_names

from xbuild.engine import ContainerSpec
from xbuild.engine.docker import DockerEngine

pytestmark = pytest.mark.docker

LINUX = "x86_64-unknown-linux-gnu"
WORDS = ("-t", LINUX, "-i", "cp311")


@pytest.fixture
def greeting(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(ROOT / "examples" / "greeting", tmp_path / "greeting"))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private and a public key, made as the documentation says."""
    need("openssl")
    private, public = tmp_path / "keys" / "key.pem", tmp_path / "keys" / "key.pub"
    private.parent.mkdir()
    openssl = ("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(private))
    subprocess.run(openssl, check=True)
    subprocess.run(("openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)), check=True)
    return private, public


def test_a_wheel_is_attested_and_can_be_built_again(
    xbuild: Xbuild, greeting: Path, keys: tuple[Path, Path]
) -> None:
    private, public = keys
    done = xbuild("run", greeting, *WORDS, env={"XBUILD_ATTEST__KEY": str(private)})
    assert done.returncode == 0, done.stdout + done.stderr
    (name,) = wheel_names(xbuild.folder / "dist")
    wheel = xbuild.folder / "dist" / name
    attestation = wheel.parent / ".xbuild" / f"{name}.intoto.jsonl"

    verified = xbuild("attest", "verify", attestation, wheel, "--key", public)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    _check_independently(attestation, public, name)

    again = xbuild("verify", wheel)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "identical" in again.stdout

    _change(wheel)
    refused = xbuild("attest", "verify", attestation, wheel, "--key", public)
    assert refused.returncode == 6
    assert "wrong-subject" in refused.stderr
    unknown = xbuild("verify", wheel)
    assert unknown.returncode == 3
    assert "no-record" in unknown.stderr


def _check_independently(attestation: Path, public: Path, name: str) -> None:
    envelope = Envelope.from_dict(json.loads(attestation.read_text("utf-8")))
    (key_id,) = envelope.signatures
    key = SSlibKey.from_crypto(load_pem_public_key(public.read_bytes()), keyid=key_id)
    assert envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    assert [item["name"] for item in statement["subject"]] == [name]
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"


def _change(wheel: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.comment = b"changed"


def test_a_build_that_gives_other_bytes_is_shown(xbuild: Xbuild, greeting: Path) -> None:
    """A random hash order, as a proc-macro or a build script may have it."""
    (greeting / "build.rs").write_text(
        """
        use std::collections::HashMap;
        fn main() {
            let names: HashMap<u32, u32> = (0..64).map(|n| (n, n)).collect();
            let order: Vec<String> = names.keys().map(|n| n.to_string()).collect();
            println!("cargo:rustc-env=ORDER={}", order.join(" "));
        }
        """
    )
    library = greeting / "src" / "lib.rs"
    library.write_text(library.read_text().replace("std::env::consts::OS", 'env!("ORDER")'))
    assert xbuild("run", greeting, *WORDS).returncode == 0
    (name,) = wheel_names(xbuild.folder / "dist")
    done = xbuild("verify", xbuild.folder / "dist" / name)
    assert done.returncode == 10, done.stdout + done.stderr
    assert "greeting.cpython-311-x86_64-linux-gnu.so" in done.stdout
    (greeting / "src" / "lib.rs").write_text("// other\\n")
    changed = xbuild("verify", xbuild.folder / "dist" / name)
    assert changed.returncode == 3
    assert "source-changed" in changed.stderr


def test_pins_are_held(xbuild: Xbuild, greeting: Path) -> None:
    made = xbuild("lock", greeting, "-t", LINUX)
    assert made.returncode == 0, made.stdout + made.stderr
    lock = greeting / "xbuild.lock"
    assert LINUX in lock.read_text("utf-8")
    tomllib.loads(lock.read_text("utf-8"))
    assert xbuild("run", greeting, *WORDS, "--locked").returncode == 0
    text = lock.read_text("utf-8")
    rustc = next(line for line in text.splitlines() if "rustc" in line)
    lock.write_text(text.replace(rustc, rustc.replace("1.", "9.")), "utf-8")
    refused = xbuild("run", greeting, *WORDS, "--locked")
    assert refused.returncode == 9, refused.stdout + refused.stderr
    assert "rustc" in refused.stderr
    warned = xbuild("run", greeting, *WORDS)
    assert warned.returncode == 0
    assert "drift" in warned.stderr


@pytest.mark.archives
@pytest.mark.parametrize("image", ["base", "x86_64-pc-windows-msvc"])
def test_an_images_bill_of_materials_is_valid_and_complete(
    xbuild: Xbuild, engine: DockerEngine, image: str
) -> None:
    assert xbuild("images", "build", image).returncode == 0
    done = xbuild("images", "sbom", image)
    assert done.returncode == 0, done.stderr
    version = SchemaVersion.from_version(json.loads(done.stdout)["specVersion"])
    assert JsonStrictValidator(version).validate_str(done.stdout) is None
    components = json.loads(done.stdout)["components"]
    assert {"rustc", "maturin", "ziglang"} <= {item["name"] for item in components}
    links = [PackageURL.from_string(item["purl"]) for item in components if "purl" in item]
    listed = [
        (link.name, link.version, dict(link.qualifiers)["arch"]) for link in links if link.type == "deb"
    ]
    found = debian_packages(engine, json.loads(xbuild("images", "show", image).stdout)["id"])
    assert len(found) > 50
    assert sorted(listed) == sorted(found)


def debian_packages(engine: DockerEngine, image: str) -> list[tuple[str, ...]]:
    """Name, version and architecture of what dpkg calls installed in an image."""
    lines: list[str] = []
    spec = ContainerSpec(image=image, user="65532:65532", labels={}, network=False)
    words = [
        "dpkg-query",
        "--show",
        "--showformat=${db:Status-Status} ${Package} ${Version} ${Architecture}\\n",
    ]
    with engine.container(spec) as container:
        assert container.run(words, on_line=lambda _, line: lines.append(line)).ok
    rows = [line.split(" ") for line in lines]
    return [tuple(row[1:]) for row in rows if row[0] == "installed"]


def test_a_wheels_own_bill_of_materials_is_valid(xbuild: Xbuild, greeting: Path) -> None:
    assert xbuild("run", greeting, *WORDS).returncode == 0
    (name,) = wheel_names(xbuild.folder / "dist")
    with zipfile.ZipFile(xbuild.folder / "dist" / name) as archive:
        (path,) = (entry for entry in archive.namelist() if ".dist-info/sboms/" in entry)
        text = archive.read(path).decode()
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None


@pytest.mark.archives
def test_the_cache_is_shown_and_cleared(xbuild: Xbuild, greeting: Path, tmp_path: Path) -> None:
    own = {"XBUILD_CACHE_DIR": str(tmp_path / "cache")}
    assert xbuild("run", greeting, *WORDS, env=own).returncode == 0
    shown = json.loads(xbuild("cache", "du", "--json", env=own).stdout)
    assert json.dumps(shown).count("target")
    assert xbuild("cache", "gc", "--older", "1d", env=own).returncode == 0
    assert xbuild("run", greeting, *WORDS, "--offline", env=own).returncode == 0
    assert xbuild("cache", "clear", env=own).returncode == 0
    left = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert left < 100_000
    refused = xbuild("run", greeting, *WORDS, "--offline", env=own)
    assert refused.returncode == 5
    assert "offline" in refused.stderr

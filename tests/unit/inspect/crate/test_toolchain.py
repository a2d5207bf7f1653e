"""What a project demands of Rust and of maturin."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import CrateFiles, make_crate, make_request, make_target

from xbuild.errors import RefusedError
from xbuild.images.recipe import pinned_maturin
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.plan.tools import Versions, check_tools

RUST = "1.91.1"
MATURIN = "1.16.0"


@pytest.fixture
def crate(tmp_path: Path) -> CrateFiles:
    return make_crate(tmp_path / "demo")


def notes(crate: CrateFiles, *, rust: str = RUST) -> list[str]:
    request = make_request(make_target(), make_target())
    versions = Versions(rust=rust, maturin=MATURIN)
    found = list(dict.fromkeys(check_tools(request, read_manifest(crate.folder), (), versions)))
    assert all(note.code == "toolchain" for note in found)
    return [note.text for note in found]


def refusal(crate: CrateFiles, *, rust: str = RUST) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        notes(crate, rust=rust)
    return caught.value


def channel(crate: CrateFiles, name: str) -> None:
    crate.write("rust-toolchain.toml", f'[toolchain]\nchannel = "{name}"\ncomponents = ["rust-src"]\n')


@pytest.mark.parametrize("name", ["nightly", "nightly-2026-03-01", "beta", "nightly-x86_64-apple-darwin"])
@pytest.mark.parametrize("rust", [RUST, ""])
def test_an_unstable_rust_is_refused_even_before_an_image_is_there(
    crate: CrateFiles, name: str, rust: str
) -> None:
    channel(crate, name)
    error = refusal(crate, rust=rust)
    assert error.code == "unsupported-toolchain"
    assert "rust-toolchain.toml" in error.brief
    assert name in error.brief
    assert "RUSTC_BOOTSTRAP" in error.hint


def test_unstable_features_of_the_images_rust_are_a_stated_choice(crate: CrateFiles) -> None:
    channel(crate, "nightly")
    request = make_request(make_target(environment={"RUSTC_BOOTSTRAP": "1"}))
    (note,) = check_tools(request, read_manifest(crate.folder), (), Versions(rust=RUST, maturin=MATURIN))
    assert "nightly" in note.text
    assert RUST in note.text
    assert "RUSTC_BOOTSTRAP" in note.text


@pytest.mark.parametrize(
    "name", ["stable", "stable-2025-01-01", "1.91", "1.91.1", "1", "1.91.1-x86_64-unknown-linux-gnu", ""]
)
def test_a_rust_that_the_images_have(crate: CrateFiles, name: str) -> None:
    if name == "1":
        crate.write("rust-toolchain.toml", "[toolchain]\nprofile = 'minimal'\n")
    else:
        channel(crate, name)
    assert notes(crate) == []


@pytest.mark.parametrize("name", ["1.74", "1.91.0", "1.56.1-x86_64-unknown-linux-gnu"])
def test_an_older_rust_is_satisfied_by_the_images_and_that_is_said(crate: CrateFiles, name: str) -> None:
    channel(crate, name)
    (text,) = notes(crate)
    assert name in text
    assert RUST in text
    assert notes(crate, rust="") == []


@pytest.mark.parametrize("name", ["1.92", "1.91.2", "2.0"])
def test_a_newer_rust_is_refused(crate: CrateFiles, name: str) -> None:
    channel(crate, name)
    error = refusal(crate)
    assert error.code == "unsupported-toolchain"
    assert name in error.brief
    assert RUST in error.brief


@pytest.mark.parametrize("text", ['path = "/opt/my-rust"', 'channel = "my-rust"', 'channel = "esp"'])
def test_a_toolchain_of_another_machine_is_refused(crate: CrateFiles, text: str) -> None:
    crate.write("rust-toolchain.toml", f"[toolchain]\n{text}\n")
    error = refusal(crate)
    assert error.code == "unsupported-toolchain"
    assert str(crate.folder / "rust-toolchain.toml") in error.details


@pytest.mark.parametrize(
    "text", ["nightly\n", "\n nightly-2026-03-01 \n", '[toolchain]\nchannel = "nightly"\n', "\ufeffnightly"]
)
def test_the_old_file_in_both_its_forms_comes_first(crate: CrateFiles, text: str) -> None:
    channel(crate, "stable")
    crate.write("rust-toolchain", text)
    assert "rust-toolchain asks for" in refusal(crate).brief


def test_it_is_found_upwards_but_not_above_the_sources(crate: CrateFiles) -> None:
    (crate.folder.parent / "rust-toolchain").write_text("nightly", "utf-8")
    assert notes(crate) == []
    root = crate.folder / "py"
    make_crate(root, name="member")
    crate.write("Cargo.toml", '[workspace]\nmembers = ["py"]\n')
    crate.write("rust-toolchain", "nightly\n")
    assert refusal(CrateFiles(root)).code == "unsupported-toolchain"
    crate.write("py/rust-toolchain.toml", '[toolchain]\nchannel = "stable"\n')
    assert notes(CrateFiles(root)) == []


def test_a_link_that_leads_out_of_the_sources_is_not_followed(crate: CrateFiles) -> None:
    secret = crate.folder.parent / "secret"
    secret.write_text("nightly-secret-word", "utf-8")
    (crate.folder / "rust-toolchain").symlink_to(secret)
    assert notes(crate) == []


@pytest.mark.parametrize("text", ["[toolchain", "toolchain = 3\n", "[toolchain]\nchannel = 3\n", "a b c\n"])
def test_a_toolchain_file_that_cannot_be_read(crate: CrateFiles, text: str) -> None:
    crate.write("rust-toolchain", text)
    with pytest.raises(RefusedError) as caught:
        read_manifest(crate.folder)
    assert caught.value.code == "bad-toolchain-file"


@pytest.mark.parametrize("feature", ["trim-paths", "profile-rustflags", "codegen-backend"])
def test_unstable_features_of_cargos(crate: CrateFiles, feature: str) -> None:
    text = (crate.folder / "Cargo.toml").read_text("utf-8")
    crate.write("Cargo.toml", f'cargo-features = ["{feature}"]\n{text}')
    error = refusal(crate, rust="")
    assert error.code == "unsupported-toolchain"
    assert feature in error.details


def test_features_of_cargos_that_are_stable_by_now(crate: CrateFiles) -> None:
    text = (crate.folder / "Cargo.toml").read_text("utf-8")
    crate.write("Cargo.toml", f'cargo-features = ["strip", "edition2024"]\n{text}')
    assert notes(crate) == []


def requires(crate: CrateFiles, *words: str) -> None:
    text = (crate.folder / "pyproject.toml").read_text("utf-8")
    crate.write("pyproject.toml", text.replace('["maturin>=1,<2"]', str(list(words))))


@pytest.mark.parametrize(
    "word",
    [
        *("maturin", "maturin>=1.0,<2.0", "maturin[patchelf]~=1.4", "Maturin >= 1.16", "maturin==1.*"),
        *("maturin @ https://example.org/maturin.whl", "no ; requirement ="),
    ],
)
def test_a_maturin_that_the_images_have(crate: CrateFiles, word: str) -> None:
    requires(crate, word)
    assert notes(crate) == []


@pytest.mark.parametrize("word", ["maturin>=1.17", "maturin==2.*", "maturin[zig]~=1.20", "maturin>1.16.0"])
def test_a_newer_maturin_is_refused(crate: CrateFiles, word: str) -> None:
    requires(crate, word)
    error = refusal(crate)
    assert error.code == "unsupported-requirement"
    assert word in error.brief
    assert MATURIN in error.brief


@pytest.mark.parametrize("word", ["maturin>=0.14,<0.15", "maturin==1.9.4", "maturin<1.10", "maturin~=1.9.0"])
def test_an_older_maturin_is_satisfied_by_the_images_and_that_is_said(crate: CrateFiles, word: str) -> None:
    requires(crate, word)
    (text,) = notes(crate)
    assert word in text
    assert MATURIN in text


def test_what_else_the_backend_would_get_is_named(crate: CrateFiles) -> None:
    requires(crate, "maturin>=1", "numpy>=2", "cffi")
    assert [text.split()[2] for text in notes(crate)] == ["numpy>=2,", "cffi,"]


def test_the_images_maturin_is_known_without_an_image() -> None:
    assert pinned_maturin() == MATURIN

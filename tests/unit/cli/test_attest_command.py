"""Attestations of a run, and ``xbuild attest verify``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.attest_files import make_report, wheel_of, write_keys, write_wheel
from support.cli_runner import Ended, xbuild
from support.fakes import LINUX, WINDOWS
from support.workshop import Workshop

from xbuild.app.signing import make_signing_key
from xbuild.errors import ExitStatus, RefusedError, UsageError
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.inspect.sources.snapshot import source_folders
from xbuild.report.attest import load_signing_key, verify_attestation, write_attestations
from xbuild.settings import AttestSettings


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_a_run_attests_its_wheels(shop: Workshop, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    attest = AttestSettings(builder="https://builds.example/1")
    key = load_signing_key(private)
    assert shop.build(shop.request(LINUX, WINDOWS), key=key, attest=attest) == ExitStatus.OK
    wheels = sorted(shop.out.glob("*.whl"))
    assert len(wheels) == 2
    for wheel in wheels:
        found = verify_attestation(shop.out / ".xbuild" / f"{wheel.name}.intoto.jsonl", wheel, public)
        assert found.builder == "https://builds.example/1"
        text = json.dumps(found.statement)
        assert str(tmp_path) not in text
        outside = found.statement["predicate"]["buildDefinition"]["externalParameters"]
        assert outside["options"]["profile"] == ""


def test_without_a_key_the_statements_are_not_signed(shop: Workshop) -> None:
    shop.build()
    (wheel,) = shop.out.glob("*.whl")
    statement = json.loads((shop.out / ".xbuild" / f"{wheel.name}.provenance.json").read_bytes())
    assert statement["subject"][0]["name"] == wheel.name
    assert not list(shop.out.rglob("*.intoto.jsonl"))


def test_a_run_without_wheels_attests_nothing(shop: Workshop) -> None:
    shop.engine.on("maturin", lambda _: 1)
    assert shop.build() == ExitStatus.BUILD_FAILED
    assert [path.suffix for path in (shop.out / ".xbuild").iterdir() if path.suffix != ".jsonl"] == [".json"]
    assert not list(shop.out.rglob("*.provenance.json"))


def test_the_key_of_the_settings(shop: Workshop, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, "protected", b"a password")
    settings = shop.settings
    assert make_signing_key(settings, [shop.project], {}) is None
    attest = AttestSettings(key=private, password_variable="KEY_PASSWORD")  # noqa: S106  # a name
    settings = settings.model_copy(update={"attest": attest})
    key = make_signing_key(settings, [shop.project], {"KEY_PASSWORD": "a password"})
    assert key is not None
    assert key.public.verifies(key.sign(b"x"), b"x")
    with pytest.raises(UsageError) as caught:
        make_signing_key(settings, [shop.project], {})
    assert caught.value.code == "no-password"
    with pytest.raises(RefusedError) as refused:
        make_signing_key(settings, [shop.project, tmp_path], {"KEY_PASSWORD": "a password"})
    assert refused.value.code == "key-in-sources"
    settings = settings.model_copy(update={"attest": AttestSettings(key=public)})
    with pytest.raises(UsageError) as caught:
        make_signing_key(settings, [shop.project], {})
    assert caught.value.code == "bad-key"


def test_a_key_beside_the_sources(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "other" / "src").mkdir(parents=True)
    (tmp_path / "other" / "Cargo.toml").write_text("[package]\nname = 'other'\nversion = '1.0.0'\n", "utf-8")
    with (shop.project / "Cargo.toml").open("a", encoding="utf-8") as file:
        file.write("other = { path = '../other' }\n")
    manifest = read_manifest(shop.project)
    assert manifest.root == tmp_path
    private, _ = write_keys(tmp_path)
    settings = shop.settings.model_copy(update={"attest": AttestSettings(key=private)})
    assert make_signing_key(settings, source_folders(manifest.root, manifest.folders), {})
    inside = AttestSettings(key=private.rename(tmp_path / "other" / "key.pem"))
    settings = settings.model_copy(update={"attest": inside})
    with pytest.raises(RefusedError) as caught:
        make_signing_key(settings, source_folders(manifest.root, manifest.folders), {})
    assert caught.value.code == "key-in-sources"


def test_what_git_tracks_beside_the_parts_is_among_the_sources(tmp_path: Path) -> None:
    parts = [tmp_path / "a", tmp_path / "b"]
    assert source_folders(tmp_path, parts) == tuple(parts)
    (tmp_path / ".git").mkdir()
    assert source_folders(tmp_path, parts) == (tmp_path,)


def test_a_key_that_cannot_be_used_is_refused_before_anything(shop: Workshop, tmp_path: Path) -> None:
    environ = {"XBUILD_ATTEST__KEY": str(tmp_path / "missing.pem")}
    words = ("run", shop.project, "--target", LINUX, "--interp", "cp311")
    ended = xbuild(*words, environ=environ)
    assert (ended.status, ended.code) == (ExitStatus.USAGE, "unreadable-file")


class Signed:
    """A wheel, its attestation and the key's public half."""

    def __init__(self, folder: Path) -> None:
        self.wheel = write_wheel(folder)
        private, self.public = write_keys(folder)
        report = make_report()
        (self.attestation,) = write_attestations(report, folder, key=load_signing_key(private))
        self.sha256 = wheel_of(report).sha256

    def verify(self, *wheels: Path) -> Ended:
        return xbuild("attest", "verify", self.attestation, *wheels, "--key", self.public)


def test_verify(tmp_path: Path) -> None:
    place = Signed(tmp_path)
    ended = place.verify(place.wheel)
    assert ended.status == ExitStatus.OK
    assert place.wheel.name in ended.out
    assert "urn:xbuild:builder:v1:container+rootless" in ended.out
    as_json = xbuild("attest", "verify", place.attestation, place.wheel, "--key", place.public, "--json")
    body = json.loads(as_json.out)
    assert [item["sha256"] for item in body["wheels"]] == [place.sha256]
    assert body["failed"] == []


def test_one_wheel_that_is_not_attested_fails_all(tmp_path: Path) -> None:
    place = Signed(tmp_path)
    other = tmp_path / "other-1.0-py3-none-any.whl"
    other.write_bytes(b"another")
    ended = place.verify(other, place.wheel)
    assert ended.status == ExitStatus.CHECK_FAILED
    assert "wrong-subject" in ended.out
    assert f"ok   {place.wheel.name}" in ended.out


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    place = Signed(tmp_path)
    place.public.unlink()
    ended = place.verify(place.wheel)
    assert (ended.status, ended.code) == (ExitStatus.USAGE, "unreadable-file")

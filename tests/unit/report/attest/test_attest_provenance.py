"""Provenance, held against in-toto's own models and securesystemslib's envelopes."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from packageurl import PackageURL
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # no __all__
from support.attest_files import COMMIT, CONTENT, NAME, TARGET, make_report, wheel_of, write_keys, write_wheel

from xbuild.errors import CheckError
from xbuild.report.attest import (
    PAYLOAD_TYPE,
    attestation_name,
    load_public_key,
    load_signing_key,
    provenance,
    sign_statement,
    verify_attestation,
    write_attestations,
)
from xbuild.report.attest.envelope import canonical
from xbuild.report.attest.provenance import builder_id


def made(**changes: Any) -> dict[str, Any]:
    report = make_report(**changes)
    return provenance(report, wheel_of(report))


def materials(statement: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    return {item["name"]: item for item in found}


def test_in_toto_models_take_the_statement() -> None:
    message = json_format.ParseDict(made(), statement_pb2.Statement())
    Statement.copy_from_pb(message).validate()
    predicate = json_format.ParseDict(made()["predicate"], provenance_pb2.Provenance())
    for material in predicate.build_definition.resolved_dependencies:
        ResourceDescriptor.copy_from_pb(material).validate()
        assert material.digest
    assert predicate.run_details.metadata.started_on.ToJsonString() == "2026-01-02T03:04:05Z"
    assert predicate.run_details.metadata.finished_on.ToJsonString() == "2026-01-02T03:05:06Z"
    assert predicate.run_details.metadata.invocation_id == "20260102-030405-abcdef"


def test_model_round_trip_loses_nothing() -> None:
    predicate = made()["predicate"]
    message = json_format.ParseDict(predicate, provenance_pb2.Provenance())
    assert json_format.MessageToDict(message) == predicate


def test_subject_is_the_wheel() -> None:
    statement = made()
    assert statement["subject"] == [
        {"name": NAME, "digest": {"sha256": wheel_of(make_report()).sha256}},
    ]
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"


def test_parameters() -> None:
    definition = made()["predicate"]["buildDefinition"]
    outside = definition["externalParameters"]
    assert outside["target"] == TARGET
    assert outside["interpreters"] == ["python3.11"]
    assert {name: outside["options"][name] for name in ("profile", "reproducible", "locked", "epoch")} == {
        "profile": "release",
        "reproducible": True,
        "locked": True,
        "epoch": None,
    }
    inside = definition["internalParameters"]
    assert inside["command"] == ["maturin", "build", "--frozen"]
    assert inside["SOURCE_DATE_EPOCH"] == 1767000000
    assert inside["sysroot"] == "the caller's"


def test_options_are_of_the_wheels_own_target() -> None:
    options = made()["predicate"]["buildDefinition"]["externalParameters"]["options"]
    assert options["profile"] == "release"
    assert "targets" not in options


def test_materials_have_digests_and_package_urls() -> None:
    found = materials(made())
    assert found["source"]["digest"] == {"sha256": "5" * 64}
    assert found["source"]["annotations"]["commit"] == COMMIT
    assert found["source"]["annotations"]["modified"] is True
    assert found["Cargo.lock"]["digest"] == {"sha256": "6" * 64}
    image = found[f"toolchain image {TARGET}"]
    assert image["digest"] == {"sha256": "1" * 64}
    assert image["annotations"]["tools"]["rustc"] == "1.85.0"
    assert found["pyo3"] == {
        "name": "pyo3",
        "uri": "pkg:cargo/pyo3@0.27.1",
        "digest": {"sha256": "3" * 64},
    }
    assert found["forked"]["digest"] == {"gitCommit": COMMIT}
    assert "demo" not in found, "a path dependency is part of the source tree"
    fork = PackageURL.from_string(found["forked"]["uri"])
    assert fork.version == "2.0.0+build"
    assert fork.qualifiers == {"vcs_url": f"git+https://git.example/forked@{COMMIT}"}
    own = PackageURL.from_string(found["own"]["uri"])
    assert own.qualifiers == {"repository_url": "https://crates.example/index/"}


def test_nothing_of_the_machine_or_a_secret_is_in_it() -> None:
    text = json.dumps(made())
    assert "private" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ({"runtime": ""}, "urn:xbuild:builder:v1:container"),
        (
            {"runtime": "default", "security_options": ["name=userns"]},
            "urn:xbuild:builder:v1:container+userns",
        ),
        ({"security_options": ["name=rootless"]}, "urn:xbuild:builder:v1:container+rootless"),
        ({"runtime": "runsc"}, "urn:xbuild:builder:v1:runsc"),
        ({"runtime": "odd one/"}, "urn:xbuild:builder:v1:odd-one-"),
    ],
)
def test_builder_says_how_builds_are_isolated(engine: dict[str, Any], expected: str) -> None:
    own = make_report().engine.model_copy(update={"security_options": (), **engine})
    assert builder_id(own) == expected


def test_own_builder() -> None:
    report = make_report()
    details = provenance(report, wheel_of(report), builder="https://ci.example/b")["predicate"]["runDetails"]
    assert details["builder"] == {
        "id": "https://ci.example/b",
        "version": {"xbuild": "0.1.0", "engine": "29.5.1"},
    }


def test_wheel_of_another_report_is_refused() -> None:
    other = wheel_of(make_report()).model_copy(update={"sha256": "0" * 64})
    with pytest.raises(CheckError) as caught:
        provenance(make_report(), other)
    assert caught.value.code == "wrong-subject"


def test_securesystemslib_verifies_our_signature(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    envelope = sign_statement(made(), load_signing_key(private))
    theirs = Envelope.from_dict(json.loads(json.dumps(envelope)))
    key = SSlibKey.from_crypto(load_pem_public_key(public.read_bytes()), keyid=load_public_key(public).id)
    assert theirs.verify([key], 1)
    assert theirs.payload_type == PAYLOAD_TYPE
    assert json.loads(theirs.payload) == made()


def test_we_verify_securesystemslibs_signature_whatever_its_key_is_called(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    loaded = load_pem_private_key(private.read_bytes(), None)
    envelope = Envelope(json.dumps(made()).encode(), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(loaded))
    path = tmp_path / "attestation"
    path.write_text(json.dumps(envelope.to_dict(), indent=2))
    assert verify_attestation(path, write_wheel(tmp_path), public).wheel == NAME


def test_signing_is_deterministic(tmp_path: Path) -> None:
    key = load_signing_key(write_keys(tmp_path)[0])
    assert canonical(sign_statement(made(), key)) == canonical(sign_statement(made(), key))


def test_dsse_test_vector() -> None:
    """The specification's example of what is signed (protocol.md, "Test Vectors")."""
    from xbuild.report.attest.envelope import pre_authentication  # noqa: PLC0415

    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == expected


def test_written_beside_the_wheels(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    report = make_report()
    (unsigned,) = write_attestations(report, tmp_path / "dist")
    assert unsigned.name == f"{NAME}.provenance.json" == attestation_name(NAME, signed=False)
    assert json.loads(unsigned.read_bytes())["_type"] == "https://in-toto.io/Statement/v1"
    (signed,) = write_attestations(report, tmp_path / "dist", key=load_signing_key(private))
    assert signed.name == f"{NAME}.intoto.jsonl"
    assert not unsigned.exists()
    assert [path.name for path in (tmp_path / "dist").iterdir()] == [signed.name]
    assert verify_attestation(signed, write_wheel(tmp_path, CONTENT), public).builder.endswith("rootless")


def test_openssl_keys_and_openssl_verification(tmp_path: Path) -> None:
    def openssl(*words: str) -> None:
        subprocess.run(("openssl", *words), check=True, cwd=tmp_path, capture_output=True)

    try:
        openssl("genpkey", "-algorithm", "ed25519", "-out", "k.pem")
        openssl("pkey", "-in", "k.pem", "-pubout", "-out", "k.pub")
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no openssl that knows Ed25519")
    envelope = sign_statement(made(), load_signing_key(tmp_path / "k.pem"))
    payload = base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    check = "pkeyutl -verify -rawin -pubin -inkey k.pub -in signed -sigfile sig"
    openssl(*check.split())

"""Verification of attestations that may be anything."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support.attest_files import NAME, make_report, wheel_of, write_keys, write_wheel

from xbuild.errors import CheckError, ExitStatus, UsageError
from xbuild.report.attest import (
    SigningKey,
    load_public_key,
    load_signing_key,
    password_from,
    provenance,
    sign_statement,
    verify_attestation,
)
from xbuild.report.attest.envelope import PAYLOAD_TYPE, pre_authentication


class Place:
    """A folder with a wheel, its attestation and keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheel = write_wheel(folder)
        self.private, self.public = write_keys(folder)
        self.key: SigningKey = load_signing_key(self.private)
        report = make_report()
        self.statement = provenance(report, wheel_of(report))
        self.path = folder / "attestation"
        self.envelope = sign_statement(self.statement, self.key)
        self.write(json.dumps(self.envelope))

    def write(self, text: str | bytes) -> None:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)

    def sign(self, payload: bytes, kind: str = PAYLOAD_TYPE) -> dict[str, Any]:
        signature = self.key.sign(pre_authentication(kind, payload))
        encode = base64.b64encode
        return {
            "payload": encode(payload).decode(),
            "payloadType": kind,
            "signatures": [{"sig": encode(signature).decode()}],
        }

    def code(self) -> str:
        with pytest.raises(CheckError) as caught:
            verify_attestation(self.path, self.wheel, self.public)
        assert caught.value.exit_status == ExitStatus.CHECK_FAILED
        return caught.value.code


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_good(place: Place) -> None:
    found = verify_attestation(place.path, place.wheel, place.public)
    assert found.wheel == NAME
    assert found.key == load_public_key(place.public).id
    assert found.builder == "urn:xbuild:builder:v1:container+rootless"
    assert found.build_type == "urn:xbuild:wheel:v1"
    assert found.statement == place.statement
    assert json.loads(json.dumps(found.as_dict()))["sha256"] == found.sha256


def test_changed_wheel(place: Place) -> None:
    place.wheel.write_bytes(b"other")
    assert place.code() == "wrong-subject"


def test_renamed_wheel(place: Place) -> None:
    place.wheel = place.wheel.rename(place.folder / NAME.replace("cp311", "cp312"))
    assert place.code() == "wrong-subject"


def test_changed_payload(place: Place) -> None:
    changed = json.dumps({**place.statement, "subject": []}).encode()
    place.write(json.dumps({**place.envelope, "payload": base64.b64encode(changed).decode()}))
    assert place.code() == "bad-signature"


def test_changed_payload_type(place: Place) -> None:
    place.write(json.dumps({**place.envelope, "payloadType": "text/plain"}))
    assert place.code() == "bad-signature"


def test_other_key(place: Place) -> None:
    place.public = write_keys(place.folder, "other")[1]
    assert place.code() == "bad-signature"


def test_key_identifier_of_another_key_does_not_matter(place: Place) -> None:
    place.envelope["signatures"][0]["keyid"] = "somebody else"
    place.write(json.dumps(place.envelope))
    assert verify_attestation(place.path, place.wheel, place.public)


def test_one_good_signature_among_others_is_enough(place: Place) -> None:
    other = load_signing_key(write_keys(place.folder, "other")[0])
    signatures = sign_statement(place.statement, other)["signatures"] + place.envelope["signatures"]
    place.write(json.dumps({**place.envelope, "signatures": signatures}))
    assert verify_attestation(place.path, place.wheel, place.public)


def test_url_safe_base64(place: Place) -> None:
    safe = str.maketrans("+/", "-_")
    place.envelope["payload"] = place.envelope["payload"].translate(safe)
    place.envelope["signatures"][0]["sig"] = place.envelope["signatures"][0]["sig"].translate(safe)
    place.write(json.dumps(place.envelope))
    assert verify_attestation(place.path, place.wheel, place.public)


def test_subjects_of_other_kinds_beside_the_wheel(place: Place) -> None:
    others = [
        {"name": "sources", "digest": {"gitCommit": "0" * 40}},
        {"name": NAME, "digest": {"sha512": "0" * 128}},
        {"uri": "https://example.org", "digest": {"sha256": "0" * 64}},
    ]
    wheel = place.statement["subject"]
    place.write(json.dumps(sign_statement({**place.statement, "subject": others + wheel}, place.key)))
    assert verify_attestation(place.path, place.wheel, place.public).wheel == NAME
    place.write(json.dumps(sign_statement({**place.statement, "subject": others}, place.key)))
    assert place.code() == "wrong-subject"


def test_bundle(place: Place) -> None:
    other = sign_statement(
        {**place.statement, "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]}, place.key
    )
    lines = ["{}", json.dumps(other), json.dumps(place.envelope)]
    place.write("\n".join(lines) + "\n")
    assert verify_attestation(place.path, place.wheel, place.public)
    place.write("\n".join(lines[:2]))
    assert place.code() == "wrong-subject"
    place.write("{}\n" * 100)
    assert place.code() == "malformed"


def signed(change: Callable[[dict[str, Any]], object]) -> Callable[[Place], str]:
    """A payload with a good signature that is wrong in another way."""

    def text(place: Place) -> str:
        statement = json.loads(json.dumps(place.statement))
        change(statement)
        return json.dumps(place.sign(json.dumps(statement).encode()))

    return text


MALFORMED: dict[str, Callable[[Place], str | bytes]] = {
    "empty": lambda _: "",
    "blank lines": lambda _: "\n\n",
    "not JSON": lambda _: "{",
    "not UTF-8": lambda _: b"\xff\xfe{}",
    "a list": lambda _: "[]",
    "no signatures": lambda place: json.dumps({**place.envelope, "signatures": []}),
    "signatures of a wrong kind": lambda place: json.dumps({**place.envelope, "signatures": {"sig": ""}}),
    "a signature of a wrong kind": lambda place: json.dumps({**place.envelope, "signatures": [7]}),
    "too many signatures": lambda place: json.dumps(
        {**place.envelope, "signatures": place.envelope["signatures"] * 17}
    ),
    "payload of a wrong kind": lambda place: json.dumps({**place.envelope, "payload": 7}),
    "payload with other characters": lambda place: json.dumps(
        {**place.envelope, "payload": place.envelope["payload"] + "\n"}
    ),
    "payload not ASCII": lambda place: json.dumps({**place.envelope, "payload": "\u00e9"}),
    "payload type with a surrogate": lambda place: json.dumps({**place.envelope, "payloadType": "\ud800"}),
    "a name twice": lambda place: json.dumps(place.envelope)[:-1] + ', "payload": "e30="}',
    "deep": lambda _: '{"payload":' + "[" * 200_000,
    "a long number": lambda _: '{"payload": ' + "9" * 10_000 + "}",
    "NaN": lambda _: '{"payload": NaN}',
    "signed text": lambda place: json.dumps(place.sign(b"hello")),
    "signed, of another payload type": lambda place: json.dumps(place.sign(b"{}", "text/plain")),
    "signed, a name twice": lambda place: json.dumps(place.sign(b'{"_type": 1, "_type": 2}')),
    "signed, a number beyond all": lambda place: json.dumps(
        place.sign(json.dumps({**place.statement, "x": 0}).replace('"x": 0', '"x": 1e999').encode())
    ),
    "signed, another statement type": signed(lambda it: it.update(_type="https://in-toto.io/Statement/v0.1")),
    "signed, another predicate": signed(
        lambda it: it.update(predicateType="https://slsa.dev/provenance/v0.2")
    ),
    "signed, no subject": signed(lambda it: it.pop("subject")),
    "signed, subjects of a wrong kind": signed(lambda it: it.update(subject=[7])),
    "signed, digest of a wrong kind": signed(lambda it: it["subject"][0].update(digest="7")),
    "signed, digest too short": signed(lambda it: it["subject"][0].update(digest={"sha256": "ab"})),
    "signed, no builder": signed(lambda it: it["predicate"]["runDetails"].pop("builder")),
    "signed, no predicate": signed(lambda it: it.update(predicate=None)),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(place: Place, case: str) -> None:
    place.write(MALFORMED[case](place))
    assert place.code() == "malformed"


def test_a_statement_without_a_signature_is_told_of_as_one(place: Place) -> None:
    place.write(json.dumps(place.statement))
    with pytest.raises(CheckError) as caught:
        verify_attestation(place.path, place.wheel, place.public)
    assert caught.value.code == "malformed"
    assert "nobody signed" in caught.value.details


def test_short_signature(place: Place) -> None:
    place.write(json.dumps({**place.envelope, "signatures": [{"sig": ""}]}))
    assert place.code() == "bad-signature"


def test_files_that_cannot_be_read(place: Place) -> None:
    fifo = place.folder / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, place.folder, place.folder / "missing", Path("/dev/zero")):
        with pytest.raises(UsageError) as caught:
            verify_attestation(path, place.wheel, place.public)
        assert caught.value.code == "unreadable-file"
    with place.path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError) as caught:
        verify_attestation(place.path, place.wheel, place.public)
    assert caught.value.code == "file-too-large"


def test_keys(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, "protected", b"a password")
    key = load_signing_key(private, password_from({"KEY_PASSWORD": "a password"}, "KEY_PASSWORD"))
    assert key.public.id == load_public_key(public).id
    assert "key" not in repr(key).replace("SigningKey", "").replace("PublicKey", "")
    for password in (None, b"wrong"):
        with pytest.raises(UsageError) as caught:
            load_signing_key(private, password)
        assert caught.value.code == "bad-key"
    assert password_from({}, "") is None
    assert password_from({"KEY_PASSWORD": "\udcff"}, "KEY_PASSWORD") == b"\xff", "a byte that is no UTF-8"
    with pytest.raises(UsageError) as caught:
        password_from({}, "KEY_PASSWORD")
    assert caught.value.code == "no-password"


def test_password_for_a_plain_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_signing_key(write_keys(tmp_path)[0], b"a password")
    assert caught.value.code == "bad-key"


@pytest.mark.parametrize("load", [load_signing_key, load_public_key])
def test_no_keys(tmp_path: Path, load: Callable[[Path], object]) -> None:
    path = tmp_path / "key"
    other = generate_private_key(SECP256R1())
    for text in (
        b"",
        b"hello",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ):
        path.write_bytes(text)
        with pytest.raises(UsageError) as caught:
            load(path)
        assert caught.value.code == "bad-key"

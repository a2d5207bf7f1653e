"""Any attestation is malformed, not signed, about something else, or right; nothing else comes of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.attest_files import make_report, wheel_of, write_keys, write_wheel
from support.hostile import PROFILE, altered, damaged, json_values

from xbuild.errors import CheckError
from xbuild.report.attest import load_signing_key, provenance, sign_statement, verify_attestation
from xbuild.report.attest.envelope import Envelope, canonical, parse_envelope, parse_object

ENVELOPE = {
    "payload": base64.b64encode(b'{"a": 1}').decode(),
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [{"keyid": "k", "sig": base64.b64encode(b"s" * 64).decode()}],
}


def parsed(data: bytes) -> Envelope | None:
    """The envelope, or nothing where it is refused as it has to be."""
    try:
        return parse_envelope(data)
    except CheckError as error:
        if error.code != "malformed":
            raise
        return None


@PROFILE
@given(damaged(st.just(json.dumps(ENVELOPE).encode())))
def test_a_damaged_envelope(data: bytes) -> None:
    found = parsed(data)
    assert found is None or found.signatures


@PROFILE
@given(altered(ENVELOPE, json_values()))
def test_an_envelope_of_another_shape(changed: dict[str, Any]) -> None:
    found = parsed(json.dumps(changed).encode())
    if found is not None:
        assert len(found.signatures) == len(changed["signatures"])


@PROFILE
@given(st.dictionaries(st.text(max_size=5), json_values(), max_size=4))
def test_what_is_signed_is_what_is_read(statement: dict[str, Any]) -> None:
    text = canonical(statement)
    assert canonical(parse_object(text)) == text


@pytest.fixture
def wheel(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A wheel, and the halves of a key."""
    return (write_wheel(tmp_path), *write_keys(tmp_path))


def test_a_signed_statement_of_another_shape(wheel: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Who holds the key may sign anything."""
    path, private, public = wheel
    key = load_signing_key(private)
    report = make_report()
    statement = json.loads(json.dumps(provenance(report, wheel_of(report))))
    attestation = tmp_path / "attestation"

    @PROFILE
    @given(altered(statement, json_values()))
    def holds(changed: dict[str, Any]) -> None:
        attestation.write_text(json.dumps(sign_statement(changed, key)), "utf-8")
        try:
            found = verify_attestation(attestation, path, public)
        except CheckError as error:
            if error.code not in {"malformed", "wrong-subject"}:
                raise
        else:
            assert found.wheel == path.name

    holds()

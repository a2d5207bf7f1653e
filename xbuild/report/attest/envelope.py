"""The Dead Simple Signing Envelope (https://github.com/secure-systems-lab/dsse, version 1.0.2).

Written here, and not taken from securesystemslib: docs/decisions/0008-an-envelope-of-our-own.md. The
tests hold both against each other.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xbuild.errors import CheckError
from xbuild.report.attest.keys import PublicKey, SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MOST_SIGNATURES = 16
_STANDARD = str.maketrans("-_", "+/")


def malformed(details: str) -> CheckError:
    """The error for a file that is no attestation that can be read."""
    return CheckError(
        "the file is not an attestation of a wheel",
        details=details,
        hint="take the attestation from where the wheel came from",
        code="malformed",
    )


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was signed, as bytes that nobody has vouched for yet, and the signatures."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether one of the signatures is of this key."""
        signed = pre_authentication(self.payload_type, self.payload)
        return any(key.verifies(signature, signed) for signature in self.signatures)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a signature is over (PAE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def canonical(value: object) -> bytes:
    """JSON of one form: sorted keys, no spaces, ASCII only, on one line."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def sign_statement(statement: Mapping[str, Any], key: SigningKey) -> dict[str, Any]:
    """An envelope around a statement, JSON-ready. The same statement and key give the same envelope."""
    payload = canonical(statement)
    signature = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key.public.id, "sig": base64.b64encode(signature).decode("ascii")}],
    }


def parse_envelope(data: bytes) -> Envelope:
    """The envelope in a JSON text.

    :raises CheckError: ``malformed``.
    """
    body = parse_object(data)
    if "payload" not in body and "predicate" in body:
        raise malformed("it is a statement that nobody signed: the run that made it had no key (attest.key)")
    payload, kind, signatures = (body.get(name) for name in ("payload", "payloadType", "signatures"))
    if not isinstance(payload, str) or not isinstance(kind, str) or not isinstance(signatures, list):
        raise malformed("an envelope has payload, payloadType and signatures")
    if not kind.isascii():
        raise malformed("the payload's type is no media type")
    if not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise malformed(f"an envelope has 1 to {_MOST_SIGNATURES} signatures; this has {len(signatures)}")
    found = [item.get("sig") if isinstance(item, dict) else None for item in signatures]
    return Envelope(_decode(payload), kind, tuple(_decode(item) for item in found))


def _decode(text: object) -> bytes:
    """Base64 of either alphabet, as the specification asks for."""
    try:
        return base64.b64decode(text.translate(_STANDARD) if isinstance(text, str) else b"!", validate=True)
    except (binascii.Error, ValueError):
        raise malformed("the payload or a signature is not base64") from None


def parse_object(data: bytes) -> dict[str, Any]:
    """The object in a JSON text that everybody reads alike: no name twice, no NaN, no infinity, not too deep.

    :raises CheckError: ``malformed``.
    """
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_no_name_twice, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise malformed(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise malformed("not a JSON object")
    return value


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """A number that JSON can say again, which Python's infinity for a large one is not."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number

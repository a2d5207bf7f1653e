"""Checks an attestation against a wheel and a public key: offline, from these three files alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbuild.errors import CheckError
from xbuild.report.attest.envelope import PAYLOAD_TYPE, Envelope, malformed, parse_envelope, parse_object
from xbuild.report.attest.files import read_bounded, sha256_of
from xbuild.report.attest.keys import PublicKey, load_public_key
from xbuild.report.attest.provenance import PREDICATE_TYPE, STATEMENT_TYPE

_FILE_LIMIT = 8 << 20
_MOST_LINES = 64
_MOST_SUBJECTS = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BY_PROGRESS = ("malformed", "bad-signature", "wrong-subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedStatement:
    """A statement that a key's holder signed about a wheel. What it says is as good as that holder's word.

    :ivar wheel: the wheel's file name, and ``sha256`` its digest.
    :ivar key: the identifier of the public key.
    :ivar builder: who is said to have built it, a URI; ``build_type`` is how.
    :ivar statement: all of it.
    """

    wheel: str
    sha256: str
    key: str
    builder: str
    build_type: str
    statement: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "wheel": self.wheel,
            "sha256": self.sha256,
            "key": self.key,
            "builder": self.builder,
            "build_type": self.build_type,
            "statement": dict(self.statement),
        }


def verify_attestation(attestation: Path, wheel: Path, public_key: Path) -> VerifiedStatement:
    """Check that a provenance statement about ``wheel`` was signed with the other half of ``public_key``.

    :param attestation: an envelope, or a bundle with one on each line: the others may be about other files.
    :raises CheckError: ``malformed``; ``bad-signature``, nothing in it is signed with this key; or
        ``wrong-subject``, it is about another file, or the file has another name.
    :raises UsageError: a file cannot be read, or ``bad-key``.
    """
    key = load_public_key(public_key)
    data = read_bounded(attestation, _FILE_LIMIT)
    digest = sha256_of(wheel)
    problems: list[CheckError] = []
    for candidate in _candidates(data):
        try:
            return _verify(parse_envelope(candidate), key, wheel.name, digest)
        except CheckError as error:
            problems.append(error)
    raise max(problems, key=lambda error: _BY_PROGRESS.index(error.code), default=malformed("it is empty"))


def _candidates(data: bytes) -> Iterator[bytes]:
    """The texts in a file that may be envelopes: its lines, or all of it where an envelope has several."""
    lines = [line for line in data.splitlines() if line.strip()]
    bundle = len(lines) == 1 or all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines)
    if len(lines) > _MOST_LINES and bundle:
        raise malformed(f"{len(lines)} attestations in one file; the limit is {_MOST_LINES}")
    yield from lines if bundle else [data]


def _verify(envelope: Envelope, key: PublicKey, name: str, digest: str) -> VerifiedStatement:
    """What an envelope says about a wheel; its payload is not parsed before its signature is checked."""
    if not envelope.is_signed_by(key):
        raise CheckError(
            "the attestation is not signed with this key",
            details=f"key {key.id}",
            hint="it was changed, or signed with another key: do not trust it",
            code="bad-signature",
        )
    if envelope.payload_type != PAYLOAD_TYPE:
        raise malformed(f"the payload is not of the type {PAYLOAD_TYPE}")
    statement = parse_object(envelope.payload)
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise malformed("the payload is not an in-toto statement v1 with SLSA provenance v1")
    _check_subject(statement.get("subject"), name, digest)
    return VerifiedStatement(
        wheel=name,
        sha256=digest,
        key=key.id,
        builder=_text(statement, "predicate", "runDetails", "builder", "id"),
        build_type=_text(statement, "predicate", "buildDefinition", "buildType"),
        statement=statement,
    )


def _check_subject(subjects: object, name: str, digest: str) -> None:
    if not isinstance(subjects, list) or not 0 < len(subjects) <= _MOST_SUBJECTS:
        raise malformed(f"a statement has 1 to {_MOST_SUBJECTS} subjects")
    found = [known for item in subjects if (known := _subject(item))]
    if (name, digest) in found:
        return
    same_bytes = next((known for known, known_digest in found if known_digest == digest), "")
    same_name = next((known_digest for known, known_digest in found if known == name), "")
    others = repr(found[0][0]) if found else "nothing that has a name and a sha256"
    details = f"the file has the sha256 {digest}; the attestation is about {others}"
    if same_name:
        details = f"the file has the sha256 {digest}; the attested one has {same_name}"
    if same_bytes:
        details = f"the attestation calls this file {same_bytes!r}, and installers go by the name"
    raise CheckError(
        f"the attestation is not about {name}",
        details=details,
        hint="the wheel or its name was changed, or the attestation belongs to another wheel",
        code="wrong-subject",
    )


def _subject(item: object) -> tuple[str, str] | None:
    """The name and sha256 of a subject. ``None`` for one that lacks either: in-toto leaves the name and the
    kinds of digests open, and such a subject is something else than a wheel."""
    digests = item.get("digest") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(digests, dict) or not digests:
        raise malformed("a subject has no digest")
    name, digest = item.get("name", ""), digests.get("sha256", "")
    if not isinstance(name, str) or not isinstance(digest, str):
        raise malformed("the name or the sha256 of a subject is no text")
    if digest and not _SHA256.fullmatch(digest):
        raise malformed("the sha256 of a subject is none")
    return (name, digest) if name and digest else None


def _text(value: object, *keys: str) -> str:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise malformed(f"there is no {'.'.join(keys)}")
    return value

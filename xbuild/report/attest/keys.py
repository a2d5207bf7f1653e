"""Ed25519 keys in PEM files.

``openssl genpkey -algorithm ed25519 -out key.pem`` makes one (``-aes256`` asks for a password), and
``openssl pkey -in key.pem -pubout -out key.pub`` gives its public half. The signatures are made by
``cryptography``; no key is ever part of a build container, a log or a report.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from xbuild.errors import UsageError
from xbuild.report.attest.files import read_bounded

_KEY_LIMIT = 64 << 10
_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"
_MAKE_PUBLIC = "make it with: openssl pkey -in key.pem -pubout -out key.pub"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with.

    :ivar id: sha256 of the key's SubjectPublicKeyInfo (DER), in hexadecimal.
    """

    id: str
    _key: Ed25519PublicKey = field(repr=False)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether this key's other half signed ``data``."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs. ``public`` is its other half."""

    public: PublicKey
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The signature of ``data``: 64 bytes, the same each time."""
        return self._key.sign(data)


def _public(key: Ed25519PublicKey) -> PublicKey:
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(hashlib.sha256(info).hexdigest(), key)


def _bad_key(path: Path, details: str, hint: str) -> UsageError:
    return UsageError(f"{path} is no key that can be used", details=details, hint=hint, code="bad-key")


def load_signing_key(path: Path, password: bytes | None = None) -> SigningKey:
    """The private key in a PEM file (PKCS #8).

    :param password: what the file is encrypted with, or ``None`` for a plain one.
    :raises UsageError: ``bad-key``, ``unreadable-file`` or ``file-too-large``.
    """
    data = read_bounded(path, _KEY_LIMIT)
    try:
        key = load_pem_private_key(data, password)
    except TypeError as error:
        # The library's way to say that a password is missing, or given for a file that has none
        hint = "name the variable that holds its password in the settings, or none for a plain file"
        raise _bad_key(path, str(error), hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_key(
            path, f"not a PEM file of a private key, or a wrong password: {error}", _MAKE
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad_key(path, "it is not an Ed25519 key", _MAKE)
    return SigningKey(_public(key.public_key()), key)


def load_public_key(path: Path) -> PublicKey:
    """The public key in a PEM file (SubjectPublicKeyInfo).

    :raises UsageError: ``bad-key``, ``unreadable-file`` or ``file-too-large``.
    """
    data = read_bounded(path, _KEY_LIMIT)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_key(path, f"not a PEM file of a public key: {error}", _MAKE_PUBLIC) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _bad_key(path, "it is not an Ed25519 key", _MAKE_PUBLIC)
    return _public(key)


def password_from(environment: Mapping[str, str], variable: str) -> bytes | None:
    """The password in the variable that a setting names, as the bytes that it has there; ``None`` where it
    names none.

    :raises UsageError: ``no-password``, the variable is not set.
    """
    if not variable:
        return None
    value = environment.get(variable, "")
    if not value:
        raise UsageError(
            f"the signing key's password is expected in {variable}, which is not set", code="no-password"
        )
    return os.fsencode(value)

"""Records of how things were made that others can check: provenance of wheels, and what images hold.

``xbuild.report.attest.sbom`` is not imported here, because the CycloneDX library takes a while to load.
"""

from xbuild.report.attest.envelope import PAYLOAD_TYPE, sign_statement
from xbuild.report.attest.keys import PublicKey, SigningKey, load_public_key, load_signing_key, password_from
from xbuild.report.attest.provenance import provenance
from xbuild.report.attest.store import attestation_name, write_attestations
from xbuild.report.attest.verify import VerifiedStatement, verify_attestation

__all__ = [
    "PAYLOAD_TYPE",
    "PublicKey",
    "SigningKey",
    "VerifiedStatement",
    "attestation_name",
    "load_public_key",
    "load_signing_key",
    "password_from",
    "provenance",
    "sign_statement",
    "verify_attestation",
    "write_attestations",
]

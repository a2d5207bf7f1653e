"""Writes the attestations of a run."""

from __future__ import annotations

from pathlib import Path

from xbuild.report.attest.envelope import canonical, sign_statement
from xbuild.report.attest.keys import SigningKey
from xbuild.report.attest.provenance import provenance
from xbuild.report.model import Report
from xbuild.util.files import write_whole

SIGNED, UNSIGNED = ".intoto.jsonl", ".provenance.json"


def attestation_name(wheel: str, *, signed: bool = True) -> str:
    """The name of a wheel's attestation.

    Signed ones are called as in-toto's bundles are
    (https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md#file-naming-convention).
    """
    return f"{wheel}{SIGNED if signed else UNSIGNED}"


def write_attestations(
    report: Report, folder: Path, *, key: SigningKey | None = None, builder: str = ""
) -> tuple[Path, ...]:
    """Write the provenance of each wheel of a report into ``folder``, signed when there is a key.

    An attestation of the other kind, left by an earlier run, is removed: it speaks of another file.

    :param builder: as for :func:`xbuild.report.attest.provenance.provenance`.
    :raises OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for wheel in report.wheels:
        statement = provenance(report, wheel, builder=builder)
        body = sign_statement(statement, key) if key else statement
        path = folder / attestation_name(wheel.file, signed=key is not None)
        write_whole(path, canonical(body) + b"\n")
        (folder / attestation_name(wheel.file, signed=key is None)).unlink(missing_ok=True)
        written.append(path)
    return tuple(written)

"""Checks of a wheel's own records: RECORD, METADATA and WHEEL, as the binary distribution format asks for.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from math import prod
from typing import BinaryIO

from packaging.metadata import InvalidMetadata, Metadata
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from xbuild.check.model import Finding
from xbuild.wheels.members import Member, read_whole
from xbuild.wheels.naming import WheelName
from xbuild.wheels.zip import Entry, refusal

_RECORD_LIMIT = 8 << 20
_TEXT_LIMIT = 1 << 20
_MOST_ROWS = 20_000
"""Lines of RECORD: twice as many as an archive may have files."""
_MOST_TAGS = 1000
"""Tags that WHEEL may have, of which each line can stand for many."""
_LONGEST_CONTENT_TYPE = 200
"""Characters of a description's type: what parses it takes time with their square, and calls itself."""
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_UNFORESEEN = (AssertionError, LookupError, RecursionError, ValueError)
"""What packaging, and the parsers that it uses, raise over fields that they do not expect."""
_UPLOAD = "an index may refuse the upload"
_REBUILD = "build the wheel again; it was changed or written by a broken tool"


def check_contents(
    file: BinaryIO, entries: tuple[Entry, ...], members: tuple[Member, ...], name: WheelName
) -> tuple[Finding, ...]:
    """All findings about the records of a wheel.

    :raises ArtifactError: there is no metadata folder, or a record cannot be read.
    """
    folder = find_dist_info(entries, name)
    files = {entry.name: entry for entry in entries}
    findings = list(_check_folder(folder, name))
    for required in ("RECORD", "METADATA", "WHEEL"):
        if f"{folder}/{required}" not in files:
            raise refusal("missing-metadata", f"there is no {required}", folder)
    record = read_whole(file, files[f"{folder}/RECORD"], _RECORD_LIMIT)
    findings += check_record(record, folder, members)
    findings += check_wheel(read_whole(file, files[f"{folder}/WHEEL"], _TEXT_LIMIT), folder, name)
    findings += check_metadata(read_whole(file, files[f"{folder}/METADATA"], _TEXT_LIMIT), folder, name)
    findings += _check_data_folder(entries, name)
    return tuple(findings)


def find_dist_info(entries: tuple[Entry, ...], name: WheelName) -> str:
    """The one ``.dist-info`` folder.

    :raises ArtifactError: ``missing-metadata``, there is none or more than one.
    """
    tops = sorted({entry.name.split("/")[0] for entry in entries if "/" in entry.name})
    folders = [top for top in tops if top.lower().endswith(".dist-info")]
    if len(folders) != 1:
        message = f"{len(folders)} .dist-info folders instead of one"
        raise refusal("missing-metadata", message, ", ".join(folders) or name.file)
    return folders[0]


def _check_folder(folder: str, name: WheelName) -> Iterator[Finding]:
    if folder == f"{name.stem}.dist-info":
        return
    project, _, version = folder.removesuffix(".dist-info").partition("-")
    if canonicalize_name(project) == name.name and _is_version(version, name):
        yield Finding(
            "metadata-folder", "warning", folder, "spelt otherwise than in the file's name", _REBUILD
        )
    else:
        yield Finding("metadata-folder", "error", folder, f"should be {name.stem}.dist-info", _REBUILD)


def _check_data_folder(entries: tuple[Entry, ...], name: WheelName) -> Iterator[Finding]:
    tops = {entry.name.split("/")[0] for entry in entries if "/" in entry.name}
    for top in sorted(tops):
        if top.endswith(".data") and top.count("-") == 1 and top != f"{name.stem}.data":
            yield Finding(
                "data-folder", "warning", top, f"should be {name.stem}.data; installers pass over it"
            )


def check_record(raw: bytes, folder: str, members: tuple[Member, ...]) -> Iterator[Finding]:
    """RECORD names every file once, with its right hash and size, and nothing else."""
    where = f"{folder}/RECORD"
    rows = _record_rows(raw, where)
    exempt = {where, *(f"{folder}/{name}" for name in _SIGNATURES)}
    for member in members:
        path = member.entry.name
        row = rows.pop(path, None)
        if row is None:
            if path not in exempt or path == where:
                yield Finding("record-incomplete", "error", path, "RECORD does not list the file", _REBUILD)
        elif path not in exempt:
            yield from _check_row(row, member)
    for path in rows:
        yield Finding("record-extra", "error", where, f"lists {path!a}, which is not there", _REBUILD)


def _record_rows(raw: bytes, where: str) -> dict[str, tuple[str, str]]:
    rows: dict[str, tuple[str, str]] = {}
    try:
        for row in csv.reader(io.StringIO(raw.decode("utf-8"), newline="")):
            if not row:
                continue
            path, digest, size = row
            if path in rows:
                raise refusal("record-invalid", f"lists {path!a} twice", where)
            if len(rows) >= _MOST_ROWS:
                raise refusal("record-invalid", f"lists more than {_MOST_ROWS} files", where)
            rows[path] = digest, size
    except (ValueError, csv.Error):
        raise refusal("record-invalid", "not a table of path, hash and size in UTF-8", where) from None
    return rows


def _check_row(row: tuple[str, str], member: Member) -> Iterator[Finding]:
    digest, size = row
    path = member.entry.name
    algorithm, _, value = digest.partition("=")
    if algorithm != "sha256":
        message = f"RECORD has no SHA-256 of it but {algorithm or 'no hash'}"
        yield Finding("record-hash", "error", path, message, _REBUILD)
    elif _decode_hash(value) != member.sha256:
        yield Finding("record-hash", "error", path, "RECORD has another hash", _REBUILD)
    if size and size != str(member.entry.size):
        yield Finding("record-size", "error", path, f"RECORD says {size!a} bytes", _REBUILD)


def _decode_hash(value: str) -> bytes:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def check_wheel(raw: bytes, folder: str, name: WheelName) -> Iterator[Finding]:
    """WHEEL has the same tags as the file's name, and says that the wheel is not pure."""
    where = f"{folder}/WHEEL"
    fields = _fields(raw, where)
    if not str(fields.get("Wheel-Version", "")).startswith("1."):
        yield Finding(
            "wheel-version", "error", where, f"Wheel-Version {fields.get('Wheel-Version')!a}", _REBUILD
        )
    tags = _tags(fields, where)
    if tags != name.tags:
        lost = ", ".join(sorted(map(str, name.tags ^ tags))[:8])
        yield Finding("tag-mismatch", "error", where, f"tags differ from the file's name in {lost}", _REBUILD)
    for_any = all(platform.tag == "any" for platform in name.platforms)
    if not for_any and str(fields.get("Root-Is-Purelib", "")).strip().lower() != "false":
        yield Finding(
            "purelib", "error", where, "Root-Is-Purelib is not false in a wheel for a platform", _REBUILD
        )
    build = str(fields.get("Build", "")).strip()
    named = "".join(map(str, name.build)) if name.build else ""
    if build and build != named:
        yield Finding(
            "build-mismatch", "error", where, f"Build is {build!a}; the file's name has {named!a}", _REBUILD
        )


def _tags(fields: Message[str, str], where: str) -> set[Tag]:
    """The tags of WHEEL, counted before they are made."""
    tags: set[Tag] = set()
    room = _MOST_TAGS
    for value in fields.get_all("Tag", []):
        text = str(value).strip()
        parts = text.split("-")
        if len(parts) == 3:
            room -= prod(part.count(".") + 1 for part in parts)
            if room < 0:
                raise refusal("metadata-unreadable", f"more than {_MOST_TAGS} tags", where)
            try:
                tags |= parse_tag(text)
            except ValueError:
                raise refusal("metadata-unreadable", f"{text!a} is no tag", where) from None
    return tags


def check_metadata(raw: bytes, folder: str, name: WheelName) -> Iterator[Finding]:
    """METADATA has the name and the version of the file's name, and can be read by installers."""
    where = f"{folder}/METADATA"
    fields = _fields(raw, where)
    project, version = str(fields.get("Name", "")).strip(), str(fields.get("Version", "")).strip()
    if canonicalize_name(project) != name.name:
        yield Finding("name-mismatch", "error", where, f"Name is {project!a}", _REBUILD)
    if not _is_version(version, name):
        yield Finding("version-mismatch", "error", where, f"Version is {version!a}", _REBUILD)
    if any(
        len(str(value)) > _LONGEST_CONTENT_TYPE for value in fields.get_all("Description-Content-Type", [])
    ):
        raise refusal("metadata-unreadable", "Description-Content-Type is too long", where)
    try:
        Metadata.from_email(raw)
    except ExceptionGroup as group:
        for error in group.exceptions[:8]:
            field = error.field if isinstance(error, InvalidMetadata) else ""
            message = f"{field}: {error}" if field else str(error)
            yield Finding("metadata-invalid", "warning", where, message, _UPLOAD)
    except _UNFORESEEN as error:
        yield Finding("metadata-invalid", "warning", where, f"cannot be read: {error}", _UPLOAD)


def _is_version(text: str, name: WheelName) -> bool:
    """Whether a text is the version of the file's name. Not only what is no version is a ``ValueError``: so
    is a number of more digits than Python takes."""
    try:
        return Version(text) == name.version
    except ValueError:
        return False


def _fields(raw: bytes, where: str) -> Message[str, str]:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise refusal("metadata-unreadable", "not UTF-8", where) from None
    return BytesParser().parsebytes(raw, headersonly=True)

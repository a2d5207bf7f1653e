"""Reads the report of an earlier run, as far as it can be repeated from that. Anybody may have written it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from xbuild.engine.layout import BESIDE
from xbuild.errors import RefusedError, UsageError
from xbuild.report.model import REPORT, SCHEMA, Report, WheelReport, parse_report
from xbuild.util.files import sha256_of

_LIMIT = 64 << 20


def read_record(path: Path) -> Report:
    """The run that a report tells of.

    :raises RefusedError: ``no-record`` where there is no report; ``bad-record`` where it does not say enough.
    """
    return _parse(_read(path), path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise RefusedError(f"there is no report at {path}", details=str(error), code="no-record") from error
    if len(data) > _LIMIT:
        raise RefusedError(f"{path} has more than {_LIMIT} bytes", code="bad-record")
    return data


def _parse(data: bytes, path: Path) -> Report:
    try:
        record = parse_report(data)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)
        ]
        raise RefusedError(
            f"{path} is no report that a build can be repeated from",
            details="\n".join(problems[:5]),
            hint=f"this xbuild repeats what reports of the kind {SCHEMA} tell of",
            code="bad-record",
        ) from error
    return record


def record_of_wheel(wheel: Path, runs: Path) -> tuple[Report, WheelReport]:
    """The run that made a wheel, by the wheel's name and digest: in the report beside it, else of any run.

    :param runs: where the reports of all runs are kept, a folder for each.
    :raises RefusedError: ``no-record``, or ``bad-record`` where only such a report knows the wheel.
    :raises UsageError: ``no-wheel``.
    """
    try:
        digest = sha256_of(wheel)
    except OSError as error:
        raise UsageError(f"cannot read {wheel}", details=str(error), code="no-wheel") from error
    unusable: RefusedError | None = None
    for path in _reports(wheel, runs):
        data = _read(path)
        if digest.encode() not in data:
            continue
        try:
            record = _parse(data, path)
        except RefusedError as error:
            unusable = unusable or error
            continue
        for item in record.wheels:
            if (item.file, item.sha256) == (wheel.name, digest):
                return record, item
    raise unusable or RefusedError(
        f"no report tells of {wheel.name} with these bytes",
        details=f"its sha256 is {digest}\nlooked at {wheel.parent / BESIDE / REPORT} and all runs in {runs}",
        hint="put the report.json of the run that made it there, or name the run",
        code="no-record",
    )


def _reports(wheel: Path, runs: Path) -> Iterator[Path]:
    """Reports that may tell of a wheel, the likeliest first."""
    beside = wheel.parent / BESIDE / REPORT
    if beside.is_file():
        yield beside
    yield from sorted(runs.glob(f"*/{REPORT}"), reverse=True)


def record_of_run(run: str, runs: Path) -> Report:
    """A run, by the start of its name; the latest of several.

    :raises UsageError: ``no-run``.
    :raises RefusedError: ``bad-record``, or ``no-wheels`` where the run built none.
    """
    found = sorted(path for path in runs.glob(f"*/{REPORT}") if path.parent.name.startswith(run))
    if not found or not run:
        latest = ", ".join(path.parent.name for path in sorted(runs.glob(f"*/{REPORT}"))[-5:])
        raise UsageError(
            f"{run!r} is neither a wheel nor a run with a report",
            details=f"latest: {latest}" if latest else "",
            code="no-run",
        )
    record = read_record(found[-1])
    if not record.wheels:
        raise RefusedError(f"run {record.run} built no wheels", code="no-wheels")
    return record

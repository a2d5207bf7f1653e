"""Holds what xbuild writes for machines against the schemas that docs/schemas publishes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
KINDS = {"xbuild.report/1": "report", "xbuild.plan/1": "plan", "xbuild.error/1": "error"}


def check(name: str, document: Mapping[str, Any]) -> None:
    """Hold a document against a schema, which has to name all of its fields.

    :raises jsonschema.ValidationError: it is not as the schema says.
    """
    _validator(name).validate(json.loads(json.dumps(document)))


def check_all(text: str) -> int:
    """Hold each document that a command has written to standard output against its schema.

    :returns: how many of them have one.
    """
    found = [(name, item) for item in _documents(text) if (name := _kind(item))]
    for name, item in found:
        check(name, item)
    return len(found)


def check_reports(folder: Path) -> int:
    """Hold the reports that are kept for all runs below a folder against the schema, and count them."""
    paths = [path for path in folder.glob("**/runs/*/report.json") if path.is_file()]
    for path in paths:
        check("report", json.loads(path.read_bytes()))
    return len(paths)


def _documents(text: str) -> Iterator[Any]:
    """One document, or one a line."""
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return


def _kind(document: Any) -> str:
    if not isinstance(document, dict):
        return ""
    # A record of a log has a target besides
    if "event" in document and "target" not in document:
        return "event"
    return KINDS.get(str(document.get("schema")), "")


@cache
def _validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(_closed(schema))


def _closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    body = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **body} if "properties" in schema and "type" in schema else body

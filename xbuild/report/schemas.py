"""The JSON schemas (draft 2020-12) of what xbuild writes for machines; docs/schemas holds them as files.

A document of the same number of its schema may get more fields later, so a schema allows fields that it
does not name: readers pass over them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from xbuild.errors import ExitStatus
from xbuild.events import Event, event_types
from xbuild.images.pins import SCHEMA as LOCK_SCHEMA
from xbuild.plan.model import Refusal
from xbuild.report.model import Report

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_IVAR = re.compile(r"^:ivar (?P<name>\w+): (?P<text>.+?)(?=^:ivar |\Z)", re.MULTILINE | re.DOTALL)


class _Document(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class PlannedStep(_Document):
    """One command in a job's container.

    :ivar interpreters: the kinds that it serves.
    :ivar wheel: the file that it leaves; ``""`` for preparations.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    interpreters: tuple[str, ...]
    wheel: str


class PlannedJob(_Document):
    """All that is built for one target, in one container.

    :ivar sysroot: the folder of the caller's; ``""`` for the image's.
    :ivar env: without the values of the caller's own variables.
    :ivar timeout: seconds for all interpreters.
    :ivar memory: bytes.
    """

    target: str
    image: str
    sysroot: str
    workdir: str
    env: Mapping[str, str]
    timeout: float
    memory: int
    steps: tuple[PlannedStep, ...]


class PlanNotice(_Document):
    """Something that a run would tell as well.

    :ivar level: ``info``, ``warning`` or ``error``.
    :ivar code: names it for programs, and keeps its meaning.
    :ivar hint: the way out, where one is known.
    :ivar job: the target that it is about; ``""`` for the whole run.
    """

    level: Literal["info", "warning", "error"]
    code: str
    message: str
    hint: str
    job: str


class PlanDocument(_Document):
    """What ``xbuild plan --json`` gives; see :class:`xbuild.plan.planner.Plan`.

    :ivar notices: what was found on the way; notes are about what would run.
    """

    kind: Literal["xbuild.plan/1"] = Field(alias="schema")
    name: str
    version: str
    jobs: tuple[PlannedJob, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    notices: tuple[PlanNotice, ...]


class ErrorDocument(_Document):
    """What a command with ``--json`` gives in place of its own document where it ends with an error.

    :ivar code: names the error for programs, and keeps its meaning.
    :ivar brief: what is wrong, one line.
    :ivar details: where and why.
    :ivar hint: the way out, where one is known.
    :ivar retryable: whether the same call may succeed later without any change.
    """

    kind: Literal["xbuild.error/1"] = Field(alias="schema")
    code: str
    brief: str
    details: str
    hint: str
    exit_status: ExitStatus
    retryable: bool


class PinnedImage(_Document):
    """An image that builds use; see :class:`xbuild.images.pins.LockedImage`."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    id: str
    layers: str = ""
    recipe: str = ""
    tools: Mapping[str, str] = Field(default_factory=dict)


class LockDocument(_Document):
    """xbuild.lock, as a reader of TOML has it.

    :ivar xbuild: the version that made the pins.
    :ivar image: by target triple, and ``base``.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    kind: Annotated[int, Field(alias="schema", json_schema_extra={"const": LOCK_SCHEMA})]
    xbuild: str
    image: Mapping[str, PinnedImage] = Field(default_factory=dict)


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a kind of document.

    :param name: one of :data:`NAMES`.
    """
    return {"$schema": DIALECT, **_MAKERS[name]()}


def _model(kind: type[BaseModel]) -> dict[str, Any]:
    return _told(kind.model_json_schema(mode="serialization"))


def _events() -> dict[str, Any]:
    kinds = {kind.kind: _event(kind) for kind in event_types()}
    return {
        "title": "Event",
        "description": "A line of `xbuild run --json`. Fields without a value are left out.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds],
        "$defs": kinds,
    }


def _event(kind: type[Event]) -> dict[str, Any]:
    schema = _told(TypeAdapter(kind).json_schema(mode="serialization"))
    properties = _described(schema["properties"], inspect.cleandoc(Event.__doc__ or ""))
    return {
        **schema,
        "properties": {"event": {"const": kind.kind}, **properties},
        "required": ["event", *(name for name, part in properties.items() if not _may_be_empty(part))],
    }


def _may_be_empty(schema: Mapping[str, Any]) -> bool:
    """Whether an event's field may have a value that is left out: an empty text, or nothing in a list."""
    return schema.get("type") in {"string", "array"} and "enum" not in schema


def _told(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what docstrings say of fields beside the fields."""
    for part in (schema, *schema.get("$defs", {}).values()):
        text = str(part.get("description", ""))
        if text:
            part["description"] = _plain(text.partition("\n:ivar ")[0])
            _described(part.get("properties", {}), text)
    return schema


def _described(properties: dict[str, Any], docstring: str) -> dict[str, Any]:
    for found in _IVAR.finditer(docstring):
        if found["name"] in properties:
            properties[found["name"]]["description"] = _plain(found["text"])
    return properties


def _plain(text: str) -> str:
    """The words of a docstring in one line, without its marks."""
    return re.sub(r":\w+:`~?([\w.]+)`", r"\1", " ".join(text.split())).replace("``", "`")


_MAKERS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "report": lambda: _model(Report),
    "plan": lambda: _model(PlanDocument),
    "event": _events,
    "error": lambda: _model(ErrorDocument),
    "lock": lambda: _model(LockDocument),
}
NAMES = tuple(_MAKERS)
"""The kinds of documents that have a schema."""

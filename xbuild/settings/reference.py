"""The tables of docs/configuration.md, made from the declarations of the settings.

``python -m xbuild.settings.reference docs/configuration.md`` writes them anew between their marks.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from xbuild.settings.describe import written
from xbuild.settings.model import TABLES, Settings, TargetTable
from xbuild.settings.who import Default, who_of

_MODELS: Mapping[str, type[BaseModel]] = {"": Settings, **TABLES, "target.<triple>": TargetTable}
_MARKS = re.compile(r"<!-- settings: (?P<table>\S*) ?-->\n.*?<!-- end of settings -->\n", re.DOTALL)


def tables_renewed(document: str) -> str:
    """The document with all between ``<!-- settings: TABLE -->`` and ``<!-- end of settings -->`` made anew.

    :raises KeyError: a mark names a table that there is not.
    """

    def renewed(found: re.Match[str]) -> str:
        table = found["table"]
        return (
            f"<!-- settings: {table + ' ' if table else ''}-->\n{rendered(table)}<!-- end of settings -->\n"
        )

    return _MARKS.sub(renewed, document)


def rendered(table: str) -> str:
    """One table in Markdown; ``""`` is the one of the general values."""
    model = _MODELS[table]
    inherits = model is TargetTable
    meanings = _meanings(model)
    prefix = f"{table}." if table in TABLES else ""
    head = ("Key", "Who", "Meaning") if inherits else ("Key", "Who", "Default", "Meaning")
    lines = [_row(*head), f"|{'---|' * len(head)}"]
    for name in model.model_fields:
        if model is Settings and name in {*TABLES, "target"}:
            continue
        default = () if inherits else (_default(model, name),)
        lines.append(_row(f"`{prefix}{name}`", who_of(model, name).say.value, *default, meanings[name]))
    return "".join(f"{line}\n" for line in lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    told = next((item.text for item in field.metadata if isinstance(item, Default)), "")
    if told:
        return told
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        raise TypeError(f"{model.__name__}.{name} has no default")
    if isinstance(value, Mapping):
        return "`{}`"
    return "none" if value is None else f"`{written((name,), value)}`"


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The strings below the fields of a model."""
    body = ast.parse(inspect.getsource(model)).body[0]
    statements = body.body if isinstance(body, ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, below in pairwise(statements):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(tables_renewed(path.read_text("utf-8")), "utf-8")

"""The pages of docs/reference, made from the code: commands, exit statuses, error codes, events and targets.

python tools/reference.py            write them
python tools/reference.py --check    say which differ, and end with status 1 if any does
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from xbuild import errors, events
from xbuild.report.schemas import schema_of

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
MADE = "<!-- Made by `python tools/reference.py`. -->\n\n"
SENTENCES = 3
"""How many of the sentences that come with a code its row shows."""

ERRORS_HEAD = """# Error codes

An error's `code` is for programs, and keeps its meaning; its `brief` is for people, and may change. Dots (…)
stand for what is of the case. The schema of an error is `xbuild.error/1`.

"""
EVENTS_HEAD = """# Events

`xbuild run --json` writes one JSON object a line; docs/schemas/event.json is its schema. Fields without a
value are left out. Every event has `event`, `run`, `time` (seconds since 1970, UTC), `number` (its place
among the run's events, from 1 on), and where it belongs to one, `job` and `interpreter`.

`run-started` is the first event of a run and `run-finished` the last. Between them every job has its
`job-finished`, also one that never began. A call that is refused before there is a run has one event,
`run-finished`, without a `run` and with the number 0.
"""
REPORT_HEAD = """# The report

Every run writes `.xbuild/report.json` beside the wheels, and a copy where its logs are kept. `xbuild verify`
builds again what it tells of, and the attestations are made from it. Later versions may add fields within
`xbuild.report/1`; readers pass over those that they do not know.

The JSON schemas of the report, of `xbuild plan --json`, of events, errors and xbuild.lock are in
docs/schemas, and `xbuild schema NAME` prints them.
"""
TARGETS_HEAD = """# Targets and interpreters

Every wheel is audited. Where a row says more than that, `xbuild test` can also run the wheel on its platform.
"""


def pages() -> dict[str, str]:
    """The text of every page, by its name."""
    made = {
        "commands.md": commands(),
        "exit-statuses.md": exit_statuses(),
        "error-codes.md": error_codes(),
        "events.md": run_events(),
        "report.md": report(),
        "targets.md": targets(),
    }
    return {name: f"{MADE}{text.rstrip()}\n" for name, text in made.items()}


def commands() -> str:
    """Every command with its arguments and options, as typer tells them."""
    words = [sys.executable, "-m", "typer", "xbuild.cli.app", "utils", "docs", "--name", "xbuild"]
    return _output(words).replace("# `xbuild`", "# Commands", 1)


def exit_statuses() -> str:
    """The statuses, with the words of the README."""
    readme = (ROOT / "README.md").read_text("utf-8")
    meanings = dict(re.findall(r"^\| (\d+) \| (.+) \|$", readme, re.MULTILINE))
    rows = [(str(int(item)), f"`{item.name}`", meanings[str(int(item))]) for item in errors.ExitStatus]
    return f"# Exit statuses\n\n{_table(('Status', 'Name', 'Meaning'), rows)}"


def error_codes() -> str:
    """Every code that an error of the package can have, with its exit status and what it says."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for kind in _errors():
        found[kind.default_code, int(kind.exit_status)] = []
    for code, status, brief in _raised():
        said = found[code, status]
        if brief and brief not in said:
            said.append(brief)
    rows = [
        (f"`{code}`", str(status), "; ".join(sorted(said)[:SENTENCES]))
        for (code, status), said in sorted(found.items())
    ]
    return ERRORS_HEAD + _table(("Code", "Exit status", "Says"), rows)


def run_events() -> str:
    """Every event with its fields."""
    base = {item.name for item in fields(events.Event)}
    parts = [EVENTS_HEAD]
    # A class with slots is a second class of its name; the first stays a subclass too
    for name, kind in {kind.kind: kind for kind in events.Event.__subclasses__()}.items():
        about, _, told = inspect.cleandoc(kind.__doc__ or "").partition(":ivar ")
        meanings = dict(re.findall(r"(\w+): (.+?)\.?(?=\n:ivar |\Z)", told, re.DOTALL))
        types = get_type_hints(kind)
        rows = [
            (f"`{item.name}`", _type(types[item.name]), " ".join(meanings.get(item.name, "").split()))
            for item in fields(kind)
            if item.name not in base
        ]
        text = " ".join(about.split()).replace("``", "`")
        parts.append(f"\n## {name}\n\n{text}\n\n{_table(('Field', 'Type', 'Meaning'), rows)}")
    return "".join(parts)


def report() -> str:
    """Every part of the report with its fields, from its schema."""
    schema = schema_of("report")
    parts = [REPORT_HEAD]
    for part in (schema, *schema["$defs"].values()):
        rows = [
            (f"`{name}`", _schema_type(item), item.get("description", ""))
            for name, item in part.get("properties", {}).items()
        ]
        if rows:
            head = f"\n## {part['title']}\n\n{part.get('description', '')}\n\n"
            parts.append(head + _table(("Field", "Type", "Meaning"), rows))
    return "".join(parts)


def _schema_type(schema: Any) -> str:
    """A type of JSON schema in words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for key in ("anyOf", "enum"):
        if key in schema:
            return ", ".join(_schema_type(item) if key == "anyOf" else f"`{item}`" for item in schema[key])
    inner = schema.get("items") or schema.get("additionalProperties")
    if inner:
        return f"{'list' if schema['type'] == 'array' else 'by name'}: {_schema_type(inner)}"
    return str(schema.get("type", ""))


def _type(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(hint))
    return f"`{getattr(hint, '__name__', hint)}`" if not get_args(hint) else f"`{hint}`"


def targets() -> str:
    """The targets with their interpreters, and what can prove a wheel of each pair."""
    told = json.loads(_output([sys.executable, "-m", "xbuild", "targets", "--json"]))
    proofs = {"audit": "audited", "native": "run", "qemu": "run under qemu", "wine": "run under wine"}
    parts = [TARGETS_HEAD]
    for target in told["targets"]:
        parts.append(f"\n## {target['triple']}\n\nPlatform tag: `{target['platform_tag']}`.\n\n")
        rows = [(f"`{tag}`", proofs.get(how, how)) for tag, how in target["interpreters"].items()]
        rows += [(f"`{tag}`", f"refused: {why}") for tag, why in target["refused"].items()]
        parts.append(_table(("Interpreter", "Proof"), rows))
    return "".join(parts)


def _errors() -> Iterator[type[errors.XbuildError]]:
    yield errors.XbuildError
    waiting = [errors.XbuildError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind.__module__ == errors.__name__:
                waiting.append(kind)
                yield kind


def _raised() -> Iterator[tuple[str, int, str]]:
    """Code, exit status and brief of each error that a source of the package makes in one expression."""
    kinds = {kind.__name__: kind for kind in _errors()}
    for path in sorted((ROOT / "xbuild").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds):
                continue
            kind = kinds[node.func.id]
            named = {item.arg: item.value for item in node.keywords}
            brief = _written(node.args[0]) if node.args else ""
            for code in _codes(named.get("code")) or (kind.default_code,):
                yield code, int(kind.exit_status), brief


def _codes(value: ast.expr | None) -> tuple[str, ...]:
    match value:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.IfExp(body=one, orelse=other):
            return (*_codes(one), *_codes(other))
    return ()


def _written(value: ast.expr) -> str:
    """The words of a string, with … for what is put in; nothing of what is no string in the source."""
    match value:
        case ast.Constant(value=str(text)):
            said = text
        case ast.JoinedStr(values=parts):
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case _:
            return ""
    return " ".join(said.split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _output(words: list[str]) -> str:
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main(words: list[str]) -> int:
    """Write the pages, or compare them."""
    made = pages()
    stale = [name for name, text in made.items() if _read(PAGES / name) != text]
    if "--check" in words:
        sys.stderr.write("".join(f"docs/reference/{name} is not what the code says\n" for name in stale))
        return 1 if stale else 0
    for name in stale:
        (PAGES / name).write_text(made[name], "utf-8")
    return 0


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a user calls an interpreter, resolved to a kind of the catalog. Paths are looked at on this host."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xbuild.catalog import Catalog, Interpreter
from xbuild.catalog.model import did_you_mean
from xbuild.errors import RefusedError

ALL = "all"

_PROBE = (
    "import json,platform,sys,sysconfig;"
    "print(json.dumps([platform.python_implementation().lower(),sys.version_info[:2],"
    "bool(sysconfig.get_config_var('Py_GIL_DISABLED'))]))"
)
_PROBE_SECONDS = 5.0
_PART = re.compile(
    r"(?P<name>pypy|c?python)?-?(?P<version>\d\.\d+)(\.\d+)?(?P<threads>t|\+freethreaded)?(?=$|[-_])"
)
_NAME = re.compile(r"(?P<name>pypy|python|cp|pp|py)?-?(?P<major>\d)\.?(?P<minor>\d+)(?P<threads>t?)")


@dataclass(frozen=True, slots=True)
class Resolved:
    """An interpreter and how it was found (``kind``, ``ran``, ``pyvenv.cfg``, ``path``)."""

    interpreter: Interpreter
    how: str


def resolve_interpreter(
    text: str, catalog: Catalog, *, folder: Path, environment: Mapping[str, str]
) -> Resolved:
    """The interpreter that ``text`` names: a kind in any usual spelling, or a path on this host.

    :param folder: what a relative path starts from.
    :param environment: for ``~`` and for the program that is run; only HOME and PATH are passed on.
    :raises RefusedError: ``unknown-interpreter``, ``interpreter-not-found`` or ``unsupported-interpreter``.
    """
    if is_path(text):
        return _resolve_path(text, catalog, folder=folder, environment=environment)
    match = _NAME.fullmatch(text.strip().lower())
    found = _lookup(catalog, match) if match else None
    if found is None:
        raise RefusedError(
            f"unknown interpreter {text!r}",
            details=f"known interpreters: {', '.join(catalog.interpreters)}",
            hint=did_you_mean(text, tuple(_spellings(catalog))) or "name a kind, a path, or `all`",
            code="unknown-interpreter",
        )
    return Resolved(found, "kind")


def is_path(text: str) -> bool:
    """Whether ``text`` names a program on this host, which is run to ask what it is, and not a kind."""
    return "/" in text or text.startswith(("~", "."))


def _spellings(catalog: Catalog) -> Iterator[str]:
    for interpreter in catalog.interpreters.values():
        yield from (interpreter.kind, interpreter.tag, interpreter.kind.removeprefix("python"))


def _lookup(catalog: Catalog, match: re.Match[str]) -> Interpreter | None:
    name = match["name"] or "python"
    implementation = "pypy" if name in {"pypy", "pp"} else "cpython"
    version = f"{match['major']}.{match['minor']}"
    return _by_facts(catalog, implementation, version, free_threaded=bool(match["threads"]))


def _by_facts(
    catalog: Catalog, implementation: str, version: str, *, free_threaded: bool
) -> Interpreter | None:
    for item in catalog.interpreters.values():
        if (item.implementation, item.version, item.free_threaded) == (
            implementation,
            version,
            free_threaded,
        ):
            return item
    return None


def _resolve_path(text: str, catalog: Catalog, *, folder: Path, environment: Mapping[str, str]) -> Resolved:
    home = environment.get("HOME", "")
    path = Path(re.sub(r"^~(?=/|$)", lambda _: home, text))
    path = path if path.is_absolute() else folder / path
    facts = _ask(path, environment) or _read_pyvenv(path) or _read_names(path)
    if facts is None:
        exists = path.exists()
        raise RefusedError(
            f"{text}: {'cannot tell what interpreter this is' if exists else 'no such interpreter'}",
            details="it does not run here, and neither pyvenv.cfg nor its path names a version",
            hint="name the kind instead, for instance --interp pypy3.9",
            code="interpreter-not-found",
        )
    implementation, version, free_threaded, how = facts
    found = _by_facts(catalog, implementation, version, free_threaded=free_threaded)
    if found is None:
        raise RefusedError(
            f"{text} is {implementation} {version}{' free-threaded' if free_threaded else ''}, "
            "which xbuild does not know",
            details=f"known interpreters: {', '.join(catalog.interpreters)}",
            code="unsupported-interpreter",
        )
    return Resolved(found, how)


_Facts = tuple[str, str, bool, str]


def _ask(path: Path, environment: Mapping[str, str]) -> _Facts | None:
    """Run it where it runs: the interpreter knows best, whatever its file is called."""
    if not path.is_file():
        return None
    try:
        answer = subprocess.run(
            (str(path), "-I", "-c", _PROBE),
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env={key: environment[key] for key in ("HOME", "PATH") if key in environment},
        ).stdout
        implementation, (major, minor), free_threaded = json.loads(answer)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None
    return str(implementation), f"{major}.{minor}", bool(free_threaded), "ran"


def _read_pyvenv(path: Path) -> _Facts | None:
    """``pyvenv.cfg`` beside or above the ``bin`` folder (PEP 405).

    venv adds ``executable``, virtualenv ``implementation`` and ``base-executable``.
    """
    for folder in (path.parent.parent, path.parent, path):
        try:
            text = (folder / "pyvenv.cfg").read_text("utf-8", "replace")
        except OSError:
            continue
        pairs = (line.partition("=") for line in text.splitlines())
        values = {key.strip().lower(): value.strip() for key, _, value in pairs}
        program = "" if folder == path else path.name
        facts = _pyvenv_facts(values, program)
        if facts:
            return facts
    return None


def _pyvenv_facts(values: Mapping[str, str], program: str) -> _Facts | None:
    """What a ``pyvenv.cfg`` tells, with the name of the environment's program, which has the base's."""
    programs = [Path(values[key]) for key in ("executable", "base-executable") if values.get(key)]
    named = [_named_program(path) for path in (*programs, Path(program))]
    match = re.match(r"(\d+)\.(\d+)", values.get("version") or values.get("version_info", ""))
    known = f"{match[1]}.{match[2]}" if match else ""
    version = known or next((item.version for item in named[: len(programs)] if item.version), "")
    if not version:
        return None
    named.append(_named_in(Path(values.get("home", ""))))
    fitting = [item for item in named if item.version in {"", version}]
    pypy = any(item.implementation == "pypy" for item in fitting)
    implementation = values.get("implementation") or ("pypy" if pypy else "cpython")
    return implementation.lower(), version, any(item.free_threaded for item in fitting), "pyvenv.cfg"


def _read_names(path: Path) -> _Facts | None:
    """The file's own name and its installation's, as pyenv has them: ``pypy3.9-7.3.15``, ``3.14.0t``."""
    named = _named_in(path)
    return (named.implementation, named.version, named.free_threaded, "path") if named.version else None


@dataclass(frozen=True, slots=True)
class _Named:
    """What names tell. An empty ``version`` means nothing at all."""

    implementation: str = "cpython"
    version: str = ""
    free_threaded: bool = False


def _named_program(path: Path) -> _Named:
    """What a program's path tells, and its name even where that has no version."""
    return _named_in(path) if _named(path.name).implementation == "cpython" else _named(path.name)


def _named_in(path: Path) -> _Named:
    """What the nearest part of a path tells that names a version."""
    installation = path.parent.parent if path.parent.name == "bin" else path.parent
    above = _named(installation.name)
    nearest = next((named for named in map(_named, reversed(path.parts)) if named.version), _Named())
    if above.version != nearest.version:
        return nearest
    # PyPy and free-threaded builds call their programs python3.9 too: the installation's name says more
    return _Named(
        "pypy" if "pypy" in {nearest.implementation, above.implementation} else "cpython",
        nearest.version,
        nearest.free_threaded or above.free_threaded,
    )


def _named(part: str) -> _Named:
    match = _PART.match(part)
    if match is None:
        return _Named("pypy" if re.fullmatch("pypy3?", part) else "cpython")
    return _Named("pypy" if match["name"] == "pypy" else "cpython", match["version"], bool(match["threads"]))

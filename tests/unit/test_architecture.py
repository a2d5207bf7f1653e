"""The rules that the code's structure keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import xbuild

ROOT = Path(xbuild.__file__).parent

EDGE = {"cli", "settings", "app", "engine"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """All modules by dotted name, without the leading package."""
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        if relative.parts[0] == "_docker":
            continue
        parts = [part for part in relative.with_suffix("").parts if part != "__init__"]
        yield ".".join(parts) or "xbuild", ast.parse(path.read_text("utf-8"), str(path))


MODULES = dict(modules())
NODES = {name: tuple(ast.walk(tree)) for name, tree in MODULES.items()}
TRIPLES = ("-unknown-linux-", "-pc-windows-", "-apple-darwin")


def room(module: str) -> str:
    return module.partition(".")[0]


def imports(tree: ast.Module) -> Iterator[str]:
    """Everything that a module imports, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            name = node.module or ""
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def own_imports(tree: ast.Module) -> set[str]:
    """The package's own modules that a module imports, without the leading package."""
    found = {name.removeprefix("xbuild.") for name in imports(tree) if name.startswith("xbuild.")}
    return {name for name in found if name in MODULES}


def dotted(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
    return ""


def names_used(tree: ast.Module) -> set[str]:
    """Dotted names that occur in a module, such as ``os.environ``."""
    found = {dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}
    return found | {name for name in imports(tree) if "." in name}


OWN_IMPORTS = {name: own_imports(tree) for name, tree in MODULES.items()}
NAMES = {name: names_used(tree) for name, tree in MODULES.items()}


def users(name: str) -> set[str]:
    """The modules that use a name."""
    return {module for module, used in NAMES.items() if name in used}


def test_imports_make_no_circle() -> None:
    graph = {name: found - {name} for name, found in OWN_IMPORTS.items()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for used in graph[name]:
                # importing a module imports its package, whose __init__ may import it in turn
                if not name.startswith(f"{used}.") and not used.startswith(f"{name}."):
                    visit(used, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_one_door_to_docker() -> None:
    found = {name for name, tree in MODULES.items() if any(room(used) == "docker" for used in imports(tree))}
    assert found
    assert {name for name in found if not name.startswith("engine.docker.")} == set()


def test_who_knows_the_adapter() -> None:
    found = {room(name) for name, found in OWN_IMPORTS.items() if "engine.docker" in found}
    assert found - {"engine"} <= {"cli", "app"}


@pytest.mark.parametrize("name", ["input", "SystemExit"])
def test_only_the_command_asks_or_exits(name: str) -> None:
    """What else only an edge may touch is among ruff's banned names, which builtins cannot be."""
    assert {room(module) for module in users(name)} <= {"cli"}


def test_the_core_expands_no_home() -> None:
    found = {
        module
        for module, used in NAMES.items()
        if any(name.rpartition(".")[2] == "expanduser" for name in used)
    }
    assert {module for module in found if room(module) not in EDGE} == set()


def test_no_triple_or_image_is_a_literal_in_the_core() -> None:
    for module, nodes in NODES.items():
        if room(module) in {"cli", "settings", "ui"}:
            continue
        documented = {
            id(node.body[0].value)
            for node in nodes
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                assert not any(part in node.value for part in TRIPLES), (module, node.value)


def test_only_the_command_searches_the_callers_path() -> None:
    found = [
        name
        for name, nodes in NODES.items()
        for node in nodes
        if isinstance(node, ast.Call)
        and dotted(node.func) == "shutil.which"
        and "path" not in {keyword.arg for keyword in node.keywords}
    ]
    assert [name for name in found if room(name) != "cli"] == []


LONGEST = {ast.Module: 400, ast.ClassDef: 250, ast.FunctionDef: 60}
"""Lines of a module, a class and a function that one can still read in a sitting, or on a screen."""
LONGER = {"cli.build.run", "cli.wheels.test"}
"""What may be longer, until it is cut: names only leave this list."""


def lengths(name: str, node: ast.AST) -> Iterator[tuple[str, type[ast.AST], int]]:
    """The lines of everything that is defined in a node, by dotted name."""
    for part in ast.iter_child_nodes(node):
        inner = name
        if isinstance(part, ast.ClassDef | ast.FunctionDef):
            inner = f"{name}.{part.name}"
            yield inner, type(part), (part.end_lineno or part.lineno) - part.lineno + 1
        yield from lengths(inner, part)


def test_nothing_is_longer_than_one_can_read() -> None:
    longer = {
        inner
        for name, tree in MODULES.items()
        for inner, kind, lines in (
            (name, ast.Module, max((getattr(part, "end_lineno", 0) for part in tree.body), default=0)),
            *lengths(name, tree),
        )
        if lines > LONGEST[kind]
    }
    assert longer - LONGER == set()
    assert LONGER - longer == set(), "short enough by now: take it from the list"

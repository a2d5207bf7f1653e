"""``xbuild run`` and ``xbuild plan``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from xbuild.catalog import load_catalog
from xbuild.cli.compose import load, make_request, make_signing_key
from xbuild.precheck import precheck

Project = Annotated[Path, typer.Argument(help="The crate's folder.", show_default=True)]
TargetOption = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", metavar="TRIPLE", help="Target triple; may be repeated."),
]
InterpOption = Annotated[
    list[str] | None,
    typer.Option(
        "--interp",
        "-i",
        metavar="KIND|PATH|all",
        help="Interpreter: pypy3.9, cp311, 3.14t, a path, or `all`; may be repeated.",
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Where wheels go (dist).")]


def run(
    project: Project = Path(),
    target: TargetOption = None,
    interp: InterpOption = None,
    out: OutOption = None,
    jobs: Annotated[
        str | None, typer.Option("--jobs", "-j", help="Targets built at once, or `auto`.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Cargo profile (release).")] = None,
    features: Annotated[
        list[str] | None, typer.Option("--features", "-F", help="Cargo features; may be repeated.")
    ] = None,
    locked: Annotated[
        bool,
        typer.Option("--locked", help="Refuse a missing or outdated Cargo.lock, and drift from xbuild.lock."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse the whole run when a part cannot work.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Compile everything anew, and keep nothing for later runs.")
    ] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Run each wheel on its platform, where that is possible.")
    ] = False,
    sysroot: Annotated[
        Path | None,
        typer.Option(help="A Microsoft SDK in cargo-xwin's layout, in place of the open sysroot."),
    ] = None,
    timeout: Annotated[str | None, typer.Option(help="Longest build of one interpreter (1h).")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory of a build container (4g).")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the builds' output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Build wheels for one or more targets and interpreters."""
    flags = _flags(target, interp, out) | {
        "jobs": jobs,
        "profile": profile,
        "features": features,
        "timeout": timeout,
        "memory": memory,
        "locked": locked or None,
        "strict": strict or None,
        "offline": offline or None,
        "fresh": fresh or None,
        "test": test or None,
    }
    folder = project.absolute()
    loaded = load(flags | _sysroots(sysroot, target), folder, config)
    catalog = load_catalog()
    request = make_request(loaded.settings, folder, catalog)
    manifest, _ = precheck(request, catalog)
    key = make_signing_key(loaded.settings, manifest.root, os.environ)
    # Imported late: what is refused is refused before the engine's SDK is loaded
    from xbuild.cli.session import Session

    session = Session(loaded.settings, quiet=quiet, verbose=verbose, as_json=as_json)
    raise SystemExit(int(session.build(request, catalog, key=key)))


def plan(
    project: Project = Path(),
    target: TargetOption = None,
    interp: InterpOption = None,
    features: Annotated[list[str] | None, typer.Option("--features", "-F", help="Cargo features.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse when a part cannot work.")] = False,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The plan as JSON.")] = False,
) -> None:
    """Show what would run, and run nothing."""
    flags = _flags(target, interp, None) | {"features": features, "strict": strict or None}
    folder = project.absolute()
    loaded = load(flags, folder, config)
    catalog = load_catalog()
    request = make_request(loaded.settings, folder, catalog)
    precheck(request, catalog)
    from xbuild.cli.session import Session
    from xbuild.ui.lines import show
    from xbuild.ui.plan import render_plan

    session = Session(loaded.settings, quiet=True)
    made = session.plan(request, catalog)
    if as_json:
        typer.echo(json.dumps(made.as_dict(), indent=1))
    else:
        show(session.console, render_plan(made))


def _flags(target: list[str] | None, interp: list[str] | None, out: Path | None) -> dict[str, Any]:
    return {"targets": target, "interpreters": interp, "out": out}


def _sysroots(sysroot: Path | None, target: list[str] | None) -> dict[str, Any]:
    if sysroot is None:
        return {}
    windows = [triple for triple in target or () if "windows-msvc" in triple]
    return {"target": {triple: {"sysroot": sysroot.absolute()} for triple in windows}}

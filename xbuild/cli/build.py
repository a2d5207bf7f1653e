"""``xbuild run`` and ``xbuild plan``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xbuild.app.requests import make_request, refuse_led_away, sysroot_settings
from xbuild.app.signing import make_signing_key
from xbuild.catalog import load_catalog
from xbuild.catalog.interpreters import ALL
from xbuild.cli.machine import in_words
from xbuild.cli.settings import load
from xbuild.errors import ExitStatus, XbuildError
from xbuild.events import Event, Notice
from xbuild.inspect.sources.snapshot import source_folders
from xbuild.plan.precheck import Checked, precheck
from xbuild.settings import Settings

if TYPE_CHECKING:
    from xbuild.cli.call import Call
    from xbuild.plan.model import Plan
    from xbuild.report.attest import SigningKey
    from xbuild.report.model import Report


def _triples(incomplete: str) -> list[str]:
    return [triple for triple in load_catalog().targets if triple.startswith(incomplete)]


def _kinds(incomplete: str) -> list[str]:
    kinds = (ALL, *load_catalog().interpreters)
    return [kind for kind in kinds if kind.startswith(incomplete)]


Project = Annotated[Path, typer.Argument(help="The crate's folder.", show_default=True)]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target", "-t", metavar="TRIPLE", help="Target triple; may be repeated.", autocompletion=_triples
    ),
]
InterpOption = Annotated[
    list[str] | None,
    typer.Option(
        "--interp",
        "-i",
        metavar="KIND|PATH|all",
        help="Interpreter: pypy3.9, cp311, 3.14t, a path, or `all`; may be repeated.",
        autocompletion=_kinds,
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Where wheels go (dist).")]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", help="Cargo profile (the project's own, else release).")
]
CompatibilityOption = Annotated[
    str | None,
    typer.Option(
        "--compatibility",
        metavar="POLICY",
        help="Policy of the platform tag: manylinux_2_28, linux (the project's own, else the target's).",
    ),
]
StripOption = Annotated[
    bool | None,
    typer.Option("--strip/--no-strip", help="Leave symbols out (as the project and its profile say)."),
]
PgoOption = Annotated[
    Path | None, typer.Option("--pgo-profile", metavar="FILE", help="Optimise by it; see `xbuild profile`.")
]
FeaturesOption = Annotated[
    list[str] | None, typer.Option("--features", "-F", help="Cargo features; may be repeated.")
]
AllFeaturesOption = Annotated[
    bool | None, typer.Option("--all-features/--no-all-features", help="Every feature of the crate.")
]
NoDefaultOption = Annotated[
    bool | None, typer.Option("--no-default-features/--default-features", help="Without the default ones.")
]
LockedOption = Annotated[
    bool | None,
    typer.Option(
        "--locked/--no-locked", help="Refuse a missing or outdated Cargo.lock, and drift from xbuild.lock."
    ),
]
StrictOption = Annotated[
    bool | None, typer.Option("--strict/--no-strict", help="Refuse the whole run when a part cannot work.")
]
OfflineOption = Annotated[
    bool | None, typer.Option("--offline/--no-offline", help="Fetch nothing, and make or pull no image.")
]
SysrootOption = Annotated[
    Path | None,
    typer.Option(
        "--sysroot",
        help="A Microsoft SDK in cargo-xwin's layout or a macOS SDK, in place of the open sysroot.",
    ),
]
SourceRootOption = Annotated[
    Path | None,
    typer.Option(
        "--source-root", metavar="DIR", help="The folder with all sources (the git repository, by itself)."
    ),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration file.")]


def run(
    project: Project = Path(),
    target: TargetOption = None,
    interp: InterpOption = None,
    out: OutOption = None,
    jobs: Annotated[
        str | None, typer.Option("--jobs", "-j", help="Targets built at once, or `auto`.")
    ] = None,
    profile: ProfileOption = None,
    compatibility: CompatibilityOption = None,
    strip: StripOption = None,
    pgo_profile: PgoOption = None,
    features: FeaturesOption = None,
    all_features: AllFeaturesOption = None,
    no_default_features: NoDefaultOption = None,
    locked: LockedOption = None,
    strict: StrictOption = None,
    offline: OfflineOption = None,
    fresh: Annotated[
        bool | None,
        typer.Option("--fresh/--no-fresh", help="Compile everything anew, and keep nothing for later runs."),
    ] = None,
    test: Annotated[
        bool | None,
        typer.Option("--test/--no-test", help="Run each wheel on its platform, where that is possible."),
    ] = None,
    sysroot: SysrootOption = None,
    source_root: SourceRootOption = None,
    timeout: Annotated[
        str | None, typer.Option(help="Longest time of a job: a target with all its interpreters (1h).")
    ] = None,
    memory: Annotated[str | None, typer.Option(help="Memory of a build, and of a test (4g).")] = None,
    config: ConfigOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the builds' output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")] = False,
) -> None:
    """Build wheels for one or more targets and interpreters."""
    flags = {
        "targets": target,
        "interpreters": interp,
        "out": out,
        "jobs": jobs,
        "profile": profile,
        "compatibility": compatibility,
        "strip": strip,
        "pgo_profile": pgo_profile,
        "features": features,
        "all_features": all_features,
        "no_default_features": no_default_features,
        "timeout": timeout,
        "memory": memory,
        "source_root": source_root,
        "locked": locked,
        "strict": strict,
        "offline": offline,
        "fresh": fresh,
        "test": test,
    }
    asked = ask(project, flags, sysroot=sysroot, config=config)
    manifest = asked.checked.manifest
    sources = source_folders(manifest.root, manifest.folders)
    key = make_signing_key(asked.settings, sources, os.environ)
    # Imported late: what is refused is refused before the engine's SDK is loaded
    from xbuild.cli.call import Call

    call = Call(asked.settings, quiet=quiet, verbose=verbose, as_json=as_json)
    raise SystemExit(int(build(call, asked.checked, key=key)))


def build(call: Call, checked: Checked, *, key: SigningKey | None = None) -> ExitStatus:
    """Build and show; gives the exit status.

    :param key: signs the attestations.
    :raises XbuildError: there was no run that could have told of it.
    """
    from xbuild.app.build import BuildRun
    from xbuild.ui.errors import render_error
    from xbuild.ui.lines import notice_line, show
    from xbuild.ui.outcome import summarise
    from xbuild.ui.summary import render_summary

    run = BuildRun(checked, call.services, call.context, key=key)
    call.interrupts.last_words = run.abandon
    report: Report | None = None
    problem: XbuildError | None = None
    # Until all is told: the log has said by then how the run ended
    with call.interrupts.handled():
        try:
            with call.screen:
                report = call.interruptible(run.execute)
        except (XbuildError, OSError) as error:
            problem = in_words(error)
        ended = run.ended
        if ended is None:
            raise problem or XbuildError("the run did not end")
        for notice in run.late:
            show(call.errors, notice_line(notice))
        if problem:
            show(call.errors, render_error(problem))
        if report and not call.as_json:
            show(call.console, render_summary(summarise(report, Path.cwd(), ended.report)))
    return ExitStatus(ended.exit_status)


def plan(
    project: Project = Path(),
    target: TargetOption = None,
    interp: InterpOption = None,
    profile: ProfileOption = None,
    compatibility: CompatibilityOption = None,
    strip: StripOption = None,
    pgo_profile: PgoOption = None,
    features: FeaturesOption = None,
    all_features: AllFeaturesOption = None,
    no_default_features: NoDefaultOption = None,
    locked: LockedOption = None,
    strict: StrictOption = None,
    offline: OfflineOption = None,
    sysroot: SysrootOption = None,
    source_root: SourceRootOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The plan as JSON.")] = False,
) -> None:
    """Show what would run, and run nothing."""
    flags = {
        "targets": target,
        "interpreters": interp,
        "profile": profile,
        "compatibility": compatibility,
        "strip": strip,
        "pgo_profile": pgo_profile,
        "features": features,
        "all_features": all_features,
        "no_default_features": no_default_features,
        "source_root": source_root,
        "locked": locked,
        "strict": strict,
        "offline": offline,
    }
    asked = ask(project, flags, sysroot=sysroot, config=config)
    from xbuild.cli.call import Call
    from xbuild.ui.lines import show
    from xbuild.ui.plan import render_plan

    call = Call(asked.settings, quiet=True)
    notices: list[Notice] = []
    made = make_plan(call, asked.checked, notices)
    if as_json:
        typer.echo(json.dumps(plan_document(made, notices), indent=1))
    else:
        show(call.console, render_plan(made))


def plan_document(plan: Plan, notices: Sequence[Notice]) -> dict[str, Any]:
    """What ``xbuild plan --json`` gives: ``PlanDocument`` of :mod:`xbuild.report.schemas`."""
    names = ("level", "code", "message", "hint", "job")
    return {
        **plan.as_dict(),
        "notices": [{name: getattr(notice, name) for name in names} for notice in notices],
    }


def make_plan(call: Call, checked: Checked, notices: list[Notice]) -> Plan:
    """What would run; what is worth a notice goes to standard error.

    :param notices: gets them besides.
    :raises XbuildError: it cannot be said.
    """
    from xbuild.app.plan import plan_build
    from xbuild.ui.lines import notice_line, show

    def show_notice(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event)
            show(call.errors, notice_line(event))

    context = replace(call.context, emit=show_notice)
    return call.interruptible(lambda: plan_build(checked, call.services, context))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for: its settings, and what nothing speaks against so far."""

    settings: Settings
    checked: Checked


def ask(
    project: Path, flags: Mapping[str, Any], *, sysroot: Path | None = None, config: Path | None = None
) -> Asked:
    """What the words of a call mean, together with the configuration; refused here where it cannot work."""
    folder = project.absolute()
    catalog = load_catalog()
    loaded = load(flags, folder, config)
    refuse_led_away(loaded, folder)
    settings = loaded.settings
    if sysroot:
        triples = [wanted.target.triple for wanted in make_request(settings, folder, catalog).targets]
        own = sysroot_settings(sysroot, triples, catalog)
        settings = load({**flags, "target": own}, folder, config).settings
    request = make_request(settings, folder, catalog)
    return Asked(settings, precheck(request, catalog))

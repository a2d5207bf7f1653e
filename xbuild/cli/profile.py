"""``xbuild profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xbuild.cli.build import (
    Asked,
    ConfigOption,
    FeaturesOption,
    LockedOption,
    OfflineOption,
    ProfileOption,
    Project,
    SourceRootOption,
    ask,
)
from xbuild.errors import RefusedError

if TYPE_CHECKING:
    from xbuild.app.pgo import Training


def profile(
    project: Project = Path(),
    target: Annotated[
        str, typer.Option("--target", "-t", metavar="TRIPLE", help="What the training runs on.")
    ] = "x86_64-unknown-linux-gnu",
    interp: Annotated[str, typer.Option("--interp", "-i", metavar="KIND", help="What runs it.")] = "cp313",
    command: Annotated[
        str, typer.Option("--command", help="What to run, in a copy of the crate's folder (pgo-command).")
    ] = "",
    extra: Annotated[
        list[Path] | None, typer.Option("--with", help="A wheel that the command needs; may be repeated.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The profile (xbuild.profdata beside the crate).")
    ] = None,
    limit: Annotated[float, typer.Option("--timeout", help="Seconds for the command.")] = 3600.0,
    cargo_profile: ProfileOption = None,
    features: FeaturesOption = None,
    locked: LockedOption = None,
    offline: OfflineOption = None,
    source_root: SourceRootOption = None,
    config: ConfigOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the command prints.")] = False,
) -> None:
    """Make a profile for profile-guided optimisation: build a wheel that counts, and run it."""
    flags = {
        "targets": [target],
        "interpreters": [interp],
        "profile": cargo_profile,
        "features": features,
        "locked": locked,
        "offline": offline,
        "source_root": source_root,
        # What counts is built without the profile that the project names: rustc takes one or the other
        "pgo_profile": "",
    }
    asked = ask(project, flags, config=config)
    if len(asked.checked.request.targets[0].interpreters) != 1:
        raise RefusedError(
            "a profile is made with one interpreter", hint="--interp cp313", code="cannot-train"
        )
    # Imported late: what is refused is refused before the engine's SDK is loaded
    from xbuild.app.pgo import DATA, Training, training_command

    words = training_command(command, asked.checked.manifest.maturin)
    training = Training(command=words, more=tuple(extra or ()), timeout=limit)
    _make(asked, training, out or asked.checked.request.project / DATA, verbose=verbose)


def _make(asked: Asked, training: Training, place: Path, *, verbose: bool) -> None:
    from xbuild.app.pgo import make_profile
    from xbuild.cli.call import Call
    from xbuild.ui.lines import safe, show
    from xbuild.util.files import write_whole

    call = Call(asked.settings, verbose=verbose)

    def on_line(_: str, line: str) -> None:
        if verbose:
            show(call.errors, safe(line))

    with call.screen:
        data = call.interruptible(
            lambda: make_profile(asked.checked, training, call.services, call.context, on_line=on_line)
        )
    write_whole(place, data)
    show(call.console, safe(f"{place} ({len(data) / 1000:.1f} kB); build by it: --pgo-profile {place}"))

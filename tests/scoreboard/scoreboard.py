"""Builds popular projects' newest sdists unchanged, and compares the wheels with upstream's own.

    python tests/scoreboard/scoreboard.py build [PROJECT...] [--target TRIPLE]... [--again] [--heavy]
    python tests/scoreboard/scoreboard.py table

What was seen is kept in results/, one file for each project, and a run goes on where the last one stopped.
What took too long was not seen. ``table`` writes it into docs/status.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from differences import differences
from releases import sdist, upstream_wheel
from results import Pair, Result, read, rendered, renewed, write

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = Path(__file__).with_name("projects.toml")
RESULTS = Path(__file__).with_name("results")
STATUS = ROOT / "docs" / "status.md"
KEPT = ROOT / "tests" / ".cache" / "scoreboard"
TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
)
TOO_SLOW = "too slow"
"""A pair that took longer than it may; that goes by the machine, so it is not kept."""
_NOT_STARTED = {2, 3}
"""Exit statuses of a run that was refused."""

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True)
class Release:
    """What is built, and what it is compared for."""

    name: str
    version: str
    options: Sequence[str]
    interpreter: str
    source: Path


@app.command()
def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Projects; all that are not heavy without any.")
    ] = None,
    target: Annotated[list[str] | None, typer.Option("--target", "-t")] = None,
    *,
    again: Annotated[bool, typer.Option(help="Also what there are results of.")] = False,
    heavy: Annotated[bool, typer.Option(help="Also what takes minutes a target.")] = False,
    timeout: Annotated[str, typer.Option(help="Longest time of a pair.")] = "8m",
) -> None:
    """Build, compare, and keep the results."""
    rows = _projects()
    for name in names or [name for name, row in rows.items() if heavy or not row.get("heavy")]:
        release = _release(name, rows.get(name, {}))
        path = RESULTS / f"{name}.json"
        known = read(path) if path.exists() else None
        if known is None or (known.version, known.options) != (release.version, list(release.options)):
            known = Result(project=name, version=release.version, options=release.options)
        wanted = [triple for triple in target or TARGETS if again or triple not in known.pairs]
        if wanted:
            pairs = _build(release, wanted, timeout)
            kept = {triple: pair for triple, pair in pairs.items() if pair.outcome != TOO_SLOW}
            write(replace(known, pairs={**known.pairs, **kept}), path)
            for triple, pair in pairs.items():
                typer.echo(f"{name} {triple}: {pair.outcome} {pair.seconds}s {'; '.join(pair.notes)}"[:400])


@app.command()
def table() -> None:
    """Write the table of all kept results into docs/status.md."""
    STATUS.write_text(renewed(STATUS.read_text("utf-8"), table_of_results()), "utf-8")


def table_of_results() -> str:
    """The table of all kept results, the projects in the order of projects.toml."""
    rows = _projects()
    found = [read(path) for name in rows if (path := RESULTS / f"{name}.json").exists()]
    return rendered(found, TARGETS, {name: row.get("known", {}) for name, row in rows.items()})


def _projects() -> dict[str, dict[str, Any]]:
    return dict(tomllib.loads(PROJECTS.read_text("utf-8"))["project"])


def _release(name: str, row: Mapping[str, Any]) -> Release:
    source, version = sdist(name, row.get("version", ""), KEPT)
    return Release(name, version, row.get("options", ()), row.get("interp", "cp311"), source)


def _build(release: Release, triples: Sequence[str], timeout: str) -> dict[str, Pair]:
    """One run for all targets."""
    out = KEPT / "wheels" / f"{release.name}-{release.version}"
    words = [word for triple in triples for word in ("--target", triple)]
    words += [
        "--jobs",
        "2",
        "--interp",
        release.interpreter,
        "--out",
        str(out),
        "--timeout",
        timeout,
        *release.options,
    ]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "xbuild", "run", str(release.source), *words, *release.options, "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=KEPT,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    if not events:
        raise typer.BadParameter(done.stderr)
    head = ("git", "rev-parse", "--short=12", "HEAD")
    commit = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    day = datetime.now(UTC).date().isoformat()
    pairs = {triple: _pair(release, triple, events) for triple in triples}
    typer.echo(f"{release.name}: {time.monotonic() - started:.0f}s in all")
    return {triple: replace(pair, commit=commit, day=day) for triple, pair in pairs.items()}


def _pair(release: Release, triple: str, events: Sequence[Mapping[str, Any]]) -> Pair:
    own = [event for event in events if event.get("job") == triple]
    job = next((event for event in own if event["event"] == "job-finished"), None)
    if job is None:
        return _without_a_job(triple, events[-1])
    seconds = round(job["seconds"])
    if job["status"] == "timeout":
        return Pair(outcome=TOO_SLOW, seconds=seconds)
    wheel = next((Path(event["path"]) for event in own if event["event"] == "wheel"), None)
    if wheel is None:
        first = (str(job.get("reason", "")).strip().splitlines() or [""])[0]
        return Pair(outcome="failed", notes=[f"{job['status']}: {first}"], seconds=seconds)
    theirs = upstream_wheel(release.name, release.version, triple, release.interpreter, KEPT)
    if theirs is None:
        sizes = (wheel.stat().st_size, 0)
        return Pair(outcome="no upstream", wheel=wheel.name, sizes=sizes, seconds=seconds)
    notes = differences(wheel, theirs)
    return Pair(
        outcome="differs" if notes else "equal",
        notes=notes,
        wheel=wheel.name,
        upstream=theirs.name,
        sizes=(wheel.stat().st_size, theirs.stat().st_size),
        seconds=seconds,
    )


def _without_a_job(triple: str, last: Mapping[str, Any]) -> Pair:
    """Refused in the plan, with the rest of the run or alone."""
    if report := last.get("report"):
        refused = json.loads(Path(report).read_text("utf-8"))["refused"]
        reasons = [item["reason"] for item in refused if item["target"] == triple]
        return Pair(outcome="refused", notes=list(dict.fromkeys(reasons)))
    outcome = "refused" if last["exit_status"] in _NOT_STARTED else "failed"
    return Pair(outcome=outcome, notes=[f"{last.get('code', last['exit_status'])}: {last.get('brief', '')}"])


if __name__ == "__main__":
    app()

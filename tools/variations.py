"""Prove that the same inputs give the same bytes: build a crate once, and again under other circumstances.

docs/reproducibility.md explains it. Exit status: 0 identical, 10 something differs, otherwise that of
``xbuild run``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from circumstances import EPOCH, VARIATIONS, Call, ImpossibleError, Lab, Variation, names
from fresh_image import FRESH_IMAGE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xbuild.catalog import load_catalog
from xbuild.errors import ExitStatus, UsageError, XbuildError
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.rebuild.compare import Cause, Comparison, compare_wheels
from xbuild.ui.errors import render_error
from xbuild.util.files import remove_tree

ROOT = Path(__file__).resolve().parent.parent
ALL = (*VARIATIONS, FRESH_IMAGE)
DOWNLOADS = ("store", "details")
"""Folders of the cache that hold what was fetched, and nothing that was compiled."""

Outcome = Literal["identical", "differs", "failed", "impossible"]
_SHOWN: Mapping[Outcome, str] = {
    "identical": "[green]identical[/]",
    "differs": "[bold red]DIFFERS[/]",
    "failed": "[bold red]FAILED[/]",
    "impossible": "[dim]not possible[/]",
}


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a call left.

    :ivar wheels: files by target and file name.
    :ivar reasons: why there is less than there should be, by target; ``""`` for all of them.
    """

    status: int
    seconds: float
    report: Mapping[str, Any]
    wheels: Mapping[tuple[str, str], Path]
    reasons: Mapping[str, str]

    def of(self, target: str) -> Iterator[tuple[str, Path]]:
        """The wheels of one target."""
        yield from ((name, path) for (triple, name), path in self.wheels.items() if triple == target)


@dataclass(frozen=True, kw_only=True)
class WheelResult:
    """A wheel beside the baseline's. ``sha256`` is ``""`` where there is none.

    :ivar kept: where both are, the baseline's first, when they differ.
    """

    file: str
    baseline: str
    sha256: str
    causes: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Result:
    """A variation's outcome on a target.

    :ivar left_out: what of it could not be changed on this machine, and why.
    """

    variation: str
    target: str
    outcome: Outcome
    note: str = ""
    seconds: float = 0.0
    wheels: tuple[WheelResult, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Bench:
    """Does the builds.

    :param console: gets a line for everything that begins or ends.
    """

    def __init__(self, base: Call, *, work: Path, faketime: Path | None, console: Console) -> None:
        self._base = base
        self._work = work
        self._faketime = faketime
        self._console = console
        self.baseline = self._say("baseline", base)

    def _say(self, name: str, call: Call) -> Built:
        self._console.print(f"{escape(name)}: building", style="dim")
        built = self._build(call)
        self._console.print(
            f"{escape(name)}: {len(built.wheels)} wheels in {built.seconds:.0f} s", style="dim"
        )
        return built

    def _build(self, call: Call) -> Built:
        self._furnish(call)
        call.before()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
            "XBUILD_CACHE_DIR": str(call.cache),
            "XBUILD_STATE_DIR": str(call.state),
            "SOURCE_DATE_EPOCH": str(EPOCH),
            **call.environment,
        }
        started = time.monotonic()
        done = subprocess.run(
            call.command(),
            cwd=call.out,
            env=environment,
            umask=call.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        seconds = time.monotonic() - started
        call.out.with_name(f"{call.out.name}.log").write_text(done.stdout + done.stderr, "utf-8")
        return _gather(call, done.returncode, done.stdout + done.stderr, seconds)

    def _furnish(self, call: Call) -> None:
        """Make the call's folders; its cache starts with the downloads of the baseline's, or with nothing."""
        for folder in (call.cache, call.state, call.out):
            folder.mkdir(parents=True, exist_ok=True)
        if call.seeded and call.cache != self._base.cache:
            for name in DOWNLOADS:
                if (self._base.cache / name).is_dir() and not (call.cache / name).exists():
                    shutil.copytree(self._base.cache / name, call.cache / name)
        if call.user:
            for folder in (call.cache, call.state, call.out):
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, *call.user, follow_symlinks=False)

    def vary(self, variation: Variation) -> Iterator[Result]:
        """Build under one variation, and compare."""
        notes = [variation.note] if variation.note else []
        with ExitStack() as stack:
            lab = Lab(work=self._work, faketime=self._faketime, stack=stack, notes=notes)
            place = self._work / "runs" / variation.name
            call = replace(self._base, out=place / "out", state=place / "state")
            if variation.name != "warm":
                call = replace(call, cache=place / "cache")
            try:
                calls = variation.split(variation.change(lab, call))
            except ImpossibleError as error:
                self._console.print(f"{variation.name}: not possible here: {escape(str(error))}", style="dim")
                for target in self._base.targets:
                    yield Result(
                        variation=variation.name, target=target, outcome="impossible", note=str(error)
                    )
                return
            for item in calls:
                if item.cache != self._base.cache:
                    stack.callback(remove_tree, item.cache)
            built = [self._say(variation.name, item) for item in calls]
            problem = next(filter(None, map(self._misled, calls, built)), "")
            compared = [done for item, done in zip(calls, built, strict=True) if not item.other_sources]
            for target in self._base.targets:
                result = self._judge(variation, target, compared, problem, "; ".join(notes))
                yield replace(result, left_out=dict(lab.left_out))

    def _misled(self, call: Call, built: Built) -> str:
        """Why a build does not show what it was to show, or ``""``."""
        report = built.report
        if not report:
            return ""
        if report["transport"] != call.transport:
            return f"files travelled by {report['transport']} instead of {call.transport}"
        source = report["source"]
        if (source["epoch"], source["epoch_source"]) != (EPOCH, call.epoch_source):
            return f"SOURCE_DATE_EPOCH was {source['epoch']}, from {source['epoch_source']}"
        pairs = ((path, self.baseline.wheels.get(key)) for key, path in built.wheels.items())
        if call.other_sources and any(other and digest(path) == digest(other) for path, other in pairs):
            return "edited sources gave the same wheel"
        return ""

    def _judge(
        self, variation: Variation, target: str, built: Sequence[Built], problem: str, note: str
    ) -> Result:
        mine = {name: path for item in built for name, path in item.of(target)}
        wanted = dict(self.baseline.of(target))
        wheels = tuple(
            self._compare(name, wanted.get(name), mine.get(name)) for name in sorted({*mine, *wanted})
        )
        outcome: Outcome = "identical"
        if missing := [wheel.file for wheel in wheels if not wheel.sha256]:
            outcome = "failed"
            reasons = [item.reasons.get(target) or item.reasons.get("", "") for item in built]
            note = "\n".join(dict.fromkeys(filter(None, reasons))) or f"no {', '.join(missing)}"
        elif problem:
            outcome, note = "failed", problem
        elif any(wheel.sha256 != wheel.baseline for wheel in wheels):
            outcome = "differs"
        if not wanted:
            failure = self.baseline.reasons.get(target, "")
            outcome = "failed" if failure else "impossible"
            note = f"the baseline has no wheel: {failure or 'it was refused'}"
        return Result(
            variation=variation.name,
            target=target,
            outcome=outcome,
            note=note,
            seconds=sum(item.seconds for item in built),
            wheels=wheels,
        )

    @staticmethod
    def _compare(name: str, wanted: Path | None, found: Path | None) -> WheelResult:
        sums = [digest(path) if path else "" for path in (wanted, found)]
        result = WheelResult(file=name, baseline=sums[0], sha256=sums[1])
        if wanted is None or found is None or sums[0] == sums[1]:
            return result
        comparison = compare_wheels(wanted, found)
        return replace(
            result,
            causes=tuple(dict.fromkeys(map(_cause, comparison.causes))),
            differences=tuple(_differences(comparison)),
            kept=(str(wanted), str(found)),
        )


def _cause(cause: Cause) -> str:
    where = f"{cause.where}: " if cause.where else ""
    evidence = f" ({'; '.join(cause.evidence)})" if cause.evidence else ""
    return f"[{cause.code}] {where}{cause.message}{evidence}"


def _differences(comparison: Comparison) -> Iterator[str]:
    for item in comparison.archive:
        yield f"{item.aspect} {item.where}: {item.a} and {item.b}"
    for entry in comparison.entries:
        if not entry.consequence:
            parts = ", ".join(section.name for section in entry.sections)
            yield f"{entry.name}: {entry.size_a} and {entry.size_b} bytes, from {entry.first}" + (
                f"; sections {parts}" if parts else ""
            )


def _gather(call: Call, status: int, output: str, seconds: float) -> Built:
    path = call.out / ".xbuild" / "report.json"
    report: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    tail = "\n".join(output.strip().splitlines()[-6:])
    reasons = {} if report else {"": f"xbuild ended with status {status}: {tail}"}
    wheels = {}
    for job in report.get("jobs", ()):
        for wheel in job["wheels"]:
            wheels[job["target"], wheel["file"]] = call.out / wheel["file"]
        if job["reason"]:
            reasons[job["target"]] = job["reason"]
    return Built(status=status, seconds=seconds, report=report, wheels=wheels, reasons=reasons)


def _existing(path: Path | None) -> Path | None:
    if path and not path.is_file():
        raise UsageError(f"{path} does not exist", code="no-file")
    return path and path.absolute()


def _choose(only: Sequence[str], *, fresh_image: bool) -> list[Variation]:
    known = {item.name: item for item in ALL}
    for name in only:
        if name not in known:
            raise UsageError(f"there is no variation {name!r}", hint=f"there are: {names(ALL)}")
    if only:
        return [known[name] for name in dict.fromkeys(only)]
    return [item for item in ALL if fresh_image or not item.optional]


def _table_console() -> Console:
    """Standard output, wide enough where it is no terminal that nothing is cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 240)


def _show(console: Console, results: Sequence[Result], chosen: Sequence[Variation]) -> None:
    targets = tuple(dict.fromkeys(item.target for item in results))
    table = Table("variation", "what is other", *targets)
    notes: dict[str, int] = {}
    for variation in chosen:
        mine = [item for item in results if item.variation == variation.name]
        marks = {item.note: notes.setdefault(item.note, len(notes) + 1) for item in mine if item.note}
        cells = [_SHOWN[item.outcome] + (f" ({marks[item.note]})" if item.note else "") for item in mine]
        table.add_row(variation.name, variation.description, *cells)
    console.print(table)
    for note, number in notes.items():
        console.print(f"({number}) {escape(note)}")
    for item in results:
        for wheel in item.wheels:
            if wheel.kept:
                console.print(f"\n{item.variation}: {escape(wheel.file)}", style="bold red")
                for line in (*wheel.differences, *wheel.causes, *wheel.kept):
                    console.print(f"  {escape(line)}", soft_wrap=True)


def _document(crate: Path, baseline: Built, results: Sequence[Result], *, identical: bool) -> dict[str, Any]:
    return {
        "schema": "xbuild.variations/1",
        "crate": str(crate),
        "identical": identical,
        "epoch": EPOCH,
        "baseline": {
            "seconds": baseline.seconds,
            "wheels": [
                {"target": target, "file": name, "sha256": digest(path), "size": path.stat().st_size}
                for (target, name), path in baseline.wheels.items()
            ],
        },
        "results": [asdict(item) for item in results],
    }


def _base_call(crate: Path, work: Path, targets: Sequence[str], interpreters: Sequence[str]) -> Call:
    catalog = load_catalog()
    manifest = read_manifest(crate, source_root=crate if crate.is_dir() else crate.parent)
    place = work / "runs" / "baseline"
    return Call(
        crate=manifest.project,
        root=manifest.root,
        out=place / "out",
        cache=place / "cache",
        state=place / "state",
        targets=tuple(dict.fromkeys(catalog.target(triple).triple for triple in targets)),
        interpreters=tuple(dict.fromkeys(interpreters)),
    )


def main(
    crate: Annotated[Path, typer.Argument(help="The crate's folder.")],
    target: Annotated[
        list[str], typer.Option("--target", "-t", metavar="TRIPLE", help="Target triple; may be repeated.")
    ],
    interp: Annotated[
        list[str], typer.Option("--interp", "-i", metavar="KIND", help="Interpreter; may be repeated.")
    ],
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"One of {names(ALL)}; may be repeated.")
    ] = None,
    fresh_image: Annotated[
        bool, typer.Option("--fresh-image", help="Also make the toolchain images again, which takes long.")
    ] = False,
    faketime: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="libfaketimeMT.so.1, where it is not in Debian's place."),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(metavar="DIR", help="New folder for copies, caches and wheels; it is kept.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The results as JSON on standard output.")] = False,
) -> None:
    """Build CRATE once, and again under other circumstances, and compare the wheels byte for byte."""
    console = Console(stderr=True, highlight=False)
    try:
        status = _run(
            crate.absolute(),
            target,
            interp,
            chosen=_choose(only or (), fresh_image=fresh_image),
            faketime=_existing(faketime),
            work=work,
            as_json=as_json,
            console=console,
        )
    except XbuildError as error:
        console.print(render_error(error))
        status = int(error.exit_status)
    except OSError as error:
        console.print(f"error: {escape(str(error))}", style="bold red", soft_wrap=True)
        status = int(ExitStatus.INTERNAL)
    except KeyboardInterrupt:
        status = int(ExitStatus.INTERRUPTED)
    raise SystemExit(status)


def _run(
    crate: Path,
    targets: Sequence[str],
    interpreters: Sequence[str],
    *,
    chosen: Sequence[Variation],
    faketime: Path | None,
    work: Path | None,
    as_json: bool,
    console: Console,
) -> int:
    with ExitStack() as stack:
        if work is None:
            folder = Path(tempfile.mkdtemp(prefix="xbuild-variations-"))
            stack.callback(remove_tree, folder)
        else:
            folder = work.absolute()
            folder.mkdir(parents=True)
        # Another user's xbuild has to come by
        folder.chmod(0o711)
        base = _base_call(crate, folder, targets, interpreters)
        bench = Bench(base, work=folder, faketime=faketime, console=console)
        if not bench.baseline.wheels:
            console.print("the baseline has no wheel:", style="bold red")
            console.print(escape("\n".join(bench.baseline.reasons.values())))
            return bench.baseline.status or int(ExitStatus.BUILD_FAILED)
        results: list[Result] = []
        for variation in chosen:
            for result in bench.vary(variation):
                results.append(result)
                console.print(f"{result.variation}: {result.target}: {_SHOWN[result.outcome]}")
        identical = all(item.outcome in {"identical", "impossible"} for item in results)
        if as_json:
            document = _document(crate, bench.baseline, results, identical=identical)
            sys.stdout.write(json.dumps(document, indent=1) + "\n")
        else:
            _show(_table_console(), results, chosen)
        if not identical:
            stack.pop_all()
            console.print(f"kept: {folder}")
        return int(ExitStatus.OK if identical else ExitStatus.MISMATCH)


if __name__ == "__main__":
    typer.run(main)

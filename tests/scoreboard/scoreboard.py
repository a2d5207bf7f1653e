"""Builds popular projects' newest sdists unchanged, and compares the wheels with upstream's own.

    python tests/scoreboard/scoreboard.py build [PROJECT...] [--target TRIPLE]... [--again] [--heavy]
    python tests/scoreboard/scoreboard.py table

Results are kept in a folder, one file for each pair, so that a run goes on where the last one stopped. A pair
is equal where tags, files, METADATA, init symbols, libraries, the platform's floor and the size are as
upstream's, as :func:`differences` says; else the table names what differs, or why nothing was built.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Annotated

import typer

from xbuild.catalog import Target, load_catalog
from xbuild.check.audit import audit
from xbuild.check.model import AuditResult
from xbuild.wheels.naming import WheelName, parse_name, parse_platform

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = Path(__file__).with_name("projects.toml")
KEPT = ROOT / "tests" / ".cache" / "scoreboard"
DEFAULT_TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
)
_ABI_SUFFIX = (".so", ".pyd", ".dylib")
_LARGER = 1.5
_C_LIBRARY = ("libc.", "libm.", "libdl.", "libpthread.", "librt.", "libutil.", "ld-linux", "ld-musl")
"""Parts of one thing: which of them a linker names goes by the linker."""
# maturin writes these by its own version, and by what the machine has
_NOT_COMPARED = {"Metadata-Version", "License-File", "Dynamic"}

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True)
class Pair:
    """What was done for a project and a target.

    :ivar outcome: ``equal``, ``differs``, ``refused``, ``failed``, or ``no-upstream``: built, and nothing to
        compare with.
    :ivar notes: what differs, or why nothing was built.
    """

    project: str
    version: str
    target: str
    outcome: str
    notes: list[str]
    wheel: str = ""
    upstream: str = ""
    size: int = 0
    upstream_size: int = 0
    seconds: float = 0.0


@app.command()
def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Projects; all that are not heavy without any.")
    ] = None,
    target: Annotated[list[str] | None, typer.Option("--target", "-t")] = None,
    *,
    again: Annotated[bool, typer.Option(help="Also what there are results of.")] = False,
    heavy: Annotated[bool, typer.Option(help="Also what takes minutes a target.")] = False,
) -> None:
    """Build, compare, and keep the results."""
    rows = tomllib.loads(PROJECTS.read_text("utf-8"))["project"]
    chosen = names or [name for name, row in rows.items() if heavy or not row.get("heavy")]
    for name in chosen:
        for triple in target or DEFAULT_TARGETS:
            place = _result(name, triple)
            if place.exists() and not again:
                continue
            row = rows.get(name, {})
            pair = _one(name, row.get("version", ""), triple, row.get("interp", "cp311"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(pair.__dict__, indent=1) + "\n", "utf-8")
            typer.echo(f"{name} {triple}: {pair.outcome} {pair.seconds:.0f}s {'; '.join(pair.notes)}"[:400])


@app.command()
def table() -> None:
    """Print the table of all kept results."""
    found = [Pair(**json.loads(path.read_text("utf-8"))) for path in sorted(KEPT.glob("results/*/*.json"))]
    by_project: dict[str, dict[str, Pair]] = {}
    for pair in found:
        by_project.setdefault(f"{pair.project} {pair.version}", {})[pair.target] = pair
    typer.echo("| project | " + " | ".join(DEFAULT_TARGETS) + " |")
    typer.echo("|" + "---|" * (len(DEFAULT_TARGETS) + 1))
    notes: dict[str, int] = {}
    for title, pairs in by_project.items():
        cells = [_cell(pairs.get(triple), notes) for triple in DEFAULT_TARGETS]
        typer.echo(f"| {title} | {' | '.join(cells)} |")
    typer.echo("")
    for note, number in notes.items():
        typer.echo(f"{number}. {note}")
    built = [pair for pair in found if pair.outcome in {"equal", "no-upstream"}]
    typer.echo(f"\n{len(built)} of {len(found)} pairs are built and equal.")


def _cell(pair: Pair | None, notes: dict[str, int]) -> str:
    if pair is None:
        return "not tried"
    numbers = [str(notes.setdefault(note, len(notes) + 1)) for note in pair.notes]
    return f"{pair.outcome}{' [' + ', '.join(numbers) + ']' if numbers else ''}"


def _result(name: str, triple: str) -> Path:
    return KEPT / "results" / name / f"{triple}.json"


def _one(name: str, wanted: str, triple: str, interp: str) -> Pair:
    sdist, version = _sdist(name, wanted)
    out = KEPT / "wheels" / name / triple
    started = time.monotonic()
    words = ["run", sdist, "--target", triple, "--interp", interp, "--out", out, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "xbuild", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=KEPT,
    )
    seconds = time.monotonic() - started
    if done.returncode != 0:
        outcome = "refused" if done.returncode in {2, 3} else "failed"
        return Pair(name, version, triple, outcome, [_reason(done)], seconds=seconds)
    wheel = max(out.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    theirs = _upstream(name, version, triple, interp)
    if theirs is None:
        return Pair(name, version, triple, "no-upstream", [], wheel.name, seconds=seconds)
    notes = differences(wheel, theirs)
    sizes = wheel.stat().st_size, theirs.stat().st_size
    outcome = "differs" if notes else "equal"
    return Pair(name, version, triple, outcome, notes, wheel.name, theirs.name, *sizes, seconds)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Why nothing was built, in a line."""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in reversed(events):
        if event.get("event") == "job-finished" and event.get("reason"):
            return f"{event['status']}: {str(event['reason']).strip().splitlines()[0]}"
    last = events[-1] if events else {}
    return f"{last.get('code', done.returncode)}: {last.get('brief') or done.stderr.strip()[-300:]}"


def differences(ours: Path, theirs: Path) -> list[str]:
    """What of our wheel is not as in upstream's."""
    catalog = load_catalog()
    one, other = parse_name(ours.name), parse_name(theirs.name)
    audits = audit(ours, catalog=catalog), audit(theirs, catalog=catalog)
    found = [*_tags(one, other), *_files(ours, theirs), *_metadata(ours, theirs), *_modules(*audits)]
    ratio = ours.stat().st_size / theirs.stat().st_size
    if ratio > _LARGER:
        found.append(f"{ratio:.1f} times as large as upstream's")
    return found


def _tags(one: WheelName, other: WheelName) -> list[str]:
    kinds = [sorted({(tag.interpreter, tag.abi) for tag in name.tags}) for name in (one, other)]
    found = [] if kinds[0] == kinds[1] else [f"tags {kinds[0]}, upstream's {kinds[1]}"]
    floors = [min(platform.version for platform in name.platforms) for name in (one, other)]
    if floors[0] > floors[1]:
        found.append(f"needs {one.platforms[0].tag}, upstream's {other.platforms[0].tag}")
    return found


def _names(wheel: Path) -> set[str]:
    """The files of a wheel; of modules without the suffix that names interpreter and platform."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    plain = {f"{name.split('.')[0]} (module)" if name.endswith(_ABI_SUFFIX) else name for name in names}
    return {name for name in plain if "/sboms/" not in name and not name.endswith(("/RECORD", "/WHEEL"))}


def _files(ours: Path, theirs: Path) -> list[str]:
    one, other = _names(ours), _names(theirs)
    repaired = {name for name in other if ".libs/" in name}
    missing, more = sorted(other - one - repaired), sorted(one - other)
    return [
        *([f"lacks {', '.join(missing[:6])}"] if missing else []),
        *([f"has besides {', '.join(more[:6])}"] if more else []),
    ]


def _read_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode("utf-8"))


def _metadata(ours: Path, theirs: Path) -> list[str]:
    one, other = _read_metadata(ours), _read_metadata(theirs)
    keys = (set(one.keys()) | set(other.keys())) - _NOT_COMPARED
    differ = sorted(key for key in keys if sorted(one.get_all(key, [])) != sorted(other.get_all(key, [])))
    text = [str(item.get_payload()).strip().replace("\r\n", "\n") for item in (one, other)]
    if text[0] != text[1]:
        differ.append("description")
    return [f"METADATA differs in {', '.join(differ)}"] if differ else []


def _modules(one: AuditResult, other: AuditResult) -> list[str]:
    inits = [{name for item in result.modules for name in item.init_symbols} for result in (one, other)]
    found = (
        [] if inits[0] == inits[1] else [f"init symbols {sorted(inits[0])}, upstream's {sorted(inits[1])}"]
    )
    needed = [
        {
            name.lower()
            for item in result.modules
            for part in item.slices
            for name in (*part.needed, *part.delayed)
        }
        for result in (one, other)
    ]
    more = sorted(name for name in needed[0] - needed[1] if not name.startswith(_C_LIBRARY))
    if more:
        found.append(f"links besides {', '.join(more[:6])}")
    floors = [
        max((part.minimum_os for item in result.modules for part in item.slices), default=())
        for result in (one, other)
    ]
    if floors[0] > floors[1]:
        found.append(f"needs macOS {floors[0]}, upstream's {floors[1]}")
    return found


def _sdist(name: str, wanted: str) -> tuple[Path, str]:
    """A release's sdist, the newest one's by itself, unpacked and kept; and its version."""
    place = KEPT / "sdists" / f"{name}-{wanted or 'newest'}"
    if not place.is_dir():
        download, unpacked = KEPT / "downloads" / name, KEPT / "unpacked" / name
        requirement = f"{name}=={wanted}" if wanted else name
        words = ("-m", "unearth", requirement, "--no-binary", "--download", str(download))
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        with tarfile.open(next(download.glob("*.tar.gz"))) as archive:
            archive.extractall(unpacked, filter="data")
        place.parent.mkdir(parents=True, exist_ok=True)
        next(unpacked.iterdir()).rename(place)
    return place, str(Parser().parsestr((place / "PKG-INFO").read_text("utf-8"))["Version"])


def _upstream(name: str, version: str, triple: str, interp: str) -> Path | None:
    """Upstream's own wheel for a target, or ``None``."""
    place = KEPT / "upstream" / name / triple
    if not any(place.glob("*.whl")):
        abis = [word for abi in (interp, "abi3") for word in ("--abi", abi)]
        platforms = [word for tag in _platforms(triple) for word in ("--platform", tag)]
        words = (
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(place),
        )
        python = ("--python-version", f"{interp[2]}.{interp[3:]}", "--implementation", "cp")
        subprocess.run(
            [sys.executable, *words, *python, *abis, *platforms, f"{name}=={version}"],
            check=False,
            capture_output=True,
        )
    return next(place.glob("*.whl"), None)


def _platforms(triple: str) -> list[str]:
    """The platform tags under which upstream may have a wheel for a target, the oldest platform first."""
    target = load_catalog().target(triple)
    arch = platform_arch(target)
    if target.os == "windows":
        return [target.platform_tag]
    if target.os == "macos":
        versions = [(10, minor) for minor in range(9, 17)] if arch == "x86_64" else []
        versions += [(major, 0) for major in range(11, 27)]
        return [
            f"macosx_{major}_{minor}_{kind}" for major, minor in versions for kind in (arch, "universal2")
        ]
    if target.musl:
        return [f"musllinux_1_{minor}_{arch}" for minor in range(1, 6)]
    return [f"manylinux2014_{arch}", *(f"manylinux_2_{minor}_{arch}" for minor in range(17, 42))]


def platform_arch(target: Target) -> str:
    """The architecture as a target's platform tag spells it."""
    return parse_platform(target.platform_tag.split(".")[0]).archs[0]


if __name__ == "__main__":
    app()

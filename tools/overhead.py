"""Measure what a run costs beside cargo and maturin, when there is nothing to do.

Prints medians: the whole run, the part of it in maturin, and the rest, which is also given as a multiple of
what the engine takes to start and remove one container with the same image.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer


def main(
    crate: Annotated[Path, typer.Argument(help="The crate's folder.")],
    target: Annotated[str, typer.Option("--target", "-t", metavar="TRIPLE")],
    interp: Annotated[str, typer.Option("--interp", "-i", metavar="KIND")],
    runs: Annotated[int, typer.Option(min=1, help="How many are measured, after a first that is not.")] = 7,
) -> None:
    """Run CRATE again and again, with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="xbuild-overhead-") as place:
        out = Path(place) / "dist"
        command = [sys.executable, "-m", "xbuild", "run", str(crate.absolute()), "--quiet"]
        command += ["--target", target, "--interp", interp, "--out", str(out)]
        image = _run(command, out)[2]
        container = ["docker", "run", "--rm", "--network=none", image, "/bin/true"]
        whole, inside, floor = [], [], []
        for _ in range(runs):
            seconds, maturin, _ = _run(command, out)
            whole.append(seconds)
            inside.append(maturin)
            floor.append(_seconds(container))
    outside = statistics.median(a - b for a, b in zip(whole, inside, strict=True))
    typer.echo(f"whole run            {statistics.median(whole):.2f} s")
    typer.echo(f"in maturin and cargo {statistics.median(inside):.2f} s")
    typer.echo(f"outside              {outside:.2f} s")
    typer.echo(f"one container        {statistics.median(floor):.2f} s")
    typer.echo(f"outside / container  {outside / statistics.median(floor):.1f}")


def _run(command: list[str], out: Path) -> tuple[float, float, str]:
    """Seconds of a run, those of them in maturin, and the image."""
    seconds = _seconds(command)
    report = json.loads((out / ".xbuild" / "report.json").read_text("utf-8"))
    (job,) = report["jobs"]
    return seconds, sum(step["seconds"] for step in job["steps"]), job["image_digest"]


def _seconds(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started


if __name__ == "__main__":
    typer.run(main)

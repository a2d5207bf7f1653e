"""What the tools beside this file share: running programs, pinned distributions, and writing a list."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPORTS = Path(__file__).resolve().parents[2] / "xbuild" / "wheels" / "exports"


@dataclass(frozen=True)
class Listing:
    """A list to be written: its names, and what its header says."""

    title: str
    source: str
    reference: str
    names: frozenset[str]


def run(*argv: str, cwd: Path | None = None) -> str:
    """Run a tool and give back its standard output."""
    return subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fetch_distribution(work: Path, row: dict[str, Any]) -> Path:
    """The distribution that ``row`` pins, downloaded by pip."""
    name, version = row["requirement"].split("==")
    folder = work / "pip" / f"{name}-{version}"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        pinned = folder / "requirements.txt"
        pinned.write_text(
            row["requirement"] + (f" --hash=sha256:{row['sha256']}\n" if "sha256" in row else "\n")
        )
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder))
        run(*command, *row.get("fetch", ()), "--requirement", str(pinned))
    return next(path for path in sorted(folder.iterdir()) if path.suffix in {".gz", ".whl"})


def fetch_crate(work: Path, name: str, version: str) -> tuple[Path, str]:
    """Folder and checksum of a crate, fetched by ``cargo vendor``."""
    folder = work / "crates" / f"{name}-{version}"
    crate = folder / "vendor" / f"{name}-{version}"
    if not crate.is_dir():
        (folder / "src").mkdir(parents=True, exist_ok=True)
        (folder / "src" / "lib.rs").write_text("")
        package = '[package]\nname = "exports"\nversion = "0.0.0"\nedition = "2021"\n'
        (folder / "Cargo.toml").write_text(f'{package}\n[dependencies]\n{name} = "={version}"\n')
        run("cargo", "vendor", "--quiet", "--versioned-dirs", "vendor", cwd=folder)
    checksum = json.loads((crate / ".cargo-checksum.json").read_text())["package"]
    return crate, str(checksum)


def write(name: str, listing: Listing) -> None:
    """Write one data file."""
    write_lines(name, listing.title, listing.source, listing.reference, sorted(listing.names))


def write_lines(name: str, title: str, source: str, reference: str, lines: list[str]) -> None:
    """Write one data file of ``lines``."""
    header = [f"# {title}", f"# source: {source}", f"# reference: {reference}"]
    (EXPORTS / f"{name}.txt").write_text("\n".join([*header, *lines]) + "\n", "utf-8")
    sys.stdout.write(f"{name}: {len(lines)}\n")

"""Fetch about a hundred wheels that PyPI serves, audit each, and write a table of what was found.

    python tools/audit_wheels.py --work SOME_FOLDER

``audit_wheels.toml`` names the projects. A wheel that is there already is not fetched again; what an index
does not have for a platform is passed over. A rejection is either true, and then docs/audit.md explains it,
or a mistake of the audit's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from xbuild.catalog import load_catalog
from xbuild.check.audit import audit
from xbuild.check.model import AuditResult

HERE = Path(__file__).resolve().parent


def fetch(work: Path) -> Iterator[Path]:
    """The wheels of ``audit_wheels.toml``, each in a folder of its own."""
    plan = tomllib.loads((HERE / "audit_wheels.toml").read_text("utf-8"))
    for group in plan["set"]:
        for project in group["projects"]:
            for platform in group["platforms"]:
                asked = ["--python-version", group["python"]]
                asked += ["--implementation", group["kind"]] if "kind" in group else []
                asked += ["--abi", group["abi"]] if "abi" in group else []
                folder = work / f"{project}-{group.get('abi', group['python'])}-{platform}"
                if not folder.is_dir():
                    folder.mkdir(parents=True)
                    download(folder, project, asked, plan["platforms"][platform])
                yield from sorted(folder.glob("*.whl"))


def download(folder: Path, project: str, asked: list[str], tags: list[str]) -> None:
    """One wheel, by pip; none where the index has none.

    :param asked: pip's words for the interpreter.
    :param tags: platform tags that will do.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wanted = ["--only-binary", ":all:", *asked, "--dest", str(folder)]
    platforms = [word for tag in tags for word in ("--platform", tag)]
    subprocess.run([*command, *wanted, *platforms, project], check=False, stderr=subprocess.DEVNULL)


def row(result: AuditResult, seconds: float) -> str:
    """One line of the table."""
    found = sorted({f"{item.code}: {item.message}" for item in result.errors})
    said = "; ".join(found) or "ok"
    return f"| {result.wheel} | {result.size / 1e6:.1f} | {seconds:.1f} | {said} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the wheels")
    work = parser.parse_args().work.resolve()
    results = []
    sys.stdout.write("| wheel | MB | seconds | found |\n|---|---|---|---|\n")
    for path in fetch(work):
        start = time.monotonic()
        result = audit(path, catalog=load_catalog())
        sys.stdout.write(row(result, time.monotonic() - start) + "\n")
        sys.stdout.flush()
        results.append(result)
    (work / "results.json").write_text(
        json.dumps([result.as_dict() for result in results], indent=1), "utf-8"
    )
    refused = sum(not result.ok for result in results)
    sys.stdout.write(f"\n{len(results)} wheels, {refused} refused\n")


if __name__ == "__main__":
    main()

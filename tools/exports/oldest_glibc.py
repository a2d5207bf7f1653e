"""Ask a real loader: does the oldest glibc that Debian still serves find every symbol of a wheel's modules?

    python tools/exports/oldest_glibc.py --work SOME_FOLDER WHEEL...

The loader of that release resolves each module of wheels for x86_64 as it would on loading it (``ld.so`` in
the mode of ``ldd -r``), on this machine, with its own C library and without the module's code being run: only
functions that choose an implementation (IFUNC) would be, so give it wheels that you would install. What it
does not find and Python would not bring is printed. The status is 1 where there is something.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from fetching import run
from generate import PYTHON_NAME, apt_options, fetch_deb

SUITE = "bullseye"
PACKAGES = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g")
_LOADED = "libm.so.6 libdl.so.2 libpthread.so.0 libutil.so.1"
"""What every interpreter has loaded; xbuild/wheels/platforms.toml says so too."""
_LOST = re.compile(r"undefined symbol: (\S+?)[,\s]|(\S+: version .* not found)|(\S+) => not found", re.ASCII)


def libraries(work: Path) -> list[Path]:
    """The folders with the libraries of the suite, the loader in the first."""
    options = apt_options(work, (SUITE,))
    if not all((work / "deb" / f"{package}-{SUITE}").is_dir() for package in PACKAGES):
        run("apt-get", *options, "--quiet", "update")
    roots = [
        fetch_deb(work, {"package": package, "suite": SUITE}, options)[0].resolve() for package in PACKAGES
    ]
    folders = [root / top / "x86_64-linux-gnu" for root in roots for top in ("lib", "usr/lib")]
    return [folder for folder in folders if folder.is_dir()]


def lost(module: Path, folders: Sequence[Path]) -> list[str]:
    """What the loader does not find for a module, less Python's names."""
    loader = next(folders[0].glob("ld-*.so*"))
    path = ":".join(map(str, folders))
    answer = subprocess.run(
        (str(loader), "--library-path", path, "--preload", _LOADED, str(module)),
        env={"LD_TRACE_LOADED_OBJECTS": "1", "LD_WARN": "yes", "LD_BIND_NOW": "yes"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if "error while loading" in answer.stdout or answer.returncode < 0:
        raise SystemExit(f"{module}: the loader says {answer.stdout[:500]}")
    found = {next(filter(None, match)) for match in _LOST.findall(answer.stdout)}
    return sorted(name for name in found if not PYTHON_NAME.match(name))


def modules(wheel: Path, folder: Path) -> Iterator[Path]:
    """The shared libraries of a wheel, unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".so") or ".so." in name]
        archive.extractall(folder, names)
        yield from (folder / name for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is fetched")
    parser.add_argument("wheels", type=Path, nargs="+")
    asked = parser.parse_args()
    folders = libraries(asked.work.resolve())
    count = bad = 0
    for wheel in asked.wheels:
        with tempfile.TemporaryDirectory(prefix="oldest-glibc-") as folder:
            for module in modules(wheel, Path(folder)):
                names = lost(module, folders)
                count += 1
                bad += bool(names)
                if names:
                    sys.stdout.write(f"{wheel.name}: {module.name}: {', '.join(names)}\n")
    sys.stdout.write(f"{count} modules, {bad} with something lost\n")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()

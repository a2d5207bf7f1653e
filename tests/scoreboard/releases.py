"""What projects have released on PyPI: their sdists, and their wheels for a target."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

from xbuild.catalog import Target, load_catalog
from xbuild.wheels.naming import parse_platform


def sdist(name: str, wanted: str, kept: Path) -> tuple[Path, str]:
    """A release's sdist, unpacked and kept; and its version. Without ``wanted`` it is the newest release."""
    place = kept / "sdists" / f"{name}-{wanted or 'newest'}"
    if not place.is_dir():
        download, unpacked = kept / "downloads" / name, kept / "unpacked" / name
        requirement = f"{name}=={wanted}" if wanted else name
        _run("unearth", requirement, "--no-binary", "--download", str(download), check=True)
        with tarfile.open(next(download.glob("*.tar.gz"))) as archive:
            archive.extractall(unpacked, filter="data")
        place.parent.mkdir(parents=True, exist_ok=True)
        next(unpacked.iterdir()).rename(place)
    return place, str(Parser().parsestr((place / "PKG-INFO").read_text("utf-8"))["Version"])


def upstream_wheel(name: str, version: str, triple: str, interpreter: str, kept: Path) -> Path | None:
    """Upstream's own wheel for a target, or ``None`` where it has released none."""
    place = kept / "upstream" / f"{name}-{version}" / triple
    if not any(place.glob("*.whl")):
        abis = [word for abi in (interpreter, "abi3") for word in ("--abi", abi)]
        platforms = [
            word for tag in _platforms(load_catalog().target(triple)) for word in ("--platform", tag)
        ]
        python = ("--python-version", f"{interpreter[2]}.{interpreter[3:]}", "--implementation", "cp")
        which = ("--no-deps", "--only-binary", ":all:", "--dest", str(place), *python, *abis, *platforms)
        _run("pip", "download", "--quiet", *which, f"{name}=={version}", check=False)
    return next(place.glob("*.whl"), None)


def _run(module: str, *words: str, check: bool) -> None:
    subprocess.run([sys.executable, "-m", module, *words], check=check, capture_output=True)


def _platforms(target: Target) -> Iterator[str]:
    """The platform tags under which upstream may have a wheel for a target, the oldest platform first."""
    arch = parse_platform(target.platform_tag.split(".")[0]).archs[0]
    if target.os == "windows":
        yield target.platform_tag
    elif target.os == "macos":
        versions = [(10, minor) for minor in range(9, 17)] if arch == "x86_64" else []
        versions += [(major, 0) for major in range(11, 27)]
        for major, minor in versions:
            yield from (f"macosx_{major}_{minor}_{kind}" for kind in (arch, "universal2"))
    elif target.musl:
        yield from (f"musllinux_1_{minor}_{arch}" for minor in range(1, 6))
    else:
        yield f"manylinux2014_{arch}"
        yield from (f"manylinux_2_{minor}_{arch}" for minor in range(17, 42))

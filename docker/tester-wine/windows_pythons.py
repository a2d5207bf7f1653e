#!/usr/bin/env python3
"""Fetch the real Windows CPythons named in pythons.txt, and make each find wheels and test packages.

The source distributions hold the Python Software Foundation's own, signed files as data. The hash is the
trust; nothing of them is run here, not even their setup.py, which is why this is not left to pip.
"""

import argparse
import hashlib
import io
import json
import os
import tarfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

from pip._internal.models.index import PyPI

PATHS = ("wheel\\site", "opt\\xbuild\\site")


def fetch(url: str, accept: str = "*/*") -> bytes:
    """The body of a URL; the certificate authority and proxies come from the environment."""
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310  # the index is the caller's
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        return response.read()


def source_distribution(project: str, version: str, sha256: str) -> bytes:
    """A source distribution from the package index, verified."""
    index = (os.environ.get("PIP_INDEX_URL") or PyPI.simple_url).rstrip("/")
    page = f"{index}/{project}/"
    listing = json.loads(fetch(page, "application/vnd.pypi.simple.v1+json"))
    for file in listing["files"]:
        if file["hashes"].get("sha256") == sha256:
            body = fetch(urllib.parse.urljoin(page, file["url"]))
            if hashlib.sha256(body).hexdigest() != sha256:
                raise SystemExit(f"{file['filename']}: the hash differs from what the index says")
            return body
    raise SystemExit(f"the package index has no {project} {version} with sha256 {sha256}")


def data_of(archive: bytes) -> zipfile.ZipFile:
    """The data.zip inside a source distribution."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            body = tar.extractfile(member) if member.name.endswith("/data.zip") else None
            if body:
                return zipfile.ZipFile(io.BytesIO(body.read()))
    raise SystemExit("no data.zip in the source distribution")


def install(data: zipfile.ZipFile, destination: Path) -> None:
    """Unpack the files beside python.exe, and extend the search path, which the environment cannot."""
    [program] = [name for name in data.namelist() if name.endswith("python.exe")]
    folder = program.removesuffix("python.exe")
    destination.mkdir(parents=True)
    for name in data.namelist():
        inner = name.removeprefix(folder)
        if name.startswith(folder) and inner and "/" not in inner:
            (destination / inner).write_bytes(data.read(name))
    [pth] = destination.glob("python3*._pth")
    lines = [line for line in pth.read_text("ascii").splitlines() if line and not line.startswith("#")]
    pth.write_text("\r\n".join([*lines, *(f"Z:\\{path}" for path in PATHS)]) + "\r\n", "ascii")
    for path in (*destination.rglob("*.exe"), *destination.rglob("*.dll"), *destination.rglob("*.pyd")):
        path.chmod(0o755)


def main() -> None:
    """Install every interpreter of a list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path)
    parser.add_argument("destination", type=Path)
    options = parser.parse_args()
    for line in options.list.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, _, project, version, sha256 = line.split()
            install(data_of(source_distribution(project, version, sha256)), options.destination / kind)


if __name__ == "__main__":
    main()

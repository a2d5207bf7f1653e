"""Which DLLs come with Windows, on which platforms: the file ``windows-dlls.txt``.

delvewheel's lists say what is in Windows, the one for ARM64 in full and those for x86 and x86-64 not. A DLL
that any of them has is taken to be in every Windows where it is a part of the programming interface: where
zig's wheel (of mingw-w64) or the windows crates (of Microsoft's metadata) have an import library for it. What
is only redistributable is in none of the lists.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fetching import digest, fetch_crate, fetch_distribution, write_lines

HERE = Path(__file__).resolve().parent
ARCHS = {"win32": "I386", "win_amd64": "AMD64", "win_arm64": "ARM64"}
_LIBRARY = re.compile(r'^\s*LIBRARY\s+"?([^"\s]+\.(?:dll|drv|cpl|ocx))"?', re.MULTILINE | re.IGNORECASE)
_LINK = re.compile(r'link!\("([^"]+)"')


def listed(work: Path, row: Mapping[str, Any]) -> tuple[dict[str, set[str]], str]:
    """The platforms of each DLL in delvewheel's lists, and where they are from."""
    path = fetch_distribution(work, dict(row))
    source = work / "dll_list.py"
    source.write_bytes(zipfile.ZipFile(path).read("delvewheel/_dll_list.py"))
    spec = importlib.util.spec_from_file_location("dll_list", source)
    if spec is None or spec.loader is None:
        raise SystemExit("delvewheel's lists cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, set[str]] = {}
    for tag, kind in ARCHS.items():
        for name in module.ignore_names[module.MachineType[kind]]:
            if not module.vc_redist.fullmatch(name):
                found.setdefault(name.lower(), set()).add(tag)
    return found, f"PyPI {row['requirement']} (sha256 {digest(path.read_bytes())}, {row['licence']})"


def import_libraries(work: Path, sources: Mapping[str, Any]) -> Iterator[tuple[set[str], str]]:
    """DLLs with an import library, and where they are from."""
    row = sources["windows-imports"]
    path = fetch_distribution(work, dict(row))
    with zipfile.ZipFile(path) as archive:
        texts = [
            archive.read(name).decode("utf-8", "replace")
            for name in archive.namelist()
            if name.startswith(row["folder"]) and name.endswith((".def", ".def.in"))
        ]
    found = {match.lower() for text in texts for match in _LIBRARY.findall(text)}
    yield found, f"PyPI {row['requirement']} (sha256 {row['sha256']}, {row['licence']}), {row['folder']}"
    for crate in sources["windows-crate"]:
        folder, checksum = fetch_crate(work, crate["name"], crate["version"])
        names = {
            match.lower()
            for file in (folder / "src").rglob("*.rs")
            for match in _LINK.findall(file.read_text("utf-8"))
        }
        yield names, f"crate {crate['name']} {crate['version']} (sha256 {checksum}, {crate['licence']})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is fetched")
    work = parser.parse_args().work.resolve()
    sources = tomllib.loads((HERE / "sources.toml").read_text("utf-8"))
    found, origin = listed(work, sources["windows-dlls"])
    origins = [origin]
    for names, source in import_libraries(work, sources):
        origins.append(source)
        for name in names & found.keys():
            found[name] = set(ARCHS)
    for name in sources["windows-dlls"]["more"]:
        found[name] = set(ARCHS)
    lines = [
        f"{name} {' '.join(tag for tag in ARCHS if tag in tags)}" for name, tags in sorted(found.items())
    ]
    title = "DLLs that come with Windows, and the platforms that have them"
    write_lines("windows-dlls", title, "; ".join(origins), "delvewheel, import libraries", lines)


if __name__ == "__main__":
    main()

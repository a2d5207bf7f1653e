"""Make the data files of ``xbuild/check/audit/exports``. README.md beside this file explains them."""

from __future__ import annotations

import argparse
import io
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lief
from fetching import EXPORTS, Listing, digest, fetch_crate, fetch_distribution, run, write

HERE = Path(__file__).resolve().parent
PYTHON_NAME = re.compile(r"_{0,2}(HPy|Py)")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""Where Debian's package debian-archive-keyring puts it."""
SIGNER = "O=Python Software Foundation,"


@dataclass
class Lists:
    """The lists so far, by interpreter tag."""

    windows: dict[str, Listing] = field(default_factory=dict)
    linux: dict[str, Listing] = field(default_factory=dict)
    stable: dict[str, Listing] = field(default_factory=dict)
    later: dict[str, Listing] = field(default_factory=dict)


def distribution_archive(path: Path, inner: str) -> zipfile.ZipFile:
    """The zip archive that holds the DLLs: the distribution itself, or ``inner`` inside it."""
    if not inner:
        return zipfile.ZipFile(path)
    with tarfile.open(path) as sdist:
        member = next(item for item in sdist if item.name.endswith("/" + inner))
        handle = sdist.extractfile(member)
        if handle is None:
            raise SystemExit(f"{path.name}: {inner} is not a file")
        return zipfile.ZipFile(io.BytesIO(handle.read()))


def signed_dll(data: bytes, what: str) -> lief.PE.Binary:
    """A parsed DLL, whose signature is valid and of the Python Software Foundation."""
    binary = lief.PE.parse(io.BytesIO(data))
    if binary is None or binary.verify_signature() != lief.PE.Signature.VERIFICATION_FLAGS.OK:
        raise SystemExit(f"{what}: no valid signature")
    signers = [
        str(signer.cert.subject) for sign in binary.signatures for signer in sign.signers if signer.cert
    ]
    if not any(SIGNER in subject for subject in signers):
        raise SystemExit(f"{what}: signed by {signers}")
    return binary


def exports_of(binary: lief.PE.Binary) -> dict[str, str]:
    """Exported names, with the name that each is forwarded to (or the name itself)."""
    table = binary.get_export()
    if table is None:
        raise SystemExit("a DLL without exports")
    return {
        str(entry.name): str(entry.forward_information.function) if entry.is_forwarded else str(entry.name)
        for entry in table.entries
        if entry.name
    }


def read_dll(work: Path, row: dict[str, Any], lists: Lists) -> None:
    """Read a python3X.dll and, where there is one, its python3.dll."""
    path = fetch_distribution(work, row)
    archive = distribution_archive(path, row["inner"])
    data = archive.read(row["member"])
    names = frozenset(exports_of(signed_dll(data, row["member"])))
    origin = f"PyPI {row['requirement']} (sha256 {row['sha256']})"
    lists.windows[row["tag"]] = Listing(
        f"names exported by {Path(row['member']).name} for {row['tag']}",
        f"{origin}, {row['member']} (sha256 {digest(data)}), signed by the Python Software Foundation",
        "windows dll",
        names,
    )
    if not row["stable"]:
        return
    data = archive.read(row["stable"])
    forwards = exports_of(signed_dll(data, row["stable"]))
    dangling = sorted(name for name, target in forwards.items() if target not in names)
    lists.stable[row["tag"]] = Listing(
        f"names that python3.dll of {row['tag']} forwards; left out as they dangle: {dangling or 'none'}",
        f"{origin}, {row['stable']} (sha256 {digest(data)}), signed by the Python Software Foundation",
        "windows dll",
        frozenset(forwards) - frozenset(dangling),
    )


def names_of_def(path: Path) -> frozenset[str]:
    """Names of a module definition file, less decorations such as ``DATA`` and ``@12``."""
    lines = (line.split(";")[0].strip() for line in path.read_text("utf-8").splitlines())
    body = [line for line in lines if line and line != "EXPORTS" and not line.startswith("LIBRARY")]
    return frozenset(re.split(r"[\s=]", line)[0] for line in body)


def read_defs(work: Path, sources: dict[str, Any], lists: Lists) -> None:
    """Read the module definition files, and complete the stable ABI of versions without a python3.dll."""
    crate = sources["crate"]
    folder, checksum = fetch_crate(work, crate["name"], crate["version"])
    origin = f"crate {crate['name']} {crate['version']} (sha256 {checksum}, {crate['licence']})"
    for row in sources["def"]:
        lists.windows[row["tag"]] = Listing(
            f"names in {row['file']} for {row['tag']}",
            f"{origin}, src/{row['file']}",
            "module definition file",
            names_of_def(folder / "src" / row["file"]),
        )
    stable = names_of_def(folder / "src" / "python3.def")
    for row in sources["dll"]:
        if row["tag"] not in lists.stable:
            lists.stable[row["tag"]] = Listing(
                f"names in python3.def that {Path(row['member']).name} exports",
                f"{origin}, src/python3.def",
                "module definition file",
                stable & lists.windows[row["tag"]].names,
            )


def apt_options(work: Path, suites: Iterable[str]) -> tuple[str, ...]:
    """Options for a private apt with these suites, from the Debian archive of the host's own sources."""
    root = work / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    fields = "$(ORIGIN) $(CODENAME) $(REPO_URI)"
    known = run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines()
    rows = [line.split() for line in known]
    archive = next(row for row in rows if row[0] == "Debian" and "-" not in row[1])
    lines = [f"deb [signed-by={KEYRING}] {archive[2]} {suite} main\n" for suite in sorted(set(suites))]
    (root / "sources.list").write_text("".join(lines))
    settings = {
        "Dir::State": root / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": root / "cache",
        "Dir::Etc::SourceList": root / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Acquire::Languages": "none",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "",
    }
    return tuple(part for key, value in settings.items() for part in ("-o", f"{key}={value}"))


def fetch_deb(work: Path, row: dict[str, Any], options: tuple[str, ...]) -> tuple[Path, str]:
    """Folder with the contents of a Debian package, and its version."""
    folder = work / "deb" / f"{row['package']}-{row['suite']}"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        run("apt-get", *options, "--quiet", "download", f"{row['package']}/{row['suite']}", cwd=folder)
        run("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder / "root"))
    version = run("dpkg-deb", "-f", str(next(folder.glob("*.deb"))), "Version").strip()
    return folder / "root", version


def read_library(root: Path, member: str) -> tuple[frozenset[str], str]:
    """The dynamic symbols that a shared library defines, and its name with its hash."""
    data = (root / member).read_bytes()
    binary = lief.ELF.parse(io.BytesIO(data))
    if binary is None:
        raise SystemExit(f"{member}: not an ELF file")
    names = frozenset(str(item.name) for item in binary.dynamic_symbols if item.shndx != 0 and item.name)
    return names, f"{member} (sha256 {digest(data)})"


def read_debs(work: Path, sources: dict[str, Any], lists: Lists) -> None:
    """Read the interpreters' libraries for Linux."""
    rows = sources["deb"]
    options = apt_options(work, (row["suite"] for row in rows))
    if any(not (work / "deb" / f"{row['package']}-{row['suite']}").is_dir() for row in rows):
        run("apt-get", *options, "--quiet", "update")
    for row in rows:
        root, version = fetch_deb(work, row, options)
        found, what = read_library(root, row["member"])
        names = frozenset(name for name in found if PYTHON_NAME.match(name))
        tag, library = row["tag"], Path(row["member"]).name
        origin = f"Debian {row['suite']} {row['package']} {version}, {what}"
        if row.get("later"):
            names -= lists.linux[tag].names
            title = f"names of Python that {library} exports, and the one of the list without -later does not"
            lists.later[tag] = Listing(title, origin, "linux library", names)
        else:
            title = f"names of Python exported by {library}"
            lists.linux[tag] = Listing(title, origin, "linux library", names)


def derive(row: dict[str, Any], lists: Lists) -> Listing:
    """A list for Linux from the Windows list and the differences that the neighbours show."""
    windows = lists.windows[row["tag"]]
    pairs = [(lists.windows[tag].names, lists.linux[tag].names) for tag in row["neighbours"]]
    only_windows = frozenset[str].intersection(*(ours - theirs for ours, theirs in pairs))
    only_linux = frozenset[str].intersection(*(theirs - ours for ours, theirs in pairs))
    names = frozenset(name for name in windows.names - only_windows | only_linux if PYTHON_NAME.match(name))
    like = " and ".join(row["neighbours"])
    return Listing(
        f"no library for Linux was to be had: the Windows list, differing as in {like}",
        windows.source,
        "windows list",
        names,
    )


def write_same(name: str, other: str) -> None:
    """Write a data file that points to another."""
    header = "# macOS exports the same names as Linux, with an underscore in front"
    (EXPORTS / f"{name}.txt").write_text(f"{header}\n# reference: linux list\n# same-as: {other}\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is fetched")
    work = parser.parse_args().work.resolve()
    sources = tomllib.loads((HERE / "sources.toml").read_text("utf-8"))
    lists = Lists()
    for row in sources["dll"]:
        read_dll(work, row, lists)
    read_defs(work, sources, lists)
    read_debs(work, sources, lists)
    for row in sources["derived"]:
        lists.linux[row["tag"]] = derive(row, lists)
    EXPORTS.mkdir(parents=True, exist_ok=True)
    for family, group in (("windows", lists.windows), ("linux", lists.linux)):
        for tag, listing in group.items():
            write(f"{tag}-{family}", listing)
    for tag, listing in lists.later.items():
        write(f"{tag}-linux-later", listing)
    for tag in lists.linux:
        write_same(f"{tag}-macos", f"{tag}-linux")
    for tag, listing in lists.stable.items():
        write(f"abi3-{tag}-windows", listing)


if __name__ == "__main__":
    main()

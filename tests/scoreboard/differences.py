"""What of a wheel is not as in upstream's own wheel of the same release."""

from __future__ import annotations

import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

from xbuild.catalog import load_catalog
from xbuild.check.audit import audit
from xbuild.check.model import AuditResult
from xbuild.wheels.naming import WheelName, parse_name

_ABI_SUFFIX = (".so", ".pyd", ".dylib")
_C_LIBRARY = ("libc.", "libm.", "libdl.", "libpthread.", "librt.", "libutil.", "ld-linux", "ld-musl")
"""Parts of one thing: which of them a linker names goes by the linker."""
# maturin writes these by its own version, and by what the machine has
_NOT_COMPARED = {"Metadata-Version", "License-File", "Dynamic"}


def differences(ours: Path, theirs: Path) -> list[str]:
    """What of our wheel is not as in upstream's, a line for each difference.

    Tags, files, METADATA, init symbols, libraries and the platform's floor count; the size does not.
    """
    catalog = load_catalog()
    one, other = parse_name(ours.name), parse_name(theirs.name)
    audits = audit(ours, catalog=catalog), audit(theirs, catalog=catalog)
    return [*_tags(one, other), *_files(ours, theirs), *_metadata(ours, theirs), *_modules(*audits)]


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

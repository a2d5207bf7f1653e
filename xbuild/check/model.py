"""What an audit gives back, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]
Format = Literal["pe", "elf", "macho"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (``error``) or unusual (``warning``) about a wheel.

    :ivar code: a stable identifier such as ``missing-symbol``.
    :ivar where: the member of the wheel, or ``""`` for the whole wheel. Untrusted text.
    :ivar message: what is wrong, one line. May hold untrusted text.
    :ivar hint: the way out, or ``""``.
    """

    code: str
    severity: Severity
    where: str
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "where": self.where,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Undefined:
    """A symbol that a module needs and does not define.

    :ivar library: the DLL (PE) that it is bound to, or the version (ELF) that it asks for; else ``""``.
    :ivar weak: whether it may stay unresolved.
    :ivar dynamic: whether it is looked up in every loaded image (ELF: always; Mach-O: if marked so).
    """

    name: str
    library: str = ""
    weak: bool = False
    dynamic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One binary for one machine; only Mach-O files may have more than one.

    :ivar machine: the machine as ``platforms.toml`` spells it, such as ``AMD64`` or ``X86_64/64/LSB``.
    :ivar kind: ``library``, ``program`` or ``other``.
    :ivar needed: DLLs, sonames or install names that it links.
    :ivar delayed: DLLs that it loads at the first call (PE only).
    :ivar undefined: symbols that it needs.
    :ivar ordinals: DLLs of which it imports by number.
    :ivar exports: symbols that it defines for others; without the leading underscore of Mach-O.
    :ivar versions: symbol versions that it needs, by library (ELF only).
    :ivar rpaths: run paths.
    :ivar executable_stack: whether it asks for one, or does not say (ELF only).
    :ivar minimum_os: oldest macOS, as (major, minor), or () where it does not say.
    :ivar signed: whether there is a code signature (Mach-O only).
    """

    machine: str
    kind: str
    needed: tuple[str, ...] = ()
    delayed: tuple[str, ...] = ()
    undefined: tuple[Undefined, ...] = ()
    ordinals: tuple[str, ...] = ()
    exports: frozenset[str] = frozenset()
    versions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rpaths: tuple[str, ...] = ()
    executable_stack: bool = False
    minimum_os: tuple[int, ...] = ()
    platform: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFacts:
    """A native file in a wheel.

    :ivar path: its name in the wheel.
    :ivar role: ``extension`` (a module that Python imports), ``library`` or ``program``.
    :ivar reference: what its Python symbols were compared with, or ``""`` where there was nothing to compare.
    :ivar python_symbols: names of Python's that it imports.
    """

    path: str
    size: int
    format: Format
    slices: tuple[Slice, ...]
    role: str = "library"
    reference: str = ""
    python_symbols: tuple[str, ...] = ()

    @property
    def init_symbols(self) -> tuple[str, ...]:
        """Exported symbols through which Python initialises a module."""
        found = {name for part in self.slices for name in part.exports if is_init(name)}
        return tuple(sorted(found))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values; exported and undefined symbols that are not Python's are left out."""
        return {
            "path": self.path,
            "size": self.size,
            "format": self.format,
            "role": self.role,
            "machines": [part.machine for part in self.slices],
            "needed": sorted({name for part in self.slices for name in (*part.needed, *part.delayed)}),
            "init_symbols": list(self.init_symbols),
            "python_symbols": list(self.python_symbols),
            "reference": self.reference,
            "minimum_os": [".".join(map(str, part.minimum_os)) for part in self.slices if part.minimum_os],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The audit of one wheel.

    :ivar wheel: the file's name.
    :ivar sha256: of the whole file, in hexadecimal; size in bytes.
    :ivar tags: the tags of the file's name, expanded and sorted.
    :ivar target: the catalog's triple for its platform tags, or ``""`` where there is none.
    :ivar interpreters: short names of the interpreters that it is for, as ``Interpreter.tag``; all from the
        floor on for a wheel with the stable ABI.
    """

    wheel: str
    sha256: str
    size: int
    tags: tuple[str, ...] = ()
    target: str = ""
    interpreters: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    modules: tuple[ModuleFacts, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether there is no finding of severity ``error``."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity ``error``."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "wheel": self.wheel,
            "sha256": self.sha256,
            "size": self.size,
            "ok": self.ok,
            "tags": list(self.tags),
            "target": self.target,
            "interpreters": list(self.interpreters),
            "findings": [finding.as_dict() for finding in self.findings],
            "modules": [module.as_dict() for module in self.modules],
        }


def is_init(name: str) -> bool:
    """Whether an exported symbol is one through which Python initialises a module (PEP 3121, 489, 793)."""
    return name.startswith(("PyInit_", "PyInitU_", "PyModExport_", "PyModExportU_"))

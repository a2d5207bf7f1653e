"""Completes Wine's headers with what mingw-w64's declare beyond them, for make_sysroot.py.

Both sets are read by header_items.py. An item whose name no header of Wine's has goes into an additional
header, with the words of mingw-w64's own dialect replaced. The two sets are never compiled side by side.

Where the additions of a header go:

- of one that <windows.h> includes even with WIN32_LEAN_AND_MEAN: to the end of <windows.h>;
- of another one: to the end of the header of that name, behind Wine's where there is one.

What the compiler then objects to is left out again (``settle``), so newer headers cannot break a build.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from header_items import (
    TOKEN,
    WORDS,
    Item,
    Reading,
    declarator_name,
    enumerators,
    preprocess,
    take_apart,
    without_attributes,
)
from header_layout import OWN_HEADERS, Layout, settle

INLINE = re.compile(
    r"(?:extern )?(?:__inline__|inline) __attribute__ \( \( (?:(?:__always_inline__|__gnu_inline__|,) )+\) \)"
    r"|static __attribute__ \( \( __unused__ \) \) __inline__|extern __inline__|static __inline__"
)
LABEL = re.compile(r'__asm__ \( "(\w+)" \)')
LONG_LITERAL = re.compile(r"__MSABI_LONG ?\( ?(\w+) ?\)")
NARROW_OR_WIDE = re.compile(r"__MINGW_NAME_AW ?\( ?(\w+) ?\)\Z")
NARROW_OR_WIDE_INFIX = re.compile(r"__MINGW_NAME_AW_EXT ?\( ?(\w+) ?, ?(\w+) ?\)\Z")
OWN_WORDS = re.compile(
    r"MINGW|mingw|__MSABI|__CRT_|__C89_|__ms_\w+|_SECURECRT|__POISON|__LONG32|_CRTIMP\b|pragma GCC"
)
INTERNAL_MACROS = re.compile(r"psdk_inc/(?!_dbg|_ip_types)|sec_api/|.*\.inl\Z")
GUARD = re.compile(
    r"_*(?:INC|REQ)?_?\w*_(?:H_*|INCLUDED_*|DEFINED_*|DEFINED__)\Z|_INC_\w+|_?[A-Z0-9]+_\Z|_[A-Z0-9_]+_\Z"
)
# Of the C runtime's headers: names that are Microsoft's or the standard's, and not only mingw-w64's.
CRT_NAME = re.compile(
    r"_[A-Za-z]\w*|SCN\w+|sig_atomic_t|SIGABRT_COMPAT|(?:float|double)_t|HUGE_VAL[FL]|math_errhandling|MATH_\w+|TIME_UTC"
    r"|TBYTE|rsize_t|v?w?s*scanf(?:_s)?|(?:str|wcs)nlen_s|L_tmpnam_s|getwc|P_tmpdir|mbsinit|(?:at_)?quick_exit"
)


@dataclass(frozen=True)
class Views:
    """mingw-w64's headers as C, as C++, with UNICODE, and with INITGUID."""

    plain: Reading
    cxx: Reading
    wide: Reading
    guids: Reading


class Completion:
    """Chooses what is added, and writes it.

    :ivar have: every name that Wine's headers and the shims know.
    :ivar in_core: those that <windows.h> brings.
    :ivar exported: functions of the import libraries.
    """

    def __init__(
        self,
        have: frozenset[str],
        in_core: frozenset[str],
        core: Collection[str],
        exported: frozenset[str],
        crt_headers: Collection[str],
    ) -> None:
        self.have = have
        self.in_core = in_core
        self.core = core
        self.exported = exported
        self.crt_headers = crt_headers
        self.added: dict[str, list[Item]] = defaultdict(list)
        self.inline: frozenset[str] = frozenset()

    def choose(self, views: Views) -> None:
        plain, cxx, wide, guids = (
            View(reading) for reading in (views.plain, views.cxx, views.wide, views.guids)
        )
        self.inline = frozenset(
            item.names[0] for item in views.plain.items if item.kind == "inline" and item.names
        )
        taken: set[str] = set()
        for item in views.plain.items:
            if not self.wanted(item) or plain.find(item) is not item:
                continue
            for part in self.missing_parts(item, taken):
                text = self.written(part, item, cxx, wide, guids)
                if text is not None:
                    self.added[item.header].append(replace(part, text=text))
                    if not self.is_prototype(item):
                        taken.update(part.names)
        for item in views.cxx.items:
            declares = item.kind in {"type", "constants", "function", "inline"} and self.wanted(item)
            known = plain.find(item)
            if (
                declares
                and not self.have.intersection(item.names)
                and (known is None or known.text != item.text)
            ):
                text = self.normal(item)
                if text is not None:
                    self.added[item.header].append(replace(item, text=f"#ifdef __cplusplus\n{text}\n#endif"))

    def is_prototype(self, item: Item) -> bool:
        """Whether it declares a function that a header defines, which calls it before that."""
        return item.kind == "function" and item.names[0] in self.inline and item.names[0] not in self.exported

    def normal(self, item: Item) -> str | None:
        text = normal(item)
        return f"static {text}" if text is not None and self.is_prototype(item) else text

    def written(self, part: Item, item: Item, cxx: View, wide: View, guids: View) -> str | None:
        text = self.normal(part)
        if part is not item or text is None:
            return text
        if item.kind == "variable":
            defined = guids.find(item)
            return constant_of_guid(defined.text) if defined else None
        if item.kind in {"macro", "type"}:
            twin = wide.find(item)
            other = normal(twin) if twin else None
            if other != text:
                macro = "_UNICODE" if item.header.endswith(("tchar.h", "tchar_s.h")) else "UNICODE"
                text = f"#ifdef {macro}\n{other or ''}\n#else\n{text}\n#endif"
        if item.kind != "macro":
            twin = cxx.find(item)
            if twin is None or twin.text != item.text:
                text = f"#ifndef __cplusplus\n{text}\n#endif"
        return text

    def wanted(self, item: Item) -> bool:
        if not item.names or item.kind in {"undef", "forward", "other"} or OWN_HEADERS.match(item.header):
            return False
        name = item.names[0]
        if OWN_WORDS.search(name):
            return False
        if item.kind == "macro" and (
            (not item.text.strip() and GUARD.match(name)) or INTERNAL_MACROS.match(item.header)
        ):
            return False
        if item.kind == "function" and not self.is_prototype(item):
            return not self.exported.isdisjoint({name, *LABEL.findall(item.text)})
        if item.header in self.crt_headers or item.header.startswith("sec_api/"):
            inner = item.kind in {"inline", "variable"} and name.startswith("__")
            return bool(CRT_NAME.fullmatch(name)) and not inner
        return True

    def missing_parts(self, item: Item, taken: set[str]) -> Iterator[Item]:
        # A macro may be defined once more, by <windows.h> and by another one of Wine's headers.
        have = self.in_core if item.kind == "macro" and item.header in self.core else self.have
        names = [name for name in item.names if name not in have]
        if not names or taken.issuperset(item.names):
            return
        if len(names) == len(item.names):
            yield item
        elif item.kind in {"type", "constants"}:
            yield from self.remainder(item, names)

    def remainder(self, item: Item, missing: list[str]) -> Iterator[Item]:
        """What is missing of a type that is there: other names of it, newer constants of an enumeration."""
        parts = take_apart(TOKEN.findall(item.text))
        declarators = {declarator_name(part): part for part in parts.declarators}
        plain = [name for name, part in declarators.items() if part == (name,)]
        known = [name for name in plain if name in self.have]
        tag = f"{parts.tag_kind} {parts.tag}" if parts.tag and parts.tag in self.have else ""
        base = " ".join(parts.base) if parts.body is None else known[0] if known else tag
        if not base:
            return
        for name in missing:
            if name in declarators and item.text.startswith("typedef"):
                declarator = " ".join(declarators[name])
                yield replace(item, text=f"typedef {base} {declarator} ;", names=(name,))
        for name, value in enumerators(parts.body or ()) if parts.tag_kind == "enum" else ():
            if name in missing:
                yield replace(item, kind="macro", text=f" (({base})({value}))", names=(name,))


class View:
    """The items of a reading by what they are; of a macro the last definition that holds."""

    def __init__(self, reading: Reading) -> None:
        self.found: dict[tuple[str, str], Item] = {}
        for item in reading.items:
            if item.kind == "undef":
                self.found.pop(("macro", item.names[0]), None)
            elif item.names:
                key = (item.kind, item.names[0])
                if item.kind == "macro":
                    self.found[key] = item
                else:
                    self.found.setdefault(key, item)

    def find(self, item: Item) -> Item | None:
        return self.found.get((item.kind, item.names[0])) if item.names else None


def constant_of_guid(text: str) -> str | None:
    """``DEFINE_GUID`` and its siblings again, of what they expand to with INITGUID."""
    tokens = TOKEN.findall(text)
    if "=" not in tokens or not {"GUID", "IID", "CLSID", "PROPERTYKEY", "DEVPROPKEY"}.intersection(tokens):
        return None
    name = declarator_name(without_attributes(tokens[: tokens.index("=")]))
    values = " ".join(word for word in tokens[tokens.index("=") + 1 :] if word not in "{};")
    key = {"PROPERTYKEY", "DEVPROPKEY"}.intersection(tokens)
    macro = f"DEFINE_{key.pop()}" if key else "DEFINE_GUID"
    return f"{macro}({name}, {values});"


def normal(item: Item) -> str | None:
    """The item in the words of Windows' headers, or None where it is of mingw-w64's own."""
    if item.kind == "macro":
        return normal_macro(item.names[0], item.text)
    text = " ".join(
        token for token in (WORDS.get(token, token) for token in TOKEN.findall(item.text)) if token
    )
    text = INLINE.sub("static __inline", text.removeprefix('extern "C" '))
    if OWN_WORDS.search(text):
        return None
    if item.pack not in {"", "8"} and item.kind == "type":
        text = f"#pragma pack(push, {item.pack})\n{text}\n#pragma pack(pop)"
    return text


def normal_macro(name: str, text: str) -> str | None:
    body = LONG_LITERAL.sub(r"\1L", text.strip())
    if choice := NARROW_OR_WIDE.match(body):
        narrow, wide = f"{choice[1]}A", f"{choice[1]}W"
    elif choice := NARROW_OR_WIDE_INFIX.match(body):
        narrow, wide = f"{choice[1]}A{choice[2]}", f"{choice[1]}W{choice[2]}"
    else:
        body = re.sub(r"\bWINBOOL\b", "BOOL", body)
        body = re.sub(r"\b__LONG32\b", "long", body)
        if OWN_WORDS.search(body):
            return None
        separator = "" if text.startswith("(") else " "
        return f"#ifndef {name}\n#define {name}{separator}{body}\n#endif"
    return f"#ifdef UNICODE\n#define {name} {wide}\n#else\n#define {name} {narrow}\n#endif"


@dataclass(frozen=True)
class Sources:
    """Where the headers are, and how they are read.

    :ivar wine: Wine's folders, in the order in which the compiler searches them.
    :ivar shims: the folder before them, which the additions are written to.
    :ivar builtin: the compiler's own headers.
    """

    clang: Path
    mingw: Path
    wine: Sequence[Path]
    shims: Path
    builtin: Path
    llvm_arch: str

    def of_mingw(self, headers: Iterable[str], *flags: str) -> Reading:
        target = f"--target={self.llvm_arch}-w64-windows-gnu"
        arguments: tuple[str | Path, ...] = (
            target,
            "-O2",
            "-DUSE___UUIDOF=1",
            "-isystem",
            self.mingw,
            "-isystem",
            self.builtin,
            *flags,
        )
        return preprocess(self.clang, arguments, headers, [self.mingw])

    def of_wine(self, headers: Iterable[str]) -> Reading:
        folders = [self.shims, *self.wine]
        target = f"--target={self.llvm_arch}-pc-windows-msvc"
        arguments: list[str | Path] = [target, "-fms-extensions", "-D_DLL", "-D_MT"]
        for folder in (self.builtin, *folders):
            arguments += ["-isystem", folder]
        return preprocess(self.clang, arguments, headers, folders)

    def present(self) -> set[str]:
        return {path.relative_to(root).as_posix().lower() for root in self.wine for path in root.rglob("*.h")}


def complete(
    sources: Sources,
    compiler: Sequence[str | Path],
    names: Mapping[str, Sequence[str]],
    exported: frozenset[str],
) -> list[str]:
    """Completes the headers that ``names`` lists (``crt`` and ``windows``), but for its ``unfit``, which are
    known not to compile beside Wine's.

    :returns: the names that the compiler objected to beyond those, which are missing too.
    """
    crt, windows = names["crt"], names["windows"]
    headers = ["winsock2.h", "windows.h", *windows, *crt]
    views = Views(
        sources.of_mingw(headers),
        sources.of_mingw(headers, "-xc++"),
        sources.of_mingw(headers, "-DUNICODE", "-D_UNICODE"),
        sources.of_mingw(headers, "-DINITGUID"),
    )
    reached = {inner for found in views.plain.includes.values() for inner in found} | set(
        views.plain.includes
    )
    crt_headers = {*crt, "sal.h", *(name for name in reached if name.startswith("corecrt"))}
    lean = sources.of_mingw(["windows.h"], "-DWIN32_LEAN_AND_MEAN").includes
    core = {*lean, *(inner for found in lean.values() for inner in found)} - crt_headers
    core = {name for name in core if not name.startswith(("sec_api/", "_mingw"))}
    present = sources.present()
    reached = {name for name in reached if not OWN_HEADERS.match(name) and "pack" not in name}
    headers += sorted((reached & present) - set(headers))
    have = known(sources.of_wine(headers))
    brought = {inner for found in sources.of_wine(["windows.h"]).includes.values() for inner in found}
    beside = [name for name in sorted((core & present) - brought) if name.endswith(("api.h", "apiset.h"))]
    late = sorted(brought - core - set(crt_headers) - {"windows.h"})
    in_core = known(sources.of_wine(["winsock2.h", "windows.h", *beside]))
    completion = Completion(have, in_core, core, exported, crt_headers)
    completion.choose(views)
    unfit = set(names["unfit"])
    for header, items in completion.added.items():
        completion.added[header] = [item for item in items if item.names[0] not in unfit]
    layout = Layout(sources.shims, present, core, beside, late, views.plain.includes, crt_headers)
    objected = settle(compiler, layout, completion.added, [headers])
    return [item.names[0] for item in objected]


def known(reading: Reading) -> frozenset[str]:
    return frozenset(name for item in reading.items if item.kind != "undef" for name in item.names)

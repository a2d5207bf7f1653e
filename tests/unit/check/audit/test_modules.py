"""The checks of native files, on tiny real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.examined import (
    BOTH,
    GNU_SO,
    INIT,
    LINUX,
    MAC,
    MAC_INIT,
    MAC_SO,
    MUSL,
    MUSL_SO,
    PYD,
    WIN,
    codes,
    examine,
    pe,
)
from support.native_files import AARCH64, AMD64, ARM64, DYNAMIC_LOOKUP, MAC_X86_64, Elf, MachO, Pe, fat
from support.wheel_files import make_wheel

from xbuild.catalog import load_catalog
from xbuild.check.audit import audit
from xbuild.check.audit.lists import windows_dlls

GOOD_ELF = Elf(undefined={"PyList_New": "", "malloc": "libc.so.6:GLIBC_2.2.5", "hook": "weak"}, exports=INIT)
GOOD_MUSL = Elf(undefined={"PyList_New": "", "malloc": ""}, exports=INIT, needed=["libc.so"])
GOOD_MAC = MachO(undefined={"_PyList_New": DYNAMIC_LOOKUP, "_malloc": 1}, exports=MAC_INIT)


@pytest.mark.parametrize(
    ("tags", "name", "data"),
    [
        (WIN, PYD, pe().build()),
        (WIN, "demo/demo.pyd", pe(dll="python3.dll").build()),
        ("cp38-abi3-win_amd64", "demo/demo.pyd", pe(dll="python3.dll").build()),
        (
            "pp39-pypy39_pp73-win_amd64",
            "demo/demo.pypy39-pp73-win_amd64.pyd",
            pe("PyPyList_New", dll="libpypy3.9-c.dll").build(),
        ),
        ("cp314-cp314t-win_amd64", "demo/demo.cp314t-win_amd64.pyd", pe(dll="python314t.dll").build()),
        (LINUX, GNU_SO, GOOD_ELF.build()),
        ("cp38-abi3-manylinux_2_28_x86_64", "demo/demo.abi3.so", GOOD_ELF.build()),
        (
            "pp39-pypy39_pp73-manylinux_2_17_x86_64",
            "demo/demo.pypy39-pp73-x86_64-linux-gnu.so",
            Elf(undefined={"PyPyList_New": ""}, exports=INIT).build(),
        ),
        (
            "cp312-cp312-manylinux_2_17_aarch64",
            "demo/demo.cpython-312-aarch64-linux-gnu.so",
            Elf(machine=AARCH64, exports=INIT).build(),
        ),
        (MUSL, MUSL_SO, GOOD_MUSL.build()),
        ("cp310-cp310-musllinux_1_2_x86_64", "demo/demo.cpython-310-x86_64-linux-gnu.so", GOOD_MUSL.build()),
        (MAC, MAC_SO, GOOD_MAC.build()),
        (MAC, MAC_SO, MachO(undefined={"_objc_msgSend": DYNAMIC_LOOKUP}, exports=MAC_INIT).build()),
        (
            BOTH,
            MAC_SO,
            fat(GOOD_MAC, MachO(cpu=MAC_X86_64, minimum=(10, 12), signed=False, exports=MAC_INIT)),
        ),
    ],
)
def test_right_modules(tmp_path: Path, tags: str, name: str, data: bytes) -> None:
    findings, modules = examine(tmp_path, tags, {name: data})
    assert findings == ()
    assert [module.role for module in modules] == ["extension"]


@pytest.mark.parametrize(
    ("tags", "name", "data", "code"),
    [
        ("cp311-cp311-win_arm64", "demo/demo.cp311-win_arm64.pyd", pe().build(), "wrong-machine"),
        (WIN, PYD, Pe(machine=ARM64, exports=INIT).build(), "wrong-machine"),
        (WIN, PYD, GOOD_ELF.build(), "wrong-format"),
        ("cp312-cp312-win_amd64", PYD, pe().build(), "wrong-python-dll"),
        ("cp312-cp312-win_amd64", PYD, pe().build(), "wrong-suffix"),
        ("cp38-abi3-win_amd64", "demo/demo.pyd", pe(dll="python38.dll").build(), "wrong-python-dll"),
        ("cp38-abi3-win_amd64", "demo/demo.abi3.pyd", pe(dll="python3.dll").build(), "wrong-suffix"),
        (WIN, PYD, pe(dll="python311_d.dll").build(), "wrong-python-dll"),
        (WIN, PYD, pe("PyTuple_Nex").build(), "missing-symbol"),
        (
            "cp38-abi3-win_amd64",
            "demo/demo.pyd",
            pe("PyType_GetName", dll="python3.dll").build(),
            "missing-symbol",
        ),
        (
            "pp39-pypy39_pp73-win_amd64",
            "demo/demo.pypy39-pp73-win_amd64.pyd",
            pe("PyList_New", dll="libpypy3.9-c.dll").build(),
            "missing-symbol",
        ),
        (
            WIN,
            PYD,
            Pe(imports={"python311.dll": ["PyList_New"]}, exports=["PyInit_other"]).build(),
            "init-missing",
        ),
        (WIN, PYD, pe(more={"msvcp140.dll": ("x",)}).build(), "foreign-library"),
        (WIN, PYD, pe(more={"zlib1.dll": ("x",)}).build(), "foreign-library"),
        ("cp311-cp311-manylinux_2_17_aarch64", GNU_SO, GOOD_ELF.build(), "wrong-machine"),
        (LINUX, "demo/demo.cpython-310-x86_64-linux-gnu.so", GOOD_ELF.build(), "wrong-suffix"),
        (LINUX, MUSL_SO, GOOD_ELF.build(), "wrong-suffix"),
        (LINUX, "demo/demo", GOOD_ELF.build(), "wrong-suffix"),
        ("py3-cp311-musllinux_1_2_x86_64", GNU_SO, GOOD_MUSL.build(), "wrong-suffix"),
        (LINUX, GNU_SO, Elf(undefined={"PyTuple_Nex": ""}, exports=INIT).build(), "missing-symbol"),
        (LINUX, GNU_SO, Elf(needed=["libpython3.11.so.1.0"], exports=INIT).build(), "links-libpython"),
        (LINUX, GNU_SO, Elf(needed=["libfoo.so.1"], exports=INIT).build(), "foreign-library"),
        (LINUX, GNU_SO, Elf(undefined={"a": "libc.so.6:GLIBC_2.34"}, exports=INIT).build(), "symbol-too-new"),
        (
            LINUX,
            GNU_SO,
            Elf(undefined={"a": "libc.so.6:GLIBC_PRIVATE"}, exports=INIT).build(),
            "symbol-too-new",
        ),
        (LINUX, GNU_SO, Elf(undefined={"my_c_function": ""}, exports=INIT).build(), "unresolved-symbol"),
        (LINUX, GNU_SO, Elf(exports=INIT, executable_stack=True).build(), "executable-stack"),
        (LINUX, GNU_SO, Elf(exports=INIT, rpath="/home/me/lib").build(), "rpath"),
        (LINUX, GNU_SO, Elf(undefined={"__issignaling": ""}, exports=INIT).build(), "forbidden-symbol"),
        ("cp311-cp311-linux_x86_64", GNU_SO, GOOD_ELF.build(), "no-policy"),
        (MUSL, MUSL_SO, GOOD_ELF.build(), "glibc-symbol"),
        (MUSL, MUSL_SO, GOOD_ELF.build(), "foreign-library"),
        (
            MUSL,
            MUSL_SO,
            Elf(needed=["libc.so"], undefined={"x_": ""}, exports=INIT).build(),
            "unresolved-symbol",
        ),
        ("cp311-cp311-macosx_11_0_x86_64", MAC_SO, GOOD_MAC.build(), "wrong-machine"),
        (BOTH, MAC_SO, GOOD_MAC.build(), "wrong-machine"),
        (MAC, MAC_SO, MachO(minimum=(14, 0), exports=MAC_INIT).build(), "macos-too-new"),
        (MAC, MAC_SO, MachO(signed=False, exports=MAC_INIT).build(), "unsigned"),
        (MAC, MAC_SO, MachO(platform=2, exports=MAC_INIT).build(), "wrong-machine"),
        (
            MAC,
            MAC_SO,
            MachO(libraries=["/opt/homebrew/lib/libz.dylib"], exports=MAC_INIT).build(),
            "foreign-library",
        ),
        (MAC, MAC_SO, MachO(libraries=["@rpath/libz.dylib"], exports=MAC_INIT).build(), "foreign-library"),
        (
            MAC,
            MAC_SO,
            MachO(libraries=["@rpath/libpython3.11.dylib"], exports=MAC_INIT).build(),
            "links-libpython",
        ),
        (
            MAC,
            MAC_SO,
            MachO(undefined={"_PyNope": DYNAMIC_LOOKUP}, exports=MAC_INIT).build(),
            "missing-symbol",
        ),
        (
            MAC,
            MAC_SO,
            MachO(undefined={"_SecTrust": DYNAMIC_LOOKUP}, exports=MAC_INIT).build(),
            "unresolved-symbol",
        ),
    ],
)
def test_wrong_modules(tmp_path: Path, tags: str, name: str, data: bytes, code: str) -> None:
    findings, _ = examine(tmp_path, tags, {name: data})
    assert code in {finding.code for finding in findings}
    assert all(finding.message and finding.where for finding in findings)


def test_severities(tmp_path: Path) -> None:
    module = Elf(exports=INIT, executable_stack=True, rpath="/opt").build()
    findings, _ = examine(tmp_path, LINUX, {GNU_SO: module})
    assert {(finding.code, finding.severity) for finding in findings} == {
        ("executable-stack", "warning"),
        ("rpath", "warning"),
    }


def test_libraries_that_the_wheel_brings(tmp_path: Path) -> None:
    """Vendored libraries are found by name, and define symbols for the modules beside them."""
    module = Elf(
        needed=["libfoo-1a2b.so.1"], undefined={"foo": "", "PyFoo_Helper": ""}, exports=INIT, rpath="$ORIGIN"
    )
    library = Elf(exports=["foo", "PyFoo_Helper"])
    files = {GNU_SO: module.build(), "demo.libs/libfoo-1a2b.so.1": library.build()}
    assert codes(tmp_path, LINUX, files) == []
    mac = MachO(libraries=["@loader_path/.dylibs/libfoo.dylib"], exports=MAC_INIT)
    assert codes(tmp_path, MAC, {MAC_SO: mac.build(), "demo/.dylibs/libfoo.dylib": MachO().build()}) == []
    dll = Pe(exports=["foo"]).build()
    module_pe = pe(more={"Foo-1a2b.dll": ("foo",)}).build()
    assert codes(tmp_path, WIN, {PYD: module_pe, "demo.libs/foo-1a2b.dll": dll}) == []


@pytest.mark.parametrize(
    "dll",
    ["combase.dll", "d3d12.dll", "icu.dll", "OPENGL32.dll", "WS2_32.dll", "api-ms-win-core-winrt-l1-1-0.dll"],
)
@pytest.mark.parametrize(
    ("platform", "machine"), [("win_amd64", AMD64), ("win_arm64", ARM64), ("win32", 0x14C)]
)
def test_dlls_that_every_windows_has(tmp_path: Path, platform: str, machine: int, dll: str) -> None:
    module = Pe(machine=machine, imports={"python311.dll": ["PyList_New"], dll: ["x"]}, exports=INIT)
    name = PYD.replace("win_amd64", platform)
    assert codes(tmp_path, f"cp311-cp311-{platform}", {name: module.build()}) == []


@pytest.mark.parametrize("platform", ["win_amd64", "win_arm64", "win32"])
def test_runtimes_of_visual_cpp_are_not_a_part_of_windows(platform: str) -> None:
    """What is redistributable only is in no list: CPython brings two of them, and nobody the others."""
    runtimes = ("vcruntime140.dll", "vcruntime140_1.dll", "vcruntime140_threads.dll", "msvcp140.dll")
    others = (
        "concrt140.dll",
        "vcomp140.dll",
        "mfc140u.dll",
        "msvcr120.dll",
        "d3dx9_43.dll",
        "d3dcompiler_43.dll",
    )
    assert not windows_dlls(platform) & {*runtimes, *others}


@pytest.mark.parametrize(
    ("platform", "suffix"), [("manylinux_2_17_x86_64", "x86_64-linux-gnu"), ("macosx_11_0_arm64", "darwin")]
)
def test_a_symbol_of_later_releases_is_a_warning(tmp_path: Path, platform: str, suffix: str) -> None:
    """PyPy 3.11 has it since 8.0; a tag does not say which release."""
    elf = Elf(undefined={"PyPyModule_FromDefAndSpec2": ""}, exports=INIT)
    mac = MachO(undefined={"_PyPyModule_FromDefAndSpec2": DYNAMIC_LOOKUP}, exports=MAC_INIT)
    module = elf if "linux" in platform else mac
    name = f"demo/demo.pypy311-pp73-{suffix}.so"
    findings, _ = examine(tmp_path, f"pp311-pypy311_pp73-{platform}", {name: module.build()})
    assert [(finding.code, finding.severity) for finding in findings] == [("later-symbol", "warning")]


def test_a_wheel_without_an_abi_needs_no_extension_module(tmp_path: Path) -> None:
    program = {"demo-1.0.data/scripts/demo": Elf().build()}
    assert codes(tmp_path, "py3-none-manylinux_2_17_x86_64", program) == []
    assert codes(tmp_path, LINUX, program) == ["no-extension"]


def test_pypy_on_windows_brings_one_runtime_dll(tmp_path: Path) -> None:
    tags, name = "pp39-pypy39_pp73-win_amd64", "demo/demo.pypy39-pp73-win_amd64.pyd"
    good = pe("PyPyList_New", dll="libpypy3.9-c.dll", more={"VCRUNTIME140.dll": ("memcpy",)})
    assert codes(tmp_path, tags, {name: good.build()}) == []
    more = pe("PyPyList_New", dll="libpypy3.9-c.dll", more={"VCRUNTIME140_1.dll": ("x",)})
    assert codes(tmp_path, tags, {name: more.build()}) == ["foreign-library"]


def test_unknown_interpreter_is_said(tmp_path: Path) -> None:
    findings, _ = examine(tmp_path, "cp37-cp37m-manylinux_2_17_x86_64", {"demo/demo.so": GOOD_ELF.build()})
    assert [(finding.code, finding.severity) for finding in findings] == [("no-symbol-list", "warning")]


def test_native_file_in_a_wheel_for_any_platform(tmp_path: Path) -> None:
    assert codes(tmp_path, "py3-none-any", {"demo/demo.so": GOOD_ELF.build()}) == ["unknown-platform"]


def test_reference_is_reported(tmp_path: Path) -> None:
    _, modules = examine(tmp_path, "cp312-cp312-manylinux_2_17_x86_64", {GNU_SO: GOOD_ELF.build()})
    assert modules[0].reference == "windows list"
    _, modules = examine(tmp_path, MAC, {MAC_SO: GOOD_MAC.build()})
    assert modules[0].reference == "linux list"


@pytest.mark.parametrize(
    ("tags", "name", "module"), [(LINUX, GNU_SO, GOOD_ELF), (WIN, PYD, pe()), (MAC, MAC_SO, GOOD_MAC)]
)
def test_truncated_modules_never_stop_the_audit(
    tmp_path: Path, tags: str, name: str, module: Elf | Pe | MachO
) -> None:
    """Whatever the parser makes of them, the audit ends with findings, not with an exception."""
    whole = module.build()
    cut = {
        f"demo/cut{length}{Path(name).suffix}": whole[:length]
        for length in range(1, len(whole), len(whole) // 24)
    }
    wild = {f"demo/wild{place}{Path(name).suffix}": corrupted(whole, place) for place in range(8, 400, 16)}
    result = audit(make_wheel(tmp_path, tags, {name: whole, **cut, **wild}), catalog=load_catalog())
    assert not result.ok
    assert name in {fact.path for fact in result.modules}
    assert "binary-unreadable" in {finding.code for finding in result.errors}


def corrupted(data: bytes, place: int) -> bytes:
    return data[:place] + b"\xff" * 8 + data[place + 8 :]


@pytest.mark.parametrize(
    ("tags", "name", "data"), [(LINUX, GNU_SO, GOOD_ELF.build()), (MAC, MAC_SO, GOOD_MAC.build())]
)
def test_whole_wheels(tmp_path: Path, tags: str, name: str, data: bytes) -> None:
    result = audit(make_wheel(tmp_path, tags, {name: data}), catalog=load_catalog())
    assert result.findings == ()
    assert result.modules[0].python_symbols == ("PyList_New",)
    assert result.modules[0].init_symbols == ("PyInit_demo",)


def test_findings_are_one_printable_line(tmp_path: Path) -> None:
    module = Elf(needed=["lib\x1b[2J\nfoo.so"], undefined={"evil\x9b" + "x" * 3000: ""}, exports=INIT).build()
    result = audit(make_wheel(tmp_path, LINUX, {GNU_SO: module}), catalog=load_catalog())
    assert {finding.code for finding in result.errors} == {"foreign-library"}
    assert all(text.isprintable() for finding in result.findings for text in finding.as_dict().values())


def test_many_findings_are_counted_and_hide_no_error(tmp_path: Path) -> None:
    module = Elf(rpath=":".join(map(str, range(1000))), needed=["libstrange.so"], exports=INIT).build()
    result = audit(make_wheel(tmp_path, LINUX, {GNU_SO: module}), catalog=load_catalog())
    assert [finding.code for finding in result.errors] == ["foreign-library"]
    assert len(result.findings) < 300
    assert result.findings[-1].message == "800 more findings are left out"

"""Symbols without a version: which the C library of a platform tag has, and which came later."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.examined import GNU_SO, INIT, LINUX, MUSL, MUSL_SO, examine
from support.native_files import AARCH64, Elf

from xbuild.check.audit.libc import c_library
from xbuild.wheels.naming import platform_data

NEWER = {"getrandom": "", "memfd_create": ""}


def tags(policy: str, arch: str = "x86_64") -> str:
    return f"cp311-cp311-{policy}_{arch}"


@pytest.mark.parametrize(
    ("libc", "arch", "name", "library", "since"),
    [
        ("gnu", "x86_64", "memfd_create", "libc.so.6", (2, 27)),
        ("gnu", "x86_64", "memcpy", "libc.so.6", (2, 2, 5)),
        ("gnu", "aarch64", "memcpy", "libc.so.6", (2, 17)),
        ("gnu", "riscv64", "getrandom", "libc.so.6", (2, 27)),
        ("gnu", "loongarch64", "getrandom", "libc.so.6", (2, 36)),
        ("gnu", "x86_64", "pthread_create", "libpthread.so.0", (2, 2, 5)),
        ("gnu", "x86_64", "pthread_create", "libc.so.6", (2, 34)),
        ("gnu", "x86_64", "environ", "libc.so.6", (2, 2, 5)),
        ("gnu", "x86_64", "__tls_get_addr", "loader", (2, 3)),
        ("musl", "x86_64", "gettid", "libc.so", (1, 2, 2)),
        ("musl", "aarch64", "qsort_r", "libc.so", (1, 2, 3)),
        ("musl", "x86_64", "open64", "libc.so", (1, 1)),
        ("musl", "armv7l", "__clock_gettime64", "libc.so", (1, 2)),
        ("musl", "armv7l", "__aeabi_memcpy", "libc.so", (1, 1)),
        ("musl", "loongarch64", "malloc", "libc.so", (1, 2, 5)),
    ],
)
def test_since_when_a_symbol_exists(
    libc: str, arch: str, name: str, library: str, since: tuple[int, ...]
) -> None:
    assert {item.library: item.since for item in c_library(libc, arch)[name]}[library] == since


def test_every_architecture_of_the_lists_knows_malloc() -> None:
    for arch in set(platform_data()["linux"]) - {"ppc64"}:
        assert "malloc" in c_library("gnu", arch), arch
        assert "malloc" in c_library("musl", arch), arch
    assert "__clock_gettime64" not in c_library("musl", "x86_64")
    assert not c_library("gnu", "ppc64")
    assert not c_library("", "x86_64")


@pytest.mark.parametrize(
    ("policy", "arch", "names"),
    [
        ("manylinux_2_17", "x86_64", ["getrandom", "memfd_create"]),
        ("manylinux2014", "x86_64", ["getrandom", "memfd_create"]),
        ("manylinux_2_17", "aarch64", ["getrandom", "memfd_create"]),
        ("manylinux_2_26", "x86_64", ["memfd_create"]),
        ("manylinux_2_28", "x86_64", []),
        ("manylinux_2_28", "aarch64", []),
    ],
)
def test_symbols_newer_than_the_tag(tmp_path: Path, policy: str, arch: str, names: list[str]) -> None:
    machine = {"x86_64": Elf().machine, "aarch64": AARCH64}[arch]
    module = Elf(machine=machine, undefined=NEWER, exports=INIT).build()
    name = GNU_SO.replace("x86_64", arch)
    findings, _ = examine(tmp_path, tags(policy, arch), {name: module})
    assert [finding.code for finding in findings] == ["symbol-too-new"] * bool(names)
    for finding in findings:
        assert finding.severity == "error"
        assert [item for item in NEWER if item in finding.message] == names
        assert "libc.so.6" in finding.message
        assert "--compatibility manylinux_2_2" in finding.hint


def test_the_words_of_a_symbol_that_is_too_new(tmp_path: Path) -> None:
    findings, _ = examine(tmp_path, LINUX, {GNU_SO: Elf(undefined=NEWER, exports=INIT).build()})
    assert findings[0].message == (
        "needs getrandom (since glibc 2.25), memfd_create (since glibc 2.27) of libc.so.6; "
        "manylinux2014_x86_64 promises glibc 2.17"
    )
    assert findings[0].hint == (
        "ask for --compatibility manylinux_2_27, or find the symbols at run time (dlsym, weak symbols)"
    )


def test_a_versioned_symbol_that_is_too_new_has_the_same_way_out(tmp_path: Path) -> None:
    module = Elf(undefined={"memfd_create": "libc.so.6:GLIBC_2.27"}, exports=INIT).build()
    findings, _ = examine(tmp_path, LINUX, {GNU_SO: module})
    assert [(finding.code, "manylinux_2_27" in finding.hint) for finding in findings] == [
        ("symbol-too-new", True)
    ]


@pytest.mark.parametrize(
    "module",
    [
        Elf(undefined={"getrandom": "weak"}, exports=INIT),
        Elf(undefined={"getrandom": ""}, exports=[*INIT, "getrandom"]),
        Elf(undefined={"pthread_create": "", "dlopen": "", "pow": "", "__tls_get_addr": ""}, exports=INIT),
        Elf(undefined={"__res_query": "", "__dn_expand": ""}, needed=["libresolv.so.2"], exports=INIT),
        Elf(undefined={"getrandom": "libc.so.6:GLIBC_2.17"}, exports=INIT),
    ],
)
def test_symbols_that_are_there(tmp_path: Path, module: Elf) -> None:
    findings, _ = examine(tmp_path, LINUX, {GNU_SO: module.build()})
    assert findings == ()


def test_symbols_of_a_library_that_is_not_linked(tmp_path: Path) -> None:
    module = Elf(undefined={"mq_open": ""}, exports=INIT).build()
    findings, _ = examine(tmp_path, LINUX, {GNU_SO: module})
    assert [(finding.code, finding.hint) for finding in findings] == [
        ("unresolved-symbol", "link librt.so.1")
    ]


@pytest.mark.parametrize(
    ("policy", "name", "found"),
    [
        ("musllinux_1_2", "getrandom", []),
        ("musllinux_1_2", "statx", ["symbol-too-new"]),
        ("musllinux_1_2", "reallocarray", ["symbol-too-new"]),
        ("musllinux_1_1", "open64", []),
        ("musllinux_1_2", "memfd_nothing", ["unresolved-symbol"]),
    ],
)
def test_symbols_of_musl(tmp_path: Path, policy: str, name: str, found: list[str]) -> None:
    module = Elf(needed=["libc.so"], undefined={name: ""}, exports=INIT).build()
    findings, _ = examine(tmp_path, MUSL.replace("musllinux_1_2", policy), {MUSL_SO: module})
    assert [finding.code for finding in findings] == found
    assert all("--compatibility" not in finding.hint for finding in findings)

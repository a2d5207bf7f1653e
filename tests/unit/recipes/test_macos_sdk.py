"""The recipe of the macOS images: the compiler's wrapper, and stubs made of what crates declare."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from xbuild.images.recipe import recipes_dir

MACOS = recipes_dir() / "macos"


@pytest.fixture(scope="module")
def make_sdk() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sdk", MACOS / "make_sdk.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_sdk"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clang(tmp_path: Path) -> Any:
    """The wrapper by a name, with clang in its place saying what it was called with."""
    says = tmp_path / "clang"
    says.write_text('#!/bin/sh\necho "${0##*/}"\nprintf "%s\\n" "$SDKROOT" "$@"\n')
    says.chmod(0o755)
    (tmp_path / "clang++").symlink_to(says)
    text = (MACOS / "bin" / "apple-clang").read_text("utf-8")
    assert "/usr/lib/llvm/bin" in text

    def called(name: str, *words: str, **environment: str) -> list[str]:
        program = tmp_path / name
        program.write_text(text.replace("/usr/lib/llvm/bin", str(tmp_path)))
        done = subprocess.run(
            ["sh", program, *words],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    return called


def test_the_wrapper_compiles_for_the_target_it_is_named_after(clang: Any) -> None:
    name, sdk, *words = clang("aarch64-apple-darwin-clang", "-c", "a b.c")
    assert (name, sdk) == ("clang", "/opt/xbuild/sysroot/macos")
    assert words[-2:] == ["-c", "a b.c"]
    assert "--target=arm64-apple-macosx11.0" in words
    name, sdk, *words = clang("x86_64-apple-darwin-clang++", SDKROOT="/sdk", MACOSX_DEPLOYMENT_TARGET="10.15")
    assert (name, sdk) == ("clang++", "/sdk")
    assert "--target=x86_64-apple-macosx10.15" in words


def test_names_that_rust_declares(make_sdk: ModuleType) -> None:
    text = """
        #[link(name = "IOKit", kind = "framework")]
        extern "C" {
            // fn commented(a: i32);
            pub fn IOService(x: fn(*const c_void)) -> i32;
            pub static mut kThing: i32;
        }
        pub extern "C-unwind" fn NSZone() { extern "C-unwind" { fn NSZone() -> Bool; } }
        extern_c! { pub fn objc_alloc<T>(x: T); }
        extern_class!(
            #[unsafe(super(NSObject))]
            #[name = "NSRealName"]
            pub struct Renamed;
        );
        extern "C" fn callback(a: i32) { let b = { fn inner() {} }; }
    """
    found = list(make_sdk.declared(text))
    assert found == [
        ("IOKit", ["IOService", "kThing"]),
        ("", ["NSZone"]),
        ("", ["objc_alloc"]),
        ("", ["OBJC_CLASS_$_NSRealName", "OBJC_METACLASS_$_NSRealName"]),
    ]


def test_a_name_belongs_to_one_library(make_sdk: ModuleType, tmp_path: Path) -> None:
    """Symbols are bound to a library: one that is in the stub of another would be missed by dyld."""
    for crate, names in {"a-1.0.0": "both free", "b-1.0.0": "own", "by-hand-2.0.0": "both other"}.items():
        (tmp_path / crate / "src").mkdir(parents=True)
        body = " ".join(f"fn {name}();" for name in names.split())
        (tmp_path / crate / "src" / "lib.rs").write_text(f'extern "C" {{ {body} }}')
    rows = [
        make_sdk.Stub(kind="framework", name="A", crates=["a"]),
        make_sdk.Stub(kind="framework", name="B", crates=["b", "by-hand"]),
    ]
    found = make_sdk.names_of(rows, tmp_path, {"free"}).by_stub
    assert {name: list(names) for name, names in found.items()} == {"A": ["both"], "B": ["own", "other"]}


def test_a_stub_of_the_system_is_for_the_architectures_of_wheels(make_sdk: ModuleType) -> None:
    text = (
        "targets: [ x86_64-macos, x86_64-maccatalyst, arm64e-macos,\n   arm64e.x1-macos ]\n"
        "  - targets: [ arm64e-maccatalyst ]\n    symbols: [ _a, '_b$c' ]\n"
        "  - targets: [ arm64-macos, arm64e-macos ]\n    weak-symbols: [ _d ]\n"
    )
    plain = make_sdk.plain_targets(text)
    assert "targets: [ x86_64-macos, arm64-macos ]" in plain
    assert "arm64e" not in plain
    assert "  - targets: [ arm64-macos ]" in plain
    assert make_sdk.symbols_in(plain) == {"a", "b$c", "d"}

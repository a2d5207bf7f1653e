"""The first real error, in real output of maturin 1.16 and cargo (samples/) and in known shapes."""

from __future__ import annotations

import tracemalloc

import pytest
from support import SAMPLES

from xbuild.execute.diagnosis import MOST_LINES, Finder, first_error


def of_sample(name: str) -> list[str]:
    return first_error((SAMPLES / f"{name}.txt").read_text("utf-8").splitlines()).splitlines()


def test_rustc() -> None:
    error = of_sample("rustc")
    assert error[:2] == ["error[E0308]: mismatched types", " --> src/lib.rs:2:35"]
    assert error[2:4] == ["  |", "2 | pub fn first(c: &Config) -> u32 { c.name }"]
    assert not any(line.startswith("error") for line in error[1:])
    assert len(error) <= MOST_LINES


def test_linker() -> None:
    assert of_sample("link") == [
        "error: linking with `cc` failed: exit status: 1",
        "rust-lld: error: undefined symbol: not_there_at_all",
        ">>> referenced by link.68625fddf21b96d5-cgu.0",
        ">>>               /target/release/deps/link.link.68625fddf21b96d5-cgu.0.rcgu.o:(call)",
        "collect2: error: ld returned 1 exit status",
    ]


def test_lld_link() -> None:
    assert of_sample("lld-link")[:2] == [
        "error: linking with `lld-link` failed: exit status: 1",
        "lld-link: error: undefined symbol: not_there_at_all",
    ]


def test_panic_of_a_build_script() -> None:
    error = of_sample("build-script-panic")
    assert error[0] == "error: failed to run custom build command for `panic v0.1.0 (/src/panic)`"
    assert error[1].endswith("(exit status: 101)")
    assert error[2:] == [
        "looking for libfoo",
        "thread 'main' (25329) panicked at build.rs:1:84:",
        "libfoo 3 or newer was not found:",
        "set FOO_DIR",
    ]


def test_c_compiler_in_a_build_script() -> None:
    error = of_sample("cc")
    assert error[0].startswith("error: failed to run custom build command for `ccerr")
    assert "src/a.c:1:29: error: expected expression before ';' token" in error
    assert "src/a.c:1:38: error: 'y' undeclared (first use in this function)" in error
    assert error[-1].startswith("error occurred in cc-rs")
    assert len(error) <= MOST_LINES


def test_cargo_with_its_causes() -> None:
    assert of_sample("manifest")[-2:] == ["Caused by:", "  No such file or directory (os error 2)"]
    assert of_sample("resolve")[0].startswith("error: failed to select a version")
    assert len(of_sample("resolve")) == 4


@pytest.mark.parametrize(
    "tool",
    [
        "lld-link: error: could not open 'python39.lib': No such file or directory",
        "ld.lld: error: undefined symbol: PyUnicode_New",
        "ld64.lld: error: library not found for -lfoo",
        "/usr/bin/ld: x.o: in function `f': undefined reference to `g'",
        "zig: error: unable to find dynamic system library 'foo'",
        "error: unable to find dynamic system library 'foo' using strategy 'paths_first'. searched: none",
        "clang: error: unsupported option '-x'",
        "src/a.c:3:10: fatal error: 'Python.h' file not found",
        "thread 'rustc' panicked at compiler/x.rs:1:2:",
    ],
)
def test_tools_by_themselves_and_inside_a_failed_link(tool: str) -> None:
    end = ["error: could not compile `x` (lib) due to 1 previous error", "💥 maturin failed"]
    end.append("  Caused by: Failed to build a native library through cargo")
    assert first_error(["   Compiling x v1.0", tool, "", *end]) == tool
    link = ["error: linking with `/c/zigcc.sh` failed: exit status: 1", "  |"]
    link += ['  = note:  "/c/zigcc.sh" "-m64" "x.o"', f"  = note: {tool}", "", ""]
    assert first_error([*link, *end]).splitlines() == [link[0], tool]


def test_a_killed_compiler_is_named() -> None:
    lines = [
        "   Compiling big v1.0.0",
        "error: could not compile `big` (lib)",
        "",
        "Caused by:",
        "  process didn't exit successfully: `rustc --crate-name big` (signal: 9, SIGKILL: kill)",
        "warning: build failed, waiting for other jobs to finish...",
        "💥 maturin failed",
        "  Caused by: Failed to build a native library through cargo",
    ]
    assert first_error(lines).splitlines()[-1].endswith("(signal: 9, SIGKILL: kill)")


def test_maturin_itself() -> None:
    lines = [
        "error: something that was tried and forgiven",
        "",
        "💥 maturin failed",
        "  Caused by: The wheel is not compliant with manylinux_2_17",
    ]
    assert first_error(lines).splitlines() == lines[2:]


def test_colours_are_taken_out() -> None:
    assert (
        first_error(["\x1b[1m\x1b[31merror[E0425]\x1b[0m: cannot find `x`"])
        == "error[E0425]: cannot find `x`"
    )


def test_without_any_error_the_last_lines() -> None:
    assert first_error([]) == ""
    assert first_error([f"line {number}" for number in range(12)] + ["", " "]).splitlines()[0] == "line 4"


def test_long_blocks_and_long_lines_are_cut() -> None:
    error = first_error(["error: " + "x" * 1000, *(f"  | {number}" for number in range(40))]).splitlines()
    assert len(error) == MOST_LINES
    assert len(error[0]) == 401
    assert error[-1] == "… 27 more lines"


def test_cargo_before_maturin() -> None:
    error = of_sample("cargo-metadata")
    assert error[0].startswith("error: failed to get `helper` as a dependency of package `broken")
    assert error[-1] == "  No such file or directory (os error 2)"
    assert not any("maturin" in line for line in error)


def test_maturin_blames_a_cargo_that_said_nothing_known() -> None:
    lines = ["rustup: no such toolchain", "💥 maturin failed"]
    lines.append("  Caused by: `cargo metadata` exited with an error: ")
    assert first_error(lines).splitlines() == [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("cc-clang", "c/bad.c:3:48: error: no member named 'y' in 'struct point'"),
        ("clang-cl", "c/bad.c(3,48): error: no member named 'y' in 'struct point'"),
        ("clang-cl-ninja", "/src/light/cm/two.c(3,48): error: no member named 'y' in 'struct point'"),
        ("cmake-make", "/src/light/cm/two.c:3:48: error: no member named 'y' in 'struct point'"),
        ("cmake-ninja", "/src/light/cm/two.c:3:48: error: no member named 'y' in 'struct point'"),
        ("cmake-find-package", "CMake Error at /opt/xbuild/py/cmake/data/share/cmake-4.4/Modules/"),
        ("configure", "configure: error: libfoo is required"),
        ("make", "bad.c:3:48: error: no member named 'y' in 'struct point'"),
        ("bindgen", "wrapper.h:1:10: fatal error: 'missing/foo.h' file not found"),
        ("flag-of-another-platform", "error: target architecture aarch64 has no LLVM CPU feature"),
        ("assembly-of-another-platform", "c/x86.S:3:8: error: unknown token in expression"),
    ],
)
def test_what_a_build_script_ran_comes_before_its_own_words(name: str, error: str) -> None:
    shown = of_sample(name)
    assert shown[0].startswith("error: failed to run custom build command for `")
    assert shown[1].startswith("process didn't exit successfully: ")
    assert shown[2].startswith(error)
    assert any("panicked at" in line or "error occurred in cc-rs" in line for line in shown[3:])
    assert len(shown) <= MOST_LINES


def test_the_beginning_and_the_end_of_many_words() -> None:
    error = of_sample("walls/openssl-sys")
    assert error[2].startswith("Could not find directory of OpenSSL installation")
    assert error[-1] == "openssl-sys = 0.9.118"
    head = "error: failed to run custom build command for `many v0.1.0`"
    stdout = ["  --- stdout", "  found nothing"]
    stderr = ["  --- stderr", *(f"  word {number}" for number in range(1, 51))]
    error = first_error([head, *stdout, *stderr]).splitlines()
    assert len(error) == MOST_LINES
    assert (error[1], error[7], error[8], error[9], error[-1]) == (
        "word 1",
        "word 7",
        "… 37 more lines",
        "word 45",
        "word 50",
    )
    assert first_error([head, *stdout, "  --- stderr", ""]).splitlines() == [head, "found nothing"]


def test_protoc_and_rustc_without_a_place() -> None:
    assert "x.proto:2:13" in of_sample("protoc")[-1]
    assert of_sample("framework") == ["error: library kind `framework` is only supported on Apple targets"]


@pytest.mark.parametrize(
    "error",
    [
        "src\\mix.c(25,13): error: use of undeclared identifier 'x'",
        r"C:\work\mix.c(25): error C2065: 'x': undeclared identifier",
        "src/mix.c(1,10): fatal error: 'avx.h' file not found",
        "mix.asm:12: error: instruction not supported in 64-bit mode",
        "clang-cl: error: no such file or directory: 'x.c'",
        "make: *** No rule to make target 'all'.  Stop.",
        "ninja: error: loading 'build.ninja': No such file or directory",
        'CMake Error: The source directory "/src/none" does not exist.',
        "x.o: undefined reference to `f'",
        "lld-link: error: undefined symbol: f",
    ],
)
def test_the_first_error_of_a_long_output(error: str) -> None:
    head = "error: failed to run custom build command for `deep-sys v0.1.0`"
    ended = "  process didn't exit successfully: `/target/build-script-build` (exit status: 101)"
    before = [f"  checking for {number}... no" for number in range(5000)]
    after = [f"  [{number}] CC more.c" for number in range(5000)]
    panic = [
        "  thread 'main' panicked at build.rs:7:5:",
        "  make failed",
        "  note: run with `RUST_BACKTRACE=1`",
    ]
    lines = [head, "", "Caused by:", ended, "  --- stdout", *before, f"  {error}", "      25 |  x", *after]
    lines += ["  second.c:1:1: error: no more", "", "  --- stderr", *panic, "💥 maturin failed"]
    lines.append("  Caused by: Failed to build a native library through cargo")
    said = [error, "    25 |  x", *(line.strip() for line in panic[:2])]
    exited = "process didn't exit successfully: `build-script-build` (exit status: 101)"
    assert first_error(["   Compiling x v1", *lines]).splitlines() == [head, exited, *said]


def test_where_a_compiler_says_it_is_stays_with_the_error() -> None:
    place = "In file included from src/a.c:1:"
    error = "src/a.h:3:1: error: unknown type name 'u8'"
    head = "error: failed to run custom build command for `a v0.1.0`"
    lines = [head, "  --- stderr", "  running cc", f"  {place}", f"  {error}", "  exiting"]
    assert first_error(lines).splitlines() == [head, place, error, "running cc", "exiting"]


def test_what_comes_after_the_first_error_does_not_count() -> None:
    lines = ["error[E0425]: cannot find `x`", " --> src/lib.rs:1:1", ""]
    lines += ["error: failed to run custom build command for `later v1.0.0`", "  --- stderr", "  no"]
    assert first_error(lines).splitlines() == lines[:2]


def test_little_is_remembered() -> None:
    finder = Finder(lambda _: True)
    tracemalloc.start()
    finder.take("error: failed to run custom build command for `deep v0.1.0`")
    for number in range(20_000):
        finder.take(f"  {number}: error: {'x' * 3000}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert len(finder.diagnosis().lines) <= MOST_LINES

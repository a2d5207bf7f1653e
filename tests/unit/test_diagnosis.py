"""The compiler's last error, in real output of maturin 1.16 and cargo 1.95 (samples/) and in known shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbuild.diagnosis import MOST_LINES, last_error

SAMPLES = Path(__file__).parent / "samples"


def of_sample(name: str) -> list[str]:
    return last_error((SAMPLES / f"{name}.txt").read_text("utf-8").splitlines()).splitlines()


def test_rustc() -> None:
    error = of_sample("rustc")
    assert error[:2] == ["error[E0382]: use of moved value: `v`", " --> src/lib.rs:7:61"]
    assert error[-1].endswith("++++++++")
    assert len(error) <= MOST_LINES


def test_linker() -> None:
    assert of_sample("link") == [
        "error: linking with `cc` failed: exit status: 1",
        "rust-lld: error: undefined symbol: not_there_at_all",
        ">>> referenced by link.68625fddf21b96d5-cgu.0",
        ">>>               /target/release/deps/link.link.68625fddf21b96d5-cgu.0.rcgu.o:(call)",
        "collect2: error: ld returned 1 exit status",
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
    assert last_error(["   Compiling x v1.0", tool, "", *end]) == tool
    link = ["error: linking with `/c/zigcc.sh` failed: exit status: 1", "  |"]
    link += ['  = note:  "/c/zigcc.sh" "-m64" "x.o"', f"  = note: {tool}", "", ""]
    assert last_error([*link, *end]).splitlines() == [link[0], tool]


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
    assert last_error(lines).splitlines()[-1].endswith("(signal: 9, SIGKILL: kill)")


def test_maturin_itself() -> None:
    lines = [
        "error: something that was tried and forgiven",
        "",
        "💥 maturin failed",
        "  Caused by: The wheel is not compliant with manylinux_2_17",
    ]
    assert last_error(lines).splitlines() == lines[2:]


def test_colours_are_taken_out() -> None:
    assert (
        last_error(["\x1b[1m\x1b[31merror[E0425]\x1b[0m: cannot find `x`"]) == "error[E0425]: cannot find `x`"
    )


def test_without_any_error_the_last_lines() -> None:
    assert last_error([]) == ""
    assert last_error([f"line {number}" for number in range(9)] + ["", " "]).splitlines()[0] == "line 4"


def test_long_blocks_and_long_lines_are_cut() -> None:
    error = last_error(["error: " + "x" * 1000, *(f"  | {number}" for number in range(40))]).splitlines()
    assert len(error) == MOST_LINES
    assert len(error[0]) == 401
    assert error[-1] == "… 27 more lines"

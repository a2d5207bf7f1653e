"""The walls of xbuild's own that a failed build met, by real output (samples/walls), and the ways out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from support import SAMPLES
from support.fakes import ARM, LINUX, MACOS, WINDOWS, target

from xbuild.engine import Limits
from xbuild.execute.diagnosis import Diagnosis, Finder, Scene, build_platform, hint_of, is_known
from xbuild.execute.diagnosis.walls import load_walls

NETWORK = "builds have no network"
READ_ONLY = "builds cannot write to their sources"
NO_GIT = "builds see the sources without .git"
NO_LIBRARY = "targets have no libraries but the C library"
BUILD_SCRIPT = """\
use std::process::Command;

fn main() {
    let done = Command::new("flex")
        .arg("--version")
        .status()
        .expect("cannot run it");
    std::fs::read("missing").unwrap();
    run(&mut Command::new("cc"));
}

fn run(command: &mut Command) {
    command.status().unwrap();
}
"""
FLEX = ("the image has no program flex", 'build-packages = ["flex"]')
NOT_FOUND = (
    'called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: "No such file" }'
)


def diagnose(lines: Iterable[str]) -> Diagnosis:
    finder = Finder(is_known)
    for line in lines:
        finder.take(line)
    return finder.diagnosis()


def scene(folder: Path, triple: str = LINUX) -> Scene:
    return Scene(
        target=target(triple),
        host=build_platform(),
        source=folder / "source",
        vendor=folder / "vendor",
    )


def hint_of_script(folder: Path, *said: str, crate: str = "x v1.0.0", triple: str = LINUX) -> str:
    """The hint where a build script's stderr was ``said``."""
    lines = [f"error: failed to run custom build command for `{crate}`", "", "Caused by:"]
    lines += ["  process didn't exit successfully: `build` (exit status: 101)", "  --- stderr"]
    return hint_of(diagnose([*lines, *(f"  {line}" for line in said)]), scene(folder, triple))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("write", (READ_ONLY, "OUT_DIR")),
        ("write-err", (READ_ONLY,)),
        ("mkdir", (READ_ONLY,)),
        ("sh-write", (READ_ONLY,)),
        ("cp-write", (READ_ONLY,)),
        ("curl", (NETWORK, "environment")),
        ("wget", (NETWORK,)),
        ("connect", (NETWORK,)),
        ("connect-ip", (NETWORK,)),
        ("clone", (NETWORK,)),
        ("urllib", (NETWORK,)),
        ("describe", (NO_GIT, "source_git = true")),
        ("submodule", (NO_GIT,)),
        ("am", (NO_GIT,)),
        ("sh", ("the image has no program bison", 'build-packages = ["bison"]')),
        ("bash", ("the image has no program bison", 'build-packages = ["bison"]')),
        ("flex", FLEX),
        ("flex-named", FLEX),
        ("pkg", (f"{NO_LIBRARY} and its kind: libfoo", "vendored")),
        ("openssl-sys", (f"{NO_LIBRARY} and its kind: OpenSSL", "vendored")),
        ("pkg-expect", (f"{NO_LIBRARY} and its kind: alsa",)),
        ("cmake-find", (f"{NO_LIBRARY} and its kind: Boost",)),
        ("lib", ("the target has no library foo",)),
        ("cc-header", ("there is no header missing/header.h\n", "vendored", "submodules")),
        ("cc-header-windows", ("there is no header missing/header.h\n",)),
        ("cc-absent", ("light/third_party/absent.c is not there", "git submodule update --init")),
        ("cmake-absent", ("light/third_party is not there, or empty",)),
        ("lib-windows", ("the target has no library foo",)),
        ("pymodule", ("has no module jinja2", 'build-packages = ["python3-jinja2"]')),
        ("pip", ("has no module pip", 'build-packages = ["python3-pip"]')),
        ("perl", ("has no module JSON/PP2", 'build-packages = ["libjson-pp2-perl"]')),
        ("tmp", ("/tmp of a build holds 1 GiB",)),
        ("threads", ("pids",)),
    ],
)
def test_a_wall_is_named_with_the_way_out(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    lines = (SAMPLES / "walls" / f"{name}.txt").read_text("utf-8").splitlines()
    hint = hint_of(diagnose(lines), scene(tmp_path))
    assert all(word in hint for word in words)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-network", "reqwest::Error { kind: Request, source: hyper::Error(Connect, dns error) }"),
        (
            "no-network",
            "Dns Failed: resolve dns name 'x:443': failed to lookup address information: Try again",
        ),
        ("no-network", "curl: (6) Could not resolve host: example.com"),
        ("no-network", "Failed to download `https://example.com/onnx.tgz`: Dns Failed"),
        ("no-network", "attempting to make an HTTP request, but --offline was specified"),
        (
            "no-network",
            "can't checkout from 'https://example.com/x': you are in the offline mode (--offline)",
        ),
        ("no-network", 'go: x@v1: Get "https://p/x.mod": dial tcp: lookup p on [::1]:53: refused'),
        ("no-network", "npm error request to https://r failed, reason: getaddrinfo EAI_AGAIN r"),
        ("no-repository", "called `Result::unwrap()` on an `Err` value: could not find repository at '/src'"),
        ("read-only-sources", "cannot open output file: Read-only file system (os error 30)"),
        ("no-repository", "Error: Could not find a git repository in '/src' or in any of its parents"),
        ("read-only-sources", 'Error: Os { code: 13, kind: PermissionDenied, message: "Permission denied" }'),
        ("read-only-sources", "cp: cannot create regular file 'src/x.rs': Permission denied"),
        ("missing-library", "pkg-config has not been configured to support cross-compilation."),
        ("missing-library", "Could not find directory of OpenSSL installation, and this `-sys` crate cannot"),
        ("missing-header", "mix.c:1:10: fatal error: zlib.h: No such file or directory"),
        ("missing-header", "mix.c(1): fatal error C1083: Cannot open include file: 'zlib.h': No such file"),
        ("missing-source", "clang: error: no such file or directory: 'third_party/x.c'"),
        ("missing-libclang", 'Unable to find libclang: "couldn\'t find any valid shared libraries"'),
        ("missing-program", "Could not find `protoc`. If `protoc` is installed, try setting the `PROTOC`"),
        ("missing-program", "is `cmake` not installed?"),
        ("missing-program", "make: gperf: No such file or directory"),
        ("missing-program", "/usr/bin/env: 'python': No such file or directory"),
        ("missing-program", 'error occurred in cc-rs: failed to find tool "nvcc": No such file or directory'),
        ("missing-program", "failed to run `meson`: No such file or directory (os error 2)"),
        ("missing-program", "No CMAKE_Fortran_COMPILER could be found."),
        ("missing-program", "configure: error: yasm is not installed"),
        (
            "missing-perl-module",
            "Can't locate FindBin.pm in @INC (you may need to install the FindBin module)",
        ),
        ("missing-python-module", "ModuleNotFoundError: No module named 'yaml'"),
        ("memory", "process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)"),
        ("memory", "memory allocation of 1073741824 bytes failed"),
        ("no-space", "fatal error: error in backend: IO failure on output stream: No space left on device"),
        ("processes", "sh: 1: Cannot fork: Resource temporarily unavailable"),
        ("file-size", "called `Result::unwrap()` on an `Err` value: Os { code: 27, kind: FileTooLarge }"),
        ("open-files", "Too many open files (os error 24)"),
        ("missing-library-to-link", "lld-link: error: could not open 'foo.lib': No such file or directory"),
        ("missing-library-to-link", "ld64.lld: error: library not found for -lfoo"),
    ],
)
def test_words_of_other_tools(tmp_path: Path, name: str, said: str) -> None:
    wall = next(wall for wall in load_walls().rows if wall.name == name)
    assert wall.match(said)
    assert is_known(said)
    assert hint_of_script(tmp_path, said).split("\n")[0].startswith(wall.hint.split("{")[0].split("\n")[0])


@pytest.mark.parametrize(
    ("name", "lines", "what"),
    [
        (
            "program-of-another-machine",
            ["error: linker `aarch64-linux-gnu-gcc` not found", "  |", "  = note: No such file or directory"],
            "aarch64-linux-gnu-gcc",
        ),
        (
            "program-of-another-machine",
            [
                "error: could not execute process `sccache rustc -vV` (never executed)",
                "",
                "Caused by:",
                "  No",
            ],
            "sccache",
        ),
    ],
)
def test_words_of_cargo_and_rustc(tmp_path: Path, name: str, lines: list[str], what: str) -> None:
    hint = hint_of(diagnose(lines), scene(tmp_path))
    assert name in {wall.name for wall in load_walls().rows if wall.match(lines[0])}
    assert hint.startswith(f"the image has no program {what}, which")


@pytest.mark.parametrize(
    ("name", "said", "word"),
    [
        ("missing-framework", "ld64.lld: error: framework not found for -framework Thing", "Thing"),
        (
            "missing-framework",
            "src/mac/hid.c:23:10: fatal error: 'IOKit/hid/IOHIDManager.h' file not found",
            "IOKit",
        ),
        ("missing-symbol-of-macos", "ld64.lld: error: undefined symbol: _NSThingName", "_NSThingName"),
    ],
)
def test_what_apples_sdk_has_and_the_image_has_not(tmp_path: Path, name: str, said: str, word: str) -> None:
    wall = next(wall for wall in load_walls().rows if wall.name == name)
    found = wall.match(said)
    assert found
    assert found["what"] == word
    linking = ["error: linking with `aarch64-apple-darwin-clang` failed: exit status: 1", "  |"]
    linking += [f"  = note: {said}", "          "]
    hint = hint_of(diagnose(linking), scene(tmp_path, MACOS))
    assert word in hint
    assert "--sysroot" in hint
    assert hint_of(diagnose(linking), scene(tmp_path, LINUX)) == "", "no SDK has it there"


def test_no_wall_is_without_a_line_that_meets_it() -> None:
    parameters = [
        mark.args[1]
        for test in (
            test_words_of_other_tools,
            test_words_of_cargo_and_rustc,
            test_what_apples_sdk_has_and_the_image_has_not,
        )
        for mark in getattr(test, "pytestmark", [])
    ]
    named = {values[0] for rows in parameters for values in rows}
    assert {wall.name for wall in load_walls().rows} == named


def test_where_rust_does_not_say_which_file_the_script_does(tmp_path: Path) -> None:
    folder = tmp_path / "vendor" / "x-1.0.0"
    folder.mkdir(parents=True)
    (folder / "build.rs").write_text(BUILD_SCRIPT, "utf-8")

    def hint(line: int) -> str:
        return hint_of_script(tmp_path, f"thread 'main' panicked at build.rs:{line}:1:", NOT_FOUND)

    assert all(word in hint(7) for word in FLEX)
    # A file that is missing is no program, and what is run in a function of the script's own may be any
    assert hint(8) == ""
    assert all(word in hint(13) for word in FLEX)
    assert all(word in hint_of_script(tmp_path, f"Error: {NOT_FOUND}") for word in FLEX)
    (folder / "build.rs").write_text(BUILD_SCRIPT.replace("flex", "cc"), "utf-8")
    assert hint(13) == ""


def test_a_program_of_no_known_package(tmp_path: Path) -> None:
    hint = hint_of_script(tmp_path, "sh: 1: frobnicate: not found")
    assert "the image has no program frobnicate" in hint
    assert "NAME-OF-THE-PACKAGE" in hint


def test_a_crate_that_is_known_to_download(tmp_path: Path) -> None:
    said = "xbuild: builds have no network, so curl can fetch nothing"
    hint = hint_of_script(tmp_path, said, crate="utoipa-swagger-ui v9.0.0")
    assert "SWAGGER_UI_DOWNLOAD_URL" in hint


def test_no_line_is_passed_over_for_the_words_that_are_not_in_it() -> None:
    lines = [line for path in SAMPLES.rglob("*.txt") for line in path.read_text("utf-8").splitlines()]
    spoken = [line for line in lines if any(wall.match(line[:400]) for wall in load_walls().rows)]
    assert len(spoken) > 30
    assert [line for line in spoken if not is_known(line)] == []


@pytest.mark.parametrize("line", ["x" * 2000, "a." * 1000, "/" * 2000, "- " * 1000, "No not found " * 150])
def test_no_line_takes_long(line: str) -> None:
    started = time.process_time()
    for _ in range(20):
        for wall in load_walls().rows:
            wall.match(line)
    assert time.process_time() - started < 1


def test_the_way_out_is_one_paragraph_that_the_terminal_wraps() -> None:
    for wall in load_walls().rows:
        assert wall.hint.count("\n") <= 1
        assert "  " not in wall.hint


def test_a_wall_that_was_got_over_is_none(tmp_path: Path) -> None:
    """A compiler's error is why a script fails, whatever it tried before."""
    before = ["fatal: not a git repository", *(f"line {number}" for number in range(30))]
    assert hint_of_script(tmp_path, *before).startswith(NO_GIT)
    assert hint_of_script(tmp_path, *before, "src/a.c:1:1: error: expected ';'") == ""
    passing = diagnose(
        ["fatal: not a git repository", "error[E0425]: cannot find `x`", " --> src/lib.rs:1:1"]
    )
    assert hint_of(passing, scene(tmp_path)) == ""


def test_the_panic_says_more_than_what_was_passed_over_before_it(tmp_path: Path) -> None:
    """As libssh2-sys 0.2 had it, which asks git for submodules (rust-lang/ssh2-rs#67)."""
    said = [
        "fatal: Not a git repository (or any parent up to mount point /)",
        "thread 'main' panicked at x.rs:8:5:",
    ]
    said += [
        "",
        "failed to execute command: No such file or directory (os error 2)",
        "is `meson` not installed?",
    ]
    assert hint_of_script(tmp_path, *said).startswith("the image has no program meson")
    assert hint_of_script(tmp_path, *said[:2], "git failed").startswith(NO_GIT)


def test_what_compilers_say_of_names_is_no_missing_program(tmp_path: Path) -> None:
    lines = ["error[E0433]: failed to resolve: could not find `flex` in `tools`", " --> src/lib.rs:1:1"]
    assert hint_of(diagnose(lines), scene(tmp_path)) == ""


ASKING = """\
fn main() {
    let mut build = cc::Build::new();
    // cfg!(windows) would be wrong
    if cfg!(target_arch = "x86_64") {
        build.flag("-mavx2");
    }
    if cfg!(any(
        target_os = "linux", target_env = "msvc")) {
        build.define("A", None);
    }
    #[cfg(windows)]
    build.define("W", None);
    if cfg!(feature = "windows") || cfg!(debug_assertions) {}
}
"""
AVX = 'cargo:warning=error: target architecture aarch64 has no LLVM CPU feature named "avx2"'


def write_script(folder: Path, text: str, name: str = "build.rs") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_build_script_that_asks_for_its_own_platform(tmp_path: Path) -> None:
    write_script(tmp_path / "source" / "ws" / "x", ASKING)
    hint = hint_of_script(tmp_path, AVX, crate="x v1.0.0 (/src/ws/x)", triple=ARM)
    assert 'Line 4 of its build.rs has cfg!(target_arch = "x86_64")' in hint
    assert LINUX in hint
    assert ARM in hint
    assert hint.endswith("has to ask the environment for the target: CARGO_CFG_TARGET_ARCH.")


def test_only_what_differs_between_the_platforms_counts(tmp_path: Path) -> None:
    write_script(tmp_path / "vendor" / "x-1.0.0", ASKING)
    error = "c/mix.c(25,13): error: unknown type name 'x'"
    assert hint_of_script(tmp_path, error) == ""
    hint = hint_of_script(tmp_path, error, triple=WINDOWS)
    assert "Line 7 of its build.rs has cfg!(any(" in hint
    assert hint.endswith(": CARGO_CFG_TARGET_OS, CARGO_CFG_WINDOWS.")


def test_what_a_script_asks_for_hides_no_wall(tmp_path: Path) -> None:
    write_script(tmp_path / "vendor" / "x-1.0.0", ASKING)
    hint = hint_of_script(tmp_path, "c/mix.c(2,10): fatal error: 'zlib.h' file not found", triple=WINDOWS)
    assert "CARGO_CFG_WINDOWS.\nthere is no header zlib.h" in hint


def test_a_build_script_that_fails_by_itself_is_not_blamed_for_what_it_asks(tmp_path: Path) -> None:
    write_script(tmp_path / "vendor" / "x-1.0.0", ASKING)
    assert hint_of_script(tmp_path, "the moon is not full", triple=ARM) == ""


LINKING_ASKED = 'fn main() { if cfg!(target_os = "linux") { println!("cargo:rustc-link-lib=foo"); } }'
LINKING_FOO = [
    "error: linking with `/c/zigcc.sh` failed: exit status: 1",
    "  |",
    '  = note: error: unable to find dynamic system library "foo" using strategy no_fallback.',
]


@pytest.mark.parametrize("place", ["vendor/foo-sys-1.0.0", "source/crates/foo-sys-1.0.0"])
def test_a_library_that_a_build_script_asks_for_by_mistake(tmp_path: Path, place: str) -> None:
    write_script(tmp_path / "vendor" / "bar-1.0.0", LINKING_ASKED.replace("foo", "foobar"))
    assert "the target has no library foo" in hint_of(diagnose(LINKING_FOO), scene(tmp_path, MACOS))
    write_script(tmp_path / place, LINKING_ASKED)
    hint = hint_of(diagnose(LINKING_FOO), scene(tmp_path, MACOS))
    assert hint.startswith("the build script of foo-sys-1.0.0 seems to take aarch64-apple-darwin for")
    assert 'Line 1 of its build.rs has cfg!(target_os = "linux")' in hint
    assert "the target has no library foo" in hint_of(diagnose(LINKING_FOO), scene(tmp_path, ARM))


def test_the_limits_of_the_container_are_said(tmp_path: Path) -> None:
    limited = replace(scene(tmp_path), limits=Limits(memory=3 << 29, pids=77))
    killed = ["error: could not compile `big` (lib)", "", "Caused by:", "  rustc (signal: 9, SIGKILL: kill)"]
    assert "may use, 1.5 GiB\n" in hint_of(diagnose(killed), limited)
    threads = ["error: failed to run custom build command for `x v1.0.0`", "  failed to spawn thread: Os"]
    assert "77 processes" in hint_of(diagnose(threads), limited)


def test_a_build_script_in_a_folder_of_its_own(tmp_path: Path) -> None:
    crate = tmp_path / "vendor" / "x-1.0.0"
    write_script(crate, '\ufeff[package]\nname = "x"\nbuild = "build/main.rs"\n', "Cargo.toml")
    write_script(crate, "mod flags;\nfn main() {}", "build/main.rs")
    write_script(crate, "fn f() -> bool { cfg!(unix) }", "build/flags.rs")
    hint = hint_of_script(tmp_path, "a.c:1:1: error: no", triple=WINDOWS)
    assert "Line 1 of its build/flags.rs has cfg!(unix)" in hint
    assert "CARGO_CFG_UNIX" in hint


def test_no_file_outside_the_crate_is_read(tmp_path: Path) -> None:
    write_script(tmp_path, ASKING, "outside.rs")
    crate = tmp_path / "source" / "x"
    write_script(crate, '[package]\nbuild = "../../outside.rs"\n', "Cargo.toml")
    error = "a.c:1:1: error: no"
    assert hint_of_script(tmp_path, error, crate="x v1.0.0 (/src/x)", triple=ARM) == ""
    write_script(crate, '[package]\nbuild = "link.rs"\n', "Cargo.toml")
    (crate / "link.rs").symlink_to(tmp_path / "outside.rs")
    assert hint_of_script(tmp_path, error, crate="x v1.0.0 (/src/x)", triple=ARM) == ""
    write_script(tmp_path, ASKING)
    assert hint_of_script(tmp_path, error, crate="x v1.0.0 (/src/..)", triple=ARM) == ""

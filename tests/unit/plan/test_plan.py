"""Plans as values, and everything that is refused before a container starts.

The golden plans are in tests/golden. After a change that is meant to change them:

    pytest tests/unit/plan --update-golden
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.fakes import (
    ARM,
    LINUX,
    MACOS,
    MUSL,
    WINDOWS,
    kinds,
    locked,
    make_details,
    make_manifest,
    make_request,
    make_target,
    target,
)
from support.plans import CATALOG, plan

from xbuild.cli.build import plan_document
from xbuild.engine import Limits
from xbuild.engine.layout import USER_SYSROOT
from xbuild.errors import ExitStatus, RefusedError
from xbuild.inspect.crate.cargoconfig import CargoConfig, ConfigFile
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.features import ConditionalFeature
from xbuild.inspect.crate.manifest import Manifest
from xbuild.inspect.crate.toolchain import Demands
from xbuild.plan.model import Plan
from xbuild.plan.refusals import refuse
from xbuild.request.model import BuildRequest

EVERY = (LINUX, ARM, MUSL, WINDOWS, MACOS)


def refused(
    request: BuildRequest,
    manifest: Manifest | None = None,
    details: Details | Mapping[str, Details] | None = None,
    **options: Any,
) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        plan(request, manifest, details, **options)
    assert caught.value.exit_status == ExitStatus.REFUSED
    return caught.value


def wheels(made: Plan) -> dict[str, list[str]]:
    return {job.id: [step.wheel for step in job.steps] for job in made.jobs}


# Golden plans


def test_the_matrix_of_the_issue(golden: Callable[[str, Any], None]) -> None:
    asked = ("pypy3.9", "python3.11", "python3.13")
    made = plan(make_request(*(make_target(triple, *asked) for triple in EVERY)), details=make_details())
    assert sum(len(job.steps) for job in made.jobs) == 14
    assert [(item.target, item.interpreter, item.code) for item in made.refused] == [
        (MUSL, "pypy3.9", "unsupported-interpreter")
    ]
    golden("plan-matrix", plan_document(made, ()))


def test_each_target_goes_by_its_own_features() -> None:
    request = make_request(make_target(LINUX, "python3.11"), make_target(ARM, "python3.11"))
    each = {LINUX: make_details("abi3", "abi3-py39"), ARM: make_details(rust_version="1.90")}
    made = plan(request, details=each)
    tags = {triple: [name.split("-")[2:4] for name in names] for triple, names in wheels(made).items()}
    assert tags == {LINUX: [["cp39", "abi3"]], ARM: [["cp311", "cp311"]]}
    assert refused(request, details=each, rust="1.85.0").code == "rust-too-old"


def test_a_stable_abi_crate(golden: Callable[[str, Any], None]) -> None:
    asked = ("python3.13", "python3.9", "pypy3.9")
    request = make_request(make_target(LINUX, *asked), make_target(WINDOWS, *asked))
    golden("plan-abi3", plan_document(plan(request, details=make_details("abi3", "abi3-py38")), ()))


def test_everything_that_can_be_set(golden: Callable[[str, Any], None]) -> None:
    wanted = make_target(
        WINDOWS,
        "python3.11",
        features=("fast", "extra"),
        all_features=True,
        no_default_features=True,
        profile="release-lto",
        strip=True,
        rustflags=("-C", "target-feature=+crt-static"),
        environment={"FOO": "a b", "CARGO_TERM_COLOR": "always"},
        image="registry/own:1",
        sysroot=Path("/opt/sdk"),
        limits=Limits(memory=2 << 30),
        timeout=60.0,
    )
    root = Path("/nowhere")
    manifest = make_manifest(
        root / "ws" / "py", workspace=root / "ws", root=root, maturin_features=("extension-module", "fast")
    )
    made = plan(make_request(wanted), manifest, make_details(native=("ring",)))
    golden("plan-options", plan_document(made, ()))


def test_a_program(golden: Callable[[str, Any], None]) -> None:
    manifest = make_manifest(bindings="bin", locked=(), name="ripgrep-py")
    request = make_request(make_target(LINUX, "pypy3.9"), make_target(WINDOWS, "python3.11"))
    found = make_details(bindings="bin", pyo3_version="")
    golden("plan-program", plan_document(plan(request, manifest, found), ()))


def test_the_wheels_name_is_the_one_that_maturin_gives() -> None:
    manifest = make_manifest(name="Upper.Dot", version="1.0.0a1")
    made = plan(make_request(make_target(LINUX, "python3.11")), manifest, make_details())
    (name,) = wheels(made)[LINUX]
    assert name.startswith("upper_dot-1.0.0a1-cp311-cp311-")
    assert made.name == "Upper.Dot"


# Purity and shape


def test_a_plan_is_a_pure_frozen_value() -> None:
    request = make_request(make_target(LINUX, "python3.11"))
    one, two = plan(request, details=make_details()), plan(request, details=make_details())
    assert one == two
    env: Any = one.jobs[0].env
    with pytest.raises(TypeError):
        env["PATH"] = "/"
    step_env: Any = one.jobs[0].steps[0].env
    with pytest.raises(TypeError):
        step_env["PATH"] = "/"


def test_argv_is_words_and_holds_no_path_of_this_machine() -> None:
    made = plan(make_request(*(make_target(triple, "python3.11") for triple in EVERY)))
    for job in made.jobs:
        for step in (*job.prepare, *job.steps):
            assert all(isinstance(word, str) and word for word in step.argv)
            assert not any("/nowhere" in word for word in step.argv)
            assert not any("/nowhere" in value for value in (*step.env.values(), *job.env.values()))
        assert job.expected == {step.wheel for step in job.steps}


def test_the_epoch_and_one_codegen_unit() -> None:
    wanted = make_target(LINUX, "python3.11", profile="dev")
    job = plan(make_request(wanted), epoch=1234).jobs[0]
    assert job.env["SOURCE_DATE_EPOCH"] == "1234"
    assert job.env["CARGO_PROFILE_DEV_CODEGEN_UNITS"] == "1"
    assert job.steps[0].argv[2:4] == ("--profile", "dev")
    loose = plan(make_request(wanted, reproducible=False)).jobs[0]
    assert not any("CODEGEN_UNITS" in key for key in loose.env)


def test_the_users_environment_wins() -> None:
    wanted = make_target(LINUX, "python3.11", environment={"TZ": "Asia/Tokyo"})
    assert plan(make_request(wanted)).jobs[0].env["TZ"] == "Asia/Tokyo"


def test_no_value_of_the_users_environment_is_shown() -> None:
    environment = {"PASSPORT": "hush", "API_TOKEN": "hush", "CFLAGS": "-O2 -Dhush"}
    made = plan(make_request(make_target(LINUX, "python3.11", environment=environment)))
    assert made.jobs[0].env["PASSPORT"] == "hush"
    shown = made.as_dict()["jobs"][0]["env"]
    assert [shown[name] for name in environment] == ["(hidden)"] * 3
    assert shown["SOURCE_DATE_EPOCH"] == made.jobs[0].env["SOURCE_DATE_EPOCH"]
    assert "hush" not in json.dumps(made.as_dict())


def test_the_workdir_is_the_projects_folder_in_the_snapshot() -> None:
    root = Path("/nowhere")
    request = make_request(make_target(LINUX, "python3.11"))
    assert plan(request).jobs[0].workdir == "/src"
    below = make_manifest(root / "a b" / "py", root=root, workspace=root)
    assert plan(request, below).jobs[0].workdir == "/src/a b/py"


def test_jobs_keep_the_order_of_the_request() -> None:
    order = (MACOS, LINUX, WINDOWS)
    made = plan(make_request(*(make_target(triple, "python3.11") for triple in order)))
    assert tuple(job.id for job in made.jobs) == order


def test_before_the_details_are_there() -> None:
    request = make_request(make_target(LINUX, "python3.9", "python3.11"))
    assert len(plan(request, details=None, rust="").jobs[0].steps) == 2


@pytest.mark.parametrize(
    ("kind", "folder"), [("python3.14", "cp314"), ("python3.14t", "cp314t"), ("pypy3.9", "pp39")]
)
def test_windows_links_the_import_libraries_of_one_interpreter(kind: str, folder: str) -> None:
    """docker/windows-msvc/make_sysroot.py names the folders."""
    (step,) = plan(make_request(make_target(WINDOWS, kind))).jobs[0].steps
    assert step.env["LIB"] == f"/opt/xbuild/sysroot/python/{folder}"


def test_windows_links_the_stable_abi_only_where_the_wheel_promises_it() -> None:
    request = make_request(make_target(WINDOWS, "python3.9", "pypy3.9"))
    stable, pypy = plan(request, details=make_details("abi3")).jobs[0].steps
    assert stable.env["LIB"] == "/opt/xbuild/sysroot/python/abi3"
    assert pypy.env["LIB"] == "/opt/xbuild/sysroot/python/pp39"


# The stable ABI


@pytest.mark.parametrize(
    ("features", "asked", "tags"),
    [
        (("abi3",), ("python3.11", "python3.9", "python3.13"), ["cp39-abi3"]),
        (("abi3", "abi3-py310"), ("python3.13", "python3.11"), ["cp310-abi3"]),
        (("abi3-py38", "abi3-py39", "abi3-py310"), ("python3.12",), ["cp38-abi3"]),
        (("abi3-py38",), ("pypy3.9", "python3.12"), ["cp38-abi3", "pp39-pypy39_pp73"]),
        (("abi3-py38",), ("pypy3.9", "pypy3.10"), ["pp39-pypy39_pp73", "pp310-pypy310_pp73"]),
        ((), ("python3.11", "python3.12"), ["cp311-cp311", "cp312-cp312"]),
    ],
)
def test_one_stable_abi_wheel(features: tuple[str, ...], asked: tuple[str, ...], tags: list[str]) -> None:
    made = plan(make_request(make_target(MACOS, *asked)), details=make_details(*features))
    assert wheels(made)[MACOS] == [f"demo-1.2.3-{tag}-macosx_11_0_arm64.whl" for tag in tags]


def test_a_stable_abi_step_is_built_with_the_oldest_and_serves_all() -> None:
    request = make_request(make_target(LINUX, "python3.13", "python3.11"))
    (step,) = plan(request, details=make_details("abi3")).jobs[0].steps
    assert step.argv[step.argv.index("--interpreter") + 1] == "python3.11"
    assert set(step.interpreters) == {"python3.11", "python3.13"}


OLD_PYO3 = make_manifest(locked=(locked("pyo3", "0.24.2"),))


def test_a_stable_abi_wheel_serves_what_its_pyo3_does_not_build_for() -> None:
    request = make_request(make_target(LINUX, "python3.14", "python3.9", "pypy3.9"), strict=True)
    # before the features are known, it may be one
    assert [item.interpreter for item in plan(request, OLD_PYO3, None).refused] == ["python3.14"]
    made = plan(request, OLD_PYO3, make_details("abi3-py39", pyo3_version="0.24.2"))
    step, pypy = made.jobs[0].steps
    assert "-cp39-abi3-" in step.wheel
    assert step.interpreters == ("python3.14", "python3.9")
    assert step.argv[step.argv.index("--interpreter") + 1] == "python3.9"
    assert "-pp39-" in pypy.wheel
    error = refused(request, OLD_PYO3, make_details(pyo3_version="0.24.2"))
    assert error.code == "pyo3-interpreter"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("python3.14",), "pyo3-interpreter"),
        (("python3.14", "pypy3.9"), "pyo3-interpreter"),
        (("python3.14t", "python3.9"), "pyo3-interpreter"),
        (("python3.8", "python3.9"), "abi3-floor"),
    ],
)
def test_what_no_stable_abi_wheel_serves(asked: tuple[str, ...], code: str) -> None:
    request = make_request(make_target(LINUX, *asked), strict=True)
    details = make_details("abi3-py39", pyo3_version="0.24.2")
    assert refused(request, OLD_PYO3, details).code == code
    if code == "pyo3-interpreter":
        assert refused(request, OLD_PYO3, None).code == code


def test_abi3_without_the_gil() -> None:
    error = refused(make_request(make_target(LINUX, "python3.14t")), details=make_details("abi3"))
    assert error.code == "abi3-free-threaded"
    assert error.hint


def test_abi3_floor() -> None:
    error = refused(make_request(make_target(LINUX, "python3.9")), details=make_details("abi3-py310"))
    assert error.code == "abi3-floor"
    assert "abi3-py310" in error.brief


def test_the_floor_is_no_concern_of_pypys() -> None:
    made = plan(make_request(make_target(LINUX, "pypy3.9")), details=make_details("abi3-py310"))
    assert len(made.jobs[0].steps) == 1


# Refusals


@pytest.mark.parametrize(
    ("kind", "release", "fits"),
    [
        ("pypy3.9", "0.26.0", True),
        ("pypy3.9", "0.27.0", False),
        ("pypy3.10", "0.29.3", False),
        ("pypy3.11", "0.23.4", False),
        ("pypy3.11", "0.23.5", True),
        ("python3.14", "0.25.1", False),
        ("python3.13", "0.21.2", False),
    ],
)
@pytest.mark.parametrize("crate", ["pyo3", "pyo3-ffi"])
def test_the_locked_pyo3_and_the_interpreter(crate: str, kind: str, release: str, *, fits: bool) -> None:
    manifest = make_manifest(locked=(locked("serde", "1.0.0"), locked(crate, release)))
    request = make_request(make_target(LINUX, kind))
    if fits:
        assert plan(request, manifest).jobs
    else:
        error = refused(request, manifest)
        assert error.code == "pyo3-interpreter"
        assert release in error.brief
        assert "cargo update -p pyo3 --precise" in error.hint


BOTH_PYO3 = make_manifest(locked=(locked("pyo3", "0.26.0"), locked("pyo3", "0.27.0")))


@pytest.mark.parametrize(("resolved", "fits"), [("0.26.0", True), ("0.27.0", False)])
def test_the_pyo3_of_the_crate_counts_and_not_that_of_others_in_its_workspace(
    resolved: str, *, fits: bool
) -> None:
    request = make_request(make_target(LINUX, "pypy3.9"))
    details = make_details(pyo3_version=resolved)
    if fits:
        assert plan(request, BOTH_PYO3, details).jobs
    else:
        assert resolved in refused(request, BOTH_PYO3, details).brief


@pytest.mark.parametrize("kind", ["pypy3.9", "pypy3.11", "python3.14"])
def test_before_it_is_known_any_locked_pyo3_may_be_the_crates(kind: str) -> None:
    assert plan(make_request(make_target(LINUX, kind)), BOTH_PYO3).jobs


def test_no_locked_pyo3_may_fit() -> None:
    manifest = make_manifest(locked=(locked("pyo3", "0.27.0"), locked("pyo3", "0.28.0")))
    error = refused(make_request(make_target(LINUX, "pypy3.9")), manifest)
    assert error.code == "pyo3-interpreter"
    assert "PyO3 0.28.0" in error.brief


@pytest.mark.parametrize(
    ("specifier", "kind", "fits"),
    [
        (">=3.9", "python3.8", False),
        (">=3.9", "python3.9", True),
        (">=3.9.2", "python3.9", True),
        ("<3.12", "python3.12", False),
        ("<3.12,>=3.8,!=3.10.*", "python3.10", False),
        ("==3.11.*", "python3.11", True),
        ("~=3.9", "pypy3.9", True),
        ("", "python3.8", True),
    ],
)
def test_requires_python(specifier: str, kind: str, *, fits: bool) -> None:
    manifest = make_manifest(requires_python=specifier, locked=())
    request = make_request(make_target(LINUX, kind))
    if fits:
        assert plan(request, manifest).jobs
    else:
        error = refused(request, manifest)
        assert error.code == "requires-python"
        assert specifier in error.brief


def test_musl_has_no_pypy() -> None:
    error = refused(make_request(make_target(MUSL, "pypy3.9")))
    assert error.code == "unsupported-interpreter"
    assert "musl" in error.brief


@pytest.mark.parametrize(
    ("own", "of_a_crate", "rust", "code"),
    [
        ("1.92", "", "1.91.1", "rust-too-old"),
        ("1.91.2", "", "1.91.1", "rust-too-old"),
        ("1.91", "", "1.91.1", ""),
        ("1.91.1", "", "1.91.1", ""),
        ("1.60", "1.92", "1.91.1", "rust-too-old"),
        ("1.92", "1.60", "1.91.1", "rust-too-old"),
        ("1.9", "1.10", "1.91.1", ""),
        ("", "", "1.91.1", ""),
        ("1.99", "1.99", "", ""),
    ],
)
def test_rust_version(own: str, of_a_crate: str, rust: str, code: str) -> None:
    manifest = make_manifest(rust_version=own)
    details = make_details(rust_version=of_a_crate, rust_version_of="newest 0.1.0" if of_a_crate else "")
    request = make_request(make_target(LINUX, "python3.11"))
    if code:
        error = refused(request, manifest, details, rust=rust)
        assert error.code == code
        newest = "newest 0.1.0" if of_a_crate == "1.92" else "demo"
        assert error.brief.startswith(newest)
    else:
        assert plan(request, manifest, details, rust=rust).jobs


@pytest.mark.parametrize(
    ("asked", "own", "words"),
    [
        ("", "", ("--release",)),
        ("", "dist", ("--profile", "dist")),
        ("", "release", ("--release",)),
        ("dev", "dist", ("--profile", "dev")),
        ("release", "dist", ("--release",)),
    ],
)
def test_the_profile_is_the_callers_else_the_projects_own(
    asked: str, own: str, words: tuple[str, ...]
) -> None:
    manifest = make_manifest(maturin={"profile": own} if own else {})
    made = plan(make_request(make_target(LINUX, "python3.11", profile=asked)), manifest, make_details())
    assert made.jobs[0].steps[0].argv[2 : 2 + len(words)] == words
    assert made.jobs[0].steps[0].argv[2 + len(words)] == "--target"
    assert made.jobs[0].env[f"CARGO_PROFILE_{(asked or own or 'release').upper()}_CODEGEN_UNITS"] == "1"


SOME = (
    ConditionalFeature(feature="pyo3/abi3-py311", python_version=">=3.11", python_implementation="cpython"),
    ConditionalFeature(feature="pyo3/abi3-py38", python_version="<3.11"),
    ConditionalFeature(feature="old", python_version="<3.11"),
)


def test_features_for_some_pythons_decide_on_their_wheels() -> None:
    manifest = make_manifest(maturin_features=("fast",), conditional_features=SOME)
    asked = ("python3.9", "python3.10", "python3.11", "python3.13", "pypy3.11")
    made = plan(make_request(make_target(LINUX, *asked)), manifest, make_details())
    platform = "manylinux2014_x86_64.manylinux_2_17_x86_64"
    assert wheels(made)[LINUX] == [
        f"demo-1.2.3-cp38-abi3-{platform}.whl",
        f"demo-1.2.3-cp311-abi3-{platform}.whl",
        f"demo-1.2.3-pp311-pypy311_pp73-{platform}.whl",
    ]
    steps = made.jobs[0].steps
    assert [step.interpreters for step in steps[:2]] == [asked[:2], asked[2:4]]
    # maturin turns them on by itself, as long as it is given no others
    assert all("--features" not in step.argv for step in steps)


def test_features_of_the_caller_are_added_to_those_for_some_pythons() -> None:
    manifest = make_manifest(maturin_features=("fast",), conditional_features=SOME)
    wanted = make_target(LINUX, "python3.9", "python3.13", features=("more",))
    made = plan(make_request(wanted), manifest, make_details())
    given = [step.argv[step.argv.index("--features") + 1] for step in made.jobs[0].steps]
    assert given == ["fast,pyo3/abi3-py38,old,more", "fast,pyo3/abi3-py311,more"]


@pytest.mark.parametrize("place", ["Cargo.toml", "config", "variable"])
def test_a_profile_that_something_defines(place: str) -> None:
    path = Path("/nowhere/demo/.cargo/config.toml")
    config = CargoConfig(files=(ConfigFile(path, path.parent, path, {"profile": {"dist": {}}}),))
    by_place: dict[str, dict[str, Any]] = {
        "Cargo.toml": {"demands": Demands(profiles=("dist",))},
        "config": {"demands": Demands(), "config": config},
        "variable": {"demands": Demands()},
    }
    environment = {"CARGO_PROFILE_DIST_INHERITS": "release"} if place == "variable" else {}
    wanted = make_target(LINUX, "python3.11", profile="dist", environment=environment)
    assert plan(make_request(wanted), make_manifest(**by_place[place]), make_details()).jobs


def test_a_profile_that_nothing_defines() -> None:
    request = make_request(make_target(LINUX, "python3.11", profile="relase"))
    error = refused(request, None, make_details())
    assert error.code == "unknown-profile"
    assert "release-lto" in error.details
    assert "did you mean" in error.hint
    # A file that has it may not have been read yet
    assert plan(request).jobs


@pytest.mark.parametrize("bindings", ["cffi", "uniffi"])
@pytest.mark.parametrize("said", ["set", "found"])
def test_bindings_that_need_the_target(bindings: str, said: str) -> None:
    set_ = {"maturin": {"bindings": bindings}, "bindings": bindings}
    found = make_details(bindings=bindings, pyo3_version="")
    error = refused(
        make_request(make_target(LINUX, "python3.11")),
        make_manifest(**(set_ if said == "set" else {"bindings": ""})),
        None if said == "set" else found,
    )
    assert error.code == "unsupported-bindings"
    assert bindings in error.brief


def test_pyo3_that_no_feature_turns_on() -> None:
    found = make_details(bindings="cffi", pyo3_version="")
    error = refused(make_request(make_target(LINUX, "python3.11")), make_manifest(), found)
    assert error.code == "unsupported-bindings"
    assert "not built with PyO3" in error.brief
    assert "--features" in error.hint


def test_a_target_without_pyo3_is_refused_and_the_others_are_built() -> None:
    request = make_request(make_target(WINDOWS, "python3.11"), make_target(LINUX, "python3.11"))
    found = {WINDOWS: make_details(bindings="cffi", pyo3_version=""), LINUX: make_details()}
    made = plan(request, make_manifest(), found)
    assert [job.id for job in made.jobs] == [LINUX]
    (against,) = made.refused
    assert (against.target, against.interpreter, against.code) == (WINDOWS, "all", "unsupported-bindings")
    assert "not built with PyO3" in against.reason
    assert "--features" in against.hint
    none = dict.fromkeys((WINDOWS, LINUX), found[WINDOWS])
    error = refused(request, make_manifest(), none)
    assert error.code == "unsupported-bindings"
    assert "not built with PyO3" in error.brief


def test_neither_a_module_nor_a_program() -> None:
    found = make_details(bindings="", pyo3_version="")
    error = refused(make_request(make_target(LINUX, "python3.11")), make_manifest(bindings=""), found)
    assert error.code == "unsupported-bindings"
    assert "cdylib" in error.hint


def test_bindings_that_only_cargo_knows_are_refused_by_nothing_before_it_is_asked() -> None:
    """PyO3 in a target's table of a crate that may be a program: the manifest does not say which it is."""
    request = make_request(make_target(MUSL, "pypy3.9"), strict=True)
    manifest = make_manifest(bindings="", requires_python=">=3.99")
    assert plan(request, manifest).jobs == ()
    assert plan(request, manifest, make_details(bindings="bin", pyo3_version="")).jobs
    assert refused(request, manifest, make_details()).code == "unsupported-interpreter"
    every = make_request(make_target(MUSL, every_interpreter=True))
    assert plan(every, manifest).jobs == ()


@pytest.mark.parametrize("said", ["set", "found"])
def test_a_program_with_python_in_it_is_built_for_each_interpreter(said: str) -> None:
    kind = "pyo3" if said == "set" else "pyo3-bin"
    found = make_details("abi3-py38", bindings=kind)
    manifest = make_manifest(**({"maturin": {"bindings": "bin"}, "bindings": "bin"} if said == "set" else {}))
    made = plan(make_request(make_target(LINUX, "python3.11", "python3.13")), manifest, found)
    platform = "manylinux2014_x86_64.manylinux_2_17_x86_64"
    assert wheels(made)[LINUX] == [
        f"demo-1.2.3-cp311-cp311-{platform}.whl",
        f"demo-1.2.3-cp313-cp313-{platform}.whl",
    ]


@pytest.mark.parametrize(
    ("specifier", "fits"),
    [
        ("<=3.12", True),
        (">=3.9,<=3.12.4", True),
        ("==3.12", True),
        ("==3.12.7", True),
        (">3.12.3", True),
        (">=3.12,!=3.12.0", True),
        ("!=3.12.*", False),
        ("<3.12", False),
        (">=3.13", False),
    ],
)
def test_one_release_that_requires_python_allows_is_enough(specifier: str, *, fits: bool) -> None:
    manifest = make_manifest(requires_python=specifier)
    found = refuse(target(LINUX), kinds("python3.12")[0], manifest, None, CATALOG)
    assert (found is None) == fits


def test_partial_and_strict() -> None:
    targets = (make_target(LINUX, "python3.11", "pypy3.9"), make_target(MUSL, "pypy3.9", "python3.11"))
    made = plan(make_request(*targets))
    assert {job.id: len(job.steps) for job in made.jobs} == {LINUX: 2, MUSL: 1}
    assert len(made.refused) == 1
    error = refused(make_request(*targets, strict=True))
    assert error.code == "unsupported-interpreter"
    assert MUSL in error.details


def test_a_target_of_which_nothing_is_left_has_no_job() -> None:
    made = plan(make_request(make_target(MUSL, "pypy3.9"), make_target(LINUX, "pypy3.9")))
    assert [job.id for job in made.jobs] == [LINUX]


def test_when_nothing_can_work_every_reason_is_told() -> None:
    manifest = make_manifest(locked=(locked("pyo3", "0.27.0"),), requires_python=">=3.9")
    error = refused(
        make_request(make_target(MUSL, "pypy3.9"), make_target(LINUX, "pypy3.9", "python3.8")), manifest
    )
    assert error.brief.startswith("3 of the requested builds")
    assert [line.split()[:2] for line in error.details.splitlines()] == [
        [MUSL, "pypy3.9:"],
        [LINUX, "pypy3.9:"],
        [LINUX, "python3.8:"],
    ]


def test_all_interpreters_are_those_that_fit() -> None:
    manifest = make_manifest(locked=(locked("pyo3", "0.27.0"),), requires_python=">=3.11,<3.14")
    made = plan(make_request(make_target(MUSL, every_interpreter=True), strict=True), manifest)
    assert [step.label for step in made.jobs[0].steps] == ["python3.11", "python3.12", "python3.13"]
    assert made.refused == ()


def test_all_interpreters_of_which_none_fits() -> None:
    manifest = make_manifest(requires_python=">=3.99")
    error = refused(make_request(make_target(MUSL, every_interpreter=True)), manifest)
    assert error.code == "no-interpreter"


def test_a_program_needs_no_interpreter() -> None:
    manifest = make_manifest(bindings="bin", locked=(locked("pyo3", "0.27.0"),), requires_python=">=3.99")
    made = plan(make_request(make_target(MUSL, "pypy3.9")), manifest)
    (step,) = made.jobs[0].steps
    assert step.wheel == "demo-1.2.3-py3-none-musllinux_1_2_x86_64.whl"
    assert "--interpreter" not in step.argv
    assert step.label == ""


def test_refuse_gives_codes_as_data() -> None:
    (pypy,) = kinds("pypy3.9")
    found = refuse(target(MUSL), pypy, make_manifest(), None, CATALOG)
    assert found is not None
    assert set(found.as_dict()) == {"target", "interpreter", "code", "reason", "hint"}
    assert refuse(target(LINUX), pypy, make_manifest(), None, CATALOG) is None


def test_flags_of_the_caller_come_after_those_of_the_target() -> None:
    musl, linux = plan(
        make_request(*(make_target(triple, "python3.11", rustflags=("-Ca=b",)) for triple in (MUSL, LINUX)))
    ).jobs
    assert musl.env["RUSTFLAGS"] == "-Clink-self-contained=no -Ca=b"
    assert linux.env["RUSTFLAGS"] == "-Ca=b"


def test_notes() -> None:
    request = make_request(
        make_target(WINDOWS, "python3.11", rustflags=("-Ctarget-feature=+crt-static",)),
        make_target(LINUX, "python3.11"),
    )
    notes = [note.text for note in plan(request, details=make_details(native=("cc", "ring"))).notes]
    assert any("open sysroot" in note and WINDOWS in note for note in notes)
    assert any("crt-static" in note for note in notes)
    assert notes.count("native code in: cc, ring") == 1
    mounted = make_request(make_target(WINDOWS, "python3.11", sysroot=Path("/opt/sdk")))
    made = plan(mounted)
    assert any("/opt/sdk" in note.text for note in made.notes)
    assert made.jobs[0].sysroot == "/opt/sdk"
    assert made.jobs[0].prepare[0].argv[-1] == "/opt/xbuild/sysroot/user"


def test_a_build_with_a_repository_may_read_it() -> None:
    (job,) = plan(make_request(make_target(LINUX, "python3.11"), source_git=True)).jobs
    assert job.env["XDG_CONFIG_HOME"] == "/src/.git/xbuild"
    (job,) = plan(make_request(make_target(LINUX, "python3.11"))).jobs
    assert "XDG_CONFIG_HOME" not in job.env


def test_a_sdk_of_the_callers_own_is_where_macos_is_linked_with() -> None:
    open_sdk, own = (
        plan(make_request(make_target(MACOS, "python3.11", sysroot=sysroot)))
        for sysroot in (None, Path("/opt/MacOSX.sdk"))
    )
    assert open_sdk.jobs[0].env["SDKROOT"] == "/opt/xbuild/sysroot/macos"
    assert own.jobs[0].env["SDKROOT"] == USER_SYSROOT
    assert own.jobs[0].sysroot == "/opt/MacOSX.sdk"
    assert any("/opt/MacOSX.sdk" in note.text for note in own.notes)


def test_crates_that_need_apples_sdk_are_refused_unless_it_is_mounted() -> None:
    details = make_details(crates=("coreaudio-sys", "objc2-app-kit", "objc2-encode", "objc2-ar-kit"))
    asked = make_target(MACOS, "python3.11"), make_target(LINUX, "python3.11")
    made = plan(make_request(*asked), details=details)
    assert [job.id for job in made.jobs] == [LINUX]
    (refusal,) = made.refused
    assert (refusal.target, refusal.code) == (MACOS, "needs-sdk")
    assert "coreaudio-sys needs the headers" in refusal.reason
    assert "objc2-ar-kit needs the framework" in refusal.reason
    assert "objc2-app-kit" not in refusal.reason
    assert "--sysroot" in refusal.hint
    alone = refused(make_request(asked[0]), details=details)
    assert alone.code == "needs-sdk"
    for enough in (make_target(MACOS, "python3.11", sysroot=Path("/sdk")), make_target(MACOS, image="own")):
        assert [job.id for job in plan(make_request(enough), details=details).jobs] == [MACOS]
    assert plan(make_request(asked[0]), details=make_details(crates=("objc2-app-kit",))).refused == ()

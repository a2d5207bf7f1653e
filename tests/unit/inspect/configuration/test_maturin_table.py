"""Every key of [tool.maturin], and every variable that maturin, PyO3 and cargo know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import SAMPLES
from support.fakes import LINUX, MACOS, CrateFiles, kinds, make_crate, make_details, make_request, make_target

from xbuild.app.requests import make_request as compose_request
from xbuild.catalog import load_catalog
from xbuild.errors import RefusedError
from xbuild.inspect.configuration.maturin import Key, Variable, keys, passed_over, variables
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.plan.model import Plan
from xbuild.plan.planner import make_plan
from xbuild.plan.tools import Versions
from xbuild.settings import Settings

CATALOG = load_catalog()


@pytest.fixture
def crate(tmp_path: Path) -> CrateFiles:
    return make_crate(tmp_path / "demo")


def plan(
    crate: CrateFiles, line: str = "", *, triple: str = MACOS, environment: dict[str, str] | None = None
) -> Plan:
    """The plan for a crate with one line in [tool.maturin]."""
    if line:
        text = (crate.folder / "pyproject.toml").read_text("utf-8")
        crate.write("pyproject.toml", f"{text}\n[tool.maturin]\n{line}\n")
    wanted = make_target(triple, "python3.11", environment=environment or {})
    return make_plan(
        make_request(wanted),
        read_manifest(crate.folder),
        {triple: make_details()},
        CATALOG,
        images={triple: "image"},
        versions=Versions(rust="1.97.1", maturin="1.16.0"),
        epoch=1_700_000_000,
    )


def refusal(crate: CrateFiles, line: str = "", *, environment: dict[str, str] | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        plan(crate, line, environment=environment)
    return caught.value


def test_all_keys_of_maturin_have_a_row() -> None:
    known = (SAMPLES / "maturin-1.16-keys.txt").read_text("utf-8").split()
    assert [row.key for row in keys()] == known


@pytest.mark.parametrize("row", keys(), ids=lambda row: row.key)
def test_each_key(crate: CrateFiles, row: Key) -> None:
    line = f"{row.key} = {row.example}"
    if row.does == "refused":
        error = refusal(crate, line)
        assert (error.code, error.hint) == (row.code, row.hint)
        assert row.key in error.brief
        assert row.why in error.details
        return
    made = plan(crate, line)
    argv = made.jobs[0].steps[0].argv
    notes = {note.code: note.text for note in made.notes if note.code != "note"}
    if row.does == "overruled":
        assert row.flag in argv
    elif row.flag:
        assert row.flag not in argv
    if row.does == "passed over":
        assert row.key in notes[row.code]
        assert row.why in notes[row.code]
    else:
        assert notes == {}
    if row.key == "profile":
        assert argv[argv.index("--profile") + 1] == "dist"


BAD = {
    "config": '["source.crates-io.replace-with=\\"mirror\\""]',
    "rustc-args": '["-Zthreads=8"]',
    "target": '{ aarch64-apple-darwin = { macosx-deployment-target = "14.0" } }',
}


@pytest.mark.parametrize("row", [row for row in keys() if row.check], ids=lambda row: row.key)
def test_what_a_key_may_not_say(crate: CrateFiles, row: Key) -> None:
    error = refusal(crate, f"{row.key} = {BAD.get(row.key, row.example)}")
    assert error.code == row.code
    assert row.why in error.details


@pytest.mark.parametrize(
    "value", ['["ci.toml"]', '["build.rustc-wrapper=\\"a\\""]', '["env.A=\\"1\\"", "unknown.key=1"]']
)
def test_what_cargo_may_not_be_told(crate: CrateFiles, value: str) -> None:
    assert refusal(crate, f"config = {value}").code == "unsupported-cargo-config"


@pytest.mark.parametrize("line", ['rustc-args = ["-Zthreads=8"]', 'unstable-flags = ["build-std"]'])
def test_a_nightlys_flags_are_a_stated_choice(crate: CrateFiles, line: str) -> None:
    assert plan(crate, line, environment={"RUSTC_BOOTSTRAP": "1"}).jobs


def test_a_name_in_the_table_is_none(crate: CrateFiles) -> None:
    """maturin has no such key since 1.0."""
    assert plan(crate, 'name = "other"').jobs[0].steps[0].wheel.startswith("demo-")


@pytest.mark.parametrize("row", variables(), ids=lambda row: row.names[0])
def test_each_variable(crate: CrateFiles, row: Variable) -> None:
    for pattern in row.names:
        name = pattern.replace("*", "X")
        environment = {name: "11.0"}
        if row.environment == "refused":
            error = refusal(crate, environment=environment)
            assert (error.code, error.hint, error.details) == ("unsupported-variable", row.hint, row.why)
            assert name in error.brief
        else:
            assert plan(crate, environment=environment).jobs[0].env[name] == "11.0"
        assert list(passed_over([name])) == ([name] if row.shell == "passed over" else [])


def test_variables_have_one_row_each() -> None:
    names = [name for row in variables() for name in row.names]
    assert len(set(names)) == len(names)
    assert all(row.hint and row.why for row in variables() if "refused" in {row.environment, row.otherwise})


@pytest.mark.parametrize(
    ("version", "fits"), [("10.12", True), ("11.0", True), ("11.1", False), ("new", False)]
)
def test_the_oldest_macos(crate: CrateFiles, version: str, *, fits: bool) -> None:
    environment = {"MACOSX_DEPLOYMENT_TARGET": version}
    if fits:
        assert plan(crate, environment=environment).jobs
    else:
        assert refusal(crate, environment=environment).code == "unsupported-variable"
    assert plan(crate, triple=LINUX, environment=environment).jobs


def test_variables_of_the_shell_that_builds_do_not_get(
    crate: CrateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if list(passed_over([name])):
            monkeypatch.delenv(name)
    asked = Settings(interpreters=("cp311",), targets=(LINUX,))
    assert compose_request(asked, crate.folder, CATALOG).overlooked == ()
    monkeypatch.setenv("RUSTFLAGS", "-Ctarget-cpu=native")
    monkeypatch.setenv("CARGO_PROFILE_RELEASE_LTO", "fat")
    request = compose_request(asked, crate.folder, CATALOG)
    assert request.overlooked == ("CARGO_PROFILE_RELEASE_LTO", "RUSTFLAGS")
    made = make_plan(
        request,
        read_manifest(crate.folder),
        None,
        CATALOG,
        images={LINUX: "image"},
        versions=Versions(),
        epoch=1,
    )
    (note,) = (note for note in made.notes if note.code == "environment")
    assert "RUSTFLAGS" in note.text
    assert kinds("python3.11")[0] in request.targets[0].interpreters

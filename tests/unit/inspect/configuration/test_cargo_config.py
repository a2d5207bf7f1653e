"""cargo's configuration, as projects bring it along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import (
    LINUX,
    MACOS,
    MUSL,
    WINDOWS,
    CrateFiles,
    make_crate,
    make_manifest,
    make_request,
    make_target,
    target,
)
from support.workshop import Workshop

from xbuild.errors import ExitStatus, RefusedError
from xbuild.inspect.configuration.cargo_config import Found, Rule, drop_remote_sources, judge, rules
from xbuild.inspect.configuration.rustflags import applies, configured_flags, without_linker, without_lookup
from xbuild.inspect.crate.cargoconfig import CargoConfig, merge, read_config
from xbuild.plan.environment import configuration_notes, job_environment
from xbuild.util.toml import read_toml


@pytest.fixture
def crate(tmp_path: Path) -> CrateFiles:
    return make_crate(tmp_path / "demo")


def config(crate: CrateFiles, text: str = "", *, below: str = "", name: str = "config.toml") -> CargoConfig:
    if text:
        crate.write(f".cargo/{name}", text)
    folder = crate.folder / below
    return read_config(crate.folder, folder, crate.folder, shown=Path("/home/dev/demo"))


def found(crate: CrateFiles, text: str, triple: str = LINUX) -> tuple[tuple[Found, ...], dict[str, str]]:
    return judge(config(crate, text), target(triple), {})


def refusal(crate: CrateFiles, text: str, triple: str = LINUX) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        found(crate, text, triple)
    return caught.value


def environment(crate: CrateFiles, triple: str = LINUX, /, below: str = "", **changes: Any) -> dict[str, str]:
    """What a build gets, as far as it goes by cargo's configuration."""
    wanted = make_target(triple, "python3.11", **changes)
    manifest = make_manifest(crate.folder, config=config(crate, below=below))
    bare = replace(manifest, config=CargoConfig())
    request = make_request(wanted)
    with_it = job_environment(wanted, request, manifest, "pyo3", epoch=1)
    without = job_environment(replace(wanted, rustflags=(), environment={}), request, bare, "pyo3", epoch=1)
    return {name: value for name, value in with_it.items() if without.get(name) != value}


def notes(crate: CrateFiles, triple: str = LINUX, *, below: str = "") -> list[str]:
    manifest = make_manifest(crate.folder, config=config(crate, below=below))
    told = list(configuration_notes(make_target(triple), manifest))
    assert {note.code for note in told} <= {"cargo-config"}
    return [note.text for note in told]


# The table


EXTRA: Mapping[str, Mapping[str, str]] = {
    "target.*.linker": {"CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "cc"},
}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.key)
def test_each_row_of_the_table(crate: CrateFiles, rule: Rule) -> None:
    (crate.folder / "over").mkdir()
    does = rule.otherwise if rule.check == "local-source" else rule.does
    if does == "refused":
        error = refusal(crate, rule.example)
        assert error.code == "unsupported-cargo-config"
        assert rule.why in error.details
        assert "/home/dev/demo/.cargo/config.toml" in error.details
        assert error.hint == rule.hint
        return
    passed, env = found(crate, rule.example)
    assert [item.rule for item in passed] == ([rule] if does == "passed over" else [])
    assert env == {**rule.env, **EXTRA.get(rule.key, {})}
    if passed:
        assert "/home/dev/demo/.cargo/config.toml" in passed[0].text
        assert rule.why in passed[0].text


def test_the_tables_rows_are_whole() -> None:
    assert len({rule.key for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule.why or not {"refused", "passed over"} & {rule.does, rule.otherwise}, rule.key
        assert rule.hint or "refused" not in {rule.does, rule.otherwise}, rule.key
        assert (rule.check == "") == (rule.otherwise == "honoured"), rule.key


def test_a_wrapper_is_passed_over_with_a_notice(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    CrateFiles(shop.project).write(".cargo/config.toml", '[build]\nrustc-wrapper = "sccache"\n')
    assert shop.build() == ExitStatus.OK
    containers = [one for one in shop.engine.containers if one.spec.labels["xbuild.purpose"] == "build"]
    assert containers[0].spec.env["RUSTC_WRAPPER"] == ""
    report = json.loads((shop.out / ".xbuild" / "report.json").read_text("utf-8"))
    assert any("build.rustc-wrapper" in note for note in report["notes"])


def test_what_cannot_be_honoured_is_refused_before_anything_is_compiled(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    CrateFiles(shop.project).write(".cargo/config.toml", 'paths = ["../elsewhere"]\n')
    assert shop.build() == ExitStatus.REFUSED
    assert all(one.spec.labels["xbuild.purpose"] != "build" for one in shop.engine.containers)


def test_the_callers_own_variables_win(crate: CrateFiles) -> None:
    crate.write(".cargo/config.toml", 'build.rustc-wrapper = "sccache"\n')
    assert environment(crate)["RUSTC_WRAPPER"] == ""
    assert environment(crate, environment={"RUSTC_WRAPPER": "ccache"})["RUSTC_WRAPPER"] == "ccache"


@pytest.mark.parametrize(
    ("triple", "passed", "env"),
    [
        (LINUX, True, {"CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "cc"}),
        (
            WINDOWS,
            True,
            {
                "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER": "cc",
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "cc",
            },
        ),
    ],
)
def test_the_linker_of_build_scripts_too(
    crate: CrateFiles, triple: str, env: dict[str, str], *, passed: bool
) -> None:
    told, given = found(crate, 'target.x86_64-unknown-linux-gnu.linker = "clang"\n', triple)
    assert (bool(told), given) == (passed, env)


def test_a_linker_of_another_target_is_no_matter(crate: CrateFiles) -> None:
    assert found(crate, 'target.x86_64-apple-darwin.linker = "clang"\n') == ((), {})


# Reading


def test_the_nearest_file_wins_and_lists_are_joined(crate: CrateFiles) -> None:
    crate.write(
        ".cargo/config.toml", 'build.jobs = 1\nbuild.rustflags = ["-Cfar"]\nenv = { A = "1", B = "1" }\n'
    )
    crate.write("py/.cargo/config.toml", 'build.jobs = 2\nbuild.rustflags = ["-Cnear"]\nenv = { A = "2" }\n')
    py = crate.folder / "py"
    merged = read_config(py, py, crate.folder, shown=crate.folder).merged
    assert merged["build"] == {"jobs": 2, "rustflags": ["-Cfar", "-Cnear"]}
    assert merged["env"] == {"A": "2", "B": "1"}


def test_nothing_above_the_sources_is_read(crate: CrateFiles) -> None:
    CrateFiles(crate.folder.parent).write(".cargo/config.toml", "build.jobs = 1\n")
    assert config(crate).files == ()


def test_the_file_without_a_suffix_counts_alone(crate: CrateFiles) -> None:
    config(crate, "build.jobs = 1\n")
    assert config(crate, "build.jobs = 2\n", name="config").merged == {"build": {"jobs": 2}}


@pytest.mark.parametrize("linked", [".cargo", ".cargo/config.toml"])
def test_a_link_that_leads_out_of_the_sources_is_not_followed(crate: CrateFiles, linked: str) -> None:
    own = CrateFiles(crate.folder.parent).write("home/.cargo/config.toml", MIRROR)
    place = crate.folder / linked
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(own if linked.endswith(".toml") else own.parent)
    made = config(crate)
    assert made.files == ()
    drop_remote_sources(made)
    assert own.read_text("utf-8") == MIRROR


def test_a_link_inside_of_the_sources_is_followed(crate: CrateFiles) -> None:
    crate.write("shared/config.toml", MIRROR)
    (crate.folder / ".cargo").symlink_to("shared")
    made = config(crate)
    drop_remote_sources(made)
    assert (crate.folder / ".cargo").is_symlink()
    assert "source" not in read_toml(crate.folder / "shared" / "config.toml")


def test_included_files(crate: CrateFiles) -> None:
    crate.write(".cargo/one.toml", "term.color = 'never'\nbuild.jobs = 1\n")
    crate.write(".cargo/two.toml", "include = '../more.toml'\nbuild.jobs = 2\n")
    crate.write("more.toml", "include = ['.cargo/one.toml']\nenv.A = '1'\n")
    made = config(
        crate, "include = ['one.toml', { path = 'two.toml' }, { path = 'no.toml', optional = true }]\n"
    )
    assert made.merged["build"] == {"jobs": 2}
    assert made.merged["env"] == {"A": "1"}
    assert made.merged["term"] == {"color": "never"}


@pytest.mark.parametrize("name", ["no.toml", "../../outside.toml", "/etc/hosts"])
def test_an_included_file_that_the_build_does_not_have(crate: CrateFiles, name: str) -> None:
    (crate.folder.parent / "outside.toml").write_text("", "utf-8")
    with pytest.raises(RefusedError) as caught:
        config(crate, f'include = "{name}"\n')
    assert caught.value.code == "unsupported-cargo-config"
    assert name in caught.value.brief


def test_a_file_that_includes_itself(crate: CrateFiles) -> None:
    crate.write(".cargo/a.toml", 'include = "b.toml"\n')
    crate.write(".cargo/b.toml", 'include = "a.toml"\n')
    with pytest.raises(RefusedError) as caught:
        config(crate, 'include = "a.toml"\n')
    assert caught.value.code == "unsupported-cargo-config"


@pytest.mark.parametrize("text", ["[build\n", "include = 3\n", "include = [3]\n"])
def test_a_configuration_that_cannot_be_read(crate: CrateFiles, text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        config(crate, text)
    assert caught.value.code == "bad-cargo-config"
    assert "/home/dev/demo/.cargo/config.toml" in caught.value.brief


@pytest.mark.parametrize(
    "text",
    [
        "build.rustflags = 3\n",
        "target.'cfg(all(unix)'.rustflags = ['-Ca']\n",
        "target.'cfg(=)'.rustflags = ['-Ca']\n",
        "target.'cfg(unix) windows'.rustflags = ['-Ca']\n",
        "target.'cfg($)'.rustflags = ['-Ca']\n",
    ],
)
def test_values_that_cargo_does_not_take(crate: CrateFiles, text: str) -> None:
    assert refusal(crate, text).code == "bad-cargo-config"


def test_merging_changes_none_of_the_tables() -> None:
    near, far = {"a": {"b": [1]}}, {"a": {"b": [0], "c": 1}}
    assert merge([near, far]) == {"a": {"b": [0, 1], "c": 1}}
    assert (near, far) == ({"a": {"b": [1]}}, {"a": {"b": [0], "c": 1}})


# Where crates come from


MIRROR = (
    '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "sparse+https://m.example/"\n'
    '[build]\nrustflags = ["-Ca b"]\n[env]\nA = { value = "1", force = true }\n'
)
VENDORED = '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "third-party"\n'


def test_a_mirror_is_taken_out_of_the_copy_and_nothing_else(crate: CrateFiles) -> None:
    made = config(crate, MIRROR)
    (told,), _ = judge(made, target(), {})
    assert "network.cargo_index" in told.text
    drop_remote_sources(made)
    left = read_toml(crate.folder / ".cargo" / "config.toml")
    assert left == {"build": {"rustflags": ["-Ca b"]}, "env": {"A": {"value": "1", "force": True}}}


@pytest.mark.parametrize("there", [True, False])
def test_crates_that_lie_in_the_sources_are_built_from_there(crate: CrateFiles, *, there: bool) -> None:
    if there:
        crate.write("third-party/itoa/Cargo.toml", "")
    made = config(crate, VENDORED)
    told, _ = judge(made, target(), {})
    assert bool(told) != there
    drop_remote_sources(made)
    assert ("source" in read_toml(crate.folder / ".cargo" / "config.toml")) == there


def test_crates_of_another_machine_are_none_of_the_sources(crate: CrateFiles) -> None:
    (told,), _ = found(crate, VENDORED.replace("third-party", "/usr"))
    assert told.name == "source"


def test_the_build_sees_the_copy_without_a_mirror(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    path = CrateFiles(shop.project).write(".cargo/config.toml", MIRROR)
    seen: list[dict[str, Any]] = []

    def play(command: Any) -> Any:
        seen.append(read_toml(command.path("/src/.cargo/config.toml")))
        return shop.maturin(command)

    shop.engine.on("maturin", play)
    assert shop.build() == ExitStatus.OK
    assert [sorted(table) for table in seen] == [["build", "env"]]
    assert path.read_text("utf-8") == MIRROR


# Flags


@pytest.mark.parametrize(
    ("name", "where"),
    [
        (LINUX, {LINUX}),
        ("cfg(unix)", {LINUX, MUSL, MACOS}),
        ("cfg(windows)", {WINDOWS}),
        ("cfg(not(windows))", {LINUX, MUSL, MACOS}),
        ('cfg(target_os = "macos")', {MACOS}),
        ('cfg(all(target_os = "linux", target_env = "musl"))', {MUSL}),
        ('cfg(any(target_env="msvc", target_vendor = "apple",))', {WINDOWS, MACOS}),
        ('cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_endian = "little"))', None),
        ("cfg(all())", {LINUX, MUSL, MACOS, WINDOWS}),
        ("cfg(any())", set()),
        ("cfg(true)", {LINUX, MUSL, MACOS, WINDOWS}),
        ("cfg(target_family = 'x')", set()),
    ],
)
def test_where_a_table_applies(name: str, where: set[str] | None) -> None:
    if "'" in name:
        with pytest.raises(ValueError, match="no expression"):
            applies(name, target())
        return
    found_there = {triple for triple in (LINUX, MUSL, MACOS, WINDOWS) if applies(name, target(triple))}
    assert found_there == ({LINUX, MUSL, WINDOWS} if where is None else where)


def test_flags_of_the_target_come_in_place_of_those_of_the_build() -> None:
    both = {
        "build": {"rustflags": "-Cbuild"},
        "target": {"cfg(unix)": {"rustflags": "-C unix"}, LINUX: {"rustflags": ["-Clinux"]}},
    }
    assert configured_flags(both, target()) == ["-Clinux", "-C", "unix"]
    assert configured_flags(both, target(WINDOWS)) == ["-Cbuild"]
    assert configured_flags({}, target()) == []


@pytest.mark.parametrize("below", ["", "rust"])
def test_flags_that_cargo_finds_by_itself_are_left_to_it(crate: CrateFiles, below: str) -> None:
    crate.write(".cargo/config.toml", '[build]\nrustflags = ["--cfg", "fast"]\n')
    assert environment(crate, below=below) == {}


def test_flags_beside_those_of_the_target_itself(crate: CrateFiles) -> None:
    """cargo would drop build.rustflags where the target has flags, and xbuild's table has some for musl."""
    crate.write(".cargo/config.toml", '[build]\nrustflags = ["--cfg", "fast"]\n')
    assert environment(crate, MUSL) == {"RUSTFLAGS": "-Clink-self-contained=no --cfg fast"}


def test_flags_of_the_caller_are_added_to_those_of_the_project(crate: CrateFiles) -> None:
    crate.write(".cargo/config.toml", '[build]\nrustflags = ["--cfg", "fast"]\n')
    assert environment(crate, rustflags=("-Ca", "-C b")) == {"RUSTFLAGS": "--cfg fast -Ca -C b"}
    crate.write(".cargo/config.toml", "[build]\nrustflags = ['--cfg', 'name=\"a b\"']\n")
    assert environment(crate, rustflags=("-Ca",)) == {"CARGO_ENCODED_RUSTFLAGS": '--cfg\x1fname="a b"\x1f-Ca'}


@pytest.mark.parametrize("flag", ["-Zshare-generics", "-Z share-generics"])
def test_unstable_flags_are_refused_where_they_hold(crate: CrateFiles, flag: str) -> None:
    text = f"[target.'cfg(windows)']\nrustflags = \"{flag}\"\n"
    assert "nightly" in refusal(crate, text, WINDOWS).details
    assert found(crate, text, LINUX) == ((), {})
    assert judge(config(crate), target(WINDOWS), {"RUSTC_BOOTSTRAP": "1"}) == ((), {})


def test_a_linker_of_the_developers_is_no_flag(crate: CrateFiles) -> None:
    crate.write(
        ".cargo/config.toml", f'[target.{LINUX}]\nrustflags = ["-C", "link-arg=-fuse-ld=mold", "-Ca"]\n'
    )
    assert environment(crate) == {"RUSTFLAGS": "-Ca"}
    assert any("-fuse-ld" in text for text in notes(crate))
    assert environment(crate, WINDOWS) == {}


LOOKUP = '["-C", "link-arg=-undefined", "-C", "link-arg=dynamic_lookup"]'


@pytest.mark.parametrize("place", ["", "rust/"])
@pytest.mark.parametrize(
    "flags",
    [
        LOOKUP,
        '["-Clink-arg=-undefined", "-Clink-arg=dynamic_lookup"]',
        '"-C link-arg=-undefined -C link-arg=dynamic_lookup"',
        '["-Clink-args=-undefined dynamic_lookup"]',
        '["-C", "link-arg=-Wl,-undefined,dynamic_lookup"]',
    ],
)
def test_macos_gets_the_lookup_of_symbols_once_from_maturin(
    crate: CrateFiles, place: str, flags: str
) -> None:
    """Whichever files there are: RUSTFLAGS keeps cargo and maturin from them, and maturin adds the flags."""
    crate.write(f"{place}.cargo/config.toml", f"[target.aarch64-apple-darwin]\nrustflags = {flags}\n")
    assert environment(crate, MACOS, below="rust") == {"RUSTFLAGS": ""}
    assert environment(crate, LINUX, below="rust") == {}
    assert bool(notes(crate, MACOS, below="rust")) == bool(place)


def test_macos_flags_that_maturin_finds_and_cargo_does_not(crate: CrateFiles) -> None:
    crate.write("rust/.cargo/config.toml", f"[target.aarch64-apple-darwin]\nrustflags = {LOOKUP}\n")
    crate.write(".cargo/config.toml", "[build]\nrustflags = ['--cfg', 'fast']\n")
    assert environment(crate, MACOS, below="rust") == {"RUSTFLAGS": "--cfg fast"}


def test_flags_that_only_look_alike_stay() -> None:
    flags = ["-C", "link-arg=-undefined_symbol", "-Clto", "--cfg", "link-arg=dynamic_lookup", "-C"]
    assert without_lookup(flags) == flags
    assert without_linker(["-Clink-arg=-fuse-ld=lld", "--cfg", "a"]) == ["--cfg", "a"]


@pytest.mark.parametrize("include", ['"{}"', '{{ path = "{}", optional = true }}'])
def test_an_include_that_no_file_can_be(tmp_path: Path, include: str) -> None:
    folder = tmp_path / ".cargo"
    folder.mkdir()
    (folder / "config.toml").write_text(f"include = [{include.format('x' * 300)}]\n", "utf-8")
    # Newer Pythons say of such a name that there is no file, where older ones raise an OSError
    with suppress(RefusedError):
        assert read_config(tmp_path, tmp_path, tmp_path, shown=tmp_path).files

"""Where settings end: the request that they mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from xbuild.app.requests import make_request, sysroot_settings
from xbuild.app.services import make_network, make_sources, proxies
from xbuild.catalog import load_catalog, sysroot_layouts
from xbuild.errors import RefusedError, UsageError
from xbuild.request.model import BuildRequest
from xbuild.settings import NetworkSettings, Settings

ARM = "aarch64-unknown-linux-gnu"
WINDOWS = "x86_64-pc-windows-msvc"
MACOS = "aarch64-apple-darwin"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CARGO_BUILD_TARGET", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    folder = tmp_path / "ws" / "demo"
    folder.mkdir(parents=True)
    return folder


def request(crate: Path, **values: Any) -> BuildRequest:
    places = {"cache_dir": crate / "cache", "state_dir": crate / "state"}
    return make_request(Settings(**{"interpreters": ("cp311",), **places, **values}), crate, load_catalog())


def config(folder: Path, text: str, *, name: str = "config.toml") -> None:
    (folder / ".cargo").mkdir(exist_ok=True)
    (folder / ".cargo" / name).write_text(text, "utf-8")


def targets(crate: Path) -> list[str]:
    return [wanted.target.triple for wanted in request(crate).targets]


def target(crate: Path) -> str:
    (triple,) = targets(crate)
    return triple


def test_the_default_target_is_this_machine(crate: Path) -> None:
    assert target(crate) == f"{os.uname().machine}-unknown-linux-gnu"


def test_cargo_build_target(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config(crate, f'[build]\ntarget = "{WINDOWS}"\n')
    monkeypatch.setenv("CARGO_BUILD_TARGET", ARM)
    assert target(crate) == ARM


@pytest.mark.parametrize("text", [f'[build]\ntarget = "{ARM}"\n', f'build.target = ["{ARM}"]\n'])
@pytest.mark.parametrize("name", ["config.toml", "config"])
def test_cargos_configuration(crate: Path, name: str, text: str) -> None:
    config(crate, text, name=name)
    assert target(crate) == ARM


def test_all_of_a_list_is_built_as_cargo_does(crate: Path) -> None:
    config(crate, f'build.target = ["{WINDOWS}", "host-tuple", "{ARM}"]\n')
    assert targets(crate) == [WINDOWS, f"{os.uname().machine}-unknown-linux-gnu", ARM]


def test_the_nearest_configuration_with_a_target_counts(crate: Path) -> None:
    config(crate.parent, f'[build]\ntarget = "{ARM}"\n')
    config(crate, "[build]\njobs = 2\ntarget = []\n")
    assert target(crate) == ARM
    config(crate, f'[build]\ntarget = "{WINDOWS}"\n')
    assert target(crate) == WINDOWS


def test_cargo_takes_the_configuration_without_a_suffix_and_only_that(crate: Path) -> None:
    """If both exist, cargo uses the file without the extension (The Cargo Book, Configuration)."""
    config(crate, f'build.target = "{WINDOWS}"\n')
    config(crate, f'build.target = "{ARM}"\n', name="config")
    assert target(crate) == ARM
    config(crate, "[build]\njobs = 2\n", name="config")
    assert target(crate) == f"{os.uname().machine}-unknown-linux-gnu"


@pytest.mark.parametrize(
    "text",
    [
        "[build\n",
        "\x00",
        f"build = {'[' * 5000}",
        "build = 3\n",
        "build = []\n",
        f"build = '{ARM}'\n",
        "build.target = 3\n",
        "build.target = [3]\n",
    ],
)
def test_a_configuration_that_cannot_be_read(crate: Path, text: str) -> None:
    config(crate, text)
    with pytest.raises(UsageError) as caught:
        target(crate)
    assert caught.value.code == "bad-config"


def test_a_target_that_is_not_known(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO_BUILD_TARGET", "aarch64-unknown-linux-gnuu")
    with pytest.raises(RefusedError) as caught:
        target(crate)
    assert ARM in caught.value.hint


def test_targets_that_are_named_count_before_all_and_once(
    crate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_BUILD_TARGET", "nonsense")
    made = request(crate, targets=(WINDOWS, ARM, WINDOWS))
    assert [wanted.target.triple for wanted in made.targets] == [WINDOWS, ARM]


@pytest.mark.parametrize(
    ("text", "epoch"), [("", None), ("315532800", 315_532_800), ("1700000000", 1_700_000_000)]
)
def test_source_date_epoch(
    crate: Path, monkeypatch: pytest.MonkeyPatch, text: str, epoch: int | None
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    assert request(crate).epoch == epoch


FULL_WIDTH = "1700000000".translate({48 + digit: 0xFF10 + digit for digit in range(10)})
NOT_DIGITS = ("\u00b2", "1700000000\u00b2", FULL_WIDTH, "1_700_000_000", "1700000000\n", "+1700000000")


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.5", "now", "1e9", "315532799", "4354819199", " ", "0x10", *NOT_DIGITS]
)
def test_source_date_epoch_that_no_wheel_can_hold(
    crate: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(UsageError) as caught:
        request(crate)
    assert caught.value.code == "bad-epoch"


def test_interpreters(crate: Path) -> None:
    (wanted,) = request(crate, interpreters=("cp311", "3.11", "pypy3.9")).targets
    assert [item.kind for item in wanted.interpreters] == ["python3.11", "pypy3.9"]
    assert not wanted.every_interpreter
    for names in ((), ("all",), ("all", "cp311")):
        (wanted,) = request(crate, interpreters=names).targets
        assert wanted.every_interpreter
        assert wanted.interpreters == ()


def test_options_reach_the_request(crate: Path) -> None:
    assert (request(crate).fresh, request(crate, fresh=True).fresh) == (False, True)
    made = request(crate, locked=True, strict=True, offline=True, jobs=3, out="elsewhere", memory="2g")
    assert (made.locked, made.strict, made.offline, made.jobs) == (True, True, True, 3)
    assert made.out == Path.cwd() / "elsewhere"
    assert made.targets[0].limits.memory == 2 << 30
    assert request(crate).jobs == 0


def make_sysroot(folder: Path, triple: str) -> Path:
    for part in sysroot_layouts()[load_catalog().target(triple).os].parts:
        (folder / part).mkdir(parents=True)
    return folder


def test_a_sysroot(crate: Path, tmp_path: Path) -> None:
    def refusal(triple: str, folder: Path) -> UsageError:
        with pytest.raises(UsageError) as caught:
            request(crate, targets=(triple,), target={triple: {"sysroot": folder}})
        return caught.value

    def used(triple: str, folder: Path) -> Path | None:
        return request(crate, targets=(triple,), target={triple: {"sysroot": folder}}).targets[0].sysroot

    windows, macos = make_sysroot(tmp_path / "splat", WINDOWS), make_sysroot(tmp_path / "MacOSX.sdk", MACOS)
    assert refusal(ARM, macos).code == "sysroot-unsupported"
    assert used(WINDOWS, windows) == windows
    assert used(MACOS, macos) == macos
    (tmp_path / "cache").mkdir()
    windows.rename(tmp_path / "cache" / "xwin")
    assert used(WINDOWS, tmp_path / "cache") == tmp_path / "cache" / "xwin"
    (tmp_path / "link").symlink_to(macos)
    assert used(MACOS, tmp_path / "link") == macos, "its own place is what is mounted"


def test_a_sysroot_on_the_command_line_is_for_the_targets_of_its_system(tmp_path: Path) -> None:
    def given(folder: Path, *triples: str) -> list[str]:
        return list(sysroot_settings(folder, triples, load_catalog()))

    sdk, splat = make_sysroot(tmp_path / "MacOSX.sdk", MACOS), make_sysroot(tmp_path / "splat", WINDOWS)
    assert given(sdk, WINDOWS, ARM, MACOS) == [MACOS]
    assert given(splat, WINDOWS, ARM, MACOS) == [WINDOWS]
    assert given(tmp_path, WINDOWS, ARM, MACOS) == [WINDOWS, MACOS], "each says what it lacks"
    assert given(sdk, WINDOWS) == [WINDOWS]
    with pytest.raises(UsageError) as caught:
        given(sdk, ARM)
    assert caught.value.code == "sysroot-unsupported"


@pytest.mark.parametrize("triple", [WINDOWS, MACOS])
def test_a_sysroot_that_lacks_something_is_refused_by_that_name(
    crate: Path, tmp_path: Path, triple: str
) -> None:
    layout = sysroot_layouts()[load_catalog().target(triple).os]
    for number, part in enumerate(layout.parts):
        folder = make_sysroot(tmp_path / str(number), triple)
        (folder / part).rmdir()
        with pytest.raises(UsageError) as caught:
            request(crate, targets=(triple,), target={triple: {"sysroot": folder}})
        assert caught.value.code == "bad-sysroot"
        assert caught.value.details == f"it has no {part}"
    with pytest.raises(UsageError, match="is not a") as caught:
        request(crate, targets=(triple,), target={triple: {"sysroot": tmp_path / "nowhere"}})
    assert caught.value.details == "there is no such folder"


def test_proxies_and_mirrors(crate: Path) -> None:
    network = NetworkSettings(
        https_proxy="http://p:1",
        no_proxy="local",
        pip_index_url="https://m/simple",
        cargo_index="sparse+https://m/",
    )
    settings = Settings(cache_dir=crate, state_dir=crate, network=network)
    assert proxies(settings) == {
        "https_proxy": "http://p:1",
        "HTTPS_PROXY": "http://p:1",
        "no_proxy": "local",
        "NO_PROXY": "local",
    }
    assert make_sources(settings).environment["PIP_INDEX_URL"] == "https://m/simple"
    assert make_network(settings).cargo_index == "sparse+https://m/"
    assert "PIP_INDEX_URL" not in make_network(settings).environment


@pytest.mark.parametrize("offline", [True, False])
def test_offline_is_so_for_images_too(crate: Path, *, offline: bool) -> None:
    settings = Settings(cache_dir=crate / "cache", state_dir=crate / "state", offline=offline)
    assert make_sources(settings).offline is offline

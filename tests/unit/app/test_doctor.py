"""What can be looked at without an engine, and what an engine says about itself."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import Command, FakeEngine, gone, make_image
from support.kernel_words import COMMON, KERNEL, VERSION_2

from xbuild.app import doctor
from xbuild.app.doctor import Finding
from xbuild.engine import EngineInfo, Limits
from xbuild.engine.layout import build_user
from xbuild.images.recipe import base_recipe, root_recipe
from xbuild.settings import ImagesSettings, NetworkSettings, Settings


def settings(folder: Path, **values: Any) -> Settings:
    return Settings(**{"cache_dir": folder / "cache", "state_dir": folder / "state", **values})


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.level for finding in findings}


def info(**changes: Any) -> EngineInfo:
    return replace(FakeEngine(Path("/nowhere")).info(), **changes)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    found = doctor.examine(settings(tmp_path), environ={})
    gc.collect()  # the SDK leaves its socket open when nothing answers
    by_name = {finding.name: finding for finding in found}
    assert by_name["engine"].level == "error"
    assert by_name["engine"].fix
    assert {"space", "certificates", "emulation"} <= set(by_name)
    assert all(finding.fix for finding in found if finding.level != "ok")
    assert set(found[0].as_dict()) == {"name", "level", "message", "fix"}


def test_an_engine_that_goes_away_meanwhile(tmp_path: Path, engine: FakeEngine) -> None:
    engine.gone = True
    found = doctor.examine(settings(tmp_path), environ={}, connect=lambda: engine)
    levels = {finding.name: finding.level for finding in found}
    assert (levels["engine"], levels["isolation"], levels["transport"]) == ("ok", "error", "error")
    assert {"space", "certificates", "emulation"} <= set(levels)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    def look() -> Iterator[Finding]:
        yield Finding("one", "ok", "fine")
        raise PermissionError("no entry")

    assert [(item.name, item.level) for item in doctor._seen("two", look)] == [
        ("one", "ok"),
        ("two", "error"),
    ]


@pytest.mark.parametrize(
    ("version", "api", "expected"),
    [
        ("29.5.1", "1.41", {"engine": "ok", "storage": "ok"}),
        ("29.5.0", "1.48", {"engine": "ok", "storage": "ok", "engine release": "warning"}),
        ("20.10.24+dfsg1", "1.41", {"engine": "ok", "storage": "ok"}),
        ("30.0.0-rc.1", "1.50", {"engine": "ok", "storage": "ok"}),
        (
            "19.03.1",
            "1.40",
            {"engine": "ok", "storage": "ok", "engine API": "error", "engine release": "warning"},
        ),
        ("dev", "1.44", {"engine": "ok", "storage": "ok", "engine release": "warning"}),
    ],
)
def test_the_release_of_the_engine(version: str, api: str, expected: dict[str, str]) -> None:
    assert levels(list(doctor._engine(info(version=version, api_version=api)))) == expected


def isolation(engine: FakeEngine, folder: Path, runtime: str = "", **said: Any) -> dict[str, Finding]:
    found = doctor._isolation(engine, info(**said), settings(folder, runtime=runtime, pids=99))
    return {finding.name: finding for finding in found}


def test_without_the_base_image_it_is_what_the_engine_claims(tmp_path: Path, engine: FakeEngine) -> None:
    def look(*options: str, raw: dict[str, bool] | None = None) -> dict[str, str]:
        found = isolation(engine, tmp_path, security_options=options, raw=raw or {})
        assert all(finding.fix for finding in found.values() if finding.level != "ok")
        return {name: finding.level for name, finding in found.items()}

    nothing = {"second wall": "warning", "isolation": "warning"}
    assert look("name=seccomp,profile=default") == nothing
    assert look("name=seccomp,profile=builtin", "name=apparmor") == {"isolation": "warning"}
    assert look("name=seccomp,profile=unconfined") == nothing | {"seccomp": "error"}
    assert look("name=rootless") == {"isolation": "warning", "seccomp": "error"}
    flags = {"MemoryLimit": True, "SwapLimit": False, "PidsLimit": False}
    assert look("name=seccomp", raw=flags) == nothing | {"limits": "warning"}
    limits = isolation(engine, tmp_path, raw=flags)["limits"]
    assert limits.message.endswith("swap, processes")
    assert engine.containers == []


def test_an_unknown_runtime(tmp_path: Path, engine: FakeEngine) -> None:
    assert isolation(engine, tmp_path, "runsc")["runtime"].level == "error"
    assert "runtime" not in isolation(engine, tmp_path, "runc")


def confined(engine: FakeEngine, text: str) -> None:
    """Let the engine have the base image, in whose containers the kernel says ``text``."""

    def grep(command: Command) -> int:
        command.say(*text.splitlines())
        command.say("grep: of no account", stream="stderr")
        return 2

    engine.have(make_image("sha256:b", tags=(base_recipe().tag,)))
    engine.on("grep", grep)


def test_what_holds_is_seen_in_a_container(tmp_path: Path, engine: FakeEngine) -> None:
    confined(engine, COMMON + VERSION_2)
    found = isolation(engine, tmp_path, security_options=("name=seccomp,profile=unconfined",))
    assert {name: finding.level for name, finding in found.items()} == {
        "second wall": "ok",
        "isolation": "ok",
    }
    assert found["second wall"].message.endswith("AppArmor")
    assert "filtered system calls, no capabilities, read-only root, no network" in found["isolation"].message
    (spec,) = engine.specs
    assert (spec.hardened, spec.network, spec.user) == (True, False, build_user())
    assert (spec.limits.memory, spec.limits.pids) == (4 << 30, 99)


def test_the_container_that_is_tried_has_the_limits_of_builds(tmp_path: Path, engine: FakeEngine) -> None:
    confined(engine, COMMON + VERSION_2)
    own = settings(tmp_path, memory="3g", cpus=1.5, cpuset="0-1", pids=99)
    list(doctor._isolation(engine, info(), own))
    (spec,) = engine.specs
    assert spec.limits == Limits(memory=3 << 30, cpus=1.5, cpuset="0-1", pids=99)


def test_what_the_engine_claims_is_no_second_wall(tmp_path: Path, engine: FakeEngine) -> None:
    confined(engine, COMMON.replace("docker-default (enforce)", "unconfined") + VERSION_2)
    found = isolation(engine, tmp_path, security_options=("name=seccomp", "name=apparmor"))["second wall"]
    assert found.level == "warning"
    assert "the engine says apparmor" in found.message
    found = isolation(engine, tmp_path, security_options=("name=seccomp",))["second wall"]
    assert (found.level, bool(found.fix)) == ("warning", True)


def test_what_does_not_hold_is_told(tmp_path: Path, engine: FakeEngine) -> None:
    open_wide = COMMON.replace("Seccomp:\t2", "Seccomp:\t0").replace("overlay ro", "overlay rw")
    confined(engine, open_wide + VERSION_2.replace("pids.max:99", "pids.max:max"))
    found = isolation(engine, tmp_path, security_options=("name=seccomp", "name=apparmor"))
    assert {name: finding.level for name, finding in found.items() if finding.level != "ok"} == {
        "filtered system calls": "error",
        "read-only root": "error",
        "limit of processes": "warning",
    }
    assert all(finding.fix for finding in found.values() if finding.level != "ok")
    assert "filtered" not in found["isolation"].message
    assert "kernel says max" in found["limit of processes"].message


def test_a_kernel_of_its_own_tells_less(tmp_path: Path, engine: FakeEngine) -> None:
    """What gVisor tells: nothing of new privileges, and that it filters nothing."""
    words = COMMON.replace("Seccomp:\t2", "Seccomp:\t0").replace("NoNewPrivs:", "Other:")
    words = words.replace("docker-default (enforce)", "")
    confined(engine, words.replace("overlay ro", "overlay rw") + VERSION_2)
    found = isolation(engine, tmp_path, "runc", raw={"KernelVersion": "6.18"})
    assert {name: finding.level for name, finding in found.items()} == {
        "second wall": "ok",
        "isolation": "ok",
        "isolation by the runtime": "warning",
        "read-only root": "error",
    }
    assert found["second wall"].message.endswith(f"a kernel of the containers' own ({KERNEL})")
    assert found["isolation by the runtime"].message.endswith("no new privileges, filtered system calls")
    assert engine.specs[0].runtime == "runc"
    same = isolation(engine, tmp_path, "runc", raw={"KernelVersion": KERNEL})
    assert {name for name, finding in same.items() if finding.level == "error"} == {
        "no new privileges",
        "filtered system calls",
        "read-only root",
    }


def test_a_container_that_cannot_be_made(tmp_path: Path, engine: FakeEngine) -> None:
    confined(engine, "")
    engine.on("grep", gone)
    assert isolation(engine, tmp_path)["isolation"].level == "error"


def test_where_the_base_comes_from(tmp_path: Path, engine: FakeEngine) -> None:
    def look(environ: dict[str, str], base: str = "auto") -> list[Finding]:
        return list(doctor._base(engine, settings(tmp_path, images=ImagesSettings(base=base)), environ))

    (found,) = look({"PATH": str(tmp_path)})
    assert (found.level, "mmdebstrap" in found.fix) == ("warning", True)
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    assert look({"PATH": str(tmp_path)})[0].level == "ok"
    (found,) = look({"PATH": str(tmp_path)}, base="registry")
    assert (found.level, "images.base" in found.fix) == ("warning", True)
    engine.have(make_image("sha256:r", tags=(root_recipe().tag,)))
    assert look({})[0].name == "base source"
    engine.have(make_image("sha256:b", tags=(base_recipe().tag,)))
    assert look({})[0].name == "base image"


def test_the_transport(tmp_path: Path, engine: FakeEngine) -> None:
    wanted = settings(tmp_path)
    assert list(doctor._transport(engine, wanted)) == []
    engine.have(make_image("sha256:b", tags=(base_recipe().tag,)))
    assert [finding.message for finding in doctor._transport(engine, wanted)] == ["bind mounts"]
    (tmp_path / "file").write_text("x", "utf-8")
    (found,) = doctor._transport(engine, settings(tmp_path, cache_dir=tmp_path / "file"))
    assert found.level == "error"


def test_certificates(tmp_path: Path) -> None:
    def look(bundle: Path | None) -> str:
        (found,) = doctor._certificates(settings(tmp_path, network=NetworkSettings(ca_bundle=bundle)))
        return found.level

    assert look(None) == "ok"
    assert look(tmp_path / "missing.pem") == "error"
    (tmp_path / "empty.pem").write_text("", "utf-8")
    assert look(tmp_path / "empty.pem") == "error"
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n", "utf-8")
    assert look(tmp_path / "ca.pem") == "ok"


def test_the_space_of_an_engine_of_this_machine(tmp_path: Path, engine: FakeEngine) -> None:
    (found,) = doctor._engine_space(engine, info(root_dir=str(tmp_path)))
    assert str(tmp_path) in found.message
    assert list(doctor._engine_space(engine, info(root_dir="/nowhere"))) == []
    remote = FakeEngine(tmp_path / "other", is_remote=True)
    assert list(doctor._engine_space(remote, info(root_dir=str(tmp_path)))) == []


def test_space_is_looked_for_where_the_cache_will_be(tmp_path: Path) -> None:
    (found,) = doctor._space(settings(tmp_path, cache_dir=tmp_path / "not" / "there" / "yet"))
    assert found.level in {"ok", "warning"}
    assert "GiB" in found.message


def test_what_a_file_names_is_no_escape_for_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "xbuild").mkdir()
    (tmp_path / "xbuild" / "config.toml").write_text('cache_dir = "ca\\u009b2Jche"\n', "utf-8")
    done = subprocess.run(
        (sys.executable, "-m", "xbuild", "doctor"),
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if name != "XBUILD_CACHE_DIR"},
            "DOCKER_HOST": f"unix://{tmp_path}/nothing.sock",
            "XDG_CONFIG_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ca\\x9b2Jche" in done.stdout
    assert "\x9b" not in done.stdout

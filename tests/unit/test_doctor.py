"""What can be looked at without an engine, and what an engine says about itself."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEngine, make_image

from xbuild import doctor
from xbuild.doctor import Finding
from xbuild.engine import EngineInfo
from xbuild.images.bootstrap import root_recipe
from xbuild.images.recipe import base_recipe
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


def test_isolation(tmp_path: Path) -> None:
    def look(*options: str, runtime: str = "") -> dict[str, str]:
        made = info(security_options=options, cgroup_version="1")
        return levels(list(doctor._isolation(made, settings(tmp_path, runtime=runtime))))

    assert look("name=seccomp,profile=default") == {"isolation": "warning", "cgroups": "ok"}
    assert look("name=seccomp", "name=apparmor")["isolation"] == "ok"
    assert look("name=rootless")["seccomp"] == "error"
    assert look("name=seccomp", runtime="runsc")["runtime"] == "error"
    assert "runtime" not in look("name=seccomp", runtime="runc")


def test_where_the_base_comes_from(tmp_path: Path, engine: FakeEngine) -> None:
    def look(environ: dict[str, str], base: str = "auto") -> list[Finding]:
        return list(doctor._base(engine, settings(tmp_path, images=ImagesSettings(base=base)), environ))

    (found,) = look({"PATH": str(tmp_path)})
    assert (found.level, "mmdebstrap" in found.fix) == ("warning", True)
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    assert look({"PATH": str(tmp_path)})[0].level == "ok"
    assert look({"PATH": str(tmp_path)}, base="registry")[0].level == "warning"
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


def test_space_is_looked_for_where_the_cache_will_be(tmp_path: Path) -> None:
    (found,) = doctor._space(settings(tmp_path, cache_dir=tmp_path / "not" / "there" / "yet"))
    assert found.level in {"ok", "warning"}
    assert "GiB" in found.message

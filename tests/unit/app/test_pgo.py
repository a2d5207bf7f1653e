"""Profiles: what a request makes of one, and how one is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.fake_container import Command
from support.fake_engine import FakeEngine
from support.fakes import LINUX, WINDOWS, make_image, make_request, make_target
from support.wheel_files import make_wheel

from xbuild.app.pgo import DATA, PROFILES, Trainer, instrumented, training_command
from xbuild.catalog import load_catalog
from xbuild.check.trial.run import PYTHON
from xbuild.check.trial.testers import choose
from xbuild.engine import ExecResult, Limits
from xbuild.errors import CheckError, RefusedError, UsageError
from xbuild.plan.pgo import with_profile


def test_every_target_goes_by_the_profile_and_by_its_contents(tmp_path: Path) -> None:
    profile = tmp_path / "pgo" / "a.profdata"
    profile.parent.mkdir()
    profile.write_bytes(b"one")
    request = make_request(make_target(LINUX), make_target(WINDOWS, rustflags=("-Cx",)), pgo_profile=profile)
    found = with_profile(request, tmp_path)
    first, second = (wanted.rustflags for wanted in found.targets)
    assert first[0] == "-Cprofile-use=/src/pgo/a.profdata"
    assert second == ("-Cx", *first)
    assert found.source_include == ("pgo/a.profdata",)
    profile.write_bytes(b"two")
    assert with_profile(request, tmp_path).targets[0].rustflags != first
    assert with_profile(make_request(make_target(LINUX)), tmp_path).targets[0].rustflags == ()


def test_a_profile_that_no_build_can_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "crate").mkdir()
    (tmp_path / "crate" / "link").symlink_to(tmp_path / "a")
    for place in (tmp_path / "a", tmp_path / "crate" / "link"):
        with pytest.raises(RefusedError) as outside:
            with_profile(make_request(make_target(LINUX), pgo_profile=place), tmp_path / "crate")
        assert outside.value.code == "profile-outside"
    os.mkfifo(tmp_path / "pipe")
    for name in ("b", "pipe", "crate"):
        with pytest.raises(UsageError) as missing:
            with_profile(make_request(make_target(LINUX), pgo_profile=tmp_path / name), tmp_path)
        assert missing.value.code == "no-profile"


def test_the_words_of_the_training() -> None:
    maturin = {"pgo-command": "python -m 'a b'"}
    assert training_command("", maturin) == (PYTHON, "-m", "a b")
    assert training_command("bench --all", maturin) == ("bench", "--all")
    for text in ("", "python '"):
        with pytest.raises(UsageError) as error:
            training_command(text, {})
        assert error.value.code == "no-training"


def test_the_counting_wheel_is_nobody_elses(tmp_path: Path) -> None:
    request = make_request(make_target(LINUX), make_target(WINDOWS), test=True)
    found = instrumented(request, request.targets[0], tmp_path)
    (wanted,) = found.targets
    assert (found.out, found.fresh, found.test, wanted.target.triple) == (tmp_path, True, False, LINUX)
    assert f"-Cprofile-generate={PROFILES}" in wanted.rustflags


@pytest.fixture
def trainer(engine: FakeEngine) -> Trainer:
    catalog = load_catalog()
    tester = choose(catalog.target(LINUX), catalog.interpreters["python3.13"]).tester
    assert tester
    engine.have(make_image("sha256:" + "7" * 64, tags=("tester",)))
    engine.have(make_image("sha256:" + "8" * 64, tags=("toolchain",)))
    return Trainer(
        engine=engine,
        tester=tester,
        image="tester",
        toolchain="toolchain",
        labels={},
        limits=Limits(),
        on_line=lambda _stream, _line: None,
    )


def train(trainer: Trainer, folder: Path) -> bytes:
    wheel = make_wheel(folder, "cp313-cp313-linux_x86_64", {"demo.py": b""})
    files = folder / "crate"
    files.mkdir()
    (files / "bench.py").write_text("work")
    return trainer.train(wheel, interpreter="python3.13", command=(PYTHON, "bench.py"), files=files)


def test_what_was_counted_becomes_a_profile(trainer: Trainer, engine: FakeEngine, tmp_path: Path) -> None:
    def bench(command: Command) -> ExecResult:
        assert command.path("/tests/bench.py").read_text() == "work"
        command.write(f"{PROFILES}/1-2.profraw", b"counted")
        return ExecResult(exit_code=0, seconds=1)

    def merge(command: Command) -> ExecResult:
        (raw,) = command.path(PROFILES).rglob("*.profraw")
        command.write(f"/out/{DATA}", b"merged " + raw.read_bytes())
        return ExecResult(exit_code=0, seconds=1)

    engine.on(trainer.tester.start["python3.13"][0], bench)
    engine.on("/usr/lib/llvm/bin/llvm-profdata", merge)
    assert train(trainer, tmp_path) == b"merged counted"
    assert all(not spec.network and spec.hardened for spec in engine.specs)


@pytest.mark.parametrize(("training", "merging"), [(1, 0), (0, 1)])
def test_a_training_that_fails(
    trainer: Trainer, engine: FakeEngine, tmp_path: Path, training: int, merging: int
) -> None:
    engine.on(trainer.tester.start["python3.13"][0], lambda _: ExecResult(exit_code=training, seconds=1))
    engine.on("/usr/lib/llvm/bin/llvm-profdata", lambda _: ExecResult(exit_code=merging, seconds=1))
    with pytest.raises(CheckError) as error:
        train(trainer, tmp_path)
    assert error.value.code == "training-failed"

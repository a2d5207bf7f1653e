"""What is run in a tester, and what its outcome is called."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.fake_container import Command, Handler
from support.fake_engine import FakeEngine, as_engine, make_image

from xbuild.check.trial import Choice, TestResult, load_testers, proof_text, run_wheel
from xbuild.engine import ExecResult, Limits
from xbuild.errors import CheckError, EngineError

LIMITS = Limits(memory=1 << 30, pids=100, cpus=1.5)
TESTERS = {row.name: row for row in load_testers().rows}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "a-1-cp311-cp311-win_amd64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/__init__.py", "")
        archive.writestr("a/_n.cp311-win_amd64.pyd", "")
    return path


def finished(exit_code: int = 0, *, timed_out: bool = False, out_of_memory: bool = False) -> ExecResult:
    """How a scripted command ended."""
    return ExecResult(exit_code=exit_code, seconds=1.5, timed_out=timed_out, out_of_memory=out_of_memory)


def probe_line(version: str = "3.11.9", *, name: str = "CPython", wine: str = "", **failed: str) -> str:
    """What the probe writes last."""
    return json.dumps(
        {"implementation": name, "version": version, "machine": "aarch64", "wine": wine, "failed": failed}
    )


def says(*lines: str, result: ExecResult | None = None) -> Handler:
    def answer(command: Command) -> ExecResult:
        command.say(*lines)
        return result or finished()

    return answer


def scripted(wheel: Path, *answers: Handler) -> FakeEngine:
    """An engine whose commands are answered in turn, whatever program they name."""
    remaining = list(answers)

    def answer(command: Command) -> int | ExecResult | None:
        return remaining.pop(0)(command)

    # A folder of its own: a test may have several
    engine = FakeEngine(wheel.parent / f"engine-{len(list(wheel.parent.iterdir()))}", default=answer)
    engine.have(make_image(tags=("image",)))
    return engine


def run(
    wheel: Path,
    engine: FakeEngine,
    *,
    tester: str = "tester-wine",
    kind: str = "python3.11",
    command: Sequence[str] | None = None,
    tests: Path | None = None,
    heard: list[str] | None = None,
) -> TestResult:
    lines = [] if heard is None else heard
    return run_wheel(
        wheel,
        engine=as_engine(engine),
        image="image",
        tester=TESTERS[tester],
        interpreter=kind,
        command=command,
        tests=tests,
        limits=LIMITS,
        runtime="runsc",
        on_line=lambda _, line: lines.append(line),
    )


def put(engine: FakeEngine) -> set[str]:
    """The files that the container was given."""
    [container] = engine.containers
    return {f"{path}/{member.name}" for path, members in container.puts.items() for member in members}


def test_imports_prove(wheel: Path) -> None:
    engine = scripted(wheel, says(probe_line(wine="10.0")))
    result = run(wheel, engine)
    assert result.ok
    assert result.proof == "ran on CPython 3.11.9 under wine 10.0"
    assert [command.argv for command in engine.containers[0].commands] == [
        ("/opt/xbuild/bin/windows-python", "python3.11", "/wheel/probe.py", "a", "a._n")
    ]
    assert {"/wheel/site/a/_n.cp311-win_amd64.pyd", "/wheel/probe.py"} <= put(engine)


FREETYPE = (
    "Wine cannot find the FreeType font library.  To enable Wine to",
    "use TrueType fonts please install a version of FreeType greater than",
    "or equal to 2.0.5.",
    "http://www.freetype.org",
)


def test_what_wine_says_about_itself_is_no_result(wheel: Path) -> None:
    engine = scripted(
        wheel, says(*FREETYPE, probe_line(wine="10.0"), *FREETYPE), says(*FREETYPE, "1 passed", *FREETYPE)
    )
    heard: list[str] = []
    result = run(wheel, engine, command=["{python}", "-m", "pytest"], heard=heard)
    assert result.proof == "ran on CPython 3.11.9 under wine 10.0"
    assert result.tail == ("1 passed",)
    assert heard[-1] == "1 passed"
    assert not set(FREETYPE) & set(heard)
    native = scripted(wheel, says(probe_line()), says(*FREETYPE))
    assert set(FREETYPE) <= set(run(wheel, native, tester="tester-bookworm-amd64", command=["x"]).tail)


def test_container_is_hardened(wheel: Path) -> None:
    engine = scripted(wheel, says(probe_line(wine="10.0")))
    run(wheel, engine)
    [spec] = engine.specs
    assert spec.hardened
    assert not spec.network
    assert spec.limits == LIMITS
    assert spec.runtime == "runsc"
    assert spec.user == "1000:1000"
    assert all(mount.source is None for mount in spec.mounts)


def test_command_runs_where_the_tests_are(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("")
    engine = scripted(wheel, says(probe_line("3.11.2")), says("1 passed"))
    result = run(
        wheel,
        engine,
        tester="tester-bookworm-arm64",
        command=["{python}", "-m", "pytest"],
        tests=tmp_path / "tests",
    )
    assert engine.containers[0].commands[1].argv == ("/usr/bin/python3", "-m", "pytest")
    assert [command.workdir for command in engine.containers[0].commands] == ["/tmp", "/tests"]
    assert "/tests/test_a.py" in put(engine)
    assert result.proof == "ran on CPython 3.11.2 (aarch64) under qemu"
    assert result.tail == ("1 passed",)
    assert result.seconds == 3.0


def test_failed_import_is_named(wheel: Path) -> None:
    answer = says("Traceback", probe_line(wine="10.0", a="ImportError: no"), result=finished(1))
    result = run(wheel, scripted(wheel, answer), command=["{python}"])
    assert not result.ok
    assert result.reason == "import a: ImportError: no"
    assert result.proof == ""
    assert result.tail == ("Traceback",)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (finished(3), "the test command ended with status 3"),
        (finished(137, timed_out=True), "the test command took longer than"),
        (finished(137, out_of_memory=True), "the test command needs more than 1.0 GiB (setting: memory)"),
    ],
)
def test_failed_command(wheel: Path, result: ExecResult, reason: str) -> None:
    engine = scripted(wheel, says(probe_line(wine="10.0")), says(result=result))
    assert reason in run(wheel, engine, command=["{python}"]).reason


@pytest.mark.parametrize(
    "line", ["", "not json", "[1]", probe_line("3.12.1"), probe_line("3.1"), probe_line(name="PyPy")]
)
def test_success_needs_the_right_interpreter(wheel: Path, line: str) -> None:
    result = run(wheel, scripted(wheel, says(line)))
    assert "answered, not CPython 3.11" in result.reason


@pytest.mark.parametrize("line", ["[" * 10_000, '{"failed": 5}', '{"failed": ["a"]}'])
def test_a_wheel_that_writes_the_answer_itself(wheel: Path, line: str) -> None:
    result = run(wheel, scripted(wheel, says(line, result=finished(1))))
    assert result.reason == "importing it ended with status 1"


def test_pypy(wheel: Path) -> None:
    engine = scripted(wheel, says(probe_line("3.9 (7.3.11)", name="PyPy")))
    result = run(wheel, engine, tester="tester-bookworm-amd64", kind="pypy3.9")
    assert result.proof == "ran on PyPy 3.9 (7.3.11)"


def test_missing_qemu_has_a_way_out(wheel: Path) -> None:
    refusal = EngineError("failed", details="exec /bin/cat: exec format error", code="engine-failed")
    engine = scripted(wheel)
    engine.refuses = refusal
    with pytest.raises(EngineError) as caught:
        run(wheel, engine, tester="tester-bookworm-arm64")
    assert caught.value.code == "qemu-missing"
    assert "qemu-user-static" in caught.value.hint


def test_nothing_to_import(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a-1.dist-info/METADATA", "")
    with pytest.raises(CheckError):
        run(path, scripted(path))


def test_proof_text(wheel: Path) -> None:
    ran = run(wheel, scripted(wheel, says(probe_line(wine="10.0"))))
    tester = TESTERS["tester-wine"]
    assert proof_text(Choice(tester=tester), ran) == "ran on CPython 3.11.9 under wine 10.0"
    assert proof_text(Choice(tester=None, reason="no Mac"), None) == "audited only: no Mac"
    assert proof_text(Choice(tester=tester), None) == "audited only: no run was asked for"
    failed = run(wheel, scripted(wheel, says("", result=finished(1))))
    assert proof_text(Choice(tester=tester), failed).startswith("failed on tester-wine: importing it")

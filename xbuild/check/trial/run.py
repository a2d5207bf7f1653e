"""Runs a wheel on its target platform, in a hardened container, and says what that proves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from xbuild.check.trial.binfmt import QEMU_STEPS
from xbuild.check.trial.contents import installed_files, modules, tar_stream, tar_tests, tar_wheel, whole_file
from xbuild.check.trial.testers import Choice, Tester
from xbuild.engine import Container, ContainerSpec, Engine, ExecResult, Limits, Mount, OnLine
from xbuild.errors import CheckError, EngineError
from xbuild.events import Stream

PYTHON = "{python}"
"""The word of a command that stands for the interpreter."""

WHEEL, TESTS, TEMPORARY = "/wheel", "/tests", "/tmp"  # noqa: S108  # in the container
_TAIL = 60
_HOW = {"native": "", "qemu": " under qemu", "wine": " under wine"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """What a run on a real interpreter gave.

    :ivar proof: for the report, such as ``ran on CPython 3.11.9 under wine 10.0``; ``""`` when it failed.
    :ivar reason: why it failed, one line; ``""`` when it did not.
    :ivar modules: what was imported.
    :ivar tail: the last lines of output of the imports and of the command.
    """

    __test__ = False

    wheel: str
    tester: str
    interpreter: str
    ok: bool
    proof: str
    reason: str
    modules: tuple[str, ...]
    tail: tuple[str, ...]
    seconds: float


@dataclass(slots=True)
class _Output:
    on_line: OnLine
    noise: frozenset[str]
    tail: list[str] = field(default_factory=list)
    last: str = ""

    def take(self, stream: Stream, line: str) -> None:
        if line in self.noise:
            return
        self.tail.append(line)
        del self.tail[:-_TAIL]
        if stream == "stdout" and line.strip():
            self.last = line
        self.on_line(stream, line)

    def answer(self) -> dict[str, Any]:
        """The probe's last line; a wheel under test can write anything there, so it is only data."""
        try:
            found = json.loads(self.last)
        except (ValueError, RecursionError):
            return {}
        if self.tail and self.last in self.tail:
            self.tail.remove(self.last)
        return found if isinstance(found, dict) else {}


def run_wheel(
    wheel: Path,
    *,
    engine: Engine,
    image: str,
    tester: Tester,
    interpreter: str,
    on_line: OnLine,
    command: Sequence[str] | None = None,
    tests: Path | None = None,
    extra_wheels: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    limits: Limits,
    runtime: str = "",
    timeout: float = 600.0,
    user: tuple[int, int] = (1000, 1000),
) -> TestResult:
    """Import a wheel's modules on a real interpreter, and run a command there.

    :param image: reference of the tester's image, which the engine has.
    :param interpreter: a kind that the tester has.
    :param command: an argv; the word ``{python}`` becomes the interpreter. It runs in /tests where
        there are tests, else in /tmp.
    :param tests: a file or folder that is copied to /tests.
    :param extra_wheels: dependencies, unpacked beside the wheel.
    :param limits: bounds of the container; the wheel and its tests are foreign code.
    :param runtime: another OCI runtime, ``""`` for the engine's default.
    :param timeout: seconds for the imports, and again for the command.
    :param user: uid and gid, not root's.
    :raises CheckError: ``bad-wheel``.
    :raises EngineError: the engine failed; ``qemu-missing`` where its machine cannot start foreign programs.
    """
    names = _importable(wheel)
    output = _Output(on_line, tester.noise)
    spec = spec_of(image, user=user, labels=labels or {}, env=env or {}, limits=limits, runtime=runtime)
    with started(engine, spec, tester) as container:
        fill(container, (*extra_wheels, wheel), tests, user)
        container.put(WHEEL, tar_stream([whole_file("probe.py", _probe())], owner=user))
        start = tester.start[interpreter]
        run = partial(container.run, on_line=output.take, timeout=timeout)
        probed = run((*start, f"{WHEEL}/probe.py", *names), workdir=TEMPORARY)
        answer = output.answer()
        reason = _import_failure(probed, answer, limits) or _mismatch(answer, interpreter)
        seconds = probed.seconds
        if command and not reason:
            ran = run(argv_of(command, start), workdir=TESTS if tests else TEMPORARY)
            seconds += ran.seconds
            reason = _reason("the test command", ran, limits)
    return TestResult(
        wheel=wheel.name,
        tester=tester.name,
        interpreter=interpreter,
        ok=not reason,
        proof="" if reason else _proof(answer, tester),
        reason=reason,
        modules=names,
        tail=tuple(output.tail),
        seconds=seconds,
    )


def argv_of(command: Sequence[str], start: Sequence[str]) -> tuple[str, ...]:
    """A command in which :data:`PYTHON` is the words that start the interpreter."""
    return tuple(word for part in command for word in (start if part == PYTHON else (part,)))


def fill(container: Container, wheels: Iterable[Path], tests: Path | None, owner: tuple[int, int]) -> None:
    """Put wheels and tests into a tester's container, each wheel over those before it.

    :raises CheckError: ``bad-wheel``.
    """
    for each in wheels:
        container.put(WHEEL, tar_wheel(each, folder="site", owner=owner))
    if tests:
        container.put(TESTS, tar_tests(tests, owner=owner))


def _importable(wheel: Path) -> tuple[str, ...]:
    names = modules(installed_files(wheel))
    if not names:
        raise CheckError(f"{wheel.name} has no module to import", code="bad-wheel")
    return names


def _import_failure(probed: ExecResult, answer: Mapping[str, Any], limits: Limits) -> str:
    """What the probe says of modules that cannot be imported, else how it ended."""
    failed = answer.get("failed")
    if probed.exit_code and failed and isinstance(failed, dict):
        return "; ".join(f"import {name}: {why}" for name, why in failed.items())
    return _reason("importing it", probed, limits)


def proof_text(choice: Choice, result: TestResult | None) -> str:
    """What the report says of a wheel: what it ran on, or that it was audited only, and why."""
    if result and result.ok:
        return result.proof
    if result:
        return f"failed on {result.tester}: {result.reason}"
    return f"audited only: {choice.reason or 'no run was asked for'}"


def spec_of(
    image: str,
    *,
    user: tuple[int, int],
    labels: Mapping[str, str],
    env: Mapping[str, str],
    limits: Limits,
    runtime: str,
    more: Sequence[str] = (),
    purpose: str = "test",
) -> ContainerSpec:
    """A tester's container, which is hardened and has no network.

    :param more: further folders of its own that are volumes.
    :param purpose: what its label says that it is for.
    """
    return ContainerSpec(
        image=image,
        user=f"{user[0]}:{user[1]}",
        labels={"xbuild.purpose": purpose, **labels},
        env={"PYTEST_ADDOPTS": "-p no:cacheprovider", **env},
        mounts=tuple(Mount(target=folder) for folder in (WHEEL, TESTS, *more)),
        limits=limits,
        runtime=runtime,
        workdir="/",
    )


@contextmanager
def started(engine: Engine, spec: ContainerSpec, tester: Tester) -> Iterator[Container]:
    """A tester's container.

    :raises EngineError: the engine failed; ``qemu-missing`` where its machine cannot start foreign programs.
    """
    try:
        with engine.container(spec) as container:
            yield container
    except EngineError as error:
        if tester.how == "qemu" and "exec format error" in error.details:
            raise EngineError(
                f"the engine's machine cannot start programs of {tester.architecture}",
                details=error.details,
                hint="run there, as root: " + " && ".join(" ".join(step) for step in QEMU_STEPS),
                code="qemu-missing",
            ) from error
        raise


def _probe() -> bytes:
    return files(__package__).joinpath("probe.py").read_bytes()


def _reason(what: str, result: ExecResult, limits: Limits) -> str:
    if result.ok:
        return ""
    if result.timed_out:
        return f"{what} took longer than {result.seconds:.0f} s"
    if result.out_of_memory:
        return f"{what} needs more than {limits.memory / 2**30:.1f} GiB (setting: memory)"
    return f"{what} ended with status {result.exit_code}"


def _mismatch(answer: Mapping[str, Any], interpreter: str) -> str:
    """Whether another interpreter answered than the one that was asked for."""
    name, _, version = interpreter.partition("3.")
    expected = {"python": "CPython", "pypy": "PyPy"}.get(name, name)
    got = f"{answer.get('implementation', 'nothing')} {answer.get('version', '')}".strip()
    wanted = f"{expected} 3.{version.rstrip('t')}"
    if got == wanted or got.startswith((f"{wanted}.", f"{wanted} ")):
        return ""
    return f"{got} answered, not {wanted}"


def _proof(answer: Mapping[str, Any], tester: Tester) -> str:
    how = _HOW[tester.how]
    if tester.how == "wine":
        how = f"{how} {answer.get('wine') or '(unknown version)'}"
    machine = f" ({answer.get('machine')})" if tester.how == "qemu" else ""
    return f"ran on {answer.get('implementation')} {answer.get('version')}{machine}{how}"

"""Profile-guided optimisation: a profile is made once by running an instrumented wheel, and is a source then.

Builds go by a file and never by what a run on some machine gave, so that the same inputs give the same bytes,
and a profile that was made on one platform serves all targets, those too that cannot be run.

The flags are rustc's: https://doc.rust-lang.org/rustc/profile-guided-optimization.html
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xbuild.app.recording import RecordedRun
from xbuild.app.services import RunHandle, Services
from xbuild.check.trial.contents import tar_stream
from xbuild.check.trial.recipes import recipe_for
from xbuild.check.trial.run import PYTHON, TESTS, argv_of, fill, spec_of, started
from xbuild.check.trial.testers import Tester, choose
from xbuild.collect.tarstream import REGULAR, Reader, read_headers
from xbuild.engine import Container, ContainerSpec, Engine, ExecResult, Limits, Mount, OnLine
from xbuild.engine.layout import OUT
from xbuild.errors import ArtifactError, CheckError, RefusedError, UsageError
from xbuild.plan.precheck import Checked, precheck
from xbuild.request.model import BuildRequest, TargetRequest

PROFILES = "/profiles"
"""Where an instrumented wheel writes what it counted, in the container that runs it."""
DATA = "xbuild.profdata"
"""What a profile is called, unless the caller names it."""
_MERGE = "/usr/lib/llvm/bin/llvm-profdata"
_PYTHONS = frozenset({"python", "python3"})
_PURPOSE = "profile"
_LARGEST = 256 << 20
# What only runs here needs no old glibc; and zig's linker does not take `-u SYMBOL`, with which rustc asks
# for the runtime that writes the counters
_INSTRUMENTED = (f"-Cprofile-generate={PROFILES}", "-Clinker=cc")


def instrumented(request: BuildRequest, wanted: TargetRequest, out: Path) -> BuildRequest:
    """The build of the wheel that counts, for one target and one interpreter.

    :param out: where that wheel goes; nobody else gets it.
    """
    counting = replace(
        wanted, rustflags=(*wanted.rustflags, *_INSTRUMENTED), compatibility="linux", strip=False
    )
    return replace(request, targets=(counting,), out=out, fresh=True, test=False)


def training_command(text: str, maturin: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of what is run to train, in which :data:`~xbuild.check.trial.run.PYTHON` is the interpreter.

    :param text: the caller's, or ``""`` for ``pgo-command`` of ``[tool.maturin]``.
    :raises UsageError: ``no-training``: there is none, or it cannot be split into words.
    """
    command = text or str(maturin.get("pgo-command") or "")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"{command!r} cannot be split into words", details=str(error), code="no-training"
        ) from error
    if not words:
        raise UsageError(
            "nothing says what to run for the profile",
            details="there is no pgo-command in [tool.maturin]",
            hint="--command 'python bench.py'",
            code="no-training",
        )
    return tuple(PYTHON if word in _PYTHONS else word for word in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Runs an instrumented wheel, and makes a profile of what it counted.

    :ivar image: of the tester.
    :ivar toolchain: the image that the wheel was built in, whose LLVM reads what its rustc makes.
    :ivar timeout: seconds for the command.
    """

    engine: Engine
    tester: Tester
    image: str
    toolchain: str
    labels: Mapping[str, str]
    limits: Limits
    on_line: OnLine
    runtime: str = ""
    timeout: float = 3600.0
    user: tuple[int, int] = (1000, 1000)

    def train(
        self, wheel: Path, *, interpreter: str, command: Sequence[str], files: Path, more: Sequence[Path] = ()
    ) -> bytes:
        """The profile, as rustc and clang take it.

        :param files: the project's folder, in a copy of which the command runs.
        :param more: wheels that the command needs besides.
        :raises CheckError: ``training-failed``: the command failed, or counted nothing.
        :raises EngineError: the engine failed.
        """
        argv = argv_of(command, self.tester.start[interpreter])
        spec = spec_of(
            self.image,
            user=self.user,
            labels=self.labels,
            # %m tells modules apart, %p processes
            env={"LLVM_PROFILE_FILE": f"{PROFILES}/%m-%p.profraw"},
            limits=self.limits,
            runtime=self.runtime,
            more=(PROFILES,),
            purpose=_PURPOSE,
        )
        with started(self.engine, spec, self.tester) as container:
            fill(container, (*more, wheel), files, self.user)
            container.put(PROFILES, tar_stream((), owner=self.user))
            ran = container.run(argv, on_line=self.on_line, workdir=TESTS, timeout=self.timeout)
            if not ran.ok:
                raise _failed(f"{' '.join(command)} {_how_it_ended(ran)}")
            container.end_leftovers()
            with closing(container.get(PROFILES)) as raw:
                return self._merged(raw)

    def _merged(self, raw: Iterator[bytes]) -> bytes:
        """One profile of all; foreign code wrote them, so they are read in a container."""
        spec = ContainerSpec(
            image=self.toolchain,
            user=f"{self.user[0]}:{self.user[1]}",
            labels={"xbuild.purpose": _PURPOSE, **self.labels},
            mounts=(Mount(target=PROFILES), Mount(target=OUT)),
            limits=self.limits,
            runtime=self.runtime,
            workdir="/",
        )
        said: list[str] = []
        with self.engine.container(spec) as container:
            container.put(PROFILES, raw)
            container.put(OUT, tar_stream((), owner=self.user))
            merged = container.run(
                (_MERGE, "merge", f"--output={OUT}/{DATA}", PROFILES),
                on_line=lambda _stream, line: said.append(line),
                timeout=self.timeout,
            )
            if not merged.ok:
                raise _failed("\n".join(said[-5:]) or _how_it_ended(merged))
            return _only_file(container)


def _only_file(container: Container) -> bytes:
    with closing(container.get(f"{OUT}/{DATA}")) as stream:
        reader = Reader(stream)
        for header in read_headers(reader):
            if header.type in REGULAR and 0 < header.size <= _LARGEST:
                return reader.read(header.size)
    raise ArtifactError("the profile is no file of a sensible size", code="bad-profile")


def _how_it_ended(result: ExecResult) -> str:
    if result.timed_out:
        return f"took longer than {result.seconds:.0f} s"
    return f"ended with status {result.exit_code}"


def _failed(details: str) -> CheckError:
    return CheckError(
        "no profile was made",
        details=details,
        hint="`--verbose` shows what it printed; what it imports besides the wheel is given by --with WHEEL",
        code="training-failed",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What makes a profile.

    :ivar command: as :func:`training_command` gives it.
    :ivar more: wheels that the command needs besides.
    :ivar timeout: seconds for the command.
    """

    command: tuple[str, ...]
    more: tuple[Path, ...] = ()
    timeout: float = 3600.0


def make_profile(
    checked: Checked, training: Training, services: Services, context: RunHandle, *, on_line: OnLine
) -> bytes:
    """Build the wheel that counts, run it, and give the profile.

    :param checked: of one target and one interpreter.
    :param on_line: gets what the training prints.
    :raises RefusedError: ``cannot-train``: no interpreter runs wheels of that target here.
    :raises CheckError: ``training-failed``, or ``not-built``: the report of the run says why.
    """
    (wanted,) = checked.request.targets
    (interpreter,) = wanted.interpreters
    choice = choose(wanted.target, interpreter)
    if choice.tester is None or choice.tester.how != "native":
        raise RefusedError(
            f"no profile can be made with {interpreter.kind} for {wanted.target.triple}",
            details=choice.reason or "it would be run by an emulator",
            hint="a profile that was made on another platform serves this one too",
            code="cannot-train",
        )
    with tempfile.TemporaryDirectory(prefix="xbuild-profile-") as folder:
        out = Path(folder)
        counting = precheck(instrumented(checked.request, wanted, out), services.catalog)
        report = RecordedRun(counting, services, context).execute(lambda _report, _emit: None)
        wheel = next(iter(out.glob("*.whl")), None)
        if wheel is None:
            reasons = "\n".join(step.reason for job in report.jobs for step in job.steps if step.reason)
            raise CheckError("the wheel that counts was not built", details=reasons, code="not-built")
        with services.cancellable(context.cancel):
            images = services.images(context)
            trainer = Trainer(
                engine=services.engine,
                tester=choice.tester,
                image=images.ensure(recipe_for(choice.tester)).id,
                toolchain=images.ensure(wanted.recipe).id,
                labels={"xbuild.run": context.run},
                limits=wanted.limits,
                on_line=on_line,
                runtime=checked.request.runtime,
                timeout=training.timeout,
            )
            return trainer.train(
                wheel,
                interpreter=interpreter.kind,
                command=training.command,
                files=checked.request.project,
                more=training.more,
            )

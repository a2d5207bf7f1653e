"""Proves wheels on their target platform: chooses testers, makes their images, and runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xbuild.catalog import Catalog, Interpreter, Target
from xbuild.check.audit import AuditResult
from xbuild.check.trial.recipes import recipe_for
from xbuild.check.trial.run import TestResult, proof_text, run_wheel
from xbuild.check.trial.testers import choose
from xbuild.engine import Engine, Limits
from xbuild.errors import EngineError, RefusedError
from xbuild.events import Stream
from xbuild.images.builder import ImageBuilder


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one interpreter says of a wheel.

    :ivar ran: it was run; otherwise ``text`` says why it was not.
    :ivar ok: it was run and nothing failed, or it was not run.
    """

    wheel: str
    interpreter: str
    text: str
    ran: bool
    ok: bool
    tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """Runs wheels on real interpreters.

    :ivar limits: the bounds of a container that runs a wheel for a target, by the target's triple.
    :ivar stopping: whether everything is being killed, on the user's word.
    :ivar runtime: another OCI runtime for these containers, ``""`` for the engine's default.
    """

    engine: Engine
    images: ImageBuilder
    catalog: Catalog
    labels: Mapping[str, str]
    on_line: Callable[[Stream, str], None]
    limits: Callable[[str], Limits]
    stopping: Callable[[], bool]
    runtime: str = ""

    def prove(
        self,
        wheel: Path,
        audited: AuditResult,
        *,
        kinds: Sequence[str] = (),
        command: Sequence[str] | None = None,
        tests: Path | None = None,
        extra_wheels: Sequence[Path] = (),
        timeout: float = 600.0,
    ) -> tuple[Proof, ...]:
        """Run a wheel on every interpreter that it is for and a tester has.

        :param kinds: only these interpreter kinds; all that the wheel is for without any.
        :return: at least one: of a wheel that no interpreter imports, such as a program's, it says so.
        :raises RefusedError: ``unknown-platform``: the wheel's tags are of no target that xbuild knows.
        :raises EngineError: ``interrupted``: it was killed before it could show anything.
        """
        if not audited.target:
            raise RefusedError(f"{wheel.name} is for no target that xbuild knows", code="unknown-platform")
        target = self.catalog.target(audited.target)
        wanted = [
            item
            for item in self.catalog.interpreters.values()
            if item.tag in audited.interpreters and (not kinds or item.kind in kinds)
        ]
        if not wanted:
            text = (
                "not run: it is for other interpreters"
                if kinds
                else "audited only: it has no module to import"
            )
            return (Proof(wheel=wheel.name, interpreter="", text=text, ran=False, ok=not kinds),)
        run = partial(
            run_wheel,
            wheel,
            engine=self.engine,
            on_line=self.on_line,
            command=command,
            tests=tests,
            extra_wheels=extra_wheels,
            labels=self.labels,
            limits=self.limits(target.triple),
            runtime=self.runtime,
            timeout=timeout,
        )
        return tuple(self._prove_on(item, target, wheel.name, run) for item in wanted)

    def _prove_on(
        self, interpreter: Interpreter, target: Target, wheel: str, run: Callable[..., TestResult]
    ) -> Proof:
        """What one interpreter makes of a wheel, if there is a tester that has it.

        :param run: runs the wheel, when it is told where.
        """
        choice = choose(target, interpreter)
        result: TestResult | None = None
        if choice.tester:
            image = self.images.ensure(recipe_for(choice.tester)).id
            result = run(image=image, tester=choice.tester, interpreter=interpreter.kind)
        if self.stopping():
            # A wheel that was killed with everything else has not failed
            raise EngineError("interrupted", code="interrupted")
        return Proof(
            wheel=wheel,
            interpreter=interpreter.kind,
            text=proof_text(choice, result),
            ran=result is not None,
            ok=result is None or result.ok,
            tail=result.tail if result else (),
        )

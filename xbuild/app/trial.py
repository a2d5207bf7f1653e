"""The use case behind ``xbuild test``: wheels that were built before, run on their platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbuild.app.services import RunHandle, Services, make_prover
from xbuild.check.audit import AuditResult
from xbuild.check.trial.prove import Proof
from xbuild.events import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """What is run of wheels.

    :ivar kinds: only these interpreters; all that the wheel is for without any.
    :ivar command: what to run in place of importing the wheel's modules.
    :ivar tests: a folder that is copied to /tests, where the command runs.
    :ivar extra_wheels: wheels that they depend on.
    :ivar timeout: seconds for the imports, and again for the command.
    """

    kinds: Sequence[str] = ()
    command: Sequence[str] | None = None
    tests: Path | None = None
    extra_wheels: Sequence[Path] = ()
    timeout: float = 600.0


def try_wheels(
    audits: Mapping[Path, AuditResult],
    wanted: TrialRequest,
    services: Services,
    context: RunHandle,
    *,
    on_line: Callable[[Stream, str], None],
) -> tuple[Proof, ...]:
    """Run wheels natively, under qemu or wine; where nothing can, the proof says so.

    :param audits: the wheels, each with what its audit found.
    :param on_line: gets what the wheels print.
    :raises XbuildError: it cannot be tried.
    """
    with services.cancellable(context.cancel):
        prover = make_prover(
            services.settings,
            services.engine,
            services.images(context),
            services.catalog,
            run=context.run,
            on_line=on_line,
            cancelled=context.cancel,
        )
        return tuple(
            proof
            for path, audited in audits.items()
            for proof in prover.prove(
                path,
                audited,
                kinds=wanted.kinds,
                command=wanted.command,
                tests=wanted.tests,
                extra_wheels=wanted.extra_wheels,
                timeout=wanted.timeout,
            )
        )

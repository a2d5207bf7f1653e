"""One call of the command that works with an engine: sinks, signals, and the end of the run."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from xbuild import __version__
from xbuild.catalog import Catalog
from xbuild.cli.compose import make_builder, make_network, retention_of
from xbuild.engine import Engine
from xbuild.engine.docker import DockerEngine
from xbuild.engine.layout import BESIDE
from xbuild.errors import ExitStatus, XbuildError
from xbuild.events import Event, Notice, Output, RunEvents, RunFinished, RunStarted, ended_by
from xbuild.images.builder import ImageBuilder
from xbuild.pipeline import InterruptedRunError, Pipeline, Tools, finished
from xbuild.plan.planner import Plan
from xbuild.rebuild.rebuild import Outcome, judge, with_images
from xbuild.report.model import WheelReport
from xbuild.report.report import REPORT, Report, copy_logs, write_json
from xbuild.request.model import BuildRequest
from xbuild.settings import Settings
from xbuild.storage.logs import JobLogs
from xbuild.storage.runs import prune, run_folder
from xbuild.storage.workspace import new_run_id, storage_error
from xbuild.ui.console import make_console, open_screen
from xbuild.ui.errors import render_error
from xbuild.ui.lines import notice_line, show
from xbuild.ui.outcome import summarise
from xbuild.ui.summary import render_summary
from xbuild.util.files import remove_tree

if TYPE_CHECKING:
    from xbuild.report.attest import SigningKey

PATIENCE = 8.0
"""Seconds from the first Ctrl-C to the end, come what may; a second one cuts them to :data:`HASTE`."""

HASTE = 1.5

_LAST_WORDS = 0.3
"""Seconds that the terminal event of an abandoned run may take."""

T = TypeVar("T")


class Session:
    """What the commands share that need an engine.

    :param engine: in place of Docker's, which is connected to when it is first needed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        quiet: bool = False,
        verbose: bool = False,
        as_json: bool = False,
        engine: Engine | None = None,
    ) -> None:
        self.settings = settings
        self.run = new_run_id(time.time())
        self.cancelled = threading.Event()
        self.console = make_console(sys.stdout, environ=os.environ)
        self.errors = make_console(sys.stderr, environ=os.environ)
        self._as_json = as_json
        self.screen = open_screen(
            console=self.errors,
            json_stream=sys.stdout if as_json else None,
            quiet=quiet,
            verbose=verbose,
        )
        self._engine = engine
        self._connecting = threading.Lock()
        self._interrupts = 0
        self._abandoned: Callable[[], None] = lambda: None

    @property
    def engine(self) -> Engine:
        """The engine, connected to when it is first needed.

        Only for work that is :meth:`interruptible`: what accepts a connection may never answer.
        """
        with self._connecting:
            if self._engine is None:
                self._engine = DockerEngine()
            return self._engine

    @property
    def _runs(self) -> Path:
        return self.settings.state_dir / "runs"

    def images(self, emit: Callable[[Event], None], *, registry: str = "") -> ImageBuilder:
        """The builder of images; what recipes print becomes output events of the phase ``image``.

        :param registry: in place of the one that the settings name.
        """

        def narrate(name: str, line: str) -> None:
            text = f"{name}: {line}"
            emit(Output(run=self.run, time=time.time(), phase="image", stream="stdout", line=text))

        settings = self.settings
        if registry:
            images = settings.images.model_copy(update={"registry": registry})
            settings = settings.model_copy(update={"images": images})
        return make_builder(settings, self.engine, narrate=narrate, cancelled=self.cancelled)

    def tools(
        self, catalog: Catalog, emit: Callable[[Event], None], log_path: Callable[[str], Path]
    ) -> Tools:
        """What a pipeline works with."""
        return Tools(
            engine=self.engine,
            images=self.images(emit),
            catalog=catalog,
            cache=self.settings.cache_dir,
            runs=self._runs,
            network=make_network(self.settings),
            emit=emit,
            clock=time.time,
            cancelled=self.cancelled,
            log_path=log_path,
        )

    def plan(self, request: BuildRequest, catalog: Catalog) -> Plan:
        """What would run; what is worth a notice goes to standard error.

        :raises XbuildError: it cannot be said.
        """

        def show_notice(event: Event) -> None:
            if isinstance(event, Notice):
                show(self.errors, notice_line(event))

        return self.interruptible(
            lambda: Pipeline(request, self.tools(catalog, show_notice, Path), self.run).plan()
        )

    def build(self, request: BuildRequest, catalog: Catalog, *, key: SigningKey | None = None) -> ExitStatus:
        """Build, show, log, report and attest; gives the exit status.

        :param key: signs the attestations; without one they are statements that nobody vouches for.
        :raises StorageError: the folder for logs cannot be made.
        """
        # Until all is told: the log has said by then how the run ended
        with self._signals():
            report, ended, problem = self._run(
                request,
                catalog,
                lambda report, folder, emit: self._write(report, folder, request.out, emit, key),
            )
            if report:
                self._copy_logs(request.out / BESIDE)
            if problem:
                show(self.errors, render_error(problem))
            if report and not self._as_json:
                show(self.console, render_summary(summarise(report, Path.cwd(), ended.report)))
        return ExitStatus(ended.exit_status)

    def _run(
        self,
        request: BuildRequest,
        catalog: Catalog,
        keep: Callable[[Report, Path, Callable[[Event], None]], Path | None],
    ) -> tuple[Report | None, RunFinished, XbuildError | None]:
        """Build, show and log: the report, the terminal event, and the error that stands in for a report.

        :param keep: gets the report, the folder of the logs and a sink; gives what the terminal event names
            as the report's path.
        :raises StorageError: the folder for logs cannot be made.
        """
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(run_folder(self._runs, self.run))
                logs = JobLogs(folder)
                prune(self._runs, retention_of(self.settings), now=time.time())
            except OSError as error:
                raise storage_error(error) from error
            return self._run_in(folder, logs, request, catalog, keep)

    def _run_in(
        self,
        folder: Path,
        logs: JobLogs,
        request: BuildRequest,
        catalog: Catalog,
        keep: Callable[[Report, Path, Callable[[Event], None]], Path | None],
    ) -> tuple[Report | None, RunFinished, XbuildError | None]:
        report: Report | None = None
        problem: XbuildError | None = None
        started = time.monotonic()
        with logs, self.screen as screen, self._signals():
            emit = RunEvents(logs, screen)
            jobs = tuple(wanted.target.triple for wanted in request.targets)
            emit(RunStarted(run=self.run, time=time.time(), jobs=jobs, version=__version__))
            self._abandoned = lambda: emit(self._failed(InterruptedRunError("interrupted"), started))
            try:
                report = self.interruptible(
                    lambda: Pipeline(request, self.tools(catalog, emit, logs.path), self.run).build()
                )
                ended = finished(report, now=time.time(), path=keep(report, folder, emit))
            except (XbuildError, OSError) as error:
                problem = storage_error(error) if isinstance(error, OSError) else error
                ended = self._failed(problem, started)
            except BaseException:
                emit(self._failed(XbuildError("a fault of xbuild itself"), started))
                raise
            emit(ended)
        return report, ended, problem

    def verify(
        self,
        request: BuildRequest,
        record: Report,
        wheels: Mapping[Path, WheelReport],
        catalog: Catalog,
        *,
        diffoscope: Path | None = None,
    ) -> Outcome:
        """Build some wheels of an earlier run again, with its images, and compare.

        :param wheels: where they should be, and what the record says of them.
        :raises XbuildError: the build could not be done.
        """
        found = self.interruptible(lambda: with_images(request, record, self.engine))
        # The log is kept and no report, because nobody gets what is made
        report, _, problem = self._run(found, catalog, lambda _report, folder, _emit: folder)
        if report is None:
            raise problem or XbuildError("the rebuild gave no report")
        return judge(report, record, wheels, diffoscope=diffoscope)

    def _write(
        self,
        report: Report,
        folder: Path,
        out: Path,
        emit: Callable[[Event], None],
        key: SigningKey | None,
    ) -> Path | None:
        """The report and the attestations, where the state is kept and beside the wheels.

        Gives the report's path, ``None`` where there is room for it in neither place.

        What was built is there, whether or not there is room for a report about it.
        """
        path = None
        beside = out / BESIDE
        try:
            write_json(folder / REPORT, report.as_dict())
            path = folder / REPORT
        except OSError as error:
            emit(self._no_room("the report", error))
        try:
            beside.mkdir(parents=True, exist_ok=True)
            write_json(beside / REPORT, report.as_dict())
            path = beside / REPORT
            self._attest(report, beside, key)
        except OSError as error:
            emit(self._no_room("the report", error))
        return path

    def _copy_logs(self, folder: Path) -> None:
        """The logs beside the wheels. Not before the run has ended: its log has the end too."""
        try:
            copy_logs(self._runs / self.run, folder)
        except OSError as error:
            show(self.errors, notice_line(self._no_room("the log", error)))

    def _no_room(self, what: str, error: OSError) -> Notice:
        reason = storage_error(error)
        return Notice(
            run=self.run,
            time=time.time(),
            level="warning",
            code=reason.code,
            message=f"{what} cannot be written: {reason.brief}: {reason.details}",
            hint=reason.hint,
        )

    def _attest(self, report: Report, folder: Path, key: SigningKey | None) -> None:
        if any(job.wheels for job in report.jobs):
            from xbuild.report.attest import write_attestations

            write_attestations(report, folder, key=key, builder=self.settings.attest.builder)

    def _failed(self, error: XbuildError, started: float) -> RunFinished:
        return ended_by(error, run=self.run, now=time.time(), seconds=time.monotonic() - started)

    def interruptible(self, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread, so that Ctrl-C is answered whatever it waits for.

        :raises InterruptedRunError: Ctrl-C, SIGTERM or SIGHUP.
        """
        results: list[T] = []
        problems: list[BaseException] = []

        def body() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001  # raised again in the main thread
                problems.append(error)

        thread = threading.Thread(target=body, name="work", daemon=True)
        with self._signals():
            thread.start()
            deadline = 0.0
            while thread.is_alive():
                thread.join(0.1)
                if self.cancelled.is_set():
                    # Without an engine there is nothing to end in good order
                    deadline = deadline or time.monotonic() + (PATIENCE if self._engine else HASTE)
                    if self._interrupts > 1:
                        deadline = min(deadline, time.monotonic() + HASTE)
                        self._interrupts = 1
                    if time.monotonic() > deadline:
                        self._abandon()
        if self.cancelled.is_set() and not results:
            # Whatever went wrong, it did because everything was killed
            raise InterruptedRunError("interrupted") from (problems[0] if problems else None)
        if problems:
            raise problems[0]
        return results[0]

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM and the end of the terminal end the work in good order."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        # Whom nohup started goes on
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        handlers = {number: signal.signal(number, self._interrupt) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupts += 1
        self.cancelled.set()
        if self._engine:
            threading.Thread(target=self._engine.kill_all, daemon=True).start()

    def _abandon(self) -> None:
        """The end when something does not stop in time: containers go with this process."""
        # In a thread, because what does not stop may hold a lock that writing needs
        last = threading.Thread(target=self._abandoned, daemon=True)
        last.start()
        last.join(_LAST_WORDS)
        remove_tree(self.settings.cache_dir / "work" / self.run)
        (self.settings.cache_dir / "work" / f"{self.run}.lock").unlink(missing_ok=True)
        os._exit(int(ExitStatus.INTERRUPTED))

"""One call of a command that works with an engine: where it shows, and what interrupts it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from xbuild.app.services import RunHandle, Services
from xbuild.cli.interrupts import Interrupts
from xbuild.engine import Engine
from xbuild.settings import Settings
from xbuild.storage.workspace import forget_work
from xbuild.ui.console import make_console, open_screen

T = TypeVar("T")


class Call:
    """The consoles, the services and the signals of one call.

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
        self.console = make_console(sys.stdout, environ=os.environ)
        self.errors = make_console(sys.stderr, environ=os.environ)
        self.as_json = as_json
        self.screen = open_screen(
            console=self.errors,
            json_stream=sys.stdout if as_json else None,
            quiet=quiet,
            verbose=verbose,
        )
        self.services = Services(settings, engine=engine)
        self.context = RunHandle(emit=self.screen)
        self.interrupts = Interrupts(
            self.context.cancel,
            busy=lambda: self.services.connected,
            clear=lambda: forget_work(settings.cache_dir, self.context.run),
        )

    @property
    def settings(self) -> Settings:
        """What was configured."""
        return self.services.settings

    def interruptible(self, work: Callable[[], T]) -> T:
        """Do ``work`` so that Ctrl-C ends it.

        :raises InterruptedRunError: it did.
        """
        return self.interrupts.run(work)

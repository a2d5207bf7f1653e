"""The command line: composes, prints and exits; nothing else prints or exits."""

from __future__ import annotations

import os
import signal

from xbuild.errors import ExitStatus

__all__ = ["main"]


def main() -> None:
    """The entry point. Ctrl-C has its exit status from the loading of the command to the last moment."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(int(ExitStatus.INTERRUPTED)))
    from xbuild.cli.app import main as command

    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, usual)
    try:
        command()
    finally:
        # The exit status stands: an interpreter that is on its way out would die of a signal instead
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in {signal.default_int_handler, signal.SIG_DFL}:
                signal.signal(number, signal.SIG_IGN)

"""What a reader of ``--json`` gets on standard output when a command ends with an error."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import typer

from xbuild.errors import MismatchError, XbuildError
from xbuild.events import ended_by

Command = TypeVar("Command", bound=Callable[..., None])


def ends_events(command: Command) -> Command:
    """Give the terminal event of a call with ``as_json`` that was refused before there was a run."""
    return _telling(command, _terminal_event)


def answers_json(command: Command) -> Command:
    """Give the error of a call with ``as_json`` as a document in place of the command's own."""
    return _telling(command, lambda error: json.dumps(error.as_dict(), indent=1))


def in_words(error: XbuildError | OSError) -> XbuildError:
    """The error that a command ends with: a refusal of the file system is none of xbuild itself."""
    if isinstance(error, XbuildError):
        return error
    # Imported late: most commands end without it
    from xbuild.storage.workspace import storage_error

    return storage_error(error)


def _terminal_event(error: XbuildError) -> str:
    event = ended_by(error, run="", now=time.time(), seconds=0.0)
    return json.dumps(event.as_dict(), separators=(",", ":"))


def _telling(command: Command, tell: Callable[[XbuildError], str]) -> Command:
    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (MismatchError, BrokenPipeError):
            # The document is out already, or nobody is there to read it
            raise
        except (XbuildError, OSError) as caught:
            error = in_words(caught)
            if kwargs.get("as_json"):
                typer.echo(tell(error))
            raise error from caught.__cause__

    wrapped: Any = told
    return wrapped  # type: ignore[no-any-return]

"""The one error tree.

A failed *build* is a result and is reported; a failure *of xbuild*, or a request that cannot work, is one of
these exceptions. Each speaks in three registers: what is wrong (``brief``), where and why (``details``), and
the way out (``hint``). ``code`` is stable and meant for machines.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitStatus(IntEnum):
    """Exit statuses of the command. They are part of the interface and documented in README.md."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    REFUSED = 3
    PARTLY = 4
    BUILD_FAILED = 5
    CHECK_FAILED = 6
    ENGINE = 7
    IMAGE = 8
    DRIFT = 9
    MISMATCH = 10
    TIMEOUT = 11
    INTERRUPTED = 130


class XbuildError(Exception):
    """Base of every error that xbuild raises on purpose.

    :param brief: one line, what is wrong.
    :param details: where and why; may have several lines.
    :param hint: the way out; a command where there is one.
    :param code: a stable identifier such as ``unknown-target``.
    :param retryable: whether the same call may succeed later without any change.
    """

    exit_status: ExitStatus = ExitStatus.INTERNAL
    default_code = "internal"

    def __init__(
        self,
        brief: str,
        *,
        details: str = "",
        hint: str = "",
        code: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(brief)
        self.brief = brief
        self.details = details
        self.hint = hint
        self.code = code or self.default_code
        self.retryable = retryable

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "schema": "xbuild.error/1",
            "code": self.code,
            "brief": self.brief,
            "details": self.details,
            "hint": self.hint,
            "exit_status": int(self.exit_status),
            "retryable": self.retryable,
        }


NETWORK_HINT = (
    "check the mirrors and proxies that `xbuild config` shows (network.*, images.debian*);\n"
    "`xbuild doctor` checks the certificate authority"
)
"""The way out where something could not be fetched."""


class UsageError(XbuildError):
    """A value that the user gave cannot be understood (flag, environment variable or file)."""

    exit_status = ExitStatus.USAGE
    default_code = "usage"


class RefusedError(XbuildError):
    """The request is understood and cannot work; nothing was started."""

    exit_status = ExitStatus.REFUSED
    default_code = "refused"


class EngineError(XbuildError):
    """The Docker engine is not there, is too old, or failed."""

    exit_status = ExitStatus.ENGINE
    default_code = "engine"


class ImageError(XbuildError):
    """A toolchain or tester image could not be made, found or moved."""

    exit_status = ExitStatus.IMAGE
    default_code = "image"


class FetchError(XbuildError):
    """Dependencies could not be fetched or read."""

    exit_status = ExitStatus.BUILD_FAILED
    default_code = "fetch-failed"


class StorageError(XbuildError):
    """A file of xbuild's own cannot be read or written: no space, no permission, a failing disk."""

    exit_status = ExitStatus.BUILD_FAILED
    default_code = "storage"


class ArtifactError(XbuildError):
    """A file that a build left behind is not a wheel that may reach ``dist/``."""

    exit_status = ExitStatus.CHECK_FAILED
    default_code = "bad-artifact"


class CheckError(XbuildError):
    """A wheel failed its audit or its test."""

    exit_status = ExitStatus.CHECK_FAILED
    default_code = "check-failed"


class DriftError(XbuildError):
    """Something differs from what a lockfile pins, and ``--locked`` was given."""

    exit_status = ExitStatus.DRIFT
    default_code = "drift"


class MismatchError(XbuildError):
    """A rebuild did not give the same bytes."""

    exit_status = ExitStatus.MISMATCH
    default_code = "mismatch"


class InterruptedRunError(XbuildError):
    """The work was told to stop."""

    exit_status = ExitStatus.INTERRUPTED
    default_code = "interrupted"

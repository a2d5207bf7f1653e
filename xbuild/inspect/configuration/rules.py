"""What the rows of the tables about a project's own settings have in common, whoever reads the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Does = Literal["honoured", "overruled", "passed over", "without effect", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is done with a setting, and on what it depends. The tables explain the fields.

    :ivar why: for people.
    :ivar hint: the way out, of a refusal.
    :ivar check: the name of what decides; without one, nothing does.
    :ivar otherwise: what is done where the check fails.
    """

    why: str = ""
    hint: str = ""
    check: str = ""
    otherwise: Does = "honoured"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRule(Reason):
    """What is done with one key of a file.

    :ivar example: a value, or a line, as it is written.
    """

    key: str
    does: Does
    example: str

    def outcome(self, *, holds: bool) -> Does:
        """What is done, when it is known whether the check holds."""
        return self.does if holds or not self.check else self.otherwise

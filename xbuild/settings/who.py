"""Who may say a setting: the caller alone, or the author of a project too.

Whoever builds a project need not be who wrote it. Its own files may say what describes the project; they name
no program, file or host of the caller's, and have no say in how images are made, how the network is reached
and how builds are kept apart. Each setting declares which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel


class Say(StrEnum):
    """What a project's own file may say. The values are what the documentation's tables have."""

    ANYTHING = "project"
    LOWER = "project, to lower it"
    ON = "project, to turn it on"
    KINDS = "project, without paths"
    BELOW = "project, below its folder"
    NOTHING = "user"


@dataclass(frozen=True, slots=True)
class Who:
    """Part of a setting's declaration (``Annotated[type, Who]``).

    :ivar reason: why a project's file is not obeyed, as the end of "XBUILD.TOML:3: runtime ...".
    """

    say: Say
    reason: str = ""


PROJECT = Who(Say.ANYTHING)
"""It describes the project."""

LOWER = Who(Say.LOWER, "may lower a limit of yours, and not raise it")
"""A limit: of several, the lowest is the strictest."""

STRICTER = Who(Say.ON, "may turn this on, and not off where you have it on")
"""A switch that promises more when it is on."""

KINDS = Who(Say.KINDS, "names a program, which would be run on this machine")
"""Interpreters, which can be paths of programs."""

BELOW = Who(Say.BELOW, "would have files written outside of the project")
"""A folder that is written to."""


def user(reason: str) -> Who:
    """Not for projects, because it ``reason`` (``chooses ...``, ``names ...``)."""
    return Who(Say.NOTHING, reason)


@dataclass(frozen=True, slots=True)
class Default:
    """Part of a declaration: the default in words, where the value itself does not say it."""

    text: str


def who_of(model: type[BaseModel], name: str) -> Who:
    """What the field ``name`` declares.

    :raises TypeError: nothing, or more than one thing.
    """
    found = [item for item in model.model_fields[name].metadata if isinstance(item, Who)]
    if len(found) != 1:
        raise TypeError(
            f"{model.__name__}.{name} has to say who may set it: Annotated[..., PROJECT], or another one of "
            "xbuild.settings.who"
        )
    return found[0]


def check_declared(model: type[BaseModel], *, without: Iterable[str] = ()) -> None:
    """Hold each field of a model against :func:`who_of`.

    :param without: fields that are tables themselves.
    """
    for name in model.model_fields.keys() - set(without):
        who_of(model, name)

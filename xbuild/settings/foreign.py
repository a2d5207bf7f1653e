"""What a project's own files may not say, and the refusal of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbuild.catalog.interpreters import is_path
from xbuild.errors import RefusedError
from xbuild.settings.layers import Layer, spelled
from xbuild.settings.model import Settings
from xbuild.settings.schema import Key, declared, dotted
from xbuild.settings.units import format_duration, format_size
from xbuild.settings.who import Say

TRUSTED: Key = ("trusted_projects",)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose files count as the caller's own.

    :ivar places: folders and files, links followed.
    """

    places: tuple[Path, ...]

    @classmethod
    def of(cls, stack: Iterable[Layer]) -> Trust:
        """What the strongest layer says. None of them may have come with a project."""
        said = next((layer.values[TRUSTED] for layer in stack if TRUSTED in layer.values), ())
        written = said if isinstance(said, list | tuple) else ()
        # What is no absolute path is refused by its type, later
        return cls._at(Path(path) for path in written if isinstance(path, str))

    @classmethod
    def in_settings(cls, settings: Settings) -> Trust:
        """What settings that are already merged say."""
        return cls._at(map(Path, settings.trusted_projects))

    @classmethod
    def _at(cls, paths: Iterable[Path]) -> Trust:
        return cls(tuple(found for path in paths if path.is_absolute() and (found := _real(path))))

    def covers(self, path: Path) -> bool:
        """Whether a file is trusted: wherever links lead from it, or from a trusted place."""
        real = _real(path)
        return real is not None and any(real.is_relative_to(place) for place in self.places)


def refuse_words(stack: Sequence[Layer], own: Path) -> None:
    """Refuse what a project's file has no say in, whatever the value is.

    What a stronger place overrules is not used, and not refused.

    :param own: the caller's own file, where it can be said.
    :raises RefusedError: ``not-for-projects``.
    """
    found = [
        _Word(key, layer, declared(key).reason)
        for key, layer in _strongest(stack).items()
        if layer.folder and not _may_say(key, layer.values[key], layer.folder)
    ]
    if found:
        raise _refusal(found, own)


def refuse_raised(stack: Sequence[Layer], settings: Settings, callers: Settings, own: Path) -> None:
    """Refuse what makes a limit of the caller's higher, or a promise smaller.

    :param settings: the merged values.
    :param callers: the same without the project's files.
    :param own: the caller's own file, where it can be said.
    :raises RefusedError: ``not-for-projects``.
    """
    found = [
        _Word(key, layer, f"{declared(key).reason}: {_bound(key, callers)}")
        for key, layer in _strongest(stack).items()
        if layer.folder and _is_looser(key, _value(key, settings), _value(key, callers))
    ]
    if found:
        raise _refusal(found, own)


@dataclass(frozen=True, slots=True)
class _Word:
    key: Key
    layer: Layer
    reason: str

    def __str__(self) -> str:
        return f"{self.layer.origins[self.key]}: {dotted(self.key)} {self.reason}"


def _strongest(stack: Iterable[Layer]) -> Mapping[Key, Layer]:
    found: dict[Key, Layer] = {}
    for layer in stack:
        for key in layer.values:
            found.setdefault(key, layer)
    return found


def _may_say(key: Key, value: object, folder: Path) -> bool:
    match declared(key).say:
        case Say.NOTHING:
            return False
        case Say.KINDS:
            return not any(isinstance(item, str) and is_path(item) for item in _items(value))
        case Say.BELOW:
            place, top = _real(Path(str(value))), _real(folder)
            return place is not None and top is not None and place.is_relative_to(top)
    return True


def _items(value: object) -> Iterator[object]:
    """The parts of a list. What is none is refused by its type, later."""
    if isinstance(value, list | tuple):
        yield from value


def _real(path: Path) -> Path | None:
    """Where a path leads, ``None`` for nowhere: a loop of links, or what no path can be."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _value(key: Key, settings: Settings) -> Any:
    place = settings.for_target(key[1]) if key[0] == "target" else settings
    return getattr(place, key[-1], None)


def _is_looser(key: Key, value: Any, own: Any) -> bool:
    match declared(key).say:
        case Say.LOWER if "auto" in {value, own}:
            # What it means is known with the engine, and is at least one
            return value not in (own, 1)
        case Say.LOWER:
            return own is not None and (value is None or value > own)
        case Say.ON:
            return bool(own) and not value
    return False


def _bound(key: Key, own: Settings) -> str:
    value = _value(key, own)
    written = {"memory": format_size, "timeout": format_duration}.get(key[-1])
    return f"it is {written(value) if written else str(value).lower()}"


def _refusal(found: Sequence[_Word], own: Path) -> RefusedError:
    names = ", ".join(dotted(word.key) for word in found)
    variables = ", ".join(spelled(word.key) for word in found)
    folder = found[0].layer.folder
    return RefusedError(
        f"the project's own configuration may not say {names}",
        details="\n".join(map(str, found)),
        hint=f"where you want it, say it yourself: in {own}, or as {variables};\n"
        f'or trust the project, there: trusted_projects = ["{folder}"]',
        code="not-for-projects",
    )

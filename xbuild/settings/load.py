"""Merging the layers into settings that know where each value came from.

docs/decisions/0015-settings-know-their-origin.md has which part of it is pydantic-settings'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xbuild.catalog import load_catalog
from xbuild.errors import UsageError
from xbuild.settings import files, layers
from xbuild.settings.dirs import UserDirs
from xbuild.settings.foreign import Trust, refuse_raised, refuse_words
from xbuild.settings.layers import Layer, Rank
from xbuild.settings.model import Settings
from xbuild.settings.schema import Key, dotted
from xbuild.util.files import is_file
from xbuild.util.redact import without_userinfo

DEFAULT = "default"
CA_BUNDLE: Key = ("network", "ca_bundle")
SYSTEM_CA_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
"""Debian's and Fedora's places for the host's certificate authorities."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and their history.

    :ivar settings: the merged values.
    :ivar origins: dotted key to where its value came from: ``flag --jobs``, ``environment XBUILD_JOBS``,
        ``xbuild.toml:3``, ``default``.
    :ivar files: the configuration files that were read, the strongest first.
    :ivar trust: the projects whose files count as the caller's own.
    """

    settings: Settings
    origins: Mapping[str, str]
    files: tuple[Path, ...]
    trust: Trust


def load_settings(
    *,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    project_dir: Path | None,
    config_file: Path | None = None,
    user_dirs: UserDirs | None = None,
    system_ca_bundles: Sequence[Path] = SYSTEM_CA_BUNDLES,
) -> Loaded:
    """Merge flags over the environment over the project's files over the user's file over the defaults.

    :param flags: setting name (``jobs``, ``network.ca_bundle``) to value; ``None`` and empty lists are flags
        that were not given. Tables may be nested.
    :param environ: the process environment.
    :param project_dir: the crate's directory, absolute; ``None`` reads no project file.
    :param config_file: read instead of the project's files.
    :param user_dirs: the user's directories, the platform's where ``None``.
    :raises UsageError: ``unknown-setting``, ``bad-setting``, ``two-config-files``, ``bad-config``,
        ``config-unreadable``.
    :raises RefusedError: ``not-for-projects``: a file that came with the project says what it may not.
    """
    dirs = user_dirs or UserDirs.from_platform()
    triples = tuple(load_catalog().targets)
    own_path = dirs.config / "config.toml"
    own = files.user_file(own_path)
    home = environ.get("HOME", "")
    stronger = [layers.flag_layer(flags, triples), layers.environment_layer(environ, triples)]
    weaker = [
        *(layers.file_layer(file, triples) for file in own),
        layers.host_layer(environ),
        _default_layer(dirs),
    ]
    trust = Trust.of(layers.home_expanded(layer, home) for layer in (*stronger, *weaker))
    found = [
        replace(file, foreign=file.foreign and not trust.covers(file.path))
        for file in _project_files(project_dir, config_file)
    ]
    stack = [*stronger, *(layers.file_layer(file, triples) for file in found), *weaker]
    stack = _without_overruled([layers.home_expanded(layer, home) for layer in stack])
    refuse_words(stack, own_path)
    stack = [_ca_bundle(stack, environ, system_ca_bundles), *stack]
    settings = _validated(stack)
    if any(layer.folder for layer in stack):
        callers = _validated([layer for layer in stack if not layer.folder])
        refuse_raised(stack, settings, callers, own_path)
    paths = tuple(file.path for file in (*found, *own))
    return Loaded(settings, _origins(settings, stack), paths, trust)


def _project_files(project_dir: Path | None, config_file: Path | None) -> Iterator[files.ConfigFile]:
    if config_file is not None:
        yield files.chosen_file(config_file, project_dir)
    elif project_dir is not None and project_dir.is_dir():
        yield from files.project_files(project_dir)


def _default_layer(dirs: UserDirs) -> Layer:
    values: dict[Key, str] = {("cache_dir",): str(dirs.cache), ("state_dir",): str(dirs.state)}
    return Layer(Rank.DEFAULT, values, dict.fromkeys(values, DEFAULT))


def _without_overruled(stack: Sequence[Layer]) -> list[Layer]:
    """Drop values of a target's table where a stronger kind of layer sets the same value for all targets:
    ``--profile dev`` means every target, whatever the tables in a file say."""
    strongest: dict[Key, Rank] = {}
    for layer in stack:
        for key in layer.values:
            strongest.setdefault(key, layer.rank)

    def is_overruled(key: Key, rank: Rank) -> bool:
        return key[0] == "target" and strongest.get(key[2:], rank) > rank

    return [layer.without({key for key in layer.values if is_overruled(key, layer.rank)}) for layer in stack]


def _ca_bundle(stack: Sequence[Layer], environ: Mapping[str, str], system: Iterable[Path]) -> Layer:
    """The strongest layer of all: the file that ``auto`` means here."""
    layer = next((layer for layer in stack if CA_BUNDLE in layer.values), None)
    written = layer.values[CA_BUNDLE] if layer else "auto"
    if layer and written != "auto":
        if written and not is_file(Path(str(written))):
            raise UsageError(
                f"{dotted(CA_BUNDLE)} is not a file",
                details=f"{layer.origins[CA_BUNDLE]}: {written}",
                hint="name a file of PEM certificates, 'auto' for the host's, or '' for none",
                code="bad-setting",
            )
        return Layer(Rank.FLAG, {}, {})
    named = [(Path(environ[name]), f"environment {name}") for name in _CA_VARIABLES if environ.get(name)]
    candidates = [*named, *((path, DEFAULT) for path in system)]
    path, origin = next(((path, origin) for path, origin in candidates if is_file(path)), ("", DEFAULT))
    return Layer(Rank.HOST, {CA_BUNDLE: str(path)}, {CA_BUNDLE: origin})


_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def _validated(stack: Sequence[Layer]) -> Settings:
    try:
        return Settings.from_layers(layer.nested() for layer in stack)
    except ValidationError as error:
        problems = [_problem(details, stack) for details in error.errors(include_url=False)]
        first = problems[0]
        raise UsageError(
            f"{first.key} {first.message}",
            details="\n".join(f"{one.origin}: {one.key} {one.message}{one.given}" for one in problems),
            code="bad-setting",
        ) from error


@dataclass(frozen=True, slots=True)
class _Problem:
    key: str
    message: str
    given: str
    origin: str


_MESSAGES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "tuple_type": 'must be a list of strings, such as ["one", "two"]',
    "path_type": "must be a path",
}


def _problem(error: ErrorDetails, stack: Sequence[Layer]) -> _Problem:
    location = tuple(str(part) for part in error["loc"])
    origins = {key: layer.origins[key] for layer in reversed(stack) for key in layer.values}
    key = next((location[:end] for end in range(len(location), 0, -1) if location[:end] in origins), location)
    message = error["msg"].removeprefix("Value error, ")
    secret = "environment" in key or "proxy" in key[-1]
    return _Problem(
        key=dotted(key),
        message=_MESSAGES.get(error["type"], message[:1].lower() + message[1:]),
        given=""
        if secret or error["type"] == "missing"
        else f", not {without_userinfo(repr(error['input']))}",
        origin=next((origins[found] for found in origins if found[: len(key)] == key), key[0]),
    )


def _origins(settings: Settings, stack: Sequence[Layer]) -> Mapping[str, str]:
    found: dict[Key, str] = {}
    for layer in stack:
        for key in layer.values:
            found.setdefault(key, layer.origins[key])
    return MappingProxyType({dotted(key): found.get(key, DEFAULT) for key, _ in flat(settings)})


def flat(settings: BaseModel, path: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value with its key, tables taken apart. What a target's table leaves open is left out."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        key = (*path, name)
        if isinstance(value, BaseModel):
            yield from flat(value, key)
        elif name == "target":
            for triple, table in value.items():
                yield from flat(table, (*key, triple))
        elif isinstance(value, Mapping):
            yield from (((*key, variable), text) for variable, text in value.items())
        elif not (path[:1] == ("target",) and value is None):
            yield key, value

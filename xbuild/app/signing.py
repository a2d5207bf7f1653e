"""The key that a run signs its attestations with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xbuild.errors import RefusedError
from xbuild.settings import Settings

if TYPE_CHECKING:
    from xbuild.report.attest import SigningKey


def make_signing_key(
    settings: Settings, sources: Sequence[Path], environ: Mapping[str, str]
) -> SigningKey | None:
    """The key that attestations are signed with, where the settings name one.

    :param sources: the folders that builds get a copy of.
    :raises UsageError: the key cannot be used.
    :raises RefusedError: ``key-in-sources``.
    """
    path = settings.attest.key
    if path is None:
        return None
    place = path.resolve()
    around = next((folder for folder in sources if place.is_relative_to(folder.resolve())), None)
    if around:
        raise RefusedError(
            "the signing key is among the sources, which every build script can read",
            details=f"attest.key is {path}, and the sources are in {around}",
            hint="keep the key in a folder of its own",
            code="key-in-sources",
        )
    # Imported late: cryptography takes a while to load, and most runs sign nothing
    from xbuild.report.attest import load_signing_key, password_from  # noqa: PLC0415

    return load_signing_key(path, password_from(environ, settings.attest.password_variable))

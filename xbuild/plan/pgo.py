"""A profile of the project's own, by which all targets are optimised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xbuild.engine.layout import SRC
from xbuild.errors import RefusedError, UsageError
from xbuild.request.model import BuildRequest
from xbuild.util.files import sha256_of


def with_profile(request: BuildRequest, root: Path) -> BuildRequest:
    """The request, in which the flags of every target name the profile, where there is one.

    Its digest is among the flags, because cargo goes by their text and would not look into the file.

    :param root: the root of the sources.
    :raises UsageError: ``no-profile``: it cannot be read.
    :raises RefusedError: ``profile-outside``: no build could read it.
    """
    profile = request.pgo_profile
    if profile is None:
        return request
    path = profile.resolve()
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise UsageError(
            f"the profile {profile} cannot be read",
            details=str(error),
            hint="`xbuild profile` makes one",
            code="no-profile",
        ) from error
    if not path.is_relative_to(root.resolve()):
        raise RefusedError(
            f"the profile {profile} is not among the sources",
            details=f"they are in {root}, and builds see nothing else",
            hint="keep it beside the crate, and in git, so that everybody builds by the same one",
            code="profile-outside",
        )
    relative = path.relative_to(root.resolve()).as_posix()
    flags = (f"-Cprofile-use={SRC}/{relative}", f"--cfg=pgo_{digest[:16]}")
    return replace(
        request,
        pgo_profile=None,
        targets=tuple(replace(wanted, rustflags=(*wanted.rustflags, *flags)) for wanted in request.targets),
        source_include=(*request.source_include, relative),
    )

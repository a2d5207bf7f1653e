"""cargo in a container of the fetch phase, and what its errors mean."""

from __future__ import annotations

import re

from xbuild.engine import Container, OnLine
from xbuild.engine.layout import SRC
from xbuild.errors import NETWORK_HINT, FetchError, RefusedError
from xbuild.events import Stream
from xbuild.inspect.dependencies.prune import outdated
from xbuild.util.redact import without_userinfo

_ABSENT = re.compile(rf"failed to read `{SRC}/(?P<name>[^`]+)`\s+Caused by:\s+No such file")
"""What cargo says of a path dependency, or a member of the workspace, that is not there."""
_LACKING = re.compile(
    r"failed to select a version for the requirement `(?P<name>[\w-]+) = [^`]*` "
    r"\(locked to (?P<version>[^)]+)\)"
)
"""What cargo says where the index has no such release: the mirror lags behind, or it was withdrawn."""
_NETWORK = re.compile(
    r"spurious network error|network failure|unable to update (?:registry|\w+://)|download of|"
    r"failed to (?:clone|download|fetch)|"
    r"could not resolve|timed? ?out|\bSSL|certificate|\bHTTP|^\s+\[\d+\] ",
    re.IGNORECASE | re.MULTILINE,
)
"""Words of cargo, git and curl where something could not be had from elsewhere."""
_METADATA_LIMIT = 256 << 20


class Cargo:
    """Runs cargo on a crate.

    :param manifest: where the container sees the crate's Cargo.toml.
    :param on_line: gets what cargo says about its progress.
    :param timeout: seconds for one command.
    :param options: what every command gets.
    """

    def __init__(
        self, container: Container, manifest: str, on_line: OnLine, timeout: float, options: tuple[str, ...]
    ) -> None:
        self._container = container
        self._manifest = manifest
        self._on_line = on_line
        self._timeout = timeout
        self._options = options

    def run(self, command: str, *words: str) -> str:
        """The standard output of a command.

        :raises RefusedError: ``lockfile-outdated``, ``missing-source`` or ``unsupported-registry``.
        :raises FetchError: ``crate-not-in-index``; or it failed in another way, or took too long.
        """
        out: list[str] = []
        errors: list[str] = []

        def take(stream: Stream, line: str) -> None:
            if stream == "stdout":
                out.append(line)
                return
            # cargo names a repository as Cargo.toml does, which may be with a token
            shown = without_userinfo(line)
            errors.append(shown)
            self._on_line(stream, shown)

        result = self._container.run(
            ("cargo", *self._options, command, "--manifest-path", self._manifest, *words),
            on_line=take,
            timeout=self._timeout,
            line_limit=_METADATA_LIMIT,
            workdir="/tmp",  # noqa: S108  # a private tmpfs of the container
        )
        if result.ok:
            return "\n".join(out) + "\n"
        raise _failure(command, "\n".join(errors[-25:]), timed_out=result.timed_out)


def _failure(command: str, text: str, *, timed_out: bool) -> RefusedError | FetchError:
    """What the end of cargo's output means."""
    if "--locked was passed" in text:
        return outdated(text)
    if absent := _ABSENT.search(text):
        return RefusedError(
            f"{absent['name']} is not among the sources",
            details=text,
            hint="where it is in a submodule, check that out: git submodule update --init;\n"
            "where git ignores it, name its folder in source_include",
            code="missing-source",
        )
    if "registry index was not found in any configuration" in text:
        # The crate's own configuration, where it would be, can name programs, which cargo would run here
        return RefusedError(
            "the crate needs a registry besides crates.io",
            details=text,
            hint="take the dependency from git or by its path, or publish it to crates.io",
            code="unsupported-registry",
        )
    if lacking := _LACKING.search(text):
        return FetchError(
            f"the index has no {lacking['name']} {lacking['version']}, which Cargo.lock pins",
            details=text,
            hint="a mirror that lags behind gets it later: wait, or name another (network.cargo_index);\n"
            f"one that was withdrawn takes `cargo update -p {lacking['name']}`",
            code="crate-not-in-index",
            retryable=True,
        )
    is_networks = timed_out or bool(_NETWORK.search(text))
    return FetchError(
        f"cargo {command} failed" if not timed_out else f"cargo {command} took too long",
        details=text,
        hint=NETWORK_HINT if is_networks else "cargo says the same beside the crate's Cargo.toml",
        code="fetch-failed",
        retryable=is_networks,
    )

"""The minimal Debian that every image starts from: pulled by digest, or made from packages on this host."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from xbuild.engine import Engine, Image, Layer
from xbuild.errors import NETWORK_HINT, EngineError, ImageError
from xbuild.images.layers import pack_layer
from xbuild.images.recipe import NAME_LABEL, RECIPE_LABEL, RootRecipe, root_recipe

INSTALL_COMMAND = "apt-get install -y mmdebstrap"
SOURCES = ("auto", "registry", "bootstrap")
"""Words of ``images.base`` that mean the minimal Debian of root.toml; any other names an image."""

_MID_SYNC = re.compile(
    r"Mirror sync in progress|Hash Sum mismatch|File has unexpected size|the mirror is being updated"
    r"|Release file .* not valid yet"
)
_EXPIRED = re.compile(r"Release file .* is expired")
_PAUSES = (5.0, 20.0, 60.0)
"""Seconds to wait before a mirror that is being updated is asked again."""

_LAST_WORDS = 5.0
"""Seconds for what a program printed before it ended, and its own programs may keep open."""
_SOURCES_LIST = "etc/apt/sources.list"
_OPTIONS = "etc/apt/apt.conf.d/99mmdebstrap"
_NO_REGISTRY_HINT = (
    "make the registry reachable for the engine, `xbuild images load` an archive with the images,\n"
    "or set images.base to bootstrap, which makes the base here with mmdebstrap"
)


def is_mid_sync(text: str) -> bool:
    """Whether apt says that a mirror's index does not fit its Release file, as while it is being updated."""
    return bool(_MID_SYNC.search(text))


def mirror_error(brief: str, details: str) -> ImageError | None:
    """The error of a mirror that stayed in mid-sync however often it was asked, or that nobody updates."""
    if _EXPIRED.search(details):
        return ImageError(
            f"{brief}: the mirror of Debian's packages is out of date",
            details=details,
            hint="its Release file has expired: name another mirror (images.debian_mirror,\n"
            "images.debian_security_mirror); or is this machine's clock ahead?",
            code="mirror-out-of-date",
        )
    if not is_mid_sync(details):
        return None
    return ImageError(
        f"{brief}: the mirror of Debian's packages is being updated",
        details=details,
        hint="its index does not fit its Release file yet: try again in an hour,\n"
        "or name another mirror (images.debian_mirror, images.debian_security_mirror)",
        code="mirror-in-sync",
        retryable=True,
    )


def _way_out(source: str) -> str:
    """What to do without a base; mmdebstrap is no help where only a registry may be asked."""
    return _NO_REGISTRY_HINT if source == "registry" else f"run: {INSTALL_COMMAND}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """Where Debian's packages are fetched from; ``""`` is Debian's own archive.

    :ivar debian: base URI of a mirror of the suites and their updates.
    :ivar security: base URI of a mirror of the security updates.
    """

    debian: str = ""
    security: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Variables for docker/shared/fetching.sh."""
        named = {"DEBIAN_MIRROR": self.debian, "DEBIAN_SECURITY_MIRROR": self.security}
        return {name: value for name, value in named.items() if value}

    def put_into(self, sources: str) -> str:
        """apt's one-line-style sources with the mirrors in place of Debian's own archives."""
        lines = []
        for line in sources.splitlines():
            # deb [option=value ...] URI suite component ...
            words = re.fullmatch(r"(deb(?: +\[[^]]*\])?) +\S+ +(\S+) +(.+)", line)
            mirror = self.security if words and words[2].endswith("-security") else self.debian
            lines.append(f"{words[1]} {mirror} {words[2]} {words[3]}" if words and mirror else line)
        return "".join(f"{line}\n" for line in lines)


def ensure_root(
    engine: Engine,
    *,
    source: str,
    mirrors: Mirrors,
    environment: Mapping[str, str],
    ca_bundle: Path | None,
    on_line: Callable[[str], None],
    cancelled: threading.Event,
    pauses: tuple[float, ...] = _PAUSES,
) -> tuple[Image, str]:
    """The minimal Debian, made or pulled when the engine does not have it; and the reference that names it.

    Neither a mirror nor the certificate authority that it was fetched through is left in it.

    :param source: ``registry``, ``bootstrap``, ``auto`` (the first that works), or an image reference.
    :param environment: what mmdebstrap may see of the host's environment (its PATH, proxies).
    :param pauses: seconds to wait before a mirror that is being updated is asked again.
    :raises ImageError: ``no-base-source``: there is neither a registry nor mmdebstrap; ``bootstrap-failed``;
        ``mirror-in-sync``; ``mirror-out-of-date``.
    """
    recipe = root_recipe()
    if source not in SOURCES:
        return engine.image(source) or engine.pull(source), source
    if source != "registry" and (present := engine.image(recipe.tag)):
        return present, recipe.tag
    refusal = ""
    if source != "bootstrap":
        try:
            return engine.image(recipe.registry) or engine.pull(recipe.registry), recipe.registry
        except (EngineError, ImageError) as error:
            refusal = error.details or error.brief
    program = shutil.which("mmdebstrap", path=environment.get("PATH"))
    if source == "registry" or program is None:
        raise ImageError(
            "no base to build the toolchain images from",
            details=f"no image registry gave {recipe.registry}: {refusal}".rstrip(": ")
            + ("" if source == "registry" else "\nand mmdebstrap is not installed here"),
            hint=_way_out(source),
            code="no-base-source",
        )
    on_line(f"mmdebstrap: Debian {recipe.suite}")
    with tempfile.TemporaryDirectory(prefix="xbuild-root-") as name:
        host = _Host(program, environment, Path(name), on_line, cancelled, pauses)
        return _bootstrap(engine, recipe, host, mirrors, ca_bundle), recipe.tag


@dataclass(frozen=True, slots=True)
class _Host:
    """mmdebstrap on this machine, and a private folder for it."""

    program: str
    environment: Mapping[str, str]
    work: Path
    on_line: Callable[[str], None]
    cancelled: threading.Event
    pauses: tuple[float, ...]


def _bootstrap(
    engine: Engine, recipe: RootRecipe, host: _Host, mirrors: Mirrors, ca_bundle: Path | None
) -> Image:
    options = (
        '--aptopt=Apt::Install-Recommends "0"',
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "5"',
    )
    replaced = {_OPTIONS: _option_file(options)}
    from_where: tuple[str, ...] = ()
    if mirrors.environment:
        own = _own_sources(recipe, host)
        replaced[_SOURCES_LIST] = own.encode()
        from_where = tuple(mirrors.put_into(own).splitlines())
    argv = (
        host.program,
        "--variant=apt",
        "--quiet",
        f"--include={','.join(recipe.packages)}",
        *options,
        *((f'--aptopt=Acquire::https::CaInfo "{ca_bundle}"',) if ca_bundle else ()),
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        recipe.suite,
        "-",
        *from_where,
    )
    config = {
        "Labels": {NAME_LABEL: "root", RECIPE_LABEL: recipe.digest},
        "Cmd": ["/bin/sh"],
        "Env": ["LANG=C.UTF-8"],
    }
    layer = _patiently(argv, host, replaced)
    return engine.add_layer(None, layer, config=config, architecture="amd64", tag=recipe.tag)


def _patiently(argv: tuple[str, ...], host: _Host, replaced: Mapping[str, bytes]) -> Layer:
    """What a program on the host makes, as a layer; once more where a mirror is being updated meanwhile."""
    for pause in host.pauses:
        try:
            return _layer_of(argv, host, replaced)
        except ImageError as error:
            if not is_mid_sync(error.details) or host.cancelled.is_set():
                raise mirror_error(error.brief, error.details) or error from error
        host.on_line(f"the mirror is being updated; it is asked again in {pause:g} s")
        host.cancelled.wait(pause)
    try:
        return _layer_of(argv, host, replaced)
    except ImageError as error:
        raise mirror_error(error.brief, error.details) or error from error


def _layer_of(argv: tuple[str, ...], host: _Host, replaced: Mapping[str, bytes]) -> Layer:
    with _output(argv, host) as chunks:
        layer, _ = pack_layer(
            chunks, host.work / "layer.tar", strip=0, on_progress=lambda _: None, replaced=replaced
        )
        return layer


def _option_file(options: tuple[str, ...]) -> bytes:
    """What mmdebstrap leaves of its ``--aptopt`` in an image."""
    return "".join(f"{option.removeprefix('--aptopt=')};\n" for option in options).encode()


def _own_sources(recipe: RootRecipe, host: _Host) -> str:
    """The sources that mmdebstrap writes where no mirror is named. Nothing is fetched for it."""
    found = host.work / "own"
    argv = (
        host.program,
        "--variant=custom",
        "--quiet",
        "--skip=update,cleanup",
        f"--setup-hook=download /{_SOURCES_LIST} {shlex.quote(str(found))}",
        "--format=null",
        recipe.suite,
        "-",
    )
    with _output(argv, host) as chunks:
        for _ in chunks:
            pass
    return found.read_text("utf-8").rstrip("\n") + "\n"


class _output:  # noqa: N801  # reads as a function
    """The standard output of a host program, in chunks; the program ends with the ``with`` block."""

    def __init__(self, argv: tuple[str, ...], host: _Host) -> None:
        self._process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**host.environment, "TMPDIR": str(host.work)},
            start_new_session=True,
        )
        self._on_line = host.on_line
        self._cancelled = host.cancelled
        self._last: list[str] = []
        self._listener = threading.Thread(target=self._relay, args=(self._process.stderr,), daemon=True)
        self._threads = [threading.Thread(target=self._watch, daemon=True), self._listener]

    def __enter__(self) -> Iterator[bytes]:
        for thread in self._threads:
            thread.start()
        return self._chunks()

    def __exit__(self, *_: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _chunks(self) -> Iterator[bytes]:
        stream = self._process.stdout
        if stream is None:
            return
        yield from iter(lambda: stream.read(1 << 20), b"")
        if self._process.wait() != 0:
            # Its last words may be on their way still
            self._listener.join(_LAST_WORDS)
            raise ImageError(
                "mmdebstrap failed",
                details="\n".join(self._last[-8:]),
                hint=NETWORK_HINT,
                code="bootstrap-failed",
                retryable=True,
            )

    def _relay(self, stream: IO[bytes] | None) -> None:
        for raw in stream or ():
            line = raw.decode("utf-8", "replace").rstrip()
            self._last = [*self._last[-20:], line]
            self._on_line(line)

    def _watch(self) -> None:
        while self._process.poll() is None:
            if self._cancelled.wait(0.2):
                self.stop()
                return

    def stop(self) -> None:
        """Ask it to end, wait, and kill it. mmdebstrap cleans up after itself when it is asked."""
        for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
            if self._process.poll() is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)

"""The minimal Debian that every image starts from: pulled by digest, or made from packages on this host."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO

from xbuild.engine import Engine, Image
from xbuild.errors import NETWORK_HINT, EngineError, ImageError
from xbuild.images.layers import pack_layer
from xbuild.images.recipe import NAME_LABEL, RECIPE_LABEL, REPOSITORY

INSTALL_COMMAND = "apt-get install -y mmdebstrap"


_NO_REGISTRY_HINT = (
    "make the registry reachable for the engine, `xbuild images load` an archive with the images,\n"
    "or set images.base to bootstrap, which makes the base here with mmdebstrap"
)


@dataclass(frozen=True, slots=True)
class RootRecipe:
    """Where the minimal Debian comes from; the fields are explained in root.toml."""

    registry: str
    suite: str
    packages: tuple[str, ...]

    @property
    def digest(self) -> str:
        """sha256 of what is asked for."""
        return hashlib.sha256(repr((self.suite, self.packages)).encode()).hexdigest()

    @property
    def tag(self) -> str:
        """The reference of the bootstrapped image."""
        return f"{REPOSITORY}/root:{self.digest[:16]}"


def root_recipe() -> RootRecipe:
    """The recipe that comes with this version of xbuild."""
    data = tomllib.loads(files(__package__).joinpath("root.toml").read_text("utf-8"))
    return RootRecipe(data["registry"], data["suite"], tuple(data["packages"]))


def _way_out(source: str) -> str:
    """What to do without a base; mmdebstrap is no help where only a registry may be asked."""
    return _NO_REGISTRY_HINT if source == "registry" else f"run: {INSTALL_COMMAND}"


def ensure_root(
    engine: Engine,
    *,
    source: str,
    mirror: str,
    environment: Mapping[str, str],
    ca_bundle: Path | None,
    on_line: Callable[[str], None],
    cancelled: threading.Event,
) -> Image:
    """The minimal Debian, made or pulled when the engine does not have it.

    :param source: ``registry``, ``bootstrap``, ``auto`` (the first that works), or an image reference.
    :param mirror: base URI of a Debian mirror, ``""`` for mmdebstrap's default.
    :param environment: what mmdebstrap may see of the host's environment (its PATH, proxies).
    :raises ImageError: ``no-base-source``: there is neither a registry nor mmdebstrap.
    """
    recipe = root_recipe()
    if source not in {"auto", "registry", "bootstrap"}:
        return engine.image(source) or engine.pull(source)
    if source != "registry" and (present := engine.image(recipe.tag)):
        return present
    refusal = ""
    if source != "bootstrap":
        try:
            return engine.image(recipe.registry) or engine.pull(recipe.registry)
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
    argv = (
        program,
        "--variant=apt",
        "--quiet",
        f"--include={','.join(recipe.packages)}",
        '--aptopt=Apt::Install-Recommends "0"',
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "5"',
        *((f'--aptopt=Acquire::https::CaInfo "{ca_bundle}"',) if ca_bundle else ()),
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        recipe.suite,
        "-",
        *((mirror,) if mirror else ()),
    )
    labels = {NAME_LABEL: "root", RECIPE_LABEL: recipe.digest}
    with tempfile.TemporaryDirectory(prefix="xbuild-root-") as work:
        with _output(argv, environment, Path(work), on_line, cancelled) as chunks:
            layer, _ = pack_layer(chunks, Path(work) / "layer.tar", strip=0, on_progress=lambda _: None)
        config = {"Labels": labels, "Cmd": ["/bin/sh"], "Env": ["LANG=C.UTF-8"]}
        return engine.add_layer(None, layer, config=config, architecture="amd64", tag=recipe.tag)


class _output:  # noqa: N801  # reads as a function
    """The standard output of a host program, in chunks; the program ends with the ``with`` block."""

    def __init__(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        work: Path,
        on_line: Callable[[str], None],
        cancelled: threading.Event,
    ) -> None:
        self._process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**environment, "TMPDIR": str(work)},
            start_new_session=True,
        )
        self._on_line = on_line
        self._cancelled = cancelled
        self._last: list[str] = []
        self._threads = [threading.Thread(target=self._watch, daemon=True)]
        if self._process.stderr:
            self._threads.append(
                threading.Thread(target=self._relay, args=(self._process.stderr,), daemon=True)
            )

    def __enter__(self) -> Iterator[bytes]:
        for thread in self._threads:
            thread.start()
        return self._chunks()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _chunks(self) -> Iterator[bytes]:
        stream = self._process.stdout
        if stream is None:
            return
        yield from iter(lambda: stream.read(1 << 20), b"")
        if self._process.wait() != 0:
            raise ImageError(
                "mmdebstrap failed",
                details="\n".join(self._last[-8:]),
                hint=NETWORK_HINT,
                code="bootstrap-failed",
                retryable=True,
            )

    def _relay(self, stream: IO[bytes]) -> None:
        for raw in stream:
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

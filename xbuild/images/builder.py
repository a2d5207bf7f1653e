"""Runs the recipes: one container that makes files in a volume, and a layer made of that volume."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from xbuild.engine import Container, ContainerSpec, Engine, Image, Limits, Mount
from xbuild.errors import NETWORK_HINT, ImageError, RefusedError
from xbuild.images.bootstrap import SOURCES, Mirrors, ensure_root
from xbuild.images.dockerfile import Copy, Dockerfile, Run
from xbuild.images.layers import pack_layer, tar_files, tar_folder
from xbuild.images.recipe import MANIFEST_LABEL, NAME_LABEL, RECIPE_LABEL, ROOT_LABEL, Recipe, root_recipe

SECRETS = "/run/secrets"
Narrate = Callable[[str, str], None]
"""Gets (image name, line) while images are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where recipes fetch from, and trusting whom. Nothing of it becomes part of an image.

    :ivar offline: nothing may be fetched, so no image is made or pulled.
    :ivar base: ``auto``, ``registry``, ``bootstrap`` or an image reference.
    :ivar mirrors: of Debian's packages.
    :ivar cargo_index: index of a private mirror of crates.io, or ``""``.
    :ivar ca_bundle: PEM bundle of the host, or ``None``.
    :ivar environment: proxies and other private mirrors, for programs in recipes.
    :ivar host_environment: what the host's mmdebstrap may see besides.
    """

    offline: bool = False
    base: str = "auto"
    mirrors: Mirrors = field(default_factory=Mirrors)
    cargo_index: str = ""
    ca_bundle: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    host_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipe_environment(self) -> dict[str, str]:
        """What recipes get of it as variables; docker/shared/fetching.sh explains them."""
        index = {"CARGO_INDEX": self.cargo_index} if self.cargo_index else {}
        return {**self.environment, **self.mirrors.environment, **index}

    def made(self, image: Image) -> bool:
        """Whether an image stands on the minimal Debian that is asked for."""
        root = image.labels.get(ROOT_LABEL, "")
        if self.base in SOURCES:
            return root in {root_recipe().registry, root_recipe().tag}
        return root == self.base


class ImageBuilder:
    """Makes images that the engine does not have.

    :param locks: folder for lock files, so that two runs do not build the same image at once.
    """

    def __init__(
        self,
        engine: Engine,
        sources: Sources,
        *,
        locks: Path,
        narrate: Narrate,
        cancelled: threading.Event,
    ) -> None:
        self._engine = engine
        self._sources = sources
        self._locks = locks
        self._narrate = narrate
        self._cancelled = cancelled

    def ensure(self, recipe: Recipe) -> Image:
        """The image of a recipe, built when it is not there, with the images that it stands on.

        :raises ImageError: a recipe failed, or there is nothing to start from.
        :raises RefusedError: ``offline-image``: it is not there, and nothing may be fetched.
        """
        if present := self.present(recipe):
            return present
        if self._sources.offline:
            raise RefusedError(
                f"image {recipe.name} is not built yet, and offline nothing is fetched for it",
                details=f"the engine has no {recipe.tag}"
                + ("" if self._sources.base in SOURCES else f" that stands on {self._sources.base}"),
                hint=f"with a network: xbuild images build {recipe.name}\n"
                "without one: `xbuild images load` an archive that `xbuild images save` wrote elsewhere",
                code="offline-image",
            )
        self._locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._locks / f"{recipe.digest[:16]}.lock"):
            return self.present(recipe) or self._build(recipe)

    def present(self, recipe: Recipe) -> Image | None:
        """The image of a recipe, if it is there, on the minimal Debian that is asked for."""
        image = self._engine.image(recipe.tag)
        return image if image and self._sources.made(image) else None

    def named(self, reference: str) -> Image:
        """An image that is no recipe's, pulled when the engine does not have it.

        :raises EngineError: it is neither here nor in a registry.
        :raises RefusedError: ``offline-image``: it is not there, and nothing may be fetched.
        """
        present = self._engine.image(reference)
        if present is None and self._sources.offline:
            raise RefusedError(
                f"image {reference} is not on the engine, and offline nothing is pulled",
                hint=f"with a network: docker pull {reference}",
                code="offline-image",
            )
        return present or self._engine.pull(reference)

    def _parent(self, recipe: Recipe) -> tuple[Image, str]:
        """What a recipe's files are made in, and the minimal Debian at the bottom of it."""
        if recipe.parent:
            parent = self.ensure(recipe.parent)
            return parent, parent.labels[ROOT_LABEL]
        self._locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._locks / "root.lock"):
            return ensure_root(
                self._engine,
                source=self._sources.base,
                mirrors=self._sources.mirrors,
                environment={**self._sources.environment, **self._sources.host_environment},
                ca_bundle=self._sources.ca_bundle,
                on_line=lambda line: self._narrate("root", line),
                cancelled=self._cancelled,
            )

    def _build(self, recipe: Recipe) -> Image:
        parent, root = self._parent(recipe)
        parsed = recipe.dockerfile(parent.id)
        output = _output_of(parsed, recipe)
        with tempfile.TemporaryDirectory(prefix="xbuild-image-") as work:
            with self._engine.container(self._spec(recipe, parsed, parent, output)) as container:
                self._run_steps(recipe, parsed, container)
                self._narrate(recipe.name, "packing the layer")
                stream = container.get(output)
                layer, manifest = pack_layer(
                    stream, Path(work) / "layer.tar", strip=1, on_progress=self._check_cancelled
                )
            below = None if parsed.final.parent == "scratch" else parent
            size = layer.path.stat().st_size
            self._narrate(recipe.name, f"loading {size / 1e6:.0f} MB")
            return self._engine.add_layer(
                below,
                layer,
                config=_config(recipe, parsed, below, manifest, root),
                architecture="amd64",
                tag=recipe.tag,
            )

    def _check_cancelled(self, _: int) -> None:
        if self._cancelled.is_set():
            raise ImageError("interrupted", code="interrupted")

    def _spec(self, recipe: Recipe, parsed: Dockerfile, parent: Image, output: str) -> ContainerSpec:
        copies = [step.destination.rstrip("/") for step in parsed.build.steps if isinstance(step, Copy)]
        # A volume for /tmp too: what recipes unpack and compile there would crawl on some storage drivers
        places = dict.fromkeys([*copies, output.rstrip("/"), SECRETS, "/tmp"])  # noqa: S108
        return ContainerSpec(
            image=parent.id,
            user="0:0",
            labels={"xbuild.purpose": "image", NAME_LABEL: recipe.name},
            env={**self._sources.recipe_environment, **recipe.arguments, "LANG": "C.UTF-8"},
            mounts=tuple(Mount(target=place) for place in places),
            network=True,
            hardened=False,
            limits=Limits(pids=4096),
        )

    def _run_steps(self, recipe: Recipe, parsed: Dockerfile, container: Container) -> None:
        for step in parsed.build.steps:
            match step:
                case Copy():
                    container.put(step.destination, tar_folder(recipe.folder_of(step.source)))
                case Run():
                    self._put_secrets(step, container)
                    self._run(recipe, step, container)

    def _put_secrets(self, step: Run, container: Container) -> None:
        bundle = self._sources.ca_bundle
        if "ca" in step.secrets and bundle:
            container.put(SECRETS, tar_files([("ca", bundle.read_bytes(), False)]))

    def _run(self, recipe: Recipe, step: Run, container: Container) -> None:
        tail: list[str] = []

        def on_line(_: str, line: str) -> None:
            tail.append(line)
            del tail[:-25]
            self._narrate(recipe.name, line)

        started = time.monotonic()
        result = container.run(step.argv, on_line=on_line)
        if self._cancelled.is_set():
            raise ImageError("interrupted", code="interrupted")
        if not result.ok:
            raise ImageError(
                f"building image {recipe.name} failed with status {result.exit_code}",
                details="\n".join(tail),
                hint=NETWORK_HINT,
                code="image-build-failed",
                retryable=True,
            )
        self._narrate(recipe.name, f"done in {time.monotonic() - started:.0f} s")


def _output_of(parsed: Dockerfile, recipe: Recipe) -> str:
    """The folder of the build stage that becomes the layer."""
    match parsed.final.steps:
        case (Copy(source=source, destination="/", stage=stage),) if stage == parsed.build.name:
            return source.rstrip("/")
    raise ImageError(
        f"docker/{recipe.folder}/Dockerfile: the final stage must be one COPY --from=... to /",
        code="bad-recipe",
    )


def _config(
    recipe: Recipe, parsed: Dockerfile, below: Image | None, manifest: Mapping[str, Any], root: str
) -> dict[str, Any]:
    inherited = dict(
        entry.partition("=")[::2] for entry in (below.config.get("Env") if below else None) or ()
    )
    env = {**inherited, **parsed.final.env}
    brief = {key: value for key, value in manifest.items() if key != "name"}
    labels = {
        NAME_LABEL: recipe.name,
        RECIPE_LABEL: recipe.digest,
        ROOT_LABEL: root,
        MANIFEST_LABEL: json.dumps(brief, sort_keys=True, separators=(",", ":")),
        "org.opencontainers.image.title": f"xbuild {recipe.name}",
    }
    return {
        "Env": [f"{key}={value}" for key, value in env.items()],
        "Labels": labels,
        "Cmd": ["/bin/sh"],
    }

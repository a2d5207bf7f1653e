"""Runs a recipe in a container: its files into a volume, and of that volume the image's layer.

docs/decisions/0001-recipes-without-the-classic-builder.md and 0002-layers-from-volumes.md tell why.
"""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbuild.engine import Container, ContainerSpec, Engine, Image, Layer, Limits, Mount
from xbuild.errors import ImageError
from xbuild.images.dockerfile import Copy, Dockerfile, Run
from xbuild.images.failure import recipe_failure, with_way_out
from xbuild.images.layers import pack_layer, tar_files, tar_folder
from xbuild.images.recipe import NAME_LABEL, Recipe
from xbuild.images.sources import Sources

SECRETS = "/run/secrets"
PINS = "/tmp/pins"  # noqa: S108  # in a recipe's container
"""Where docker/shared/fetching.sh leaves the lists of the packages that it takes from the archive."""
Narrate = Callable[[str, str], None]
"""Gets (image name, line) while images are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeRunner:
    """Runs recipes, with the network that they need and nothing of the host."""

    engine: Engine
    sources: Sources
    narrate: Narrate
    cancelled: threading.Event

    def layer(
        self, recipe: Recipe, parsed: Dockerfile, parent: Image, path: Path
    ) -> tuple[Layer, dict[str, Any]]:
        """The layer that a recipe makes, packed at ``path``, and the manifest that it wrote of itself.

        :raises ImageError: the recipe failed, or is none.
        """
        output = _output_of(parsed, recipe)
        with self.engine.container(self._spec(recipe, parsed, parent, output)) as container:
            self._run_steps(recipe, parsed, container)
            self.narrate(recipe.name, "packing the layer")
            stream = container.get(output)
            return pack_layer(stream, path, strip=1, on_progress=lambda _: self.check_cancelled())

    def package_lists(self, recipe: Recipe, parent: Image) -> dict[str, bytes]:
        """The lists of packages that a recipe would take from the archive today, by file name."""
        parsed = recipe.dockerfile(parent.id)
        with self.engine.container(self._spec(recipe, parsed, parent, "/layer")) as container:
            self._run_steps(recipe, parsed, container)
            with closing(container.get(PINS)) as stream:
                return _files_of(b"".join(stream))

    def check_cancelled(self) -> None:
        """End here where everything ends.

        :raises ImageError: ``interrupted``.
        """
        if self.cancelled.is_set():
            raise ImageError("interrupted", code="interrupted")

    def _spec(self, recipe: Recipe, parsed: Dockerfile, parent: Image, output: str) -> ContainerSpec:
        copies = [step.destination.rstrip("/") for step in parsed.build.steps if isinstance(step, Copy)]
        # A volume for /tmp too: what recipes unpack and compile there would crawl on some storage drivers
        places = dict.fromkeys([*copies, output.rstrip("/"), SECRETS, "/tmp"])  # noqa: S108
        return ContainerSpec(
            image=parent.id,
            user="0:0",
            labels={"xbuild.purpose": "image", NAME_LABEL: recipe.name},
            env={**self.sources.recipe_environment, **recipe.arguments, "LANG": "C.UTF-8"},
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
        bundle = self.sources.ca_bundle
        if "ca" in step.secrets and bundle:
            container.put(SECRETS, tar_files([("ca", bundle.read_bytes(), False)]))

    def _run(self, recipe: Recipe, step: Run, container: Container) -> None:
        tail: list[str] = []

        def on_line(_: str, line: str) -> None:
            tail.append(line)
            del tail[:-25]
            self.narrate(recipe.name, line)

        started = time.monotonic()
        result = container.run(step.argv, on_line=on_line)
        self.check_cancelled()
        if not result.ok:
            raise with_way_out(self.engine, recipe, recipe_failure(recipe, result.exit_code, tail))
        self.narrate(recipe.name, f"done in {time.monotonic() - started:.0f} s")


def _files_of(archive: bytes) -> dict[str, bytes]:
    """The regular files of a tar archive, by the last part of their names."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        bodies = ((member.name, members.extractfile(member)) for member in members if member.isreg())
        return {name.rpartition("/")[2]: body.read() for name, body in bodies if body}


def _output_of(parsed: Dockerfile, recipe: Recipe) -> str:
    """The folder of the build stage that becomes the layer."""
    match parsed.final.steps:
        case (Copy(source=source, destination="/", stage=stage),) if stage == parsed.build.name:
            return source.rstrip("/")
    raise ImageError(
        f"docker/{recipe.folder}/Dockerfile: the final stage must be one COPY --from=... to /",
        code="bad-recipe",
    )

"""Runs the recipes: one container that makes files in a volume, and a layer made of that volume.

docs/decisions/0001-recipes-without-the-classic-builder.md and 0002-layers-from-volumes.md tell why.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from xbuild.engine import Container, ContainerSpec, Engine, Image, Limits, Mount
from xbuild.errors import NETWORK_HINT, EngineError, ImageError, RefusedError
from xbuild.images.bootstrap import SOURCES, Mirrors, ensure_root, mirror_error
from xbuild.images.dockerfile import Copy, Dockerfile, Run
from xbuild.images.layers import pack_layer, tar_files, tar_folder
from xbuild.images.manifest import PINNED_LABEL, image_manifest
from xbuild.images.recipe import (
    MANIFEST_LABEL,
    NAME_LABEL,
    PARENT_LABEL,
    RECIPE_LABEL,
    REPOSITORY,
    ROOT_LABEL,
    Recipe,
    root_recipe,
)
from xbuild.images.released import is_pinned, objection, released_layers

SECRETS = "/run/secrets"
PINS = "/tmp/pins"  # noqa: S108  # in a recipe's container
"""Where docker/shared/fetching.sh leaves the lists of the packages that it takes from the archive."""
NOT_PINNED = 87
"""The status of a recipe that may only take pinned packages, and cannot have them."""
_UNKNOWN_PACKAGE = re.compile(
    r"(?:Unable to locate package|^E: Package '?)\s*([a-z0-9][a-z0-9+.-]+)", re.MULTILINE
)
Narrate = Callable[[str, str], None]
"""Gets (image name, line) while images are made."""
Trial = Callable[[Recipe, Image], None]
"""Tries an image before it gets its tag; raises :class:`ImageError` where it does not work."""


def _untried(_recipe: Recipe, _image: Image) -> None:
    """No trial: for recipes of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where recipes fetch from, and trusting whom. Nothing of it becomes part of an image.

    :ivar offline: nothing may be fetched, so no image is made or pulled.
    :ivar base: ``auto``, ``registry``, ``bootstrap`` or an image reference.
    :ivar mirrors: of Debian's packages.
    :ivar registry: prefix of a registry that may have the images, without a slash at its end; or ``""``.
    :ivar cargo_index: index of a private mirror of crates.io, or ``""``.
    :ivar ca_bundle: PEM bundle of the host, or ``None``.
    :ivar pins: ``strict`` where only the pinned packages will do; ``follow`` takes what the suites have where
        a pinned one is not to be had; ``refresh`` asks only what those would be; ``ignore`` looks at no pins.
    :ivar snapshot: an archive that keeps every package, for those that Debian's own no longer has; or ``""``.
    :ivar environment: proxies and other private mirrors, for programs in recipes.
    :ivar host_environment: what the host's mmdebstrap may see besides.
    """

    offline: bool = False
    base: str = "auto"
    mirrors: Mirrors = field(default_factory=Mirrors)
    pins: str = "follow"
    snapshot: str = ""
    registry: str = ""
    cargo_index: str = ""
    ca_bundle: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    host_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipe_environment(self) -> dict[str, str]:
        """What recipes get of it as variables; docker/shared/fetching.sh explains them."""
        pairs = {
            "CARGO_INDEX": self.cargo_index,
            "DEBIAN_SNAPSHOT": self.snapshot,
            "PINS": "" if self.pins == "follow" else self.pins,
        }
        named = {name: value for name, value in pairs.items() if value}
        return {**self.environment, **self.mirrors.environment, **named}

    def made(self, image: Image) -> bool:
        """Whether an image stands on the minimal Debian, and on packages, that will do."""
        if self.pins == "strict" and not is_pinned(image):
            return False
        root = image.labels.get(ROOT_LABEL, "")
        if self.base in SOURCES:
            return root in {root_recipe().registry, root_recipe().tag}
        return root == self.base


class ImageBuilder:
    """Makes images that the engine does not have.

    :param locks: folder for lock files, so that two runs do not build the same image at once.
    :param trial: what every new image has to pass before it gets its tag.
    """

    def __init__(
        self,
        engine: Engine,
        sources: Sources,
        *,
        locks: Path,
        narrate: Narrate,
        cancelled: threading.Event,
        trial: Trial = _untried,
    ) -> None:
        self._engine = engine
        self._sources = sources
        self._locks = locks
        self._narrate = narrate
        self._cancelled = cancelled
        self._trial = trial

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
        if recipe.packages and self._sources.pins == "strict":
            raise RefusedError(
                "packages that a project asks for are not pinned, and images.pins is strict",
                details=f"build_packages: {', '.join(recipe.packages)}",
                hint="allow them with images.pins = follow; xbuild.lock then pins the image's layers",
                code="image-not-pinned",
            )
        self._locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self._locks / f"{recipe.digest[:16]}.lock"):
            return self.present(recipe) or self._from_registry(recipe) or self._build(recipe)

    def _from_registry(self, recipe: Recipe) -> Image | None:
        """The image as a registry has it, where the settings name one that has it."""
        if not self._sources.registry or recipe.packages:
            return None
        self._narrate(recipe.name, f"asking {self._sources.registry} for it")
        try:
            return self.pull(recipe)
        except (EngineError, ImageError) as error:
            self._narrate(recipe.name, f"made here: {error.brief}")
            self._check_cancelled(0)
            return None

    def pull(self, recipe: Recipe) -> Image:
        """The image of a recipe from the registry that the settings name.

        It keeps its name in the registry where nothing pins its layers: then it does not count as pinned.

        :raises ImageError: ``image-missing``; ``wrong-image``: it is not the one of this release.
        :raises EngineError: the registry does not answer.
        """
        reference = f"{self._sources.registry}/{recipe.tag}"
        image = self._engine.pull(reference)
        against = objection(recipe, image, strict=self._sources.pins == "strict")
        if against:
            self._engine.remove_image(reference)
            raise ImageError(f"{reference} is not taken: {against}", code="wrong-image")
        self._engine.tag(image.id, recipe.tag)
        if released_layers(recipe.digest, recipe.context):
            self._engine.remove_image(reference)
        else:
            self._narrate(
                recipe.name, f"{reference} is no image of this release: it does not count as pinned"
            )
        return self._engine.image(recipe.tag) or image

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
        return self._parent_of_all()

    def _parent_of_all(self) -> tuple[Image, str]:
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
            untried = f"{REPOSITORY}/{recipe.name}:untried-{recipe.digest[:16]}"
            # Whoever does not look at the pins gets nothing that is pinned
            manifest["pinned"] = bool(manifest.get("pinned")) and self._sources.pins != "ignore"
            image = self._engine.add_layer(
                below,
                layer,
                config=_config(recipe, parsed, below, manifest, root),
                architecture="amd64",
                tag=untried,
            )
        return self._tried(recipe, image, untried)

    def _tried(self, recipe: Recipe, image: Image, untried: str) -> Image:
        """The image with its tag, once it has passed its trial; without it, it is gone."""
        try:
            self._narrate(recipe.name, "trying it")
            self._trial(recipe, image)
            self._check_cancelled(0)
            if not is_pinned(image):
                self._narrate(recipe.name, "made of packages that are not the pinned ones: see above")
            self._engine.tag(image.id, recipe.tag)
        except ImageError as error:
            raise self._with_way_out(recipe, error, image) from error
        finally:
            self._engine.remove_image(untried)
        return self._engine.image(recipe.tag) or image

    def _with_way_out(self, recipe: Recipe, error: ImageError, image: Image | None = None) -> ImageError:
        """The error, with the packages that the image was made of and the images that still work."""
        details = [error.details]
        if image:
            tools = {**image_manifest(image).get("tools", {}), **image_manifest(image).get("components", {})}
            details.append("made of: " + ", ".join(f"{name} {version}" for name, version in tools.items()))
        others = self._earlier(recipe)
        if others:
            listed = "\n".join(f"  target.{name}.image = {tag}" for name, tag in others)
            details.append(f"earlier images that are still here, with the setting to use them:\n{listed}")
        return ImageError(
            error.brief,
            details="\n".join(filter(None, details)),
            hint=error.hint,
            code=error.code,
            retryable=error.retryable,
        )

    def _earlier(self, recipe: Recipe) -> Sequence[tuple[str, str]]:
        """Names and tags of images that earlier recipes of the same target made, or of any for the base."""
        return sorted(
            (image.labels[NAME_LABEL], tag)
            for image in self._engine.images(NAME_LABEL)
            if ROOT_LABEL in image.labels
            and (image.labels[NAME_LABEL] == recipe.name or recipe.parent is None)
            and image.labels[NAME_LABEL] not in {"base", "cli", "root"}
            and not image.labels[NAME_LABEL].startswith("tester-")
            for tag in image.tags
            if tag.startswith(f"{REPOSITORY}/{image.labels[NAME_LABEL]}:") and ":untried-" not in tag
        )

    def resolve(self, recipe: Recipe) -> dict[str, bytes]:
        """The lists of packages that a recipe would take from the archive today, by file name.

        No image is made: a recipe that is told to make pins ends when it has asked for its packages.
        """
        parent, _ = self._parent_of_all()
        parsed = recipe.dockerfile(parent.id)
        with self._engine.container(self._spec(recipe, parsed, parent, "/layer")) as container:
            self._run_steps(recipe, parsed, container)
            with closing(container.get(PINS)) as stream:
                return _files_of(b"".join(stream))

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
            raise self._with_way_out(recipe, _failure(recipe, result.exit_code, tail))
        self._narrate(recipe.name, f"done in {time.monotonic() - started:.0f} s")


def _failure(recipe: Recipe, status: int, tail: Sequence[str]) -> ImageError:
    """What the end of a recipe's output means."""
    details = "\n".join(tail)
    unknown = sorted({*_UNKNOWN_PACKAGE.findall(details)} & {*recipe.packages})
    if unknown:
        return ImageError(
            f"Debian has no package {', '.join(unknown)}",
            details=f"build_packages for {recipe.name}, in Debian {root_recipe().suite}",
            hint="packages.debian.org tells what a file's package is called",
            code="unknown-build-package",
        )
    if status == NOT_PINNED:
        return ImageError(
            f"image {recipe.name} cannot be made of the pinned packages",
            details=details,
            hint="name an archive that keeps them (images.debian_snapshot),\n"
            "or take what Debian has today: images.pins = follow",
            code="image-not-pinned",
        )
    return mirror_error(f"building image {recipe.name} failed", details) or ImageError(
        f"building image {recipe.name} failed with status {status}",
        details=details,
        hint=NETWORK_HINT,
        code="image-build-failed",
        retryable=True,
    )


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
        PINNED_LABEL: "true" if manifest["pinned"] else "false",
        **({PARENT_LABEL: recipe.parent.digest} if recipe.packages and recipe.parent else {}),
        MANIFEST_LABEL: json.dumps(brief, sort_keys=True, separators=(",", ":")),
        "org.opencontainers.image.title": f"xbuild {recipe.name}",
    }
    return {
        "Env": [f"{key}={value}" for key, value in env.items()],
        "Labels": labels,
        "Cmd": ["/bin/sh"],
    }

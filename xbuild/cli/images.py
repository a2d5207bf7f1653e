"""``xbuild images``: build, list, show, prune, save, load, push and pull toolchain images; and SBOMs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from xbuild import __version__
from xbuild.cli.machine import answers_json
from xbuild.cli.settings import load
from xbuild.errors import RefusedError, UsageError
from xbuild.images.inventory import total_size
from xbuild.images.manifest import image_manifest, tool_versions
from xbuild.ui.lines import safe
from xbuild.ui.lines import show as show_line
from xbuild.util.files import is_file
from xbuild.util.text import file_size

if TYPE_CHECKING:
    from xbuild.cli.call import Call
    from xbuild.engine import Image

app = typer.Typer(help="Toolchain images.", no_args_is_help=True, rich_markup_mode=None)

Names = Annotated[list[str] | None, typer.Argument(help="Target triples, or `base`; all without any.")]


def _call(*, quiet: bool = False) -> Call:
    from xbuild.cli.call import Call

    return Call(load({}, None).settings, quiet=quiet)


@app.command()
def build(
    names: Names = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make them anew, from today's packages.")
    ] = False,
) -> None:
    """Make the images that the engine does not have."""
    from xbuild.app.images import build_images

    call = _call()
    with call.screen:
        made = call.interruptible(
            lambda: build_images(names or (), call.services, call.context, rebuild=rebuild)
        )
    for image in made:
        typer.echo(f"{image.tags[0] if image.tags else image.id} {image.id} {file_size(image.size)}")


@app.command("list")
@answers_json
def list_images(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the images and what all of them take together."""
    from xbuild.app.images import image_states

    call = _call(quiet=True)
    found = call.interruptible(lambda: image_states(call.services, call.context))
    present = [state.image for state in found if state.image]
    total = total_size(present[1:], present[:1])
    if as_json:
        rows = [
            {
                "name": state.recipe.name,
                "tag": state.recipe.tag,
                "id": state.image.id if state.image else None,
                "size": state.image.size if state.image else None,
            }
            for state in found
        ]
        typer.echo(json.dumps({"schema": "xbuild.images/1", "images": rows, "total_size": total}, indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("image", "tag", "digest", "size"):
        table.add_column(heading, justify="right" if heading == "size" else "left", no_wrap=True)
    for state in found:
        image = state.image
        table.add_row(
            Text(state.recipe.name),
            Text(state.recipe.tag.rpartition(":")[2]),
            Text(image.id[:19] if image else "not built"),
            Text(file_size(image.size) if image else ""),
        )
    call.console.print(table)
    typer.echo(f"all together, shared layers counted once: {file_size(total)}")


@app.command()
def show(name: Annotated[str, typer.Argument(help="A target triple, or `base`.")]) -> None:
    """Show what an image is made of, as JSON."""
    from xbuild.app.images import present_images

    call = _call(quiet=True)
    image = call.interruptible(lambda: present_images([name], call.services, call.context))[0]
    body = {
        "schema": "xbuild.image/1",
        "name": name,
        "tags": list(image.tags),
        "id": image.id,
        "repo_digests": list(image.repo_digests),
        "size": image.size,
        "layers": list(image.layers),
        "tools": tool_versions(image),
        **{key: value for key, value in image_manifest(image).items() if key not in {"tools", "components"}},
    }
    typer.echo(json.dumps(body, indent=1))


@app.command()
def sbom(
    name: Annotated[str, typer.Argument(help="A target triple, or `base`.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; standard output without.")
    ] = None,
) -> None:
    """Give an image's bill of materials: all its packages and tools, as CycloneDX 1.6 (JSON)."""
    from xbuild.app.images import check_archive_place, choose_recipes, present_images

    if out is not None:
        check_archive_place(out)
    call = _call(quiet=True)
    recipe = choose_recipes([name], call.services.catalog)[0]
    image = call.interruptible(lambda: present_images([name], call.services, call.context))[0]
    # Imported late: the CycloneDX library takes a while to load
    from xbuild.report.attest.sbom import image_bom

    text = image_bom(
        image_manifest(image), name=name, digest=image.id, recipe=recipe.digest, xbuild=__version__
    )
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8")
        typer.echo(f"{out}: {name} {image.id}")


@app.command()
def prune(
    build_packages: Annotated[
        bool, typer.Option("--build-packages", help="Those with a project's build_packages, too.")
    ] = False,
) -> None:
    """Remove images that other versions of the recipes made."""
    from xbuild.app.images import prune_images

    call = _call(quiet=True)
    gone = call.interruptible(lambda: prune_images(call.services, call.context, derived=build_packages))
    for image in gone:
        typer.echo(f"removed {image.tags[0] if image.tags else image.id}")
    typer.echo(f"{len(gone)} removed")


@app.command()
def save(
    out: Annotated[Path, typer.Option("--out", "-o", help="The archive to write.")],
    names: Names = None,
) -> None:
    """Write images to an archive that `xbuild images load` (or `docker load`) takes on another machine."""
    from xbuild.app.images import check_archive_place, present_images, save_images

    check_archive_place(out)
    call = _call(quiet=True)
    images = call.interruptible(lambda: present_images(names or (), call.services, call.context))

    def work() -> None:
        with _busy(call, f"writing {out}") as tell:
            save_images(out, images, call.services, call.context, tell=tell)

    call.interruptible(work)
    typer.echo(f"{out}: {len(images)} images, {file_size(out.stat().st_size)}")


@app.command("load")
def load_archive(
    archive: Annotated[Path, typer.Argument(help="An archive of `xbuild images save`.")],
) -> None:
    """Take images from an archive."""
    if not is_file(archive):
        raise UsageError(f"{archive} does not exist", code="no-archive")
    from xbuild.app.images import load_images

    call = _call(quiet=True)

    def work() -> tuple[Image, ...]:
        with _busy(call, f"loading {archive}") as tell:
            return load_images(archive, call.services, call.context, tell=tell)

    for image in call.interruptible(work):
        typer.echo(f"{image.tags[0] if image.tags else image.id} {image.id}")


@contextmanager
def _busy(call: Call, what: str) -> Iterator[Callable[[str], None]]:
    """Show that something goes on; the value takes how far it is. A pipe gets one line."""
    if not call.errors.is_terminal:
        show_line(call.errors, safe(what))
        yield lambda _: None
        return
    with call.errors.status(safe(what)) as status:
        yield lambda far: status.update(safe(f"{what}: {far}"))


def _registry(call: Call, given: str | None) -> str:
    registry = given or call.settings.images.registry
    if not registry:
        raise RefusedError(
            "no registry to push to or pull from",
            hint="give --registry HOST/PREFIX, or set images.registry",
            code="no-registry",
        )
    return registry.rstrip("/")


Registry = Annotated[str | None, typer.Option(help="Registry and prefix (setting images.registry).")]


@app.command()
def push(names: Names = None, registry: Registry = None) -> None:
    """Push images to a registry."""
    from xbuild.app.images import present_images, push_image

    call = _call(quiet=True)
    prefix = _registry(call, registry)

    def work() -> None:
        for image in present_images(names or (), call.services, call.context):
            with _busy(call, f"pushing {prefix}/{image.tags[0]}") as tell:
                reference = push_image(image, prefix, call.services, call.context, tell=tell)
            typer.echo(reference)

    call.interruptible(work)


@app.command()
def pull(names: Names = None, registry: Registry = None) -> None:
    """Pull images from a registry."""
    from xbuild.app.images import choose_recipes, pull_image
    from xbuild.images.released import is_pinned

    call = _call(quiet=True)
    prefix = _registry(call, registry)

    def work() -> None:
        for recipe in choose_recipes(names or (), call.services.catalog):
            with _busy(call, f"pulling {prefix}/{recipe.tag}"):
                image = pull_image(recipe, prefix, call.services, call.context)
            loose = "" if is_pinned(image) else " (not pinned: no image of this release)"
            typer.echo(f"{recipe.tag} {image.id}{loose}")

    call.interruptible(work)

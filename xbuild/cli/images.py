"""``xbuild images``: build, list, show, prune, save, load, push and pull toolchain images; and SBOMs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from xbuild import __version__
from xbuild.catalog import load_catalog
from xbuild.check.trial.recipes import tester_recipes
from xbuild.cli.compose import load
from xbuild.cli.machine import answers_json
from xbuild.errors import ImageError, RefusedError, UsageError
from xbuild.events import Event, PhaseStarted
from xbuild.images.inventory import outdated, recipes, states, total_size
from xbuild.images.manifest import image_manifest, tool_versions
from xbuild.images.recipe import REPOSITORY, Recipe, cli_recipe, root_recipe
from xbuild.images.released import is_pinned
from xbuild.ui.lines import safe
from xbuild.ui.lines import show as show_line
from xbuild.util.files import is_file
from xbuild.util.text import file_size

if TYPE_CHECKING:
    from xbuild.cli.session import Session
    from xbuild.engine import Engine, Image

app = typer.Typer(help="Toolchain images.", no_args_is_help=True, rich_markup_mode=None)

Names = Annotated[list[str] | None, typer.Argument(help="Target triples, or `base`; all without any.")]


def _session(*, quiet: bool = False) -> Session:
    from xbuild.cli.session import Session

    return Session(load({}, None).settings, quiet=quiet)


def other_recipes() -> tuple[Recipe, ...]:
    """Images that are no toolchains and are built on request: xbuild's own, and the testers."""
    return (cli_recipe(), *tester_recipes())


def remove_outdated(engine: Engine, *, derived: bool = False) -> tuple[Image, ...]:
    """Remove the images that other versions of the recipes made; gives them.

    :param derived: those with packages that projects asked for, too.
    """
    roots = frozenset({root_recipe().digest})
    gone = outdated(engine, (*recipes(load_catalog()), *other_recipes()), roots=roots, derived=derived)
    for image in gone:
        engine.remove_image(image.id, force=True)
    return gone


def _chosen(names: list[str] | None) -> tuple[Recipe, ...]:
    toolchains = recipes(load_catalog())
    known = {recipe.name: recipe for recipe in (*toolchains, *other_recipes())}
    for name in names or ():
        if name not in known:
            load_catalog().target(name)
    return tuple(known[name] for name in names) if names else toolchains


def _check_out(out: Path) -> None:
    """Refuse a place that no file can be written to before anything is asked of an engine."""
    folder = out.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise RefusedError(
            f"cannot write {out}", details=f"{folder} is no folder to write to", code="bad-out"
        )
    if out.is_dir():
        raise RefusedError(f"cannot write {out}", details="it is a folder", code="bad-out")


def _present(session: Session, names: list[str] | None) -> list[Image]:
    found = list(states(session.engine, _chosen(names)))
    missing = [state.recipe.name for state in found if state.image is None]
    if missing and names:
        raise ImageError(
            f"not built yet: {', '.join(missing)}",
            hint=f"xbuild images build {' '.join(missing)}",
            code="image-missing",
        )
    return [state.image for state in found if state.image]


@app.command()
def build(
    names: Names = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make them anew, from today's packages.")
    ] = False,
) -> None:
    """Make the images that the engine does not have."""
    session = _session()
    if rebuild and session.settings.offline:
        raise RefusedError(
            "offline no image can be made anew",
            hint="run it without the setting offline",
            code="offline-image",
        )
    with session.screen as screen:

        def emit(event: Event) -> None:
            screen(event)

        def work() -> list[Image]:
            builder = session.images(emit)
            chosen = _chosen(names)
            if rebuild:
                for recipe in chosen:
                    session.engine.remove_image(recipe.tag)
            made = []
            for recipe in chosen:
                emit(PhaseStarted(run=session.run, time=time.time(), phase="image", what=recipe.name))
                made.append(builder.ensure(recipe))
            for recipe, image in zip(chosen, made, strict=True):
                if recipe == cli_recipe():
                    session.engine.tag(image.id, f"{REPOSITORY}/{recipe.name}:latest")
            return made

        made = session.interruptible(work)
    for image in made:
        typer.echo(f"{image.tags[0] if image.tags else image.id} {image.id} {file_size(image.size)}")


@app.command("list")
@answers_json
def list_images(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the images and what all of them take together."""
    session = _session(quiet=True)
    found = session.interruptible(lambda: list(states(session.engine, recipes(load_catalog()))))
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
    session.console.print(table)
    typer.echo(f"all together, shared layers counted once: {file_size(total)}")


@app.command()
def show(name: Annotated[str, typer.Argument(help="A target triple, or `base`.")]) -> None:
    """Show what an image is made of, as JSON."""
    session = _session(quiet=True)
    image = session.interruptible(lambda: _present(session, [name]))[0]
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
    if out is not None:
        _check_out(out)
    session = _session(quiet=True)
    recipe = _chosen([name])[0]
    image = session.interruptible(lambda: _present(session, [name]))[0]
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
    session = _session(quiet=True)
    gone = session.interruptible(lambda: remove_outdated(session.engine, derived=build_packages))
    for image in gone:
        typer.echo(f"removed {image.tags[0] if image.tags else image.id}")
    typer.echo(f"{len(gone)} removed")


@app.command()
def save(
    out: Annotated[Path, typer.Option("--out", "-o", help="The archive to write.")],
    names: Names = None,
) -> None:
    """Write images to an archive that `xbuild images load` (or `docker load`) takes on another machine."""
    _check_out(out)
    session = _session(quiet=True)
    images = session.interruptible(lambda: _present(session, names))
    if not images:
        raise ImageError("no image is built yet", hint="xbuild images build", code="image-missing")
    fresh = out.with_name(f".{out.name}.new")

    def work() -> None:
        with fresh.open("wb") as stream, _busy(session, f"writing {out}") as tell:
            for chunk in session.engine.save([image.tags[0] for image in images]):
                stream.write(chunk)
                tell(file_size(stream.tell()))

    try:
        session.interruptible(work)
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)
    typer.echo(f"{out}: {len(images)} images, {file_size(out.stat().st_size)}")


@app.command("load")
def load_archive(
    archive: Annotated[Path, typer.Argument(help="An archive of `xbuild images save`.")],
) -> None:
    """Take images from an archive."""
    if not is_file(archive):
        raise UsageError(f"{archive} does not exist", code="no-archive")
    session = _session(quiet=True)

    def work() -> tuple[Image, ...]:
        with archive.open("rb") as stream, _busy(session, f"loading {archive}") as tell:

            def read() -> bytes:
                tell(file_size(stream.tell()))
                return stream.read(1 << 20)

            return session.engine.load(iter(read, b""))

    for image in session.interruptible(work):
        typer.echo(f"{image.tags[0] if image.tags else image.id} {image.id}")


@contextmanager
def _busy(session: Session, what: str) -> Iterator[Callable[[str], None]]:
    """Show that something goes on; the value takes how far it is. A pipe gets one line."""
    if not session.errors.is_terminal:
        show_line(session.errors, safe(what))
        yield lambda _: None
        return
    with session.errors.status(safe(what)) as status:
        yield lambda far: status.update(safe(f"{what}: {far}"))


def _registry(session: Session, given: str | None) -> str:
    registry = given or session.settings.images.registry
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
    session = _session(quiet=True)
    prefix = _registry(session, registry)

    def work() -> None:
        for image in _present(session, names):
            reference = f"{prefix}/{image.tags[0]}"
            session.engine.tag(image.id, reference)
            try:
                with _busy(session, f"pushing {reference}") as tell:
                    session.engine.push(reference, on_progress=tell)
            finally:
                session.engine.remove_image(reference)
            typer.echo(reference)

    session.interruptible(work)


@app.command()
def pull(names: Names = None, registry: Registry = None) -> None:
    """Pull images from a registry."""
    session = _session(quiet=True)
    prefix = _registry(session, registry)

    def work() -> None:
        builder = session.images(lambda _: None, registry=prefix)
        for recipe in _chosen(names):
            with _busy(session, f"pulling {prefix}/{recipe.tag}"):
                image = builder.pull(recipe)
            loose = "" if is_pinned(image) else " (not pinned: no image of this release)"
            typer.echo(f"{recipe.tag} {image.id}{loose}")

    session.interruptible(work)

"""What a new image has to do before it gets its tag: make a wheel of Rust, C and C++, or run programs."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xbuild.catalog import Catalog, Target
from xbuild.check.audit import audit
from xbuild.engine import ContainerSpec, Engine, Image
from xbuild.engine.layout import build_user
from xbuild.engine.transport import find_transport
from xbuild.errors import ImageError, XbuildError
from xbuild.events import Event, Output, Stream
from xbuild.execute.executor import Executor
from xbuild.execute.job import Rooms
from xbuild.execute.outcome import JobOutcome
from xbuild.images.recipe import Recipe, recipes_dir
from xbuild.inspect.crate.manifest import read_manifest
from xbuild.plan.model import Job
from xbuild.plan.planner import make_plan
from xbuild.plan.tools import Versions
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.storage.workspace import new_run_id, work_folder

KIND = "python3.11"
"""The interpreter that the wheel is for: one that every target has."""

TIMEOUT = 300.0
"""Seconds for the wheel; it takes three to fifteen."""

_CLANG = ("clang", "clang++", "clang-cl", "ld.lld", "lld-link", "llvm-ar", "llvm-objcopy")
_TOOLS = ("cmake", "ninja", "make", "git", "python3", "protoc", "pkg-config", "m4", "autoconf", "automake")
_PROGRAMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "base": (
        *((name, "--version") for name in ("rustc", "cargo", "cc", "c++", "maturin", *_CLANG, *_TOOLS)),
        *((name, "--version") for name in ("patch", "patchelf")),
        ("zig", "version"),
        ("nasm", "-v"),
        ("perl", "-MFindBin", "-MIPC::Cmd", "-MData::Dumper", "-MFile::Compare", "-e", "1"),
    ),
    "cli": (("python3", "-m", "xbuild", "--version"),),
    "tester-wine": (("/opt/xbuild/bin/windows-python", KIND, "-c", "import ssl, ctypes"),),
    "tester-debian": (("/usr/bin/python3", "-c", "import ssl, ctypes"),),
}
"""By folder of docker/, what must run in an image that is no toolchain of a target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """Tries images. See :data:`xbuild.images.builder.Trial`.

    :ivar cache: folder for what lives as long as a trial.
    :ivar narrate: gets (image name, line).
    """

    engine: Engine
    catalog: Catalog
    cache: Path
    clock: Callable[[], float]
    narrate: Callable[[str, str], None]
    cancelled: threading.Event

    def __call__(self, recipe: Recipe, image: Image) -> None:
        """Try an image, as builds would use it: hardened, and without a network.

        :raises ImageError: ``image-smoke-failed``.
        """
        target = self.catalog.targets.get(recipe.name)
        if target:
            self._make_wheel(target, recipe, image)
        elif recipe.arguments.get("ARCH", "amd64") == "amd64":
            self._run_programs(recipe, image)

    def _run_programs(self, recipe: Recipe, image: Image) -> None:
        spec = ContainerSpec(image=image.id, user=build_user(), labels={"xbuild.purpose": "smoke"})
        with self.engine.container(spec) as container:
            for argv in _PROGRAMS.get(recipe.folder, ()):
                lines: list[str] = []
                done = container.run(argv, on_line=partial(_keep, lines), timeout=TIMEOUT)
                if not done.ok:
                    raise _failed(recipe, f"running {' '.join(argv)}", "\n".join(lines[-20:]))

    def _make_wheel(self, target: Target, recipe: Recipe, image: Image) -> None:
        lines: list[str] = []

        def emit(event: Event) -> None:
            if isinstance(event, Output):
                lines.append(event.line)
                self.narrate(recipe.name, event.line)

        run = new_run_id(self.clock())
        with work_folder(self.cache, run) as work:
            source, vendor = work / "src", work / "vendor"
            shutil.copytree(recipes_dir() / "smoke", source)
            vendor.mkdir()
            for path in (source, *source.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            try:
                job = self._job(target, image, source, work)
                outcome = self._executor(work, image, run, emit).execute(job)
            except XbuildError as error:
                raise _failed(recipe, "building a wheel", error.details or error.brief) from error
        if not outcome.collected:
            raise _failed(recipe, _step_of(outcome, lines), "\n".join([*lines[-25:], outcome.reason]))

    def _job(self, target: Target, image: Image, source: Path, work: Path) -> Job:
        wanted = TargetRequest(
            target=target, interpreters=(self.catalog.interpreters[KIND],), image=image.id, timeout=TIMEOUT
        )
        request = BuildRequest(project=source, out=work / "dist", targets=(wanted,))
        plan = make_plan(
            request,
            read_manifest(source),
            None,
            self.catalog,
            images={},
            versions=Versions(),
            epoch=1_577_836_800,
        )
        return plan.jobs[0]

    def _executor(self, work: Path, image: Image, run: str, emit: Callable[[Event], None]) -> Executor:
        return Executor(
            engine=self.engine,
            transport=find_transport(self.engine, work, image=image.id),
            rooms=Rooms(
                source=work / "src",
                vendor=work / "vendor",
                work=work,
                target_cache=None,
                destination=work / "dist",
            ),
            user=build_user(),
            labels={"xbuild.run": run},
            run=run,
            runtime="",
            packages=2,
            emit=emit,
            clock=self.clock,
            validate=partial(audit, catalog=self.catalog),
            stopping=self.cancelled.is_set,
        )


def _keep(lines: list[str], _stream: Stream, line: str) -> None:
    lines.append(line)


def _step_of(outcome: JobOutcome, lines: list[str]) -> str:
    """Which part of making a wheel went wrong."""
    text = "\n".join(lines)
    if any(step.status == "check-failed" for step in outcome.steps):
        return "the audit of its wheel"
    if found := re.search(r"\S+ does not compile (smoke\.\w+)", text):
        return f"compiling {'C' if found[1].endswith('.c') else 'C++'}"
    return "linking" if "linking with" in text else "compiling Rust"


def _failed(recipe: Recipe, step: str, details: str) -> ImageError:
    return ImageError(
        f"image {recipe.name} was made and does not work: {step} failed",
        details=details,
        hint="it was thrown away; packages of another day may do: `xbuild images build` again later,\n"
        "or pinned ones (images.pins = strict)",
        code="image-smoke-failed",
        retryable=True,
    )

"""A crate, and an engine whose maturin leaves wheels that pass the audit: for whole runs without Docker."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from support.fakes import (
    LINUX,
    Command,
    FakeCargo,
    FakeEngine,
    make_crate,
    make_image,
    make_package,
    make_request,
    make_target,
)
from support.wheel_files import NAME, VERSION, wheel_members, write_zip
from xbuild.app.build import BuildRun
from xbuild.app.services import RunHandle, Services
from xbuild.catalog import load_catalog
from xbuild.engine import ExecResult
from xbuild.errors import XbuildError
from xbuild.events import Sink
from xbuild.images.recipe import MANIFEST_LABEL, RECIPE_LABEL, base_recipe, toolchain_recipe
from xbuild.pipeline import Pipeline, Tools
from xbuild.plan.precheck import Checked, precheck
from xbuild.report.attest import SigningKey
from xbuild.request.model import BuildRequest
from xbuild.settings import Settings
from xbuild.util.cancel import CancelToken

MANIFEST = '{"tools": {"rustc": "1.91.1"}, "debian": {"libc6:amd64": "2.41-12"}}'


class Workshop:
    """What whole runs need, below one folder.

    :ivar content: what the wheels hold; change it, and the next build gives other bytes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "demo"
        self.out = root / "dist"
        self.content = b"# demo\n"
        self.settings = Settings(cache_dir=root / "cache", state_dir=root / "state")
        self.engine = FakeEngine(root / "engine")
        package, body = make_package("pyo3", "0.26.0")
        make_crate(self.project, lock=[package])
        self.engine.on("cargo", FakeCargo({"pyo3-0.26.0.crate": body}, packages=[package]))
        self.engine.on("maturin", self.maturin)
        self.engine.on("/opt/xbuild/bin/prepare-windows-msvc", lambda _: 0)
        self.catalog = load_catalog()
        recipes = [base_recipe()]
        recipes += [toolchain_recipe(item) for item in self.catalog.targets.values()]
        for number, recipe in enumerate(recipes):
            labels = {MANIFEST_LABEL: MANIFEST, RECIPE_LABEL: recipe.digest}
            layers = (f"sha256:{'b' * 64}", f"sha256:{number:064}")
            self.engine.have(
                make_image(f"sha256:{number + 1:064}", tags=(recipe.tag,), labels=labels, layers=layers)
            )

    def maturin(self, command: Command) -> int | ExecResult:
        """Leave the wheel that was asked for."""
        interpreter = self.catalog.interpreters[command.option("--interpreter")]
        platform = self.catalog.target(command.option("--target")).platform_tag
        tags = f"{interpreter.python_tag}-{interpreter.abi_tag}-{platform}"
        path = command.path(f"/out/{NAME}-{VERSION}-{tags}.whl")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_zip(path, wheel_members(tags, {"demo/__init__.py": self.content}))
        return 0

    def request(self, *triples: str, **changes: Any) -> BuildRequest:
        targets = tuple(make_target(triple, "python3.11") for triple in triples or (LINUX,))
        return make_request(**{"project": self.project, "out": self.out, "targets": targets, **changes})

    def services(self, **changes: Any) -> Services:
        """What use cases work with, with other settings than the workshop's where there are some."""
        settings = self.settings.model_copy(update=changes)
        return Services(settings, engine=self.engine, catalog=self.catalog)

    def build(
        self,
        request: BuildRequest | None = None,
        *,
        context: RunHandle | None = None,
        key: SigningKey | None = None,
        **changes: Any,
    ) -> int:
        """Build as ``xbuild run`` does; gives the exit status."""
        run = BuildRun(self.checked(request), self.services(**changes), context or RunHandle(), key=key)
        with suppress(XbuildError):
            run.execute()
        assert run.ended
        return run.ended.exit_status

    def checked(self, request: BuildRequest | None = None) -> Checked:
        """A request that nothing speaks against; one of this workshop's own where none is given."""
        return precheck(request or self.request(), self.catalog)

    def pipeline(self, request: BuildRequest, emit: Sink, *, cancel: CancelToken | None = None) -> Pipeline:
        """The stages of a run, whose events go to ``emit``."""
        return Pipeline(self.checked(request), self.tools(emit, cancel=cancel), "run-1")

    def tools(self, emit: Sink, *, cancel: CancelToken | None = None) -> Tools:
        """What a pipeline works with."""
        context = RunHandle(run="run-1", emit=emit, cancel=cancel or CancelToken())
        return self.services().tools(context, lambda job: self.root / f"{job}.jsonl")

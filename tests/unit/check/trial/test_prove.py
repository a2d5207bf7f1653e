"""Wheels run within the bounds that the settings name, after a build and by themselves."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from support.fakes import LINUX, Command, Recorder, make_image, make_target
from support.wheel_files import NAME, VERSION, wheel_members, write_zip
from support.workshop import Workshop

from xbuild.app.services import make_builder, make_prover
from xbuild.check.audit import audit
from xbuild.check.trial import load_testers
from xbuild.check.trial.prove import Prover
from xbuild.check.trial.recipes import recipe_for
from xbuild.engine import ContainerSpec, Limits
from xbuild.errors import EngineError, ExitStatus, InterruptedRunError
from xbuild.events import JobFinished
from xbuild.settings import Settings
from xbuild.settings.model import TargetTable
from xbuild.util.cancel import CancelToken

ANSWER = {"implementation": "CPython", "version": "3.11.2", "machine": "x86_64", "wine": "", "failed": {}}


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A workshop whose engine has the testers."""
    made = Workshop(tmp_path)

    def python(command: Command) -> int:
        command.say(json.dumps(ANSWER))
        return 0

    made.engine.on("/usr/bin/python3", python)
    for number, tester in enumerate(load_testers().rows):
        made.engine.have(make_image(f"sha256:tester-{number}", tags=(recipe_for(tester).tag,)))
    return made


@pytest.fixture
def wheel(shop: Workshop) -> Path:
    """A wheel that was built before."""
    tags = f"cp311-cp311-{shop.catalog.target(LINUX).platform_tag}"
    path = shop.root / f"{NAME}-{VERSION}-{tags}.whl"
    write_zip(path, wheel_members(tags, {"demo/__init__.py": b""}))
    return path


@pytest.fixture
def interrupted(shop: Workshop) -> CancelToken:
    """Work that is cancelled as soon as a wheel is run, which kills that."""
    made = CancelToken()

    def python(_: Command) -> int:
        made.cancel()
        return 137

    shop.engine.on("/usr/bin/python3", python)
    return made


def make(shop: Workshop, settings: Settings, cancelled: threading.Event) -> Prover:
    """What runs wheels that were built before."""
    images = make_builder(settings, shop.engine, narrate=lambda _name, _line: None, cancelled=cancelled)
    return make_prover(
        settings,
        shop.engine,
        images,
        shop.catalog,
        run="run-1",
        on_line=lambda _stream, _line: None,
        cancelled=cancelled,
    )


def run_in(shop: Workshop) -> ContainerSpec:
    """The one container in which a wheel was run."""
    (spec,) = (spec for spec in shop.engine.specs if spec.labels["xbuild.purpose"] == "test")
    return spec


def test_after_a_build_the_bounds_are_the_jobs(shop: Workshop, recorder: Recorder) -> None:
    limits = Limits(memory=1 << 30, pids=99, cpus=0.5)
    wanted = make_target(LINUX, "python3.11", limits=limits)
    request = shop.request(test=True, runtime="runsc", targets=(wanted,))
    report = shop.pipeline(request, recorder).build()
    assert report.jobs[0].wheels[0].proof == "audited; ran on CPython 3.11.2"
    assert (run_in(shop).limits, run_in(shop).runtime) == (limits, "runsc")


def test_an_interruption_while_a_wheel_is_run(
    shop: Workshop, recorder: Recorder, interrupted: CancelToken
) -> None:
    targets = (make_target(LINUX, "python3.11", "pypy3.9"),)
    report = shop.pipeline(shop.request(test=True, targets=targets), recorder, cancel=interrupted).build()
    (job,) = report.jobs
    assert (job.status, report.exit_status) == ("interrupted", ExitStatus.INTERRUPTED)
    assert [event.status for event in recorder.of(JobFinished)] == ["interrupted"]
    assert [wheel.proof for wheel in job.wheels] == ["audited; not run: interrupted"] * 2
    assert all((shop.out / wheel.file).is_file() for wheel in job.wheels)


def test_an_engine_that_goes_away_while_a_wheel_is_run(shop: Workshop, recorder: Recorder) -> None:
    def python(_: Command) -> int:
        raise EngineError("the Docker engine went away", hint="start it", code="engine-gone", retryable=True)

    shop.engine.on("/usr/bin/python3", python)
    targets = (make_target(LINUX, "python3.11"),)
    report = shop.pipeline(shop.request(test=True, targets=targets), recorder).build()
    (job,) = report.jobs
    assert (job.status, report.exit_status) == ("engine-error", ExitStatus.ENGINE)
    assert "start it" in job.reason
    assert [wheel.proof for wheel in job.wheels] == ["audited; not run: the Docker engine went away"]


def test_an_interruption_while_a_wheel_is_run_by_itself(
    shop: Workshop, interrupted: CancelToken, wheel: Path
) -> None:
    prover = make(shop, shop.settings, interrupted)
    audited = audit(wheel, catalog=shop.catalog)
    with pytest.raises(InterruptedRunError), shop.services().cancellable(interrupted):
        prover.prove(wheel, audited)


def test_by_itself_the_bounds_are_the_settings_for_its_target(shop: Workshop, wheel: Path) -> None:
    settings = shop.settings.model_copy(
        update={"pids": 99, "runtime": "runsc", "target": {LINUX: TargetTable(memory=1 << 30, cpus=0.5)}}
    )
    (proof,) = make(shop, settings, threading.Event()).prove(wheel, audit(wheel, catalog=shop.catalog))
    assert proof.ok
    assert run_in(shop).limits == Limits(memory=1 << 30, pids=99, cpus=0.5)
    assert run_in(shop).runtime == "runsc"

"""xbuild as a library: from a thread, more than once, and after a run that was cancelled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.fakes import LINUX, Command
from support.workshop import Workshop

import xbuild
from xbuild.errors import ExitStatus, RefusedError
from xbuild.events import Event, RunFinished
from xbuild.settings import Settings
from xbuild.util.files import remove_tree


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def settings(shop: Workshop) -> Settings:
    return shop.settings.model_copy(update={"targets": (LINUX,), "interpreters": ("cp311",), "out": shop.out})


def test_a_build_in_a_thread(shop: Workshop, settings: Settings) -> None:
    events: list[Event] = []
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(
            lambda: xbuild.build_wheels(shop.project, settings, on_event=events.append, engine=shop.engine)
        ).result()
    assert isinstance(report, xbuild.Report)
    assert report.exit_status == ExitStatus.OK
    (wheel,) = report.wheels
    assert wheel.path.parent == shop.out
    assert wheel.path.is_file()
    assert [event for event in events if isinstance(event, RunFinished)] == events[-1:]
    assert (shop.out / ".xbuild" / "report.json").read_bytes() == report.to_json()


def test_one_build_after_another_and_after_one_that_was_cancelled(shop: Workshop, settings: Settings) -> None:
    cancel = xbuild.CancelToken()

    def cancelled(_: Command) -> int:
        cancel.cancel()
        return 137

    first = xbuild.build_wheels(shop.project, settings, engine=shop.engine)
    shop.engine.on("maturin", cancelled)
    ended = xbuild.build_wheels(shop.project, settings, engine=shop.engine, cancel=cancel)
    assert (ended.exit_status, ended.wheels) == (ExitStatus.INTERRUPTED, ())
    with pytest.raises(xbuild.InterruptedRunError):
        xbuild.build_wheels(shop.project, settings, engine=shop.engine, cancel=cancel)
    shop.engine.on("maturin", shop.maturin)
    again = xbuild.build_wheels(shop.project, settings, engine=shop.engine)
    assert [wheel.sha256 for wheel in again.wheels] == [wheel.sha256 for wheel in first.wheels]
    assert len({first.run, ended.run, again.run}) == 3


def test_two_builds_at_once(shop: Workshop, settings: Settings) -> None:
    places = (shop.root / "one", shop.root / "two")
    wanted = [settings.model_copy(update={"out": place}) for place in places]
    with ThreadPoolExecutor(2) as pool:
        reports = pool.map(lambda own: xbuild.build_wheels(shop.project, own, engine=shop.engine), wanted)
        assert [report.exit_status for report in reports] == [ExitStatus.OK] * 2
    assert all(len(list(place.glob("*.whl"))) == 1 for place in places)


def test_what_is_refused_is_raised(shop: Workshop, settings: Settings) -> None:
    unknown = settings.model_copy(update={"targets": ("x86_64-unknown-nowhere",)})
    with pytest.raises(RefusedError):
        xbuild.build_wheels(shop.project, unknown, engine=shop.engine)
    assert not shop.engine.containers


def test_a_plan(shop: Workshop, settings: Settings) -> None:
    made = xbuild.plan_wheels(shop.project, settings, engine=shop.engine)
    assert [job.id for job in made.jobs] == [LINUX]
    assert not shop.out.exists()


def test_a_wheel_is_built_again_and_audited(shop: Workshop, settings: Settings) -> None:
    (wheel,) = xbuild.build_wheels(shop.project, settings, engine=shop.engine).wheels
    (audited,) = xbuild.audit_wheels(wheel.path)
    assert audited.ok
    again = shop.root / "again"
    same = xbuild.rebuild_wheels(wheel.path, settings, out=again, engine=shop.engine)
    assert [verdict.status for verdict in same.verdicts] == ["identical"]
    remove_tree(again)
    shop.content = b"# another demo\n"
    other = xbuild.rebuild_wheels(wheel.path, settings, out=again, engine=shop.engine)
    assert [verdict.status for verdict in other.verdicts] == ["differs"]


def test_settings_are_values_over_the_projects_files(shop: Workshop) -> None:
    (shop.project / "xbuild.toml").write_text('interpreters = ["cp312"]\ntargets = ["no-such"]\n', "utf-8")
    found = xbuild.configure(shop.project, targets=[LINUX])
    assert (found.targets, found.interpreters) == ((LINUX,), ("cp312",))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        xbuild.no_such_name  # noqa: B018


def test_all_public_names_are_there() -> None:
    assert all(getattr(xbuild, name) for name in xbuild.__all__)

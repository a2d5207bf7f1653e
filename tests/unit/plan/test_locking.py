"""xbuild.lock beside a crate, and runs that keep to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.cli_runner import xbuild_without_engine
from support.fakes import ARM, LINUX, WINDOWS, Recorder, make_image, make_target
from support.workshop import Workshop

from xbuild import __version__
from xbuild.app.services import RunHandle
from xbuild.engine import Image
from xbuild.errors import DriftError, EngineError, ExitStatus, RefusedError, StorageError
from xbuild.events import Notice
from xbuild.images.manifest import PINNED_LABEL
from xbuild.images.pins import LOCK_FILE, Lock, LockedImage, lock_images, read_lock, write_lock
from xbuild.images.recipe import base_recipe, toolchain_recipe
from xbuild.plan.pinning import make_lock, refresh_lock
from xbuild.plan.precheck import precheck
from xbuild.request.model import BuildRequest


class Place(Workshop):
    """A workshop whose crate has an xbuild.lock."""

    def lock(self, request: BuildRequest) -> Lock:
        made = make_lock(request, self.services().images(RunHandle()))
        refresh_lock(self.project, made)
        return made

    def image(self, triple: str = LINUX) -> Image:
        found = self.engine.image(toolchain_recipe(self.catalog.target(triple)).tag)
        assert found is not None
        return found

    def made_anew(self, triple: str = LINUX) -> None:
        """The same recipe gave another image."""
        old = self.image(triple)
        self.engine.remove_image(old.id)
        self.engine.have(replace(old, id=f"sha256:new-{triple}", layers=("sha256:new",)))

    def relabel(self, triple: str, pinned: str) -> None:
        """Let an image say whether it was made of pinned packages."""
        old = self.image(triple)
        self.engine.have(replace(old, labels={**old.labels, PINNED_LABEL: pinned}))

    def status(self, request: BuildRequest, recorder: Recorder | None = None) -> int:
        return self.pipeline(request, recorder or Recorder()).build().exit_status


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_pinned(place: Place) -> None:
    own = place.engine.have(make_image("sha256:own", tags=("own:1",)))
    made = place.lock(place.request(targets=(make_target(LINUX), make_target(ARM, image="own:1"))))
    assert made.xbuild == __version__
    assert list(made.images) == ["base", LINUX, ARM]
    assert made.images["base"].recipe == base_recipe().digest
    assert made.images[LINUX].id == place.image().id
    assert made.images[LINUX].tools == {"rustc": "1.91.1"}
    assert made.images[ARM].id == own.id


def test_refreshing_one_target_keeps_the_pins_of_others(place: Place) -> None:
    place.lock(place.request(LINUX, WINDOWS))
    place.made_anew(LINUX)
    place.made_anew(WINDOWS)
    fresh = make_lock(place.request(LINUX), place.services().images(RunHandle()))
    (line,) = refresh_lock(place.project, fresh)
    assert line.startswith(f"{LINUX} image: ")
    found = read_lock(place.project / LOCK_FILE)
    assert found is not None
    assert found.images[LINUX].id == place.image(LINUX).id
    assert found.images[WINDOWS].id != place.image(WINDOWS).id
    assert refresh_lock(place.project, fresh) == ()


def test_a_lockfile_that_cannot_be_read_is_replaced(place: Place) -> None:
    made = place.lock(place.request(LINUX, WINDOWS))
    (place.project / LOCK_FILE).write_text("<<<<<<< ours\n", "utf-8")
    images = {name: made.images[name] for name in ("base", LINUX)}
    said = refresh_lock(place.project, replace(made, images=images))
    assert "pinned for other targets is gone" in said[0]
    assert said[1:] == ("base: new", f"{LINUX}: new")
    found = read_lock(place.project / LOCK_FILE)
    assert found is not None
    assert found.images == images


def test_a_lockfile_that_cannot_be_written(place: Place) -> None:
    (place.project / LOCK_FILE).mkdir()
    with pytest.raises(StorageError) as caught:
        place.lock(place.request())
    assert str(place.project / LOCK_FILE) in caught.value.brief
    assert not list(place.project.glob(".xbuild.lock*")), "nothing is left half-written"


def test_an_image_that_nobody_has(place: Place) -> None:
    with pytest.raises(EngineError):
        place.lock(place.request(targets=(make_target(ARM, image="nowhere:1"),)))


def test_a_locked_run_of_what_is_pinned(place: Place) -> None:
    request = place.request(locked=True)
    place.lock(request)
    assert place.status(request) == ExitStatus.OK


def test_a_locked_run_without_pins_is_as_before(place: Place) -> None:
    assert place.status(place.request(locked=True)) == ExitStatus.OK


def test_an_image_that_was_made_anew(place: Place) -> None:
    place.lock(place.request())
    place.made_anew()
    with pytest.raises(DriftError) as caught:
        place.status(place.request(locked=True))
    assert caught.value.exit_status == ExitStatus.DRIFT
    assert f"{LINUX} image" in caught.value.details
    assert not [container for container in place.engine.containers if container.commands], "nothing ran"


def test_without_locked_drift_is_told(place: Place) -> None:
    place.lock(place.request())
    place.made_anew()
    recorder = Recorder()
    assert place.status(place.request(), recorder) == ExitStatus.OK
    (notice,) = [event for event in recorder.of(Notice) if event.code == "drift"]
    assert f"{LINUX} image" in notice.message


def test_a_target_that_is_not_pinned(place: Place) -> None:
    place.lock(place.request())
    with pytest.raises(DriftError) as caught:
        place.status(place.request(LINUX, WINDOWS, locked=True))
    assert caught.value.details == f"{WINDOWS}: the lockfile does not have it"


@pytest.mark.parametrize("what", ["recipe", "xbuild"])
def test_what_another_xbuild_pinned_is_refused_without_an_engine(place: Place, what: str) -> None:
    base = lock_images({}, xbuild=__version__ if what == "recipe" else "0.0.1")
    pins = {name: LockedImage(id="sha256:1", recipe="another") for name in ("base", LINUX)}
    write_lock(place.project / LOCK_FILE, replace(base, images=pins))
    place.engine.gone = True
    with pytest.raises(DriftError) as caught:
        precheck(place.request(locked=True), place.catalog)
    assert what in caught.value.details
    precheck(place.request(), place.catalog)


def test_the_command_refuses_drift_in_a_moment(place: Place) -> None:
    write_lock(place.project / LOCK_FILE, Lock(xbuild="0.0.1", images={}))
    words = ("run", place.project, "--target", LINUX, "--interp", "cp311")
    ended = xbuild_without_engine(*words, "--locked")
    assert (ended.status, ended.code) == (ExitStatus.DRIFT, "drift")


def test_the_command_needs_a_crate_and_then_an_engine(place: Place, tmp_path: Path) -> None:
    refused = xbuild_without_engine("lock", tmp_path / "nowhere", "--target", LINUX)
    assert (refused.status, refused.code) == (ExitStatus.REFUSED, "no-crate")
    assert xbuild_without_engine("lock", place.project, "--target", LINUX).status == ExitStatus.ENGINE
    assert not (place.project / LOCK_FILE).exists()


def test_locked_takes_an_image_of_other_packages_only_where_it_is_locked(place: Place) -> None:
    place.relabel(LINUX, "false")
    request = place.request(LINUX, locked=True)
    with pytest.raises(RefusedError) as caught:
        place.status(request)
    assert caught.value.code == "image-not-pinned"
    assert LINUX in caught.value.brief
    place.lock(place.request(LINUX))
    assert place.status(request) == ExitStatus.OK


@pytest.mark.parametrize(("label", "pinned"), [("true", True), ("false", False), ("", None)])
def test_a_report_says_whether_images_are_pinned(place: Place, label: str, *, pinned: bool | None) -> None:
    if label:
        place.relabel(LINUX, label)
    request = place.request(LINUX, locked=pinned is not False)
    report = place.pipeline(request, Recorder()).build()
    assert report.as_dict()["jobs"][0]["pinned"] is pinned

"""Building wheels again from the report of their run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import support
from rich.console import Console
from support.cli_runner import xbuild, xbuild_without_engine
from support.fakes import LINUX, WINDOWS, make_image, make_target
from support.workshop import Workshop

from xbuild.app.rebuild import RebuildRun, means_of
from xbuild.app.services import RunHandle
from xbuild.engine import Image, Limits
from xbuild.errors import ExitStatus, RefusedError, UsageError
from xbuild.images.recipe import toolchain_recipe
from xbuild.rebuild.rebuild import Means, Outcome, Places, Verdict, rebuild_request
from xbuild.rebuild.record import read_record, record_of_run, record_of_wheel
from xbuild.report.model import Report, WheelReport
from xbuild.request.model import BuildRequest
from xbuild.settings import Settings
from xbuild.storage.runs import run_folders
from xbuild.ui.comparison import render_outcome

MEANS = Means(limits=Limits(memory=3 << 30, cpus=1.5, pids=333), timeout=44.0)


class Place(Workshop):
    """A workshop in which a run has built wheels."""

    @property
    def runs(self) -> Path:
        return self.settings.state_dir / "runs"

    @property
    def record(self) -> Report:
        return read_record(self.out / ".xbuild" / "report.json")

    def run(self, *triples: str, **changes: Any) -> None:
        assert self.build(self.request(*triples, **changes)) == ExitStatus.OK

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the report beside the wheels."""
        path = self.out / ".xbuild" / "report.json"
        body = json.loads(path.read_bytes())
        change(body)
        path.write_text(json.dumps(body), "utf-8")

    def again(
        self,
        *wheels: WheelReport,
        source: Path | None = None,
        sysroot: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> BuildRequest:
        record = self.record
        wanted = wheels or record.wheels
        places = Places(
            source=source or self.project,
            out=self.root / "again",
            runtime="runsc",
            means=dict.fromkeys(
                (LINUX, WINDOWS), replace(MEANS, sysroot=sysroot, environment=environment or {})
            ),
        )
        return rebuild_request(record, wanted, self.catalog, places)

    def verify(self, *wheels: WheelReport, **changes: Any) -> Outcome:
        record = self.record
        wanted = wheels or record.wheels
        request = self.again(*wheels, **changes)
        places = {wheel.path: wheel for wheel in wanted}
        return RebuildRun(self.checked(request), record, places, self.services(), RunHandle()).execute()

    def image(self, triple: str = LINUX) -> Image:
        found = self.engine.image(toolchain_recipe(self.catalog.target(triple)).tag)
        assert found is not None
        return found

    def refusal(self, **changes: Any) -> RefusedError:
        before = len(self.built)
        with pytest.raises(RefusedError) as caught:
            self.verify(**changes)
        assert len(self.built) == before, "nothing is built before it is refused"
        return caught.value

    @property
    def built(self) -> list[tuple[str, ...]]:
        """The commands that built wheels."""
        commands = [command for container in self.engine.containers for command in container.commands]
        return [command.argv for command in commands if command.argv[0] == "maturin"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.run(LINUX, WINDOWS)
    return made


# The same bytes


def test_the_same_bytes(place: Place) -> None:
    outcome = place.verify()
    assert [(item.target, item.status) for item in outcome.verdicts] == [
        (LINUX, "identical"),
        (WINDOWS, "identical"),
    ]
    assert outcome.exit_status == ExitStatus.OK
    assert outcome.mismatch() is None
    assert outcome.as_dict()["identical"]
    assert place.built[:2] == place.built[2:]
    assert len(list((place.root / "again").glob("*.whl"))) == 2


def test_it_is_a_run_as_the_first_one_was(place: Place) -> None:
    wanted = make_target(
        LINUX,
        "python3.11",
        features=("one", "two"),
        no_default_features=True,
        profile="dist",
        compatibility="2014",
        strip=True,
        rustflags=("-Copt-level=3",),
        environment={"CFLAGS": "-O2"},
        limits=Limits(memory=1 << 30, pids=99),
        timeout=77.0,
    )
    place.run(targets=(wanted,), epoch=1_600_000_000, source_exclude=("docs/",), reproducible=False)
    first = place.engine.specs[-1]
    again = place.again()
    (target,) = again.targets
    assert replace(target, image="", limits=wanted.limits, timeout=wanted.timeout) == wanted
    assert (again.epoch, again.source_exclude, again.reproducible) == (1_600_000_000, ("docs/",), False)
    assert (again.fresh, again.strict) == (True, True)
    place.verify()
    second = place.engine.specs[-1]
    assert second.env == first.env
    assert second.image == first.image


UNLIMITED = {
    "memory": 0,
    "cpus": 0,
    "pids": 1 << 30,
    "file_size": 1 << 60,
    "open_files": 1 << 30,
    "tmp_size": 1 << 60,
}


def test_who_verifies_sets_the_limits(place: Place) -> None:
    def loosen(body: dict[str, Any]) -> None:
        body["options"]["runtime"] = "loose"
        body["options"]["targets"][LINUX].update(limits=UNLIMITED, timeout=1e9)

    place.edit(loosen)
    before = len(place.engine.specs)
    assert place.again().targets[0].timeout == MEANS.timeout
    outcome = place.verify(place.record.wheels[0])
    specs = place.engine.specs[before:]
    assert {spec.runtime for spec in specs if spec.limits == MEANS.limits} == {"runsc"}
    assert "loose" not in {spec.runtime for spec in specs}
    assert not [spec for spec in specs if spec.limits.pids == UNLIMITED["pids"]]
    (note,) = outcome.notes
    assert "memory 0, and 3221225472 now" in note
    assert "timeout 1000000000.0, and 44.0 now" in note


def test_only_what_the_wheel_takes_is_built(place: Place) -> None:
    place.run(targets=(make_target(LINUX, "python3.11", "python3.12"), make_target(WINDOWS, "python3.11")))
    built = len(place.built)
    wheel = next(item for item in place.record.wheels if "python3.12" in item.interpreters)
    assert [item.status for item in place.verify(wheel).verdicts] == ["identical"]
    (argv,) = place.built[built:]
    assert (argv[argv.index("--target") + 1], argv[argv.index("--interpreter") + 1]) == (LINUX, "python3.12")


def test_wheels_that_went_into_the_crates_folder_are_no_sources(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.out = place.project / "my [dist]"
    place.run()
    assert place.verify().exit_status == ExitStatus.OK


def test_sources_that_moved_with_the_wheels_in_them(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.out = place.project / "dist"
    place.run()
    moved = place.project.rename(place.root / "moved")
    place.out = moved / "dist"
    assert place.verify(source=moved).exit_status == ExitStatus.OK


def test_sources_that_moved(place: Place) -> None:
    place.project.rename(place.root / "moved")
    refused = place.refusal()
    assert refused.code == "no-source"
    assert "--source" in refused.hint
    assert place.verify(source=place.root / "moved").exit_status == ExitStatus.OK


# Other bytes


def test_other_bytes(place: Place) -> None:
    place.content = b"# another demo\n"
    outcome = place.verify()
    assert outcome.exit_status == ExitStatus.MISMATCH
    verdict = outcome.verdicts[0]
    assert verdict.status == "differs"
    assert verdict.comparison is not None
    changed = [entry.name for entry in verdict.comparison.entries if not entry.consequence]
    assert changed == ["demo/__init__.py"]
    error = outcome.mismatch()
    assert error is not None
    assert error.exit_status == ExitStatus.MISMATCH
    assert error.brief.startswith("2 of 2 wheels")
    assert json.loads(json.dumps(outcome.as_dict()))["wheels"][0]["comparison"]["identical"] is False


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_other_bytes_than_those_of_a_wheel_that_is_not_there(place: Place, what: str) -> None:
    place.content = b"# another demo\n"
    path = place.record.wheels[0].path
    path.unlink()
    if what == "changed":
        path.write_bytes(b"something else")
    verdict = place.verify().verdicts[0]
    assert (verdict.status, verdict.comparison) == ("differs", None)
    assert str(path) in verdict.reason


def test_the_same_bytes_as_those_of_a_wheel_that_another_file_replaced(place: Place) -> None:
    path = place.record.wheels[0].path
    path.write_bytes(b"something else")
    outcome = place.verify()
    first, second = outcome.verdicts
    assert (first.status, second.status, outcome.exit_status) == ("identical", "identical", ExitStatus.OK)
    assert f"{path} is no longer this wheel" in first.reason
    assert second.reason == ""
    assert "no longer this wheel" in shown(outcome)


def test_a_build_that_fails(place: Place) -> None:
    def play(command: Any) -> int:
        command.say("error: no space left", stream="stderr")
        return 1

    place.engine.on("maturin", play)
    outcome = place.verify()
    assert [item.status for item in outcome.verdicts] == ["not-built", "not-built"]
    assert outcome.verdicts[0].reason == "error: no space left"
    assert outcome.exit_status == ExitStatus.BUILD_FAILED
    assert outcome.mismatch() is None
    assert not outcome.as_dict()["identical"]


def test_what_could_have_mattered_is_noted(place: Place) -> None:
    place.run(reproducible=False)
    place.edit(lambda body: body.update(version="0.0.1"))
    place.content = b"# another demo\n"
    notes = " ".join(place.verify().notes)
    for words in ("xbuild 0.0.1", "not asked to be reproducible", "target directory of an earlier one"):
        assert words in notes


# Refusals


def test_other_sources(place: Place) -> None:
    (place.project / "src" / "lib.rs").write_text("// other\n", "utf-8")
    refused = place.refusal()
    assert refused.code == "source-changed"
    assert refused.exit_status == ExitStatus.REFUSED


def test_a_lockfile_that_is_made_for_each_run(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.project / "Cargo.lock").unlink()
    place.run()
    assert place.verify().exit_status == ExitStatus.OK
    place.edit(lambda body: body["lockfile"].update(sha256="0" * 64))
    (place.root / "again").rename(place.root / "first")
    assert place.refusal().code == "lock-changed"


def test_an_image_that_another_store_calls_otherwise(place: Place) -> None:
    old = place.image()
    place.engine.remove_image(old.id)
    new = place.engine.have(replace(old, id=f"sha256:{'e' * 64}"))
    assert place.verify().exit_status == ExitStatus.OK
    assert place.engine.specs[-2].image == new.id


def test_images_that_are_not_here(place: Place) -> None:
    old = place.image()
    place.engine.remove_image(old.id)
    refused = place.refusal()
    assert refused.code == "image-missing"
    assert f"xbuild images build {LINUX}" in refused.hint
    place.engine.have(replace(old, id=f"sha256:{'e' * 64}", layers=("sha256:other",)))
    assert place.refusal().code == "image-changed"
    place.edit(lambda body: body["jobs"][0].update(recipe_digest="another"))
    refused = place.refusal()
    assert refused.code == "image-recipe"
    assert "another" in refused.details


def test_an_image_of_the_callers(place: Place) -> None:
    own = place.engine.have(replace(make_image(f"sha256:{'d' * 64}", tags=("own:1",)), labels={}))
    place.run(targets=(make_target(LINUX, "python3.11", image="own:1"),))
    assert place.verify().exit_status == ExitStatus.OK
    place.engine.remove_image(own.id)
    (place.root / "again").rename(place.root / "first")
    refused = place.refusal()
    assert (refused.code, refused.hint) == ("image-missing", "docker pull own:1")


def test_values_that_are_not_recorded(place: Place) -> None:
    place.run(targets=(make_target(LINUX, "python3.11", environment={"A_TOKEN": "hush", "B": "c"}),))
    first = place.engine.specs[-1]
    refused = place.refusal()
    assert refused.code == "hidden-value"
    assert "XBUILD_ENVIRONMENT__A_TOKEN" in refused.hint
    assert place.verify(environment={"A_TOKEN": "hush", "B": "other"}).exit_status == ExitStatus.OK
    assert place.engine.specs[-1].env == first.env


def microsoft_sdk(folder: Path) -> Path:
    """A folder in cargo-xwin's layout."""
    for part in ("crt", "sdk"):
        (folder / part).mkdir(parents=True)
    return folder


def test_a_sysroot_of_the_callers(place: Place) -> None:
    sysroot = microsoft_sdk(place.root / "own")
    place.run(targets=(make_target(WINDOWS, "python3.11", sysroot=sysroot),))
    assert place.again(sysroot=sysroot).targets[0].sysroot == sysroot
    refused = place.refusal()
    assert refused.code == "no-sysroot", "it is there, and only the report names it"
    assert "--sysroot" in refused.hint
    assert str(sysroot) in refused.details
    sysroot.rename(place.root / "moved")
    assert place.refusal(sysroot=sysroot).code == "no-sysroot"
    assert place.verify(sysroot=place.root / "moved").exit_status == ExitStatus.OK


def test_a_sysroot_has_the_layout_that_a_run_asks_for(place: Place) -> None:
    sysroot = microsoft_sdk(place.root / "cache" / "xwin")
    place.run(targets=(make_target(WINDOWS, "python3.11", sysroot=sysroot),))
    assert place.again(sysroot=sysroot.parent).targets[0].sysroot == sysroot
    (sysroot / "crt").rmdir()
    for folder in (sysroot, sysroot.parent):
        with pytest.raises(UsageError) as caught:
            place.again(sysroot=folder)
        assert caught.value.code == "bad-sysroot"


def test_a_report_of_a_sysroot_that_its_target_does_not_take(place: Place) -> None:
    place.run(targets=(make_target(LINUX, "python3.11", sysroot=place.root),))
    assert place.refusal(sysroot=place.root).code == "bad-record"


def test_an_interpreter_that_is_not_known(place: Place) -> None:
    place.edit(lambda body: body["jobs"][0]["wheels"][0].update(interpreters=["python9.9"]))
    assert place.refusal().code == "unknown-interpreter"


def test_new_wheels_replace_nothing(place: Place) -> None:
    place.verify()
    assert place.refusal().code == "out-taken"


# Records


def test_the_record_of_a_wheel(place: Place) -> None:
    wheel = place.record.wheels[0]
    record, found = record_of_wheel(wheel.path, place.runs)
    assert (record.run, found) == (place.record.run, wheel)
    first = record.run
    place.content = b"# new\n"
    place.run(WINDOWS)
    record, _ = record_of_wheel(wheel.path, place.runs)
    assert record.run == first, "the report beside the wheels is of a later run, and the state has this one's"


@pytest.mark.parametrize("what", ["bytes", "name"])
def test_a_wheel_that_no_run_made(place: Place, what: str) -> None:
    path = place.record.wheels[0].path
    if what == "bytes":
        path.write_bytes(b"other")
    else:
        path = path.rename(path.with_name("renamed-1.0-py3-none-any.whl"))
    with pytest.raises(RefusedError) as caught:
        record_of_wheel(path, place.runs)
    assert caught.value.code == "no-record"


def test_no_wheel_and_no_run(place: Place) -> None:
    device = place.root / "device.whl"
    device.symlink_to("/dev/null")
    for path in (place.root / "missing.whl", place.root, device):
        with pytest.raises(UsageError) as caught:
            record_of_wheel(path, place.runs)
        assert caught.value.code == "no-wheel"
    for run in ("nothing", "", "/"):
        with pytest.raises(UsageError) as caught:
            record_of_run(run, place.runs)
        assert caught.value.code == "no-run"


def test_the_record_of_a_run(place: Place) -> None:
    first = place.record.run
    assert record_of_run(first, place.runs).run == first
    assert record_of_run(first[:4], place.runs).run == first
    place.engine.on("maturin", lambda _: 1)
    context = RunHandle()
    place.build(context=context)
    with pytest.raises(RefusedError) as caught:
        record_of_run(context.run, place.runs)
    assert caught.value.code == "no-wheels"


def test_a_rebuild_is_no_run_with_a_report(place: Place) -> None:
    place.verify()
    assert [path.parent.name for path in place.runs.glob("*/report.json")] == [place.record.run]
    assert len(run_folders(place.runs)) == 2, "its log is kept"


def asked(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["options"]["targets"][LINUX]
    return found


def limits(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = asked(body)["limits"]
    return found


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "another schema": lambda body: body.update(schema="xbuild.report/9"),
    "no schema": lambda body: body.pop("schema"),
    "no options": lambda body: body.update(options={}),
    "a path for a name": lambda body: body["jobs"][0]["wheels"][0].update(file="../evil.whl"),
    "a name of an image": lambda body: body["jobs"][0].update(image_digest="evil:latest"),
    "a wheel of another target": lambda body: body["jobs"][0]["wheels"][0].update(target=WINDOWS),
    "a target without options": lambda body: body["options"]["targets"].pop(LINUX),
    "a digest that is none": lambda body: body["jobs"][0]["wheels"][0].update(sha256="x"),
    "an epoch that is none": lambda body: body["source"].update(epoch="now"),
    "an epoch before all": lambda body: body["source"].update(epoch=-1),
    "a text for an epoch": lambda body: body["source"].update(epoch="1600000000"),
    "sources of any digest": lambda body: body["source"].update(digest=""),
    "no limit of processes": lambda body: limits(body).update(pids=-1),
    "no limit of files": lambda body: limits(body).update(file_size=-1),
    "a negative memory": lambda body: limits(body).update(memory=-1),
    "a switch for memory": lambda body: limits(body).update(memory=True),
    "no limit of time": lambda body: asked(body).update(timeout=0),
    "an endless time": lambda body: asked(body).update(timeout=float("inf")),
    "a text for a switch": lambda body: asked(body).update(all_features="yes"),
    "a flag for a policy": lambda body: asked(body).update(compatibility="--config=evil"),
    "a flag for a profile": lambda body: asked(body).update(profile="--config=evil"),
    "a flag of two lines": lambda body: asked(body).update(rustflags=["-C\nevil"]),
    "a root below": lambda body: body["options"].update(source_root="src"),
    "a root elsewhere": lambda body: body["options"].update(source_root="/home"),
    "a root that is no text": lambda body: body["options"].update(source_root=["."]),
    "a pattern that is none": lambda body: body["options"].update(source_exclude=["!"]),
    "a place with a NUL": lambda body: body["jobs"][0]["wheels"][0].update(path="/a\0/b.whl"),
    "a project with a NUL": lambda body: body.update(project="/a\0"),
    "a variable without a name": lambda body: asked(body).update(environment={"": "x"}),
    "a variable with a NUL": lambda body: asked(body).update(environment={"A": "x\0y"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_reports_that_cannot_be_used(place: Place, case: str) -> None:
    place.edit(BROKEN[case])
    with pytest.raises(RefusedError) as caught:
        read_record(place.out / ".xbuild" / "report.json")
    assert caught.value.code == "bad-record"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff"])
def test_reports_that_are_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(text)
    with pytest.raises(RefusedError) as caught:
        read_record(path)
    assert caught.value.code == "bad-record"


# For people


def shown(outcome: Outcome) -> str:
    console = Console(width=100, file=None, record=True, force_terminal=False)
    with console.capture() as captured:
        console.print(render_outcome(outcome))
    return captured.get()


def test_what_people_see(place: Place) -> None:
    assert [line.split()[0] for line in shown(place.verify()).splitlines()] == ["identical", "identical"]
    (place.root / "again").rename(place.root / "first")
    place.content = b"# another \x1b[31mdemo\n"
    text = shown(place.verify())
    assert text.startswith("differs ")
    assert "demo/__init__.py: text, 7 and 20 bytes, first difference at byte 2" in text
    assert "\x1b" not in text
    failed = Verdict(file="a.whl", target=LINUX, status="not-built", sha256="0" * 64, reason="one\ntwo")
    outcome = Outcome(run="r", verdicts=(failed,), notes=("n",), exit_status=ExitStatus.BUILD_FAILED)
    assert shown(outcome).split() == ["not-built", "a.whl", "0" * 16, "one", "two", "note:", "n"]


# The command


def test_the_command_refuses_in_a_moment(place: Place, tmp_path: Path) -> None:
    environ = {"XBUILD_STATE_DIR": str(place.settings.state_dir)}
    ended = xbuild("verify", "no-such-run", environ=environ)
    assert (ended.status, ended.code) == (ExitStatus.USAGE, "no-run")
    ended = xbuild("verify", "x" * 300, environ=environ)
    assert (ended.status, ended.code) == (ExitStatus.USAGE, "no-run")
    stray = tmp_path / "stray-1.0-py3-none-any.whl"
    stray.write_bytes(b"x")
    ended = xbuild("verify", stray, environ=environ)
    assert (ended.status, ended.code) == (ExitStatus.REFUSED, "no-record")
    wheel = place.record.wheels[0].path
    ended = xbuild("verify", wheel, "--source", tmp_path / "nowhere", environ=environ)
    assert (ended.status, ended.code) == (ExitStatus.REFUSED, "no-source")


def test_the_command_takes_a_sysroot_from_its_caller_only(place: Place) -> None:
    sysroot = microsoft_sdk(place.root / "own")
    place.run(targets=(make_target(WINDOWS, "python3.11", sysroot=sysroot),))
    config = f"[target.{WINDOWS}]\nsysroot = '{sysroot}'\n"
    (place.project / "xbuild.toml").write_text(config, "utf-8")
    wheel = place.record.wheels[0].path
    ended = xbuild("verify", wheel)
    assert (ended.status, ended.code) == (ExitStatus.REFUSED, "not-for-projects")
    (place.project / "xbuild.toml").unlink()
    ended = xbuild("verify", wheel)
    assert (ended.status, ended.code) == (ExitStatus.REFUSED, "no-sysroot")
    assert xbuild_without_engine("verify", wheel, "--sysroot", sysroot).status == ExitStatus.ENGINE


def test_the_command_takes_limits_from_its_caller(place: Place) -> None:
    wheel = place.record.wheels[0].path
    for words in (("--memory", "1"), ("--timeout", "0")):
        ended = xbuild("verify", wheel, *words)
        assert (ended.status, ended.code) == (ExitStatus.USAGE, "bad-setting")
    mine, crates = Settings(pids=77, timeout=88.0), Settings(memory=9 << 30, environment={"A": "b"})
    found = means_of(mine, crates, LINUX, sysroot=None)
    assert (found.limits, found.timeout) == (Limits(memory=4 << 30, pids=77), 88.0)
    assert found.environment == {"A": "b"}


def test_a_sysroot_of_ones_own_settings(tmp_path: Path) -> None:
    named, other = (
        Settings.model_validate({"target": {WINDOWS: {"sysroot": str(tmp_path / name)}}})
        for name in ("sdk", "other")
    )
    assert means_of(named, other, WINDOWS, sysroot=None).sysroot == tmp_path / "sdk"
    assert means_of(named, other, WINDOWS, sysroot=tmp_path).sysroot == tmp_path
    assert means_of(Settings(), other, WINDOWS, sysroot=None).sysroot is None


def test_the_command_gets_as_far_as_the_engine(place: Place) -> None:
    ended = xbuild_without_engine("verify", place.record.wheels[0].path)
    assert ended.status == ExitStatus.ENGINE


def test_a_build_is_repeated_with_the_root_of_its_sources(place: Place) -> None:
    put = place.project / "more.c"
    put.write_text("int x;\n", "utf-8")
    place.run(source_root=place.project)
    again = place.again()
    assert again.source_root is not None
    assert again.source_root.resolve() == place.project
    assert again.source_git is False


# Runs of earlier versions


@pytest.mark.parametrize("name", ["0.1.0.json", "0.1.0-partly.json"])
def test_a_run_of_an_earlier_version_is_built_again(place: Place, name: str) -> None:
    now, sample = place.record, Path(support.__file__).parent / "samples" / "reports" / name
    old = json.loads(sample.read_text("utf-8").replace("/tmp/sample", str(place.root)))
    # The crate and the images are the workshop's, whose digests are others on another day
    old["source"]["digest"], old["lockfile"]["sha256"] = now.source.digest, now.lockfile.sha256
    for job in old["jobs"]:
        job["image_digest"] = place.image(job["target"]).id
    (place.out / ".xbuild" / "report.json").write_text(json.dumps(old), "utf-8")
    record = place.record
    means = {job.target: replace(MEANS, environment={"API_TOKEN": "hush"}) for job in record.jobs}
    places = Places(source=place.project, out=place.root / "again", means=means)
    request = rebuild_request(record, record.wheels, place.catalog, places)
    wheels = {wheel.path: wheel for wheel in record.wheels}
    outcome = RebuildRun(place.checked(request), record, wheels, place.services(), RunHandle()).execute()
    assert [item.status for item in outcome.verdicts] == ["identical"] * len(record.wheels)
    assert len(wheels) > 1

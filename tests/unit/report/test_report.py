"""What a run means: its exit status, and the document about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import support
from pydantic import ValidationError
from support.attest_files import make_report, wheel_of
from support.conditions import together
from support.fakes import LINUX, WINDOWS, make_request, make_target

from xbuild.engine import Limits
from xbuild.errors import ExitStatus
from xbuild.events import JobStatus
from xbuild.pipeline import finished
from xbuild.plan.model import Refusal
from xbuild.report.assemble import request_options
from xbuild.report.model import SCHEMA, JobReport, WheelReport, parse_report
from xbuild.report.report import copy_logs, exit_status, write_json

SAMPLES = sorted((Path(support.__file__).parent / "samples" / "reports").iterdir())
"""Reports as earlier versions of xbuild wrote them, byte for byte."""

REFUSAL = Refusal(target="t", interpreter="i", code="c", reason="r")


def wheel(name: str = "demo.whl") -> WheelReport:
    return wheel_of(make_report()).model_copy(update={"file": name, "path": Path("/dist", name)})


def job(status: JobStatus, wheels: int) -> JobReport:
    (made,) = make_report().jobs
    found = tuple(wheel(f"{number}.whl") for number in range(wheels))
    return made.model_copy(update={"status": status, "wheels": found})


@pytest.mark.parametrize(
    ("jobs", "refused", "status"),
    [
        ([("built", 2)], 0, ExitStatus.OK),
        ([("built", 1), ("built", 1)], 0, ExitStatus.OK),
        ([("built", 1)], 1, ExitStatus.PARTLY),
        ([("built", 1), ("failed", 0)], 0, ExitStatus.PARTLY),
        ([("partly", 1)], 0, ExitStatus.PARTLY),
        ([("timeout", 1)], 0, ExitStatus.PARTLY),
        ([("built", 1), ("engine-error", 0)], 0, ExitStatus.PARTLY),
        ([("failed", 0)], 0, ExitStatus.BUILD_FAILED),
        ([("failed", 0)], 1, ExitStatus.BUILD_FAILED),
        ([("out-of-memory", 0)], 0, ExitStatus.BUILD_FAILED),
        ([("timeout", 0)], 0, ExitStatus.TIMEOUT),
        ([("timeout", 0), ("timeout", 0)], 0, ExitStatus.TIMEOUT),
        ([("timeout", 0), ("failed", 0)], 0, ExitStatus.BUILD_FAILED),
        ([("engine-error", 0)], 0, ExitStatus.ENGINE),
        ([("engine-error", 0), ("failed", 0)], 0, ExitStatus.BUILD_FAILED),
        ([("interrupted", 0)], 0, ExitStatus.INTERRUPTED),
        ([("built", 1), ("interrupted", 0)], 0, ExitStatus.INTERRUPTED),
        ([], 1, ExitStatus.BUILD_FAILED),
        ([], 0, ExitStatus.BUILD_FAILED),
    ],
)
def test_exit_status(jobs: list[tuple[JobStatus, int]], refused: int, status: ExitStatus) -> None:
    done = [job(name, wheels) for name, wheels in jobs]
    assert exit_status(done, [REFUSAL] * refused) == status
    assert exit_status(iter(done), iter([REFUSAL] * refused)) == status


def test_a_wheel_that_is_not_proven_is_no_part() -> None:
    lost = job("engine-error", 1)
    unproven = tuple(item.model_copy(update={"proven": False}) for item in lost.wheels)
    lost = lost.model_copy(update={"wheels": unproven})
    assert exit_status([lost], []) is ExitStatus.ENGINE
    assert exit_status([lost, job("built", 1)], []) is ExitStatus.PARTLY


def test_the_documented_numbers() -> None:
    assert {status.name: int(status) for status in ExitStatus} == {
        "OK": 0,
        "INTERNAL": 1,
        "USAGE": 2,
        "REFUSED": 3,
        "PARTLY": 4,
        "BUILD_FAILED": 5,
        "CHECK_FAILED": 6,
        "ENGINE": 7,
        "IMAGE": 8,
        "DRIFT": 9,
        "MISMATCH": 10,
        "TIMEOUT": 11,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_report_of_an_earlier_version_is_read_and_written_as_it_was(path: Path) -> None:
    report = parse_report(path.read_bytes())
    assert report.version == path.name.partition("-")[0].removesuffix(".json")
    assert report.to_json() == path.read_bytes()
    assert report.wheels


def test_a_field_of_a_later_version_is_passed_over() -> None:
    body = make_report().as_dict()
    later = {**body, "schema": "xbuild.report/1.7", "mood": "good"}
    assert parse_report(json.dumps(later).encode()).model_copy(update={"kind": SCHEMA}) == make_report()


def test_a_field_that_early_reports_lack_may_be_missing() -> None:
    body = make_report().as_dict()
    del body["jobs"][0]["layers_digest"], body["options"]["source_git"], body["cache"]
    read = parse_report(json.dumps(body).encode())
    assert (read.jobs[0].layers_digest, read.options.source_git, read.cache) == ("", False, {})


def test_the_document_begins_with_its_schema_and_is_json() -> None:
    body = make_report(refused=[REFUSAL.as_dict()]).as_dict()
    assert next(iter(body)) == "schema"
    assert body["schema"] == SCHEMA
    assert json.loads(json.dumps(body)) == body
    assert body["refused"] == [REFUSAL.as_dict()]


def test_a_report_gets_the_values_of_the_run_whatever_their_form() -> None:
    report = make_report(name="two\nlines", project="/odd\tplace")
    with pytest.raises(ValidationError, match="form"):
        parse_report(report.to_json())


@pytest.mark.parametrize(
    ("number", "word"),
    [(0, "ok"), (4, "partly"), (5, "failed"), (7, "failed"), (11, "failed"), (130, "interrupted")],
)
def test_the_terminal_event(number: int, word: str) -> None:
    event = finished(make_report(exit_status=number), now=5.0, path=Path("/r.json"))
    assert (event.status, event.exit_status, event.seconds) == (word, number, 61.5)


def test_a_document_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, {"a": 1})
    first = path.stat().st_ino
    write_json(path, {"a": "/x", "ü": "ü"})
    assert json.loads(path.read_text("utf-8")) == {"a": "/x", "ü": "ü"}
    assert path.stat().st_ino != first
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]


def test_a_value_that_is_no_json_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="PosixPath"):
        write_json(tmp_path / "report.json", {"a": Path("/x")})
    assert list(tmp_path.iterdir()) == []


def test_a_document_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, {"a": 1})
    circle: dict[str, Any] = {}
    circle["self"] = circle
    with pytest.raises(ValueError, match="Circular"):
        write_json(path, circle)
    assert json.loads(path.read_text("utf-8")) == {"a": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]


def test_two_runs_write_the_report_beside_the_same_wheels(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    document = {"a": "x" * 1000}

    def write() -> None:
        for _ in range(40):
            write_json(path, document)

    assert together(write, write) == []
    assert json.loads(path.read_text("utf-8")) == document


def test_a_log_is_not_written_through_a_link_of_the_sources(tmp_path: Path) -> None:
    logs, beside = tmp_path / "run", tmp_path / "dist"
    for folder in (logs, beside):
        folder.mkdir()
    (logs / "job.jsonl").write_text("new", "utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine", "utf-8")
    (beside / "job.jsonl").symlink_to(elsewhere)
    copy_logs(logs, beside)
    assert elsewhere.read_text("utf-8") == "mine"
    assert not (beside / "job.jsonl").is_symlink()
    assert (beside / "job.jsonl").read_text("utf-8") == "new"


def test_everything_that_was_asked_for_is_recorded() -> None:
    wanted = make_target(
        WINDOWS,
        "python3.11",
        features=("extra",),
        no_default_features=True,
        profile="dist",
        strip=True,
        rustflags=("-Copt-level=3",),
        environment={"CFLAGS": "-O2"},
        image="own:1",
        sysroot=Path("/home/somebody/sdk"),
        limits=Limits(memory=2 << 30, cpus=1.5),
        timeout=90.0,
    )
    every = make_target(LINUX, every_interpreter=True)
    options = request_options(
        make_request(wanted, every, locked=True, epoch=7, source_exclude=("docs/",))
    ).model_dump(mode="json")
    assert {key: options[key] for key in ("locked", "reproducible", "epoch", "source_exclude")} == {
        "locked": True,
        "reproducible": True,
        "epoch": 7,
        "source_exclude": ["docs/"],
    }
    assert options["source_root"] == ""
    named = request_options(make_request(wanted, project=Path("/a/b/c"), source_root=Path("/a")))
    assert named.source_root == "../.."
    limits = options["targets"][WINDOWS].pop("limits")
    assert (limits["memory"], limits["cpus"], limits["pids"]) == (2 << 30, 1.5, 2048)
    assert options["targets"][WINDOWS] == {
        "interpreters": ["python3.11"],
        "features": ["extra"],
        "all_features": False,
        "no_default_features": True,
        "profile": "dist",
        "compatibility": "",
        "strip": True,
        "rustflags": ["-Copt-level=3"],
        "environment": {"CFLAGS": "-O2"},
        "image": "own:1",
        "build_packages": [],
        "sysroot": "own",
        "timeout": 90.0,
    }
    assert options["targets"][LINUX]["interpreters"] == ["all"]
    assert options["targets"][LINUX]["sysroot"] == "image"


def test_neither_folders_nor_secrets_are_recorded() -> None:
    environment = {"API_TOKEN": "hush", "INDEX": "https://me:hush@example.org/"}
    wanted = make_target(WINDOWS, environment=environment, sysroot=Path("/home/somebody/sdk"))
    options = request_options(make_request(wanted, project=Path("/home/somebody/demo"))).model_dump(
        mode="json"
    )
    assert options["targets"][WINDOWS]["environment"] == {
        "API_TOKEN": "(hidden)",
        "INDEX": "https://(hidden)@example.org/",
    }
    assert "hush" not in json.dumps(options)
    assert "somebody" not in json.dumps(options)

"""The log sink, its limits and its reader."""

from __future__ import annotations

import json
import stat
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from xbuild.engine.lines import MAX_LINE
from xbuild.events import (
    Event,
    JobFinished,
    Notice,
    Output,
    PhaseStarted,
    Progress,
    RunFinished,
    RunStarted,
    WheelReady,
)
from xbuild.storage.logs import LINE_LIMIT, JobLogs, format_record, read_log, read_logs

JOB = "x86_64-pc-windows-msvc"
HOSTILE = '{"event":"wheel"}\x1b[2J\x9b31m\u202e\u2028\udcff\x00\x7f "\\'


def common(**fields: Any) -> dict[str, Any]:
    return {"run": "r1", "time": 1_700_000_000.25, **fields}


def output(line: str, job: str = JOB) -> Output:
    return Output(phase="build", stream="stderr", line=line, **common(job=job, interpreter="pypy3.9"))


def finished() -> JobFinished:
    return JobFinished(status="failed", seconds=2.0, reason="error: no", log="x.jsonl", **common(job=JOB))


def records(path: Path) -> list[dict[str, Any]]:
    return list(read_log(path))


def test_every_record_has_the_common_fields(tmp_path: Path) -> None:
    with JobLogs(tmp_path / "logs") as logs:
        logs(RunStarted(jobs=(JOB,), version="1", **common()))
        logs(PhaseStarted(phase="build", **common(job=JOB)))
        logs(output("   Compiling x v1.0"))
        logs(finished())
    assert records(logs.path(""))[0]["event"] == "run-started"
    started, line, end = records(logs.path(JOB))
    common_fields = ["event", "time", "run", "job", "target", "interpreter", "phase", "stream"]
    assert list(line) == [*common_fields, "number", "line"]
    assert line["time"] == "2023-11-14T22:13:20.250Z"
    assert (line["job"], line["target"], line["interpreter"]) == (JOB, JOB, "pypy3.9")
    assert (line["phase"], line["stream"], line["line"]) == ("build", "stderr", "   Compiling x v1.0")
    assert (started["phase"], started["stream"]) == ("build", "")
    assert (end["event"], end["status"], end["phase"]) == ("job-finished", "failed", "build")


def test_the_directory_and_files_are_private(tmp_path: Path) -> None:
    with JobLogs(tmp_path / "logs") as logs:
        logs(output("x"))
    assert stat.S_IMODE(logs.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(logs.path(JOB).stat().st_mode) == 0o600


def test_names_of_jobs_cannot_leave_the_directory(tmp_path: Path) -> None:
    logs = JobLogs(tmp_path / "logs")
    assert logs.path("../../etc/x").parent == tmp_path / "logs"
    assert logs.path("..").parent == tmp_path / "logs"
    assert logs.path("") == tmp_path / "logs" / "run.jsonl"


def test_hostile_output_is_lossless_and_harmless(tmp_path: Path) -> None:
    with JobLogs(tmp_path) as logs:
        logs(output(HOSTILE))
    raw = logs.path(JOB).read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in raw)
    assert raw.count(b"\n") == 1
    (record,) = records(logs.path(JOB))
    assert record["line"] == HOSTILE
    assert record["event"] == "output"


def test_long_lines_are_clipped_with_a_marker_outside_the_line(tmp_path: Path) -> None:
    with JobLogs(tmp_path) as logs:
        logs(output("x" * 20_000))
        logs(output("y" * LINE_LIMIT))
    long, fitting = records(logs.path(JOB))
    assert (len(long["line"]), long["clipped"]) == (LINE_LIMIT, 20_000 - LINE_LIMIT)
    assert "clipped" not in fitting
    assert format_record(long).endswith(f"x [{20_000 - LINE_LIMIT} more characters]")
    marked = f"{'z' * MAX_LINE} [clipped]"
    with JobLogs(tmp_path / "marked") as logs:
        logs(output(marked))
    assert records(logs.path(JOB))[0]["line"] == marked


def test_a_full_file_keeps_the_last_lines_and_what_matters(tmp_path: Path) -> None:
    logs = JobLogs(tmp_path, file_limit=64 << 10)
    with logs:
        for number in range(5_000):
            logs(output(f"line {number}"))
            logs(Progress(phase="build", done=number, total=5_000, **common(job=JOB)))
        logs(WheelReady(path="dist/x.whl", sha256="0", size=1, proof="audit", **common(job=JOB)))
        logs(finished())
    written = records(logs.path(JOB))
    names = [record["event"] for record in written]
    assert names.count("clipped") == names.count("tail") == 1
    assert names[-1] == "job-finished"
    assert "wheel" in names
    assert written[-2]["line"] == "line 4999"
    assert written[names.index("tail")]["dropped"] > 8_000
    assert logs.path(JOB).stat().st_size < 128 << 10
    assert logs.tail(JOB)[-1] == "line 4999"
    assert len(logs.tail(JOB)) == 4_000


def test_the_tail_in_memory_is_bounded(tmp_path: Path) -> None:
    logs = JobLogs(tmp_path, file_limit=1 << 10)
    with logs:
        for _ in range(200):
            logs(output("z" * 30_000))
    assert sum(map(len, logs.tail(JOB))) <= 1 << 20
    assert logs.tail("another") == ()


def test_ends_and_notices_are_on_disk_at_once(tmp_path: Path) -> None:
    logs = JobLogs(tmp_path)
    logs(output("x"))
    logs(finished())
    assert len(records(logs.path(JOB))) == 2
    logs(output("late"))
    logs(Notice(level="info", code="c", message="m", **common()))
    assert records(logs.path(""))[-1]["message"] == "m"
    logs(RunFinished(status="failed", exit_status=5, seconds=1.0, **common()))
    assert len(records(logs.path(JOB))) == 3
    logs.close()
    logs.close()


def test_the_sink_never_raises_and_says_what_went_wrong(tmp_path: Path) -> None:
    logs = JobLogs(tmp_path)
    logs.path(JOB).mkdir()
    logs(output("x"))
    assert "could not be written" in logs.problem
    logs(Output(phase="build", stream="stdout", line="x", run="r", time=float("inf"), job="other"))
    logs.close()


def test_a_link_in_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    logs = JobLogs(tmp_path / "logs")
    logs.path(JOB).symlink_to(victim)
    logs(output("x"))
    logs.close()
    assert victim.read_text() == "mine"
    assert logs.problem


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    with JobLogs(tmp_path) as logs:

        def emit(name: str) -> None:
            for number in range(200):
                logs(output(f"{name} {number}", job=name))
                logs(Notice(level="info", code=name, message=str(number), **common()))

        threads = [threading.Thread(target=emit, args=(f"job{index}",)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(records(logs.path(""))) == 1600
    for index in range(8):
        lines = [record["line"] for record in records(logs.path(f"job{index}"))]
        assert lines == [f"job{index} {number}" for number in range(200)]


def test_the_reader_survives_a_run_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"event":"a"}\n\xff\xfe\n[1]\n\n{"event":"b"}\n{"event":"out')
    assert [record["event"] for record in read_log(path)] == ["a", "b"]
    with pytest.raises(OSError, match="none"):
        list(read_log(tmp_path / "none"))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            output("\x1b[31mred\x1b[0m \x1b]0;t\x07\x9b\u202e"),
            f"22:13:20 {JOB} pypy3.9 build | red \\x9b\\u202e",
        ),
        (output(""), f"22:13:20 {JOB} pypy3.9 build | "),
        (
            Notice(level="warning", code="no-lock", message="made\none", **common()),
            "22:13:20 * notice level=warning code=no-lock message=made\\x0aone",
        ),
    ],
)
def test_records_for_people(tmp_path: Path, event: Event, text: str) -> None:
    with JobLogs(tmp_path) as logs:
        logs(event)
    (record,) = records(logs.path(event.job))
    assert format_record(record) == text
    assert format_record({}) == " * "


def written(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
    return path


def at(second: int, line: str) -> dict[str, Any]:
    return {"event": "output", "time": f"2026-01-02T03:04:{second:02}.000Z", "line": line}


def test_several_logs_are_read_by_time(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", at(1, "a"), at(3, "c"), at(3, "d"))
    two = written(tmp_path / "two.jsonl", at(2, "b"), at(4, "e"))
    none = written(tmp_path / "none.jsonl")
    assert [record["line"] for record in read_logs([one, none, two])] == ["a", "b", "c", "d", "e"]


def test_a_log_keeps_its_own_order_and_nothing_is_lost(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", at(5, "a"), at(2, "b"), {"line": "no time"})
    two = written(tmp_path / "two.jsonl", at(4, "c"), at(6, "d"))
    assert [record["line"] for record in read_logs([one, two])] == ["c", "a", "b", "no time", "d"]


def test_reading_long_logs_takes_no_more_memory_than_short_ones(tmp_path: Path) -> None:
    def peak(records: int) -> int:
        paths = [
            written(tmp_path / f"{name}.jsonl", *(at(n % 60, "x" * 500) for n in range(records)))
            for name in "abc"
        ]
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_logs(paths)) == 3 * records
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    few, many = peak(20), peak(2000)
    # A single further record in memory for each that is read would be a megabyte
    assert many < few + 100_000

"""diffoscope, where it is installed: it knows more formats, and takes the wheels apart further."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path

_REPORT = 1 << 20
_SAME, _DIFFERENT = 0, 1


def run_diffoscope(program: Path, a: Path, b: Path, *, timeout: float) -> tuple[str, str]:
    """Its text report (clipped to 1 MiB), and why there is none.

    :param timeout: seconds; it and all that it started are killed then.
    """
    with tempfile.TemporaryDirectory(prefix="xbuild-diffoscope-") as folder:
        report = Path(folder) / "report.txt"
        command = (
            str(program),
            "--no-progress",
            "--text-color=never",
            f"--max-text-report-size={_REPORT}",
            f"--text={report}",
            "--",
            str(a.absolute()),
            str(b.absolute()),
        )
        problem = _run(command, folder, timeout)
        if problem or not report.is_file():
            return "", problem or "diffoscope wrote no report"
        with report.open("rb") as file:
            return file.read(_REPORT).decode("utf-8", "replace"), ""


def _run(command: tuple[str, ...], folder: str, timeout: float) -> str:
    environment = {"PATH": os.defpath, "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        return f"diffoscope could not be started: {error}"
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return f"diffoscope was stopped after {timeout:.0f} s"
    finally:
        # What it started is in its process group
        _kill_group(process.pid)
        process.wait()
    return "" if status in {_SAME, _DIFFERENT} else f"diffoscope failed with status {status}"


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)

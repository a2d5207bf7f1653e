"""Ctrl-C is answered in time, also where an engine's socket accepts connections and nothing answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fakes import make_crate
from support.wheel_files import make_wheel

WHEEL_TAGS = "cp311-cp311-manylinux_2_17_x86_64"


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that accepts connections and never says anything."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine.sock"))
        server.listen()
        server.settimeout(60)
        yield server


def commands(folder: Path) -> list[tuple[str, ...]]:
    crate = make_crate(folder / "demo").folder
    wheel = make_wheel(folder, WHEEL_TAGS, {"demo/__init__.py": b""})
    return [
        ("run", str(crate)),
        ("test", str(wheel)),
        ("images", "list"),
    ]


def test_ctrl_c_while_the_engine_does_not_answer(silent: socket.socket, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "DOCKER_HOST": f"unix://{silent.getsockname()}",
        "XBUILD_CACHE_DIR": str(tmp_path / "cache"),
        "XBUILD_STATE_DIR": str(tmp_path / "state"),
    }
    started = []
    for words in commands(tmp_path):
        process = subprocess.Popen(
            (sys.executable, "-m", "xbuild", *words),
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # Whoever is accepted waits for an answer
        started.append((words, process, silent.accept()[0]))
    for _, process, _ in started:
        process.send_signal(signal.SIGINT)
    ends = {}
    for words, process, connection in started:
        try:
            ends[words] = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            ends[words] = process.wait()
        connection.close()
    assert set(ends.values()) == {130}, ends


@pytest.mark.parametrize(("before", "status"), [(signal.SIG_DFL, 130), (signal.SIG_IGN, -signal.SIGKILL)])
def test_the_end_of_the_terminal_ends_a_run_in_good_order(
    before: signal.Handlers, status: int, silent: socket.socket, tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "DOCKER_HOST": f"unix://{silent.getsockname()}",
        "XBUILD_CACHE_DIR": str(tmp_path / "cache"),
        "XBUILD_STATE_DIR": str(tmp_path / "state"),
    }
    usual = signal.signal(signal.SIGHUP, before)
    try:
        process = subprocess.Popen(
            (sys.executable, "-m", "xbuild", "run", str(make_crate(tmp_path / "demo").folder)),
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        signal.signal(signal.SIGHUP, usual)
    connection = silent.accept()[0]
    process.send_signal(signal.SIGHUP)
    try:
        ended = process.wait(10 if before is signal.SIG_DFL else 3)
    except subprocess.TimeoutExpired:
        process.kill()
        ended = process.wait()
    connection.close()
    assert ended == status
    logged = "".join(path.read_text("utf-8") for path in (tmp_path / "state").rglob("run.jsonl"))
    assert logged.count('"run-finished"') == (status == 130)


LOADING = """
import os, signal, sys
from xbuild.cli import main

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "xbuild.cli.app":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
sys.argv = ["xbuild", "targets"]
main()
"""


def test_ctrl_c_while_the_command_is_loaded() -> None:
    done = subprocess.run((sys.executable, "-c", LOADING), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


ENDING = """
import os, signal, sys
from xbuild.cli import main

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=int(sys.argv[1])):
        print("a signal", file=sys.__stderr__, flush=True)
        kill(pid, number)

last = Last()
sys.argv = ["xbuild", "targets"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_interpreter_ends(number: signal.Signals) -> None:
    words = (sys.executable, "-c", ENDING, str(int(number)))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "a signal\n")

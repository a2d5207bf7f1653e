"""Parsers of native files, which are processes: none is left, and one that died is no verdict."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from xbuild.wheels import Parsers
from xbuild.wheels.probing import Parser

PROGRAM = Path(sys.executable).resolve()


def asked(parser: Parser, path: Path = PROGRAM) -> str:
    with parser:
        return str(json.loads(parser.ask([path], 60))["format"])


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()}


def test_parsers_that_were_started_before() -> None:
    before = children()
    with Parsers(2) as parsers:
        assert len(children() - before) == 1
        assert asked(parsers.take()) == "elf"
        assert asked(parsers.take()) == "elf"
        assert children() == before
        assert asked(parsers.take()) == "elf"


def test_none_is_left() -> None:
    before = children()
    with Parsers(9, ahead=2):
        assert len(children() - before) == 2
    assert children() == before


def test_one_that_died_while_it_waited() -> None:
    before = children()
    with Parsers(1) as parsers:
        (waiting,) = children() - before
        os.kill(waiting, signal.SIGKILL)
        os.waitid(os.P_PID, waiting, os.WEXITED | os.WNOWAIT)
        assert asked(parsers.take()) == "elf"
    assert children() == before


def test_a_file_that_takes_too_long(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    with Parsers().take() as parser:
        assert parser.ask([endless], 0.5) == b""
        assert parser.ended

"""Parsers of native files, which are processes: none is left, and one that died is no verdict."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.native_files import Elf
from support.wheel_files import make_wheel

from xbuild.check.audit import Parsers
from xbuild.check.model import Finding, ModuleFacts
from xbuild.check.native.parser import Parser, ask
from xbuild.check.native.probing import probe_members
from xbuild.wheels.members import scan_members
from xbuild.wheels.zip import Limits, read_entries

PROGRAM = Path(sys.executable).resolve()


def asked(parser: Parser, path: Path = PROGRAM) -> str:
    with parser:
        return str(json.loads(parser.ask([path], 60, 1 << 20))["format"])


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
        assert parser.ask([endless], 0.5, 1 << 20) == b""
        assert parser.ended


class Dying(Parser):
    """Dies over every file, after a while."""

    def __init__(self) -> None:
        pass

    def ask(self, paths: Sequence[Path], timeout: float, room: int) -> bytes:
        time.sleep(0.1)
        return b""

    def close(self) -> None:
        pass


class Graveyard(Parsers):
    """Counts what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def take(self) -> Parser:
        self.taken += 1
        return Dying()


def probed(
    folder: Path, files: Mapping[str, bytes], parsers: Parsers, *, timeout: float
) -> tuple[tuple[ModuleFacts, ...], tuple[Finding, ...]]:
    with make_wheel(folder, "cp311-cp311-manylinux_2_17_x86_64", files).open("rb") as file:
        members = scan_members(file, read_entries(file, Limits()))[: len(files)]
        return probe_members(file, members, parsers, timeout=timeout)


def test_all_parsers_together_have_the_time_of_one(tmp_path: Path) -> None:
    files = {f"demo/{number}.so": b"\x7fELF" for number in range(100)}
    parsers = Graveyard()
    facts, findings = probed(tmp_path, files, parsers, timeout=0.5)
    assert (len(facts), len(findings)) == (0, 100)
    assert 1 < parsers.taken <= 6


def test_the_answers_about_all_files_have_one_limit(tmp_path: Path) -> None:
    """Each of these files is answered with four million bytes."""
    names = [hashlib.shake_128(b"%d" % number).hexdigest(2000) for number in range(999)]
    many = Elf(needed=names).build()
    facts, findings = probed(tmp_path, {f"{number}.so": many for number in range(6)}, Parsers(), timeout=60)
    assert 1 < len(facts) < 6
    assert [finding.code for finding in findings] == ["binary-unreadable"] * (6 - len(facts))


def test_a_small_file_gets_little_memory() -> None:
    taking = "from xbuild.check.native.probe import bound_memory; bound_memory(4); bytearray(2 << 30)"
    done = subprocess.run((sys.executable, "-c", taking), capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr


def test_what_a_file_is_made_of_after_one_that_kills_the_parser(tmp_path: Path) -> None:
    killing, sound = tmp_path / "a", tmp_path / "b"
    sound.write_bytes(Elf(needed=["libc.so.6"]).build())
    parsers = iter((Dying(), Parser("contents")))
    answers = ask([killing, sound], lambda: next(parsers), timeout=60, room=1 << 20)
    assert [*answers] == [str(sound)]
    assert [*answers[str(sound)]["parts"][0]] == ["headers", "sections", "symbols"]

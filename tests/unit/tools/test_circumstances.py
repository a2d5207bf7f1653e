"""What tools/variations.py changes around a build, without building anything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from circumstances import EPOCH, TOGETHER, VARIATIONS, Call, ImpossibleError, Lab
from relay import Relay


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    folder = tmp_path / "crate"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text("[package]\n", "utf-8")
    (folder / "src" / "lib.rs").write_text("// nothing\n", "utf-8")
    return folder


@pytest.fixture
def call(crate: Path, tmp_path: Path) -> Call:
    place = tmp_path / "run"
    return Call(
        crate=crate,
        root=crate,
        out=place / "out",
        cache=place / "cache",
        state=place / "state",
        targets=("a", "b"),
        interpreters=("cp313", "cp311"),
    )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        yield Lab(work=tmp_path / "work", faketime=None, stack=stack, notes=[])


def vary(name: str, lab: Lab, call: Call) -> list[Call]:
    variation = next(item for item in VARIATIONS if item.name == name)
    return list(variation.split(variation.change(lab, call)))


def times(folder: Path) -> list[float]:
    return sorted(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())


def test_every_variation_has_its_own_name() -> None:
    names = [item.name for item in VARIATIONS]
    assert len(set(names)) == len(names)


def test_the_words_of_a_call(call: Call) -> None:
    words = call.command()
    assert words[1:4] == ["-m", "xbuild", "run"]
    assert words[words.index("--out") + 1] == str(call.out)
    assert [word for word in words if word in {"a", "b", "cp311", "cp313"}] == ["a", "b", "cp313", "cp311"]


@pytest.mark.parametrize("name", ["path", "mtimes", "epoch-commit", "epoch-newest", "edited"])
def test_the_users_sources_are_never_touched(name: str, lab: Lab, call: Call) -> None:
    before = times(call.crate), sorted(call.crate.rglob("*"))
    for varied in vary(name, lab, call):
        varied.before()
        assert not varied.crate.is_relative_to(call.crate)
        assert (varied.crate / "src" / "lib.rs").is_file()
    assert (times(call.crate), sorted(call.crate.rglob("*"))) == before


def test_copies_vanish_with_the_variation(lab: Lab, call: Call) -> None:
    (varied,) = vary("path", lab, call)
    lab.stack.close()
    assert not varied.crate.exists()


def test_the_newest_file_gives_the_epoch(lab: Lab, call: Call) -> None:
    (varied,) = vary("epoch-newest", lab, call)
    assert times(varied.crate)[-1] == EPOCH
    assert varied.environment["SOURCE_DATE_EPOCH"] == ""


def test_edited_sources_come_back_older_than_the_edit(lab: Lab, call: Call) -> None:
    edited, restored = vary("edited", lab, call)
    file = restored.crate / "src" / "lib.rs"
    edited.before()
    assert "XBUILD_WAS_HERE" in file.read_text("utf-8")
    moment = file.stat().st_mtime
    restored.before()
    assert file.read_text("utf-8") == "// nothing\n"
    assert file.stat().st_mtime < moment
    assert (edited.cache, edited.crate) == (restored.cache, restored.crate)
    assert edited.other_sources
    assert not restored.other_sources


def test_order_and_separation_of_interpreters(lab: Lab, call: Call) -> None:
    (varied,) = vary("order", lab, call)
    assert varied.interpreters == ("cp311", "cp313")
    alone = vary("alone", lab, call)
    assert [item.interpreters for item in alone] == [("cp313",), ("cp311",)]
    assert len({(item.cache, item.out) for item in alone}) == 2


@pytest.mark.parametrize("name", ["order", "alone"])
def test_one_interpreter_has_no_order(name: str, lab: Lab, call: Call) -> None:
    with pytest.raises(ImpossibleError, match="two interpreters"):
        vary(name, lab, replace(call, interpreters=("cp311",)))


def test_what_does_not_go_is_left_out_of_all_together(lab: Lab, call: Call) -> None:
    (varied,) = vary("together", lab, call)
    assert varied.private
    assert len(lab.notes) < len(TOGETHER)
    assert lab.notes == [f"without {name}: {reason}" for name, reason in lab.left_out.items()]


def test_a_relay_carries_both_ways(tmp_path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "engine"))
    server.listen()

    def answer() -> None:
        client, _ = server.accept()
        while chunk := client.recv(100):
            client.sendall(chunk.upper())
        client.close()

    threading.Thread(target=answer, daemon=True).start()
    relay = Relay(tmp_path / "door", engine=f"unix://{tmp_path / 'engine'}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "door"))
        client.sendall(b"ping")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b"PING"
    relay.cut()
    server.close()

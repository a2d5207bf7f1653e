"""What a call of the command shows of a run, and what interrupts it."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest
from support.documents import check
from support.workshop import Workshop

from xbuild.cli.build import build, make_plan, plan_document
from xbuild.cli.call import Call
from xbuild.errors import ExitStatus
from xbuild.events import Notice
from xbuild.ui.console import make_console


class Interrupting(io.StringIO):
    """A terminal at which Ctrl-C is pressed while the summary appears."""

    def write(self, text: str) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def call_of(shop: Workshop) -> Call:
    return Call(shop.settings, quiet=True, engine=shop.engine)


def test_the_exit_status_stands_once_the_log_has_it(shop: Workshop) -> None:
    call = call_of(shop)
    stream = Interrupting()
    call.console = make_console(stream, environ={})
    assert build(call, shop.checked()) == ExitStatus.OK
    assert "1 wheel" in stream.getvalue()
    log = (shop.settings.state_dir / "runs" / call.context.run / "run.jsonl").read_text("utf-8")
    assert json.loads(log.splitlines()[-1])["exit_status"] == ExitStatus.OK


def test_a_plan_tells_what_is_worth_a_notice(shop: Workshop) -> None:
    (shop.project / ".git").mkdir()
    os.chown(shop.project / ".git", 12_345, 12_345)
    call = call_of(shop)
    stream = io.StringIO()
    call.errors = make_console(stream, environ={})
    notices: list[Notice] = []
    made = make_plan(call, shop.checked(), notices)
    document = plan_document(made, notices)
    check("plan", document)
    assert [(notice["level"], notice["code"]) for notice in document["notices"]] == [
        ("warning", "foreign-repository")
    ]
    assert stream.getvalue().startswith("warning[foreign-repository]: ")
    assert [note.code for note in made.notes] == ["not-known"]
    assert not shop.engine.containers

"""What is said of a wheel that nothing runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.fakes import FakeEngine

from xbuild.catalog import load_catalog
from xbuild.check.audit import AuditResult
from xbuild.check.trial.prove import Proof, Prover
from xbuild.engine import Limits
from xbuild.images.builder import ImageBuilder
from xbuild.images.sources import Sources


@pytest.mark.parametrize(
    ("kinds", "text", "ok"),
    [
        ((), "audited only: it has no module to import", True),
        (("python3.9",), "not run: it is for other interpreters", False),
    ],
)
def test_a_wheel_that_no_interpreter_takes(
    tmp_path: Path, kinds: tuple[str, ...], text: str, *, ok: bool
) -> None:
    engine = FakeEngine(tmp_path)
    builder = ImageBuilder(
        engine, Sources(), locks=tmp_path, narrate=lambda *_: None, cancelled=threading.Event()
    )
    prover = Prover(
        engine=engine,
        images=builder,
        catalog=load_catalog(),
        labels={},
        limits=lambda _: Limits(),
        stopping=lambda: False,
        on_line=lambda *_: None,
    )
    wheel = tmp_path / "tool-1.0-py3-none-win_amd64.whl"
    audited = AuditResult(wheel=wheel.name, sha256="", size=0, target="x86_64-pc-windows-msvc")
    assert prover.prove(wheel, audited, kinds=kinds) == (
        Proof(wheel=wheel.name, interpreter="", text=text, ran=False, ok=ok),
    )
    assert engine.containers == []

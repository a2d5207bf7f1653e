"""Hints name what helps."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.fakes import FakeEngine

from xbuild.engine.docker import DockerEngine
from xbuild.errors import NETWORK_HINT, EngineError, ImageError
from xbuild.images.bootstrap import Mirrors, ensure_root


def refused(source: str, engine: FakeEngine) -> ImageError:
    with pytest.raises(ImageError) as caught:
        ensure_root(
            engine,
            source=source,
            mirrors=Mirrors(),
            environment={"PATH": "/nowhere"},
            ca_bundle=None,
            on_line=lambda _: None,
            cancelled=threading.Event(),
        )
    assert caught.value.code == "no-base-source"
    return caught.value


def test_mmdebstrap_is_named_only_where_it_would_be_used(engine: FakeEngine) -> None:
    assert "apt-get install" in refused("auto", engine).hint
    error = refused("registry", engine)
    assert "apt-get install" not in error.hint
    assert "images.base" in error.hint


@pytest.mark.skipif(find_spec("paramiko") is not None, reason="the SDK's SSH client is installed")
def test_what_an_engine_behind_ssh_takes() -> None:
    with pytest.raises(EngineError) as caught:
        DockerEngine("ssh://somebody@engine.invalid")
    assert caught.value.code == "engine-unreachable"
    assert "docker[ssh]" in caught.value.hint
    assert not caught.value.retryable


def test_doctor_is_said_to_check_what_it_checks() -> None:
    """It asks no mirror and no proxy."""
    _, _, doctor = NETWORK_HINT.partition("`xbuild doctor`")
    assert doctor == " checks the certificate authority"
    sources = Path(ensure_root.__code__.co_filename).parents[1]
    texts = [path.read_text("utf-8") for path in sources.rglob("*.py")]
    assert not any("checks mirrors" in text for text in texts)

"""Hints name what helps."""

from __future__ import annotations

import threading
from importlib.util import find_spec

import pytest
from support.fakes import FakeEngine

from xbuild.engine.docker import DockerEngine
from xbuild.errors import EngineError, ImageError
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

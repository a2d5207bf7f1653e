"""Any file of settings gives settings, or an error of the caller's; so does any environment."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from support.configured import Place
from support.hostile import PROFILE, altered, texts, toml_values

from xbuild.errors import RefusedError, UsageError
from xbuild.settings import Settings
from xbuild.settings.model import TABLES

DOCUMENT: dict[str, Any] = {
    "targets": ["x86_64-pc-windows-msvc"],
    "interpreters": ["cp311"],
    "out": "dist",
    "jobs": 2,
    "memory": "4g",
    "profile": "release",
    "features": ["a"],
    "locked": True,
    "timeout": "10m",
    "environment": {"A": "b"},
    "network": {"https_proxy": "http://localhost:1", "ca_bundle": "a.pem"},
    "images": {"registry": "localhost/x", "pins": "strict"},
    "cache_dir": "cache",
    "target": {
        "x86_64-pc-windows-msvc": {"interpreters": ["cp311"], "sysroot": "sdk", "rustflags": ["-C", "a"]}
    },
}
VARIABLES = [
    *(f"XBUILD_{name.upper()}" for name in Settings.model_fields),
    *(f"XBUILD_{table}__{name}".upper() for table, model in TABLES.items() for name in model.model_fields),
]


@PROFILE
@given(changed=altered(DOCUMENT, toml_values()), mine=st.booleans())
def test_a_file_of_any_shape(*, changed: dict[str, Any], mine: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        (place.say if mine else place.write)(tomli_w.dumps(changed))
        with suppress(UsageError, RefusedError):
            assert isinstance(place.load().settings, Settings)


@PROFILE
@given(st.dictionaries(st.sampled_from(VARIABLES), texts().filter(lambda text: "\0" not in text), max_size=3))
def test_an_environment_of_any_kind(environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(UsageError, RefusedError):
        assert isinstance(Place(Path(folder)).load(environ=environment).settings, Settings)

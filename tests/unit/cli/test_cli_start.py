"""The command starts fast: what is slow to load waits until something needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = ("docker", "lief", "cryptography", "cyclonedx", "abi3info", "structlog")


def loaded(program: str) -> set[str]:
    """The slow packages that a program loads."""
    text = f"import sys\n{program}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run((sys.executable, "-c", text), capture_output=True, text=True, check=True)
    return set(SLOW) & set(done.stdout.split())


def test_the_test_sees_what_is_loaded() -> None:
    assert loaded("import xbuild.report.attest") == {"cryptography"}


@pytest.mark.parametrize(
    "module", ["xbuild", "xbuild.cli.app", "xbuild.app.requests", "xbuild.plan.precheck"]
)
def test_nothing_slow_is_loaded_at_the_start(module: str) -> None:
    assert loaded(f"import {module}") == set()

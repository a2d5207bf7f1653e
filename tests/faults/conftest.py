"""Repetition, fixtures, and the table at the end of the fault suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from relay import Relay
from support.ground import TARGET, Ground, Registry
from support.toolchains import bridge_address, have_image, toolchain

from xbuild.engine.docker import DockerEngine


@dataclass
class Row:
    """One fault in the table."""

    promised: str
    outcomes: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


ROWS = pytest.StashKey[dict[str, Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    fault = metafunc.definition.get_closest_marker("fault")
    if fault is None:
        return
    times = metafunc.config.getoption("--repeat")
    if fault.kwargs.get("race"):
        times = max(times, metafunc.config.getoption("--repeat-races"))
    if times > 1:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(times))


@pytest.fixture
def repetition() -> int:
    """Which repetition of a fault this is."""
    return 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    fault = item.get_closest_marker("fault")
    if fault is None or (report.when == "setup" and report.passed):
        return report
    row = item.config.stash[ROWS].setdefault(fault.args[0], Row(fault.args[1]))
    if getattr(report, "wasxfail", ""):
        row.outcomes.append(f"KNOWN BUG: {report.wasxfail}")
    elif report.skipped:
        row.outcomes.append(f"skipped: {report.longrepr[2].removeprefix('Skipped: ')}")
    elif report.failed:
        row.outcomes.append(f"FAILED in {report.when}: {item.name}")
    elif report.when == "call":
        seen = [str(value) for name, value in item.user_properties if name == "seen"]
        row.outcomes.append("; ".join(seen) or "as promised")
    if report.when == "call":
        row.seconds.append(report.duration)
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    terminalreporter.section("faults")
    for name, row in rows.items():
        terminalreporter.write_line(f"{name}")
        longest = max(row.seconds, default=0.0)
        terminalreporter.write_line(f"    promised  {row.promised}")
        for outcome in dict.fromkeys(row.outcomes):
            count = row.outcomes.count(outcome)
            terminalreporter.write_line(f"    seen {count:>3}x {outcome}")
        terminalreporter.write_line(f"    repeats   {len(row.seconds)}, longest {longest:.1f} s")


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    found = DockerEngine()
    # Here, where no call is waited for: making it takes longer than any fault
    have_image(found, toolchain(TARGET))
    yield found
    found.close()


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Note what was seen, for the table."""
    return lambda text: record_property("seen", text)


@pytest.fixture
def ground(tmp_path: Path, engine: DockerEngine) -> Iterator[Ground]:
    """A place for a fault; the promises are checked when the test is over, whatever came of it."""
    made = Ground(tmp_path, engine, dict(os.environ))
    yield made
    made.check()


@pytest.fixture
def relay() -> Iterator[Relay]:
    """An engine that is reached over TCP, and can be made to fail."""
    made = Relay()
    yield made
    made.cut()


@pytest.fixture
def near_relay(tmp_path: Path) -> Iterator[Relay]:
    """The same for an engine on this machine."""
    made = Relay(tmp_path / "engine.sock")
    yield made
    made.cut()


@pytest.fixture(scope="session")
def bridge(engine: DockerEngine) -> str:
    """This machine's address as containers with a network see it."""
    return bridge_address(engine)


@pytest.fixture
def registry(bridge: str) -> Iterator[Registry]:
    """A crate registry that can be made to fail."""
    made = Registry(bridge)
    yield made
    made.close()

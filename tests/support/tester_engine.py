"""An engine whose containers answer from a script."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from xbuild.engine import Container, ContainerSpec, ExecResult, OnLine

Answer = Callable[[Sequence[str], OnLine], ExecResult]


def finished(exit_code: int = 0, *, timed_out: bool = False, out_of_memory: bool = False) -> ExecResult:
    """How a scripted command ended."""
    return ExecResult(exit_code=exit_code, seconds=1.5, timed_out=timed_out, out_of_memory=out_of_memory)


def probe_line(version: str = "3.11.9", *, name: str = "CPython", wine: str = "", **failed: str) -> str:
    """What the probe writes last."""
    return json.dumps(
        {"implementation": name, "version": version, "machine": "aarch64", "wine": wine, "failed": failed}
    )


@dataclass
class FakeContainer:
    """Keeps what it was given, and answers each command by the next answer."""

    answers: list[Answer]
    commands: list[tuple[str, ...]] = field(default_factory=list)
    workdirs: list[str | None] = field(default_factory=list)
    files: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    id: str = "fake"

    def run(
        self,
        argv: Sequence[str],
        *,
        on_line: OnLine,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        line_limit: int = 0,
    ) -> ExecResult:
        self.commands.append(tuple(argv))
        self.workdirs.append(workdir)
        return self.answers.pop(0)(argv, on_line)

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        with tarfile.open(fileobj=io.BytesIO(b"".join(tar))) as archive:
            self.files.update({f"{path}/{member.name}": member for member in archive})

    def get(self, path: str) -> Generator[bytes, None, None]:
        raise NotImplementedError

    def end_leftovers(self) -> None: ...

    def kill(self) -> None: ...


class FakeEngine:
    """The one call of an engine that running a wheel needs."""

    def __init__(self, *answers: Answer, refuses: Exception | None = None) -> None:
        self.made = FakeContainer(list(answers))
        self.refuses = refuses
        self.specs: list[ContainerSpec] = []

    @contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[Container]:
        self.specs.append(spec)
        if self.refuses:
            raise self.refuses
        yield self.made

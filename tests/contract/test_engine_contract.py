"""What every engine promises: the same cases for the fake and for Docker's."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.fake_container import Command
from support.fake_engine import FakeEngine, make_image
from support.scripts import Exit, Read, Say, Show, ShowFolder, Sleep, Step, UseMemory, Write, play
from support.toolchains import have_image

from xbuild.engine import Container, ContainerSpec, Engine, ExecResult, Limits, Mount
from xbuild.engine.docker import DockerEngine
from xbuild.engine.lines import MAX_LINE
from xbuild.errors import EngineError, ImageError, XbuildError
from xbuild.events import Stream
from xbuild.images.recipe import base_recipe

UID = GID = 65532
OUT = "/out"
ABSENT = "xbuild-contract/absent:1"


@dataclass
class Place:
    """An engine with an image that has a shell."""

    engine: Engine
    image: str
    played: dict[str, tuple[Step, ...]] = field(default_factory=dict)

    @property
    def spec(self) -> ContainerSpec:
        """A container with a volume at :data:`OUT`."""
        return ContainerSpec(
            image=self.image,
            user=f"{UID}:{GID}",
            labels={"xbuild.purpose": "contract"},
            env={"WHO": "spec", "KEPT": "yes"},
            mounts=(Mount(target=OUT),),
            limits=Limits(memory=64 << 20, pids=64),
        )

    def script(self, *steps: Step) -> list[str]:
        """The steps as a command."""
        text = " && ".join(step.shell for step in steps)
        self.played[text] = steps
        return ["/bin/sh", "-c", text]

    def shell(self, command: Command) -> ExecResult | int | None:
        """Plays the shell in a fake."""
        return play(command, self.played[command.argv[2]])

    def run(
        self, container: Container, *steps: Step, timeout: float | None = None
    ) -> tuple[ExecResult, list[tuple[Stream, str]]]:
        """Let a container do the steps; gives what it printed as well."""
        lines: list[tuple[Stream, str]] = []
        result = container.run(self.script(*steps), on_line=lambda *item: lines.append(item), timeout=timeout)
        return result, lines


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each engine in its turn."""
    if request.param == "fake":
        fake = FakeEngine(tmp_path / "engine")
        place = Place(fake, fake.have(make_image(tags=("xbuild/base:contract",))).id)
        fake.on("/bin/sh", place.shell)
        yield place
        return
    engine = DockerEngine()
    yield Place(engine, have_image(engine, base_recipe()).id)
    engine.close()


def tar(name: str, body: bytes, *, mode: int) -> Iterator[bytes]:
    """One file as a tar stream, owned by the container's user."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.uid, info.gid = len(body), mode, UID, GID
        archive.addfile(info, io.BytesIO(body))
    yield buffer.getvalue()


def members(container: Container, path: str) -> Mapping[str, tuple[int, int, int, bytes]]:
    """The files of a path: mode, owner, group and contents by name."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.get(path)))) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream:
                found[member.name] = (member.mode & 0o7777, member.uid, member.gid, stream.read())
    return found


def wait_until_it_runs(lines: list[str]) -> None:
    deadline = time.monotonic() + 20
    while not lines and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lines


@pytest.mark.parametrize("status", [0, 1, 77])
def test_exit_status(place: Place, status: int) -> None:
    with place.engine.container(place.spec) as container:
        result, _ = place.run(container, Exit(status))
    assert (result.exit_code, result.ok) == (status, status == 0)
    assert not result.timed_out
    assert not result.out_of_memory


def test_streams_keep_their_order(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        _, lines = place.run(container, Say("one"), Say("beside", "stderr"), Say("two"), Say("three"))
    assert [line for stream, line in lines if stream == "stdout"] == ["one", "two", "three"]
    assert [line for stream, line in lines if stream == "stderr"] == ["beside"]


def test_long_lines_are_clipped(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        _, lines = place.run(container, Say("x" * (MAX_LINE + 100)), Say("after"))
    assert [len(line) <= MAX_LINE + 100 for _, line in lines] == [True] * len(lines)
    assert max(len(line) for _, line in lines) < MAX_LINE + 100
    assert lines[-1] == ("stdout", "after")


def test_environment_and_folder(place: Place) -> None:
    lines: list[str] = []
    with place.engine.container(place.spec) as container:
        container.run(
            place.script(Show("WHO"), Show("KEPT"), ShowFolder()),
            on_line=lambda _, line: lines.append(line),
            env={"WHO": "command"},
            workdir=OUT,
        )
    assert lines == ["command", "yes", OUT]


def test_a_command_out_of_time_ends_the_container(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        result, _ = place.run(container, Sleep(60), timeout=1)
        assert result.timed_out
        assert not result.ok
        assert result.exit_code == 137
        assert 0.5 < result.seconds < 30
        after, _ = place.run(container, Say("late"))
        # A container that is just ending may still refuse a command by itself, which is 126
        assert not after.ok


def test_kill_ends_a_command_from_another_thread(place: Place) -> None:
    lines: list[str] = []
    results: list[ExecResult] = []
    with place.engine.container(place.spec) as container:
        command = place.script(Say("begun"), Sleep(60))

        def work() -> None:
            results.append(container.run(command, on_line=lambda _, line: lines.append(line)))

        worker = threading.Thread(target=work)
        worker.start()
        wait_until_it_runs(lines)
        container.kill()
        container.kill()
        worker.join(30)
    assert [(result.exit_code, result.timed_out) for result in results] == [(137, False)]


def test_a_cancelled_run_is_the_end_of_its_session_alone(place: Place) -> None:
    cancelled, other = place.engine.session(), place.engine.session()
    with cancelled.container(place.spec) as container, other.container(place.spec) as beside:
        cancelled.kill_all()
        assert not place.run(container, Say("late"))[0].ok
        assert place.run(beside, Say("goes on"))[1] == [("stdout", "goes on")]
    with pytest.raises(EngineError) as caught, cancelled.container(place.spec):
        pass
    assert caught.value.code == "interrupted"
    with place.engine.session().container(place.spec) as again:
        assert place.run(again, Exit(0))[0].ok


def test_no_container_of_an_image_that_is_missing(place: Place) -> None:
    spec = replace(place.spec, image=ABSENT)
    with pytest.raises(ImageError) as caught, place.engine.container(spec):
        pass
    assert caught.value.code == "image-missing"


def test_files_go_in_with_their_mode(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        container.put(OUT, tar("tool", b"body", mode=0o750))
        _, lines = place.run(container, Read(f"{OUT}/tool"))
    assert [line for _, line in lines] == ["750", "body"]


def test_files_come_out_below_their_folder(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        container.put(OUT, tar("given", b"in", mode=0o640))
        found = members(container, OUT)
    assert found == {"out/given": (0o640, UID, GID, b"in")}


def test_a_command_writes_files(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        _, lines = place.run(container, Write("/tmp/made", "text", 0o755), Read("/tmp/made"))
    assert [line for _, line in lines] == ["755", "text"]


def test_what_is_not_there_cannot_be_copied_out(place: Place) -> None:
    with place.engine.container(place.spec) as container, pytest.raises(EngineError) as caught:
        b"".join(container.get(f"{OUT}/nothing"))
    assert caught.value.code == "engine-failed"


def test_memory_that_runs_out_is_told(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        result, _ = place.run(container, UseMemory())
        assert result.out_of_memory
        assert not result.ok
        after, _ = place.run(container, Exit(1))
    assert (after.exit_code, after.out_of_memory) == (1, False)


def test_a_container_that_is_gone(place: Place) -> None:
    with place.engine.container(place.spec) as container:
        pass
    assert place.run(container, Exit(0))[0].exit_code == 137
    with pytest.raises(XbuildError) as put:
        container.put(OUT, tar("late", b"", mode=0o644))
    with pytest.raises(XbuildError) as got:
        b"".join(container.get(OUT))
    assert put.value.code == got.value.code == "engine-failed"


def test_names_of_an_image(place: Place) -> None:
    name = "xbuild-contract/name:1"
    place.engine.tag(place.image, name)
    try:
        found = place.engine.image(name)
        assert found
        assert found.id == place.image
    finally:
        place.engine.remove_image(name)
    assert place.engine.image(name) is None
    assert place.engine.image(place.image)
    place.engine.remove_image(name)

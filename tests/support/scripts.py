"""Small programs that a shell in a real container runs and that a fake container plays."""

from __future__ import annotations

from dataclasses import dataclass

from support.fake_container import Command
from xbuild.engine import ExecResult
from xbuild.events import Stream


@dataclass(frozen=True, slots=True)
class Say:
    """Print a line."""

    line: str
    stream: Stream = "stdout"

    @property
    def shell(self) -> str:
        return f"echo '{self.line}'" + (" >&2" if self.stream == "stderr" else "")

    def play(self, command: Command) -> ExecResult | int | None:
        command.say(self.line, stream=self.stream)
        return None


@dataclass(frozen=True, slots=True)
class Show:
    """Print a variable of the environment."""

    variable: str

    @property
    def shell(self) -> str:
        return f'echo "${self.variable}"'

    def play(self, command: Command) -> ExecResult | int | None:
        command.say(command.env.get(self.variable, ""))
        return None


@dataclass(frozen=True, slots=True)
class ShowFolder:
    """Print the working directory."""

    @property
    def shell(self) -> str:
        return "pwd"

    def play(self, command: Command) -> ExecResult | int | None:
        command.say(command.workdir)
        return None


@dataclass(frozen=True, slots=True)
class Write:
    """Write a file with its mode."""

    path: str
    text: str
    mode: int = 0o644

    @property
    def shell(self) -> str:
        return f"printf %s '{self.text}' > {self.path} && chmod {self.mode:o} {self.path}"

    def play(self, command: Command) -> ExecResult | int | None:
        command.write(self.path, self.text.encode(), mode=self.mode)
        return None


@dataclass(frozen=True, slots=True)
class Read:
    """Print a file's mode and its text."""

    path: str

    @property
    def shell(self) -> str:
        return f"stat -c %a {self.path} && cat {self.path} && echo"

    def play(self, command: Command) -> ExecResult | int | None:
        path = command.path(self.path)
        command.say(f"{path.stat().st_mode & 0o777:o}", path.read_text("utf-8"))
        return None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait."""

    seconds: int

    @property
    def shell(self) -> str:
        return f"sleep {self.seconds}"

    def play(self, command: Command) -> ExecResult | int | None:
        return command.wait(self.seconds)


@dataclass(frozen=True, slots=True)
class UseMemory:
    """Ask for more memory than there is."""

    @property
    def shell(self) -> str:
        return "head -c 1000000000 /dev/zero | tail > /dev/null"

    def play(self, command: Command) -> ExecResult | int | None:
        return ExecResult(exit_code=137, seconds=0.5, out_of_memory=True)


@dataclass(frozen=True, slots=True)
class Exit:
    """End with a status."""

    status: int

    @property
    def shell(self) -> str:
        return f"exit {self.status}"

    def play(self, command: Command) -> ExecResult | int | None:
        return self.status


Step = Say | Show | ShowFolder | Write | Read | Sleep | UseMemory | Exit


def play(command: Command, steps: tuple[Step, ...]) -> ExecResult | int | None:
    """What a shell does with the steps."""
    for step in steps:
        answer = step.play(command)
        if answer is not None:
            return answer
    return 0

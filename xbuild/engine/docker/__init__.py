"""The Docker adapter: only its modules import the SDK.

A container's first process is ``cat`` on an attached standard input, which ends with this process,
however it ends (docs/decisions/0004-cat-on-standard-input.md). In a hardened container ``cat`` is of
another user than the commands, which therefore cannot end it, and can be killed without it.
"""

from xbuild.engine.docker.engine import DockerEngine

__all__ = ["DockerEngine"]

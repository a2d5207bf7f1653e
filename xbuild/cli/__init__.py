"""The command line: composes, prints and exits; nothing else prints or exits."""

from xbuild.cli.app import main

__all__ = ["main"]

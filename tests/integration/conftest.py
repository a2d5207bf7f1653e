"""The fixtures of real.py, for all tests in this folder."""

from support.real import build_image, engine, nothing_left, sdist, tester_image, toolchain_image, xbuild

__all__ = ["build_image", "engine", "nothing_left", "sdist", "tester_image", "toolchain_image", "xbuild"]

"""Toolchain and tester images."""

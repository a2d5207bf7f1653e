"""Binaries are parsed in a process of their own."""

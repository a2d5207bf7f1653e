"""Folders and git repositories that tests make, and what a snapshot of them has."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from xbuild.inspect.sources.snapshot import Snapshot

WHEN = 1_600_000_000


def git(folder: Path, *words: str) -> str:
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": f"{WHEN} +0000",
        "GIT_COMMITTER_DATE": f"{WHEN} +0000",
        "GIT_ALLOW_PROTOCOL": "file",
    }
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ("git", *who, *words), cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def put(folder: Path, *names: str, text: str = "x") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def commit(folder: Path) -> Path:
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def names(snapshot: Snapshot) -> set[str]:
    found = (path for path in snapshot.folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(snapshot.folder).as_posix() for path in found}


def program(path: Path) -> tuple[Path, Path]:
    """A program, and the file that it leaves when it runs."""
    path.write_text(f"#!/bin/sh\ntouch {path}.ran\nexit 1\n", "utf-8")
    path.chmod(0o755)
    return path, path.with_name(f"{path.name}.ran")

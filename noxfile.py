"""What developers and CI run; CONTRIBUTING.md tells what each session needs and takes.

``nox`` alone does what needs no Docker engine: lint, types and the unit tests on the Python that runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
REQUIREMENTS = {
    "nox": ("--group=nox",),
    "dev": ("--group=dev",),
    "lint": ("--group=lint",),
    "test": ("pyproject.toml", "--extra=test", "--group=build", "--group=types", "--group=unit"),
    "docs": ("pyproject.toml", "--group=build", "--group=docs"),
    "release": ("--group=build", "--group=release"),
}
"""The files of requirements/, and what of pyproject.toml each holds."""

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", f"unit-{RUNNING if RUNNING in PYTHONS else PYTHONS[-1]}"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, workflow files, and the fragments of the changelog."""
    locked(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("zizmor", "--offline", "--quiet", "--no-progress", ".github")
    workflows = sorted(map(str, Path(".github/workflows").glob("*.yml")))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("towncrier", "build", "--draft", "--version", "next", silent=True)


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strictly."""
    locked(session, "test")
    session.run("mypy")


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """What needs no engine; ``-- PATH ...`` only some of it."""
    installed(session)
    session.run("pytest", "-q", "-n", "2", "-m", "not docker", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The unit tests, with the lines and branches of the package that they run: half as long again."""
    installed(session)
    report = ("--cov", "--cov-report=term:skip-covered")
    session.run("pytest", "-q", "-n", "2", "-m", "not docker", *report, *session.posargs)


@nox.session
def docker(session: nox.Session) -> None:
    """What needs an engine, but for the faults."""
    installed(session)
    session.run("pytest", "-q", "-m", "docker", "--ignore=tests/faults", "--durations=40", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Each fault with the real engine, what was promised and what was seen."""
    installed(session)
    session.run("pytest", "-q", "tests/faults", "--durations=20", *session.posargs)


@nox.session
def exhaustive(session: nox.Session) -> None:
    """Hours: everything, each fault many times, and the variations of a build."""
    installed(session)
    session.run("pytest", "-q", "--exhaustive", "--repeat=20", "--repeat-races=200", "--durations=40")
    crate = ("examples/greeting", "--target", "x86_64-pc-windows-msvc", "--interp", "cp311")
    session.run("python", "tools/variations.py", *crate)


@nox.session
def docs(session: nox.Session) -> None:
    """The site of docs/, into site/; a warning is an error, and so is a page that the code contradicts."""
    locked(session, "docs")
    session.install("--no-deps", "--no-build-isolation", ".")
    session.run("python", "tools/reference.py", "--check")
    session.run("zensical", "build", "--clean", "--strict")


@nox.session
def package(session: nox.Session) -> None:
    """The sdist and the wheel, into dist/."""
    locked(session, "release")
    session.run("python", "-m", "build", "--no-isolation", "--outdir", "dist")
    session.run("twine", "check", "--strict", *map(str, Path("dist").glob("xbuild_wheels-*")))


@nox.session
def changelog(session: nox.Session) -> None:
    """Show the entry of the next release; ``-- VERSION`` writes it and removes the fragments."""
    locked(session, "lint")
    version, *_ = session.posargs or ("next",)
    session.run("towncrier", "build", "--version", version, "--yes" if session.posargs else "--draft")


@nox.session
def lock(session: nox.Session) -> None:
    """Write requirements/ anew: only what has to change, or with ``-- --upgrade`` today's versions of all."""
    locked(session, "nox")
    Path("requirements").mkdir(exist_ok=True)
    for name, what in REQUIREMENTS.items():
        session.run(
            *("uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11", *what),
            *("--generate-hashes", "--no-annotate", f"--output-file=requirements/{name}.txt"),
            *session.posargs,
            env={"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"},
            silent=True,
        )


def locked(session: nox.Session, name: str) -> None:
    """Install what requirements/ pins, and nothing else."""
    session.install("--require-hashes", "-r", f"requirements/{name}.txt")


def installed(session: nox.Session) -> None:
    """Install xbuild as a user has it, not as a link to the tree: its recipes are then in the package."""
    locked(session, "test")
    session.install("--no-deps", "--no-build-isolation", ".")

"""From a request and a crate to a plan: a pure function. Everything that cannot work is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from xbuild.catalog import Catalog, Interpreter, Target, sysroot_layouts
from xbuild.engine import Limits
from xbuild.engine.layout import OUT, SRC, USER_SYSROOT
from xbuild.errors import RefusedError
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.features import features_for, of_pyo3
from xbuild.inspect.crate.manifest import Manifest, crate_version
from xbuild.plan.choice import choose_bindings
from xbuild.plan.environment import check_profile, configuration_notes, job_environment, profile_of
from xbuild.plan.tools import Note, Versions, check_sysroot, check_tools
from xbuild.request.compatibility import choose_compatibility
from xbuild.request.model import BuildRequest, TargetRequest
from xbuild.util.redact import HIDDEN

_PATCHES = range(100)
"""Releases of a minor version of Python that ``requires-python`` may mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A pair of target and interpreter that cannot work, and why. An empty ``interpreter`` means all."""

    target: str
    interpreter: str
    code: str
    reason: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return {
            "target": self.target,
            "interpreter": self.interpreter,
            "code": self.code,
            "reason": self.reason,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command in a job's container.

    :ivar interpreters: the kinds that the step serves: one, or several for a stable-ABI wheel.
    :ivar wheel: the file name that the step must leave in /out; ``""`` for preparations.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    interpreters: tuple[str, ...] = ()
    wheel: str = ""

    @property
    def label(self) -> str:
        """The interpreter that the step builds with, for people and logs."""
        return self.interpreters[0] if self.interpreters else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that is built for one target, in one container.

    :ivar private: names of the caller's own variables, whose values are not shown.
    """

    target: Target
    image: str
    env: Mapping[str, str]
    prepare: tuple[Step, ...]
    steps: tuple[Step, ...]
    workdir: str
    limits: Limits
    timeout: float
    sysroot: str
    private: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The job's identifier: its target triple."""
        return self.target.triple

    @property
    def expected(self) -> frozenset[str]:
        """The file names of the wheels that may come out."""
        return frozenset(step.wheel for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will run."""

    name: str
    version: str
    jobs: tuple[Job, ...]
    refused: tuple[Refusal, ...]
    notes: tuple[Note, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, for ``xbuild plan --json``; without values of the caller's own variables."""
        return {
            "schema": "xbuild.plan/1",
            "name": self.name,
            "version": self.version,
            "jobs": [_job_dict(job) for job in self.jobs],
            "refused": [refusal.as_dict() for refusal in self.refused],
            "notes": [note.text for note in self.notes],
        }


def _job_dict(job: Job) -> dict[str, Any]:
    return {
        "target": job.target.triple,
        "image": job.image,
        "sysroot": job.sysroot,
        "workdir": job.workdir,
        "env": {name: HIDDEN if name in job.private else value for name, value in job.env.items()},
        "timeout": job.timeout,
        "memory": job.limits.memory,
        "steps": [
            {
                "argv": list(step.argv),
                "env": dict(step.env),
                "interpreters": list(step.interpreters),
                "wheel": step.wheel,
            }
            for step in (*job.prepare, *job.steps)
        ],
    }


def make_plan(
    request: BuildRequest,
    manifest: Manifest,
    details: Mapping[str, Details] | None,
    catalog: Catalog,
    *,
    images: Mapping[str, str],
    versions: Versions,
    epoch: int,
) -> Plan:
    """Plan the builds.

    :param details: of the crate with each target's features, by the target's triple; ``None`` before the
        dependencies are there: what needs them is not checked yet.
    :param images: image reference for each target triple.
    :param versions: of the images' tools, as far as they are known yet.
    :param epoch: SOURCE_DATE_EPOCH, in seconds.
    :raises RefusedError: nothing of the request can work, or something cannot and it is strict.
    """
    known = details or {}
    refused: list[Refusal] = []
    doubtful: set[Refusal] = set()
    jobs: list[Job] = []
    notes = dict.fromkeys(check_tools(request, manifest, dict.fromkeys(known.values()), versions))
    for wanted in request.targets:
        own = known.get(wanted.target.triple)
        try:
            bindings = choose_bindings(manifest, own)
            check_sysroot(wanted, own)
            configured = list(configuration_notes(wanted, manifest))
        except RefusedError as error:
            # The other targets may do: dependencies and configuration go by the platform
            if len(request.targets) == 1:
                raise
            refused.append(_refused_target(wanted, error))
            continue
        if own:
            # All files that may define one are read by then
            check_profile(wanted, manifest)
        steps = _steps(wanted, manifest, own, bindings, catalog=catalog, refused=refused, doubtful=doubtful)
        if steps:
            image = wanted.image or images[wanted.target.triple]
            env = job_environment(wanted, request, manifest, bindings, epoch=epoch)
            jobs.append(_job(wanted, manifest, image=image, steps=tuple(steps), env=env))
        notes.update(dict.fromkeys((*configured, *_notes(wanted, manifest, own))))
    certain = not doubtful.issuperset(refused)
    if certain and (request.strict or not jobs):
        raise _all_refused(refused)
    return Plan(
        name=manifest.name,
        version=manifest.version,
        jobs=tuple(jobs),
        refused=tuple(refused),
        notes=tuple(notes),
    )


def _refused_target(wanted: TargetRequest, error: RefusedError) -> Refusal:
    reason = ": ".join(filter(None, (error.brief, error.details.replace("\n", "; "))))
    return Refusal(
        target=wanted.target.triple, interpreter="all", code=error.code, reason=reason, hint=error.hint
    )


def _all_refused(refused: list[Refusal]) -> RefusedError:
    first = refused[0]
    lines = [f"{item.target} {item.interpreter}: {item.reason}" for item in refused]
    hints = dict.fromkeys(item.hint for item in refused if item.hint)
    return RefusedError(
        first.reason
        if len({item.reason for item in refused}) == 1
        else f"{len(refused)} of the requested builds cannot work",
        details="\n".join(lines),
        hint="\n".join(hints),
        code=first.code,
    )


def _notes(wanted: TargetRequest, manifest: Manifest, details: Details | None) -> Iterator[Note]:
    compatibility = choose_compatibility(wanted.target, wanted.compatibility, manifest.maturin)
    if compatibility.asked_by:
        asked = f"as {compatibility.asked_by} asks"
        yield Note(f"{wanted.target.triple} is built for {compatibility.word}, {asked}")
    if wanted.build_packages:
        listed = ", ".join(sorted(set(wanted.build_packages)))
        where = "an image of your own, without the" if wanted.image else "an image with more"
        yield Note(f"{wanted.target.triple} is built in {where} Debian packages {listed}")
    if wanted.target.os in sysroot_layouts():
        which = f"the sysroot at {wanted.sysroot}" if wanted.sysroot else "xbuild's own open sysroot"
        yield Note(f"{wanted.target.triple} is linked with {which}")
    if wanted.target.os == "windows" and any("crt-static" in flag for flag in wanted.rustflags):
        yield Note("there is no static C runtime in the open sysroot: crt-static links the dynamic one")
    if details and details.native:
        yield Note(f"native code in: {', '.join(details.native)}")


def _steps(
    wanted: TargetRequest,
    manifest: Manifest,
    details: Details | None,
    bindings: str,
    *,
    catalog: Catalog,
    refused: list[Refusal],
    doubtful: set[Refusal],
) -> list[Step]:
    """What is built for a target.

    :param bindings: what :func:`choose_bindings` gave.
    :param refused: gets what cannot work.
    :param doubtful: gets those of them that the crate's bindings and features, which are not known yet, may
        make work.
    """
    target = wanted.target
    if bindings == "bin":
        return [_step(wanted, manifest, (), "py3-none")]
    asked = wanted.interpreters or tuple(catalog.interpreters.values())
    seen = {item: _seen_by(item, manifest, details) for item in asked}
    answers = {item: refuse(target, item, manifest, seen[item], catalog) for item in asked}
    fits = [item for item, refusal in answers.items() if refusal is None]
    stable_abi = {item for item, own in seen.items() if own and own.abi3 and bindings != "pyo3-bin"}
    chosen = [
        item for item in asked if item in fits or (item in stable_abi and _served(item, answers[item], fits))
    ]
    if not wanted.every_interpreter:
        against = {item: refusal for item, refusal in answers.items() if refusal and item not in chosen}
        refused += against.values()
        if details is None:
            doubtful |= {
                refusal for item, refusal in against.items() if not bindings or _served(item, refusal, fits)
            }
    if not chosen and wanted.every_interpreter:
        none = Refusal(
            target=target.triple,
            interpreter="all",
            code="no-interpreter",
            reason=f"no interpreter that xbuild knows fits {manifest.name} on {target.triple}",
            hint="name one with --interp to see why it does not fit",
        )
        refused.append(none)
        doubtful |= set() if bindings else {none}
    stable = [item for item in chosen if item in stable_abi and item.implementation == "cpython"]
    by_floor: dict[tuple[int, int] | None, list[Interpreter]] = {}
    for item in stable:
        own = seen[item]
        by_floor.setdefault(own.abi3_floor if own else None, []).append(item)
    steps = []
    for floor, items in by_floor.items():
        major, minor = floor or min(item.version_info for item in items)
        steps.append(_step(wanted, manifest, tuple(items), f"cp{major}{minor}-abi3"))
    steps += [
        _step(wanted, manifest, (item,), f"{item.python_tag}-{item.abi_tag}")
        for item in chosen
        if item not in stable
    ]
    return steps


def _seen_by(interpreter: Interpreter, manifest: Manifest, details: Details | None) -> Details | None:
    """What cargo says about the crate, with the features that are on for one interpreter only."""
    more = of_pyo3(features_for(interpreter, manifest.conditional_features))
    if not details or not more:
        return details
    return replace(details, pyo3_features=tuple(sorted({*details.pyo3_features, *more})))


def _served(interpreter: Interpreter, refusal: Refusal | None, fits: list[Interpreter]) -> bool:
    """Whether a stable-ABI wheel serves an interpreter for which PyO3 itself does not build.

    :param fits: interpreters that such a wheel can be built with.
    """
    return bool(refusal and refusal.code == "pyo3-interpreter" and _has_stable_abi(interpreter)) and any(
        _has_stable_abi(other) and other.version_info < interpreter.version_info for other in fits
    )


def _has_stable_abi(interpreter: Interpreter) -> bool:
    return interpreter.implementation == "cpython" and not interpreter.free_threaded


def refuse(
    target: Target, interpreter: Interpreter, manifest: Manifest, details: Details | None, catalog: Catalog
) -> Refusal | None:
    """Why a pair cannot work, or ``None`` where it can."""

    def refusal(code: str, reason: str, hint: str = "") -> Refusal:
        return Refusal(
            target=target.triple, interpreter=interpreter.kind, code=code, reason=reason, hint=hint
        )

    unsupported = catalog.supports(target, interpreter)
    if unsupported:
        return refusal("unsupported-interpreter", unsupported, "build for another target, or without it")
    if not _allows(manifest.specifier, interpreter.version):
        return refusal(
            "requires-python",
            f"{manifest.name} has requires-python {manifest.requires_python!r}, which leaves out "
            f"{interpreter.title}",
        )
    versions = _pyo3_versions(manifest, details)
    if versions and not any(version in interpreter.pyo3_specifier for version in versions):
        return refusal(
            "pyo3-interpreter",
            f"PyO3 {versions[0]}, which Cargo.lock pins, does not support {interpreter.title} "
            f"(that takes PyO3 {interpreter.pyo3})",
            f"cargo update -p pyo3 --precise VERSION, with a version {interpreter.pyo3}",
        )
    if details and details.abi3:
        if interpreter.free_threaded:
            return refusal(
                "abi3-free-threaded",
                f"{manifest.name} is built against the stable ABI, which {interpreter.title} does not have",
                "turn the abi3 feature off for it",
            )
        floor = details.abi3_floor
        if floor and interpreter.implementation == "cpython" and interpreter.version_info < floor:
            return refusal(
                "abi3-floor",
                f"the abi3-py{floor[0]}{floor[1]} feature leaves out {interpreter.title}",
            )
    return None


def _allows(specifier: SpecifierSet, version: str) -> bool:
    """Whether any release of a minor version of Python is allowed."""
    releases = (version, *(f"{version}.{patch}" for patch in _PATCHES))
    return any(specifier.contains(release, prereleases=True) for release in releases)


def _pyo3_versions(manifest: Manifest, details: Details | None) -> tuple[Version, ...]:
    """The crate's PyO3, or all that it may turn out to be while only its workspace's lockfile is known."""
    if details:
        known = crate_version(details.pyo3_version)
        return (known,) if known else ()
    return manifest.locked_versions("pyo3") or manifest.locked_versions("pyo3-ffi")


def _step(
    wanted: TargetRequest,
    manifest: Manifest,
    interpreters: tuple[Interpreter, ...],
    tags: str,
) -> Step:
    target = wanted.target
    first = min(interpreters, key=lambda item: item.version_info) if interpreters else None
    conditional = features_for(first, manifest.conditional_features) if first else ()
    features = tuple(dict.fromkeys((*manifest.maturin_features, *conditional, *wanted.features)))
    profile = profile_of(wanted, manifest)
    compatibility = choose_compatibility(target, wanted.compatibility, manifest.maturin)
    argv = (
        "maturin",
        "build",
        *(("--release",) if profile == "release" else ("--profile", profile)),
        "--target",
        target.triple,
        *(("--interpreter", first.kind) if first else ()),
        *(("--zig",) if target.zig else ()),
        *(("--compatibility", compatibility.word) if compatibility.word else ()),
        *(("--strip",) if wanted.strip else ()),
        *(("--features", ",".join(features)) if wanted.features else ()),
        *(("--all-features",) if wanted.all_features else ()),
        *(("--no-default-features",) if wanted.no_default_features else ()),
        "--frozen",
        "--out",
        OUT,
    )
    env: dict[str, str] = {}
    if first:
        abi = "abi3" if tags.endswith("-abi3") else first.tag
        env = {key: value.format(abi=abi) for key, value in target.interpreter_env.items()}
    return Step(
        argv=argv,
        env=MappingProxyType(env),
        interpreters=tuple(item.kind for item in interpreters),
        wheel=f"{manifest.wheel_name}-{manifest.version}-{tags}-{compatibility.platform_tag}.whl",
    )


def _job(
    wanted: TargetRequest,
    manifest: Manifest,
    *,
    image: str,
    steps: tuple[Step, ...],
    env: Mapping[str, str],
) -> Job:
    target = wanted.target
    user_sysroot = (USER_SYSROOT,) if wanted.sysroot else ()
    prepare = tuple(
        Step(argv=(*target.prepare, *user_sysroot), env=MappingProxyType({})) for _ in target.prepare[:1]
    )
    relative = manifest.project.relative_to(manifest.root).as_posix()
    return Job(
        target=target,
        image=image,
        env=MappingProxyType(dict(env)),
        prepare=prepare,
        steps=steps,
        workdir=SRC if relative == "." else f"{SRC}/{relative}",
        limits=wanted.limits,
        timeout=wanted.timeout,
        sysroot=str(wanted.sysroot or ""),
        private=frozenset(wanted.environment),
    )

"""From a request and a crate to a plan: a pure function. Everything that cannot work is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from xbuild.catalog import Catalog, Interpreter, sysroot_layouts
from xbuild.errors import RefusedError
from xbuild.inspect.crate.details import Details
from xbuild.inspect.crate.features import features_for, of_pyo3
from xbuild.inspect.crate.manifest import Manifest
from xbuild.plan.choice import choose_bindings
from xbuild.plan.commands import make_job, make_step
from xbuild.plan.environment import check_profile, configuration_notes, job_environment
from xbuild.plan.model import Job, Plan, Refusal, Step
from xbuild.plan.refusals import all_refused, refuse, refused_target
from xbuild.plan.tools import Note, Versions, check_sysroot, check_tools
from xbuild.request.compatibility import choose_compatibility
from xbuild.request.model import BuildRequest, TargetRequest


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
            refused.append(refused_target(wanted, error))
            continue
        if own:
            # All files that may define one are read by then
            check_profile(wanted, manifest)
        steps = _steps(wanted, manifest, own, bindings, catalog=catalog, refused=refused, doubtful=doubtful)
        if steps:
            image = wanted.image or images[wanted.target.triple]
            env = job_environment(wanted, request, manifest, bindings, epoch=epoch)
            jobs.append(make_job(wanted, manifest, image=image, steps=tuple(steps), env=env))
        notes.update(dict.fromkeys((*configured, *_notes(wanted, manifest, own))))
    certain = not doubtful.issuperset(refused)
    if certain and (request.strict or not jobs):
        raise all_refused(refused)
    return Plan(
        name=manifest.name,
        version=manifest.version,
        jobs=tuple(jobs),
        refused=tuple(refused),
        notes=tuple(notes),
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
        return [make_step(wanted, manifest, (), "py3-none")]
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
        steps.append(make_step(wanted, manifest, tuple(items), f"cp{major}{minor}-abi3"))
    steps += [
        make_step(wanted, manifest, (item,), f"{item.python_tag}-{item.abi_tag}")
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

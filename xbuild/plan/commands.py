"""What maturin is called with for each wheel, and the container that it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbuild.catalog import Interpreter
from xbuild.engine.layout import OUT, SRC, USER_SYSROOT
from xbuild.inspect.crate.features import features_for
from xbuild.inspect.crate.manifest import Manifest
from xbuild.plan.environment import profile_of
from xbuild.plan.model import Job, Step
from xbuild.request.compatibility import choose_compatibility
from xbuild.request.model import TargetRequest


def make_step(
    wanted: TargetRequest,
    manifest: Manifest,
    interpreters: tuple[Interpreter, ...],
    tags: str,
) -> Step:
    """The step that builds one wheel.

    :param interpreters: those that the wheel serves; the oldest one builds it.
    :param tags: the wheel's Python and ABI tags, such as ``cp39-abi3``.
    """
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


def make_job(
    wanted: TargetRequest,
    manifest: Manifest,
    *,
    image: str,
    steps: tuple[Step, ...],
    env: Mapping[str, str],
) -> Job:
    """All steps of a target, in one container."""
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

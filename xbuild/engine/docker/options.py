"""What a container is made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker
from docker.types import LogConfig, Ulimit
from docker.types import Mount as DockerMount

from xbuild.engine.api import ContainerSpec, Limits
from xbuild.engine.owner import owner_label

OWNER_LABEL = "xbuild.owner"
"""The label that says which process a container or volume belongs to."""
_WAITING = ("65533:65533", "65532:65532")
"""Users of the first process, which waits. It has to be another one than that of the commands."""


def container_config(api: docker.APIClient, spec: ContainerSpec) -> dict[str, Any]:
    """The body of the engine's call that makes a container, whose first process waits for its input's end."""
    labels = own_labels(spec.labels)
    host_config = api.create_host_config(**_host_options(spec, labels))
    config = api.create_container_config(
        spec.image,
        ["/bin/cat"],
        entrypoint=[],
        hostname="xbuild",
        user=_waiting_user(spec),
        stdin_open=True,
        environment=dict(spec.env),
        working_dir=spec.workdir,
        labels=labels,
        host_config=host_config,
    )
    config["StdinOnce"] = True
    return dict(config)


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels, and the one that says whose the thing is."""
    return {**labels, OWNER_LABEL: owner_label()}


def _waiting_user(spec: ContainerSpec) -> str:
    """Whose the first process is: in a hardened container somebody's whose processes commands cannot kill."""
    if not spec.hardened:
        return spec.user
    uid = spec.user.partition(":")[0]
    return next(user for user in _WAITING if user.partition(":")[0] != uid)


def _host_options(spec: ContainerSpec, labels: Mapping[str, str]) -> dict[str, Any]:
    limits = spec.limits
    options: dict[str, Any] = {
        "mounts": [
            DockerMount(
                mount.target,
                str(mount.source) if mount.source else None,
                type="bind" if mount.source else "volume",
                read_only=mount.read_only,
                # A volume without a name has nothing else that tells whose it is
                labels=None if mount.source else dict(labels),
            )
            for mount in spec.mounts
        ],
        "init": True,
        "auto_remove": True,
        "ipc_mode": "private",
        "log_config": LogConfig(type="none"),
        "pids_limit": limits.pids,
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
    }
    if not spec.network:
        options["network_mode"] = "none"
    options |= _cgroup_options(limits)
    if spec.runtime:
        options["runtime"] = spec.runtime
    if spec.hardened:
        options["ulimits"] += [
            Ulimit(name="nofile", soft=limits.open_files, hard=limits.open_files),
            Ulimit(name="fsize", soft=limits.file_size, hard=limits.file_size),
        ]
        options |= {
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "read_only": True,
            "tmpfs": {"/tmp": f"rw,nosuid,nodev,exec,size={limits.tmp_size},mode=1777"},  # noqa: S108
        }
    return options


def _cgroup_options(limits: Limits) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if limits.memory:
        options |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.cpus:
        options["nano_cpus"] = int(limits.cpus * 1e9)
    if limits.cpuset:
        options["cpuset_cpus"] = limits.cpuset
    return options

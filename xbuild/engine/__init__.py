"""The one door to Docker. Only :mod:`xbuild.engine.docker` and its modules import the SDK."""

from xbuild.engine.api import (
    Container,
    ContainerSpec,
    Engine,
    EngineInfo,
    ExecResult,
    Image,
    Layer,
    Limits,
    Mount,
    OnLine,
)

__all__ = [
    "Container",
    "ContainerSpec",
    "Engine",
    "EngineInfo",
    "ExecResult",
    "Image",
    "Layer",
    "Limits",
    "Mount",
    "OnLine",
]

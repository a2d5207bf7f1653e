"""The one door to Docker. Only :mod:`xbuild.engine.docker` imports the SDK."""

from xbuild.engine.types import (
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

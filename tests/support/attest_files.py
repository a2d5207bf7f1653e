"""A report, wheels and keys for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

NAME = "demo-1.2.3-cp311-cp311-manylinux_2_17_x86_64.whl"
TARGET = "x86_64-unknown-linux-gnu"
CONTENT = b"the bytes of a wheel"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def write_keys(folder: Path, name: str = "key", password: bytes | None = None) -> tuple[Path, Path]:
    """A private key's file and its public half's."""
    key = Ed25519PrivateKey.generate()
    protection: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def write_wheel(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / NAME
    path.write_bytes(content)
    return path


def make_report(content: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    """A report as report.json holds it."""
    wheel = {
        "file": NAME,
        "path": f"/somewhere/private/dist/{NAME}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "target": TARGET,
        "interpreters": ["python3.11"],
        "tags": ["cp311-cp311-manylinux_2_17_x86_64"],
        "audit": {},
        "proof": "audited",
    }
    step = {"interpreters": ["python3.11"], "argv": ["maturin", "build", "--frozen"], "wheel": NAME}
    job = {
        "target": TARGET,
        "status": "built",
        "steps": [step],
        "wheels": [wheel],
        "image": f"xbuild/{TARGET}:0123456789abcdef",
        "image_digest": f"sha256:{'1' * 64}",
        "recipe_digest": "2" * 64,
        "tools": {"rustc": "1.85.0", "maturin": "1.16.0"},
        "sysroot": "/somewhere/private/sysroot",
        "warm": False,
        "log": "/somewhere/private/log.jsonl",
    }
    packages = [
        {"name": "demo", "version": "1.2.3", "source": "", "sha256": ""},
        {"name": "pyo3", "version": "0.27.1", "source": CRATES_IO, "sha256": "3" * 64},
        {
            "name": "own",
            "version": "0.1.0",
            "source": "sparse+https://user:secret@crates.example/index/",
            "sha256": "4" * 64,
        },
        {
            "name": "forked",
            "version": "2.0.0+build",
            "source": f"git+https://user:secret@git.example/forked?branch=main#{COMMIT}",
            "sha256": "",
        },
    ]
    return {
        "schema": "xbuild.report/1",
        "run": "20260102-030405-abcdef",
        "started": 1767323045.25,
        "seconds": 61.5,
        "version": "0.1.0",
        "project": "/somewhere/private/demo",
        "name": "demo",
        "project_version": "1.2.3",
        "source": {
            "digest": f"sha256:{'5' * 64}",
            "files": 3,
            "size": 99,
            "commit": COMMIT,
            "modified": True,
            "epoch": 1767000000,
            "epoch_source": "commit",
        },
        "lockfile": {"sha256": "6" * 64, "generated": False, "packages": packages},
        "options": {"profile": ["release"], "reproducible": True, "locked": True},
        "engine": {
            "version": "29.5.1",
            "security_options": ["name=seccomp,profile=builtin", "name=rootless"],
            "network": "fetch only; builds have none",
            "runtime": "default",
        },
        "transport": "bind",
        "jobs": [job],
        "refused": [],
        "notes": [],
        "exit_status": 0,
        **changes,
    }


def wheel_of(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["jobs"][0]["wheels"][0]
    return found

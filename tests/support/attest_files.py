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

from xbuild.report.model import Report, WheelReport

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


def target_options(profile: str = "release") -> dict[str, Any]:
    """What was asked for on a target, as a report has it."""
    sizes = {"memory": 4 << 30, "file_size": 2 << 30, "tmp_size": 1 << 30}
    return {
        "interpreters": ["python3.11"],
        "features": [],
        "all_features": False,
        "no_default_features": False,
        "profile": profile,
        "rustflags": [],
        "environment": {},
        "image": "",
        "sysroot": "own",
        "timeout": 60.0,
        "limits": {**sizes, "cpus": 2.0, "pids": 2048, "open_files": 8192},
    }


def make_report(content: bytes = CONTENT, **changes: Any) -> Report:
    """A report of one wheel.

    :param changes: fields in place of its own, as JSON-ready values.
    """
    return Report.model_validate(_document(content, **changes))


def _document(content: bytes, **changes: Any) -> dict[str, Any]:
    wheel = {
        "file": NAME,
        "path": f"/somewhere/private/dist/{NAME}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "target": TARGET,
        "interpreters": ["python3.11"],
        "tags": ["cp311-cp311-manylinux_2_17_x86_64"],
        "audit": {
            "wheel": NAME,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "ok": True,
            "tags": ["cp311-cp311-manylinux_2_17_x86_64"],
            "target": TARGET,
            "interpreters": ["cp311"],
            "findings": [],
            "modules": [],
        },
        "proof": "audited",
    }
    step = {
        "interpreters": ["python3.11"],
        "argv": ["maturin", "build", "--frozen"],
        "wheel": NAME,
        "status": "built",
        "exit_code": 0,
        "seconds": 1.5,
    }
    job = {
        "target": TARGET,
        "status": "built",
        "seconds": 2.5,
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
        "options": {
            "reproducible": True,
            "locked": True,
            "source_include": [],
            "source_exclude": [],
            "targets": {TARGET: target_options(), "another": target_options("dev")},
        },
        "engine": {
            "version": "29.5.1",
            "storage_driver": "overlay2",
            "fetched": True,
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


def wheel_of(report: Report) -> WheelReport:
    """Its only wheel."""
    (wheel,) = report.wheels
    return wheel

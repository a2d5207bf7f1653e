"""Write what platforms of Linux bring, xbuild/check/audit/policies.json, from auditwheel's policies.

    uv run --no-project --with auditwheel==6.8.2 tools/platform_policies.py

auditwheel (PyPA, MIT licence) keeps them as JSON inside of its package, which promises nobody to stay as it
is: the audit goes by a copy of its own, and whoever makes a new one reads what has changed.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "xbuild" / "check" / "audit" / "policies.json"
FILES = {"gnu": "manylinux-policy.json", "musl": "musllinux-policy.json"}


def table() -> dict[str, Any]:
    """The policies by the C library, the rows in auditwheel's order; the one for any Linux is left out."""
    policies = files("auditwheel") / "policy"
    found = {
        libc: [
            _row(row)
            for row in json.loads(policies.joinpath(name).read_text("utf-8"))
            if row["symbol_versions"]
        ]
        for libc, name in FILES.items()
    }
    return {"source": f"auditwheel {version('auditwheel')}", **found}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    versions = {
        arch: {prefix: " ".join(numbers) for prefix, numbers in listed.items()}
        for arch, listed in row["symbol_versions"].items()
    }
    return {
        "name": row["name"],
        "libraries": sorted(row["lib_whitelist"]),
        "forbidden": {
            library: " ".join(sorted(names)) for library, names in sorted(row["blacklist"].items())
        },
        "versions": versions,
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n", "utf-8")

"""How package sources are reached: certificates, proxies, and a mirror of crates.io."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRUST = "/trust"
"""Where a container has the host's certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How package sources are reached.

    :ivar ca_bundle: PEM bundle, or ``None`` for the container's own.
    :ivar environment: proxies.
    :ivar cargo_index: index of a private mirror of crates.io, or ``""``.
    """

    ca_bundle: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cargo_index: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """What cargo and git go by in a container that has the certificates at :data:`TRUST`."""
        trust = {"CARGO_HTTP_CAINFO": f"{TRUST}/ca.pem", "SSL_CERT_FILE": f"{TRUST}/ca.pem"}
        return {**self.environment, **(trust if self.ca_bundle else {})}

    @property
    def cargo_options(self) -> tuple[str, ...]:
        """What makes cargo go to the mirror, if there is one."""
        if not self.cargo_index:
            return ()
        return (
            "--config",
            'source.crates-io.replace-with="mirror"',
            "--config",
            f'source.mirror.registry="{self.cargo_index}"',
        )

    @property
    def vendor_options(self) -> tuple[str, ...]:
        """The same for ``cargo vendor``, which alone does not look at source replacement by itself."""
        return ("--respect-source-config",) if self.cargo_index else ()

"""What must not be shown to people or written to logs."""

from __future__ import annotations

import re

HIDDEN = "(hidden)"
_SECRET = re.compile(r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|KEY|SECRET|CREDENTIAL", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)(?<!ssh://)[^/\s]+(?=@)|^[^/@\s:]+:[^/\s]+(?=@)")


def looks_secret(name: str) -> bool:
    """Whether the value of an environment variable of that name should not be shown."""
    return _SECRET.search(name) is not None


def without_userinfo(url: str) -> str:
    """A URL, or a text with URLs, whose users and passwords are hidden. What logs in with a key has none."""
    return _USERINFO.sub(HIDDEN, url)

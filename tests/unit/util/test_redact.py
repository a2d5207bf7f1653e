"""What is hidden of URLs."""

from __future__ import annotations

import pytest

from xbuild.util.redact import without_userinfo


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:word@proxy:3128", "http://(hidden)@proxy:3128"),
        ("http://user:w@rd@proxy:3128", "http://(hidden)@proxy:3128"),
        ("user:w@rd@proxy:3128", "(hidden)@proxy:3128"),
        ("git+https://token@git.example/a@b#c", "git+https://(hidden)@git.example/a@b#c"),
        ("http://a:b@one/x http://c:d@two/y", "http://(hidden)@one/x http://(hidden)@two/y"),
        ("git+ssh://git@git.example/repo", "git+ssh://git@git.example/repo"),
        ("https://host/path@1", "https://host/path@1"),
        ("localhost,.example", "localhost,.example"),
    ],
)
def test_users_and_passwords_are_hidden(url: str, shown: str) -> None:
    assert without_userinfo(url) == shown

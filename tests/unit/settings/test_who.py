"""Who may say a setting: every one there is, from a project's file and from the user's."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from support import ROOT
from support.configured import Place

from xbuild.errors import UsageError
from xbuild.settings.foreign import Trust
from xbuild.settings.load import flat
from xbuild.settings.model import TABLES, Settings, TargetTable
from xbuild.settings.reference import rendered, tables_renewed
from xbuild.settings.schema import PATHS, Key, declared, dotted
from xbuild.settings.who import PROJECT, Say, check_declared, user

DOCUMENT = ROOT / "docs" / "configuration.md"
LINUX = "x86_64-unknown-linux-gnu"


def every_key() -> Iterator[Key]:
    for name in Settings.model_fields:
        if name == "target":
            yield from (("target", LINUX, field) for field in TargetTable.model_fields)
        elif name in TABLES:
            yield from ((name, field) for field in TABLES[name].model_fields)
        else:
            yield (name,)


KEYS = tuple(every_key())
CANDIDATES = (
    *(True, False, 1.5, 100, "10m", "1g", "dev", "0", "strict", __file__, "https://a.invalid"),
    *(["x"], ["/x"], ["flex"], {"A": "1"}),
)
"""Values of all kinds; a setting takes one of them."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def line(key: Key, value: object) -> str:
    table = (
        ", ".join(f"{name} = {json.dumps(text)}" for name, text in value.items())
        if isinstance(value, dict)
        else ""
    )
    return f"{dotted(key)} = {f'{{ {table} }}' if table else json.dumps(value)}\n"


def value_of(place: Place, key: Key) -> Any:
    """What holds for a key now."""
    found: Any = place.load().settings
    place_of = found.for_target(key[1]) if key[0] == "target" else getattr(found, key[0])
    return getattr(place_of, key[-1]) if len(key) > 1 else place_of


def taken_by_the_user(place: Place, key: Key) -> object:
    """A value for a setting that no default is."""
    before = value_of(place, key)
    for value in CANDIDATES:
        place.say(line(key, value))
        try:
            after = value_of(place, key)
        except (UsageError, ValueError):
            continue
        if after != before:
            place.say("")
            return value
    raise AssertionError(f"no candidate is a value of {dotted(key)}: add one")


@pytest.mark.parametrize("key", KEYS, ids=dotted)
def test_every_setting_from_a_projects_file(place: Place, key: Key) -> None:
    match declared(key).say:
        case Say.ANYTHING:
            value = taken_by_the_user(place, key)
            before = value_of(place, key)
            place.write(line(key, value))
            assert value_of(place, key) != before
        case Say.NOTHING:
            written = place.write(f"strict = true\n{line(key, 'x')}")
            for chosen in (None, written):
                error = place.not_for_projects(config_file=chosen)
                assert error.brief == f"the project's own configuration may not say {dotted(key)}"
                assert f"xbuild.toml:2: {dotted(key)} {declared(key).reason}" in error.details
                assert f'trusted_projects = ["{place.crate}"]' in error.hint
                assert str(place.dirs.config / "config.toml") in error.hint
        case Say.ON:
            on, off = (line(key, value) for value in (True, False))
            place.say(on)
            place.write(on)
            assert value_of(place, key) is True
            place.write(off)
            assert f"xbuild.toml:1: {dotted(key)} may turn this on" in place.not_for_projects().details
        case Say.LOWER:
            lower, higher = {"memory": ("1g", "2g"), "timeout": ("1m", "2m")}.get(key[-1], (100, 200))
            place.say(line(key, higher))
            between = value_of(place, key)
            place.write(line(key, lower))
            assert value_of(place, key) < between
            place.say(line(key, lower))
            place.write(line(key, higher))
            assert f"xbuild.toml:1: {dotted(key)} may lower a limit" in place.not_for_projects().details
        case Say.KINDS:
            place.write(line(key, ["cp311", "pypy3.9"]))
            assert value_of(place, key) == ("cp311", "pypy3.9")
            for path in ("./py.sh", "bin/python", "/usr/bin/python3", "~/py", ".py"):
                place.write(line(key, ["cp311", path]))
                assert f"xbuild.toml:1: {dotted(key)} names a program" in place.not_for_projects().details
        case Say.BELOW:
            place.write(line(key, "a/../wheels"))
            assert value_of(place, key) == place.crate / "a/../wheels"
            (place.crate / "link").symlink_to(place.home)
            for path in ("../elsewhere", "/tmp", "~/wheels", "link", "link/wheels", "a\0b", ""):
                place.write(line(key, path))
                details = place.not_for_projects(environ={"HOME": str(place.home)}).details
                assert f"xbuild.toml:1: {dotted(key)} {declared(key).reason}" in details


@pytest.mark.parametrize("key", KEYS, ids=dotted)
def test_every_setting_from_a_project_that_the_user_trusts(place: Place, key: Key) -> None:
    value = taken_by_the_user(place, key)
    before = value_of(place, key)
    place.write(line(key, value))
    place.say(f"trusted_projects = ['{place.repo}']\n")
    if key != ("trusted_projects",):
        assert value_of(place, key) != before


def test_no_path_url_or_program_is_a_projects() -> None:
    """A name of a path, and a type of a path, can lead to something of the caller's."""

    def types_in(annotation: object) -> Iterator[object]:
        yield annotation
        for part in typing.get_args(annotation):
            yield from types_in(part)

    for key in KEYS:
        model, name = (TargetTable, key[2]) if key[0] == "target" else (TABLES.get(key[0], Settings), key[-1])
        is_path = key[-1] in PATHS or Path in types_in(model.model_fields[name].annotation)
        if is_path or key[0] in {"images", "network", "attest"}:
            assert declared(key).say in {Say.NOTHING, Say.BELOW}, dotted(key)


def test_what_the_issue_reproduced(place: Place) -> None:
    place.say("runtime = 'runsc'\n")
    place.write("runtime = 'runc'\n[images]\nbase = 'evil/image'\n[network]\nca_bundle = '~/.ssh/id_rsa'\n")
    error = place.not_for_projects()
    words = ["xbuild.toml:1: runtime", "xbuild.toml:3: images.base", "xbuild.toml:5: network.ca_bundle"]
    assert [" ".join(text.split()[:2]) for text in error.details.splitlines()] == words
    assert "XBUILD_RUNTIME, XBUILD_IMAGES__BASE, XBUILD_NETWORK__CA_BUNDLE" in error.hint


def test_all_files_of_a_project_are_held_to_it(place: Place) -> None:
    (place.repo / ".git").mkdir()
    place.write("runtime = 'runc'\n", directory=place.repo)
    assert str(place.repo / "xbuild.toml:1") in place.not_for_projects().details
    place.write("", directory=place.repo)
    place.write("[tool.xbuild]\nruntime = 'runc'\n", name="pyproject.toml")
    assert "pyproject.toml:2: runtime" in place.not_for_projects().details


def test_what_is_overruled_is_not_refused(place: Place) -> None:
    place.write(
        f"runtime = 'runc'\nmemory = '64g'\ninterpreters = ['./py']\n[target.{LINUX}]\nmemory = '64g'\n"
    )
    environ = {"XBUILD_RUNTIME": "runsc", "XBUILD_MEMORY": "8g"}
    settings = place.load(environ=environ, flags={"interpreters": ["cp311"]}).settings
    assert (settings.runtime, settings.memory, settings.interpreters) == ("runsc", 8 << 30, ("cp311",))
    assert settings.for_target(LINUX).memory == 8 << 30


@pytest.mark.parametrize(
    ("users", "projects", "refused"),
    [
        ("", f"[target.{LINUX}]\nmemory = '5g'\n", f"xbuild.toml:2: target.{LINUX}.memory may lower"),
        (f"[target.{LINUX}]\nmemory = '8g'\n", f"[target.{LINUX}]\nmemory = '6g'\n", ""),
        (f"[target.{LINUX}]\nmemory = '8g'\n", "memory = '6g'\n", "xbuild.toml:1: memory may lower"),
        ("memory = '8g'\n", "memory = '6g'\n", ""),
        ("", "memory = '5g'\n", "not raise it: it is 4g"),
        ("", "timeout = '2h'\n", "not raise it: it is 1h"),
        ("", "cpus = 1000\n", ""),
        ("cpus = 2\n", "cpus = 3\n", "not raise it: it is 2"),
        ("", "reproducible = false\n", "may turn this on"),
        ("", "locked = false\ntest = false\n", ""),
        ("jobs = 2\n", "jobs = 'auto'\n", "not raise it: it is 2"),
        ("jobs = 2\n", "jobs = 2\n", ""),
        ("", "jobs = 'auto'\n", ""),
        ("", "jobs = 1\n", ""),
        ("", "jobs = 2\n", "not raise it: it is auto"),
    ],
)
def test_limits_and_promises(place: Place, users: str, projects: str, refused: str) -> None:
    place.say(users)
    place.write(projects)
    if refused:
        assert refused in place.not_for_projects().details
    else:
        place.load()


def test_a_file_that_the_caller_names_and_that_came_with_the_project(place: Place, tmp_path: Path) -> None:
    """Also where a link, a sdist's folder or the repository around a submodule says that it did."""
    text = "runtime = 'runc'\n"
    elsewhere = place.write(text, name="own.toml", directory=tmp_path)
    assert place.load(config_file=elsewhere).settings.runtime == "runc"
    linked = place.crate / "linked.toml"
    linked.symlink_to(elsewhere)
    place.not_for_projects(config_file=linked)
    inside = place.write(text, name="ci.toml", directory=place.repo)
    assert place.load(config_file=inside).settings.runtime == "runc"
    (place.repo / "PKG-INFO").touch()
    place.not_for_projects(config_file=inside)
    (place.repo / "PKG-INFO").unlink()
    (place.repo / ".git").mkdir()
    (place.crate / ".git").write_text("gitdir: ../../.git/modules/one\n", "utf-8")
    place.not_for_projects(config_file=inside)
    outside = tmp_path / "ci.toml"
    outside.symlink_to(inside)
    place.not_for_projects(config_file=outside)


def test_trust(place: Place, tmp_path: Path) -> None:
    place.write("runtime = 'runc'\n")
    linked = tmp_path / "linked"
    linked.symlink_to(place.repo)
    for trusted in (place.crate, place.repo, linked, place.crate / "xbuild.toml"):
        assert (
            place.load(environ={"XBUILD_TRUSTED_PROJECTS": f"/nowhere, {trusted}"}).settings.runtime == "runc"
        )
    place.say("trusted_projects = ['~/../repo']\n")
    assert place.load(environ={"HOME": str(place.home)}).settings.runtime == "runc"
    for strange in (place.crate / "src", place.home, f"{place.repo}2"):
        place.say(f"trusted_projects = ['{strange}']\n")
        place.not_for_projects()
    place.write("")
    place.say("trusted_projects = ['repo']\n")
    assert "must be absolute paths, and 'repo' is none" in place.refusal().details


def test_trust_ends_where_a_link_leads_out(place: Place, tmp_path: Path) -> None:
    strange = place.write("runtime = 'runc'\n", name="strange.toml", directory=tmp_path)
    (place.crate / "xbuild.toml").symlink_to(strange)
    place.say(f"trusted_projects = ['{place.repo}']\n")
    place.not_for_projects()


def test_nothing_that_cannot_be_a_path_is_trusted(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert not Trust((tmp_path,)).covers(Path("a\0b"))
    assert Trust.in_settings(Settings(trusted_projects=(str(loop),))).covers(tmp_path) is False


def test_a_setting_has_to_say_who_may_set_it() -> None:
    class Silent(BaseModel):
        said: Annotated[str, PROJECT] = ""
        silent: str = ""

    class Twice(BaseModel):
        both: Annotated[str, PROJECT, user("is two things")] = ""

    with pytest.raises(TypeError, match=r"Silent\.silent has to say who may set it"):
        check_declared(Silent)
    with pytest.raises(TypeError, match=r"Twice\.both has to say"):
        check_declared(Twice)
    check_declared(Silent, without=["silent"])


def test_the_document_is_made_from_the_declarations() -> None:
    """``python -m xbuild.settings.reference docs/configuration.md`` makes it anew."""
    text = DOCUMENT.read_text("utf-8")
    assert text == tables_renewed(text)
    tables = ["", *TABLES, "target.<triple>"]
    assert [table for table in tables if rendered(table) not in text] == []
    rows = [row for table in tables for row in rendered(table).splitlines()[2:]]
    assert len(rows) == len(KEYS)
    assert all(row.count("|") in {4, 5} and "|  |" not in row for row in rows)
    assert {say.value for say in Say} <= {
        row.split("|")[1].strip() for row in text.splitlines() if "|" in row
    }


def test_a_table_that_is_out_of_date_is_made_anew() -> None:
    marks = "<!-- settings: attest -->\n{}<!-- end of settings -->\n"
    assert tables_renewed(marks.format("| old |\n")) == marks.format(rendered("attest"))
    with pytest.raises(KeyError):
        tables_renewed("<!-- settings: nothing -->\n<!-- end of settings -->\n")


def test_every_setting_is_among_the_keys(place: Place) -> None:
    """``KEYS`` and ``xbuild config`` know the same settings."""
    general = {key for key, _ in flat(place.load().settings)}
    assert general == {key for key in KEYS if key[0] not in {"target", "environment"}}

"""The platform tag's policy: what callers and projects may ask for, and what is refused before the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import (
    ARM,
    LINUX,
    MACOS,
    MUSL,
    WINDOWS,
    make_details,
    make_manifest,
    make_request,
    make_target,
    target,
)
from support.plans import plan

from xbuild.app.requests import make_request as compose
from xbuild.catalog import load_catalog
from xbuild.check.audit.lists import find_policy
from xbuild.errors import RefusedError, UsageError
from xbuild.request.compatibility import choose_compatibility, concerns, understand
from xbuild.settings import Settings
from xbuild.wheels.naming import parse_platform


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("manylinux_2_28", "manylinux_2_28"),
        ("2_28", "manylinux_2_28"),
        ("manylinux2014", "manylinux_2_17"),
        ("2014", "manylinux_2_17"),
        ("ManyLinux2010", "manylinux_2_12"),
        ("1", "manylinux_2_5"),
        ("musllinux_1_2", "musllinux_1_2"),
        ("linux", "linux"),
        ("off", "linux"),
        ("pypi", "pypi"),
    ],
)
def test_words_of_maturins(word: str, known: str) -> None:
    assert understand(word) == known


@pytest.mark.parametrize(
    "word", ["", "manylinux", "manylinux_2", "glibc2.28", "--help", "manylinux_2_28_x86_64"]
)
def test_words_that_nobody_knows(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        understand(word)
    assert caught.value.code == "bad-compatibility"


@pytest.mark.parametrize(
    ("triple", "asked", "own", "word", "tag"),
    [
        (LINUX, "", "", "manylinux_2_17", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        (LINUX, "", "manylinux_2_28", "manylinux_2_28", "manylinux_2_28_x86_64"),
        (LINUX, "manylinux_2_34", "manylinux_2_28", "manylinux_2_34", "manylinux_2_34_x86_64"),
        (LINUX, "2014", "manylinux_2_28", "manylinux_2_17", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        (LINUX, "pypi", "linux", "manylinux_2_17", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        (LINUX, "", "off", "linux", "linux_x86_64"),
        (ARM, "", "manylinux_2_28", "manylinux_2_28", "manylinux_2_28_aarch64"),
        (MUSL, "manylinux_2_28", "manylinux_2_34", "musllinux_1_2", "musllinux_1_2_x86_64"),
        (MUSL, "musllinux_1_2", "", "musllinux_1_2", "musllinux_1_2_x86_64"),
        (WINDOWS, "manylinux_2_28", "linux", "", "win_amd64"),
        (MACOS, "", "manylinux_2_28", "", "macosx_11_0_arm64"),
        (MACOS, "pypi", "", "", "macosx_11_0_arm64"),
    ],
)
def test_what_maturin_is_asked_for(triple: str, asked: str, own: str, word: str, tag: str) -> None:
    table = {"compatibility": own} if own else {}
    found = choose_compatibility(target(triple), asked, table)
    assert (found.word, found.platform_tag) == (word, tag)


def test_the_old_name_of_the_key_counts_too() -> None:
    found = choose_compatibility(target(LINUX), "", {"manylinux": "manylinux_2_28"})
    assert found.word == "manylinux_2_28"


@pytest.mark.parametrize(
    ("triple", "asked", "own", "reason"),
    [
        (LINUX, "manylinux2010", "", "the setting compatibility asks for it; the standard library"),
        (LINUX, "", "manylinux1", "compatibility of [tool.maturin] asks for it; the standard library"),
        (LINUX, "manylinux_2_44", "", "newer than all"),
        (ARM, "manylinux_2_29", "", "no such policy"),
        (MUSL, "musllinux_1_1", "", "the standard library"),
        (MUSL, "linux", "", "does not say that the wheel needs musl"),
    ],
)
def test_what_cannot_be_built(triple: str, asked: str, own: str, reason: str) -> None:
    with pytest.raises(RefusedError) as caught:
        choose_compatibility(target(triple), asked, {"compatibility": own} if own else {})
    assert caught.value.code == "unsupported-compatibility"
    assert reason in caught.value.details
    assert "--compatibility" in caught.value.hint


def test_every_policy_is_one_that_the_audit_knows() -> None:
    for item in load_catalog().targets.values():
        for policy in item.policies:
            known = find_policy(parse_platform(f"{policy}_{item.arch}"), item.arch)
            assert known is not None
            assert known.name == policy
        assert not item.policies or item.compatibility == item.policies[0]
        assert bool(item.policies) == (item.os == "linux")
        assert all(concerns(item, policy) for policy in item.policies)


def test_the_plan_has_the_tag_in_the_command_and_in_the_wheel() -> None:
    wanted = make_target(LINUX, "python3.11")
    made = plan(
        make_request(wanted), make_manifest(maturin={"compatibility": "manylinux_2_28"}), make_details()
    )
    step = made.jobs[0].steps[0]
    assert step.argv[step.argv.index("--compatibility") + 1] == "manylinux_2_28"
    assert step.wheel.endswith("-cp311-cp311-manylinux_2_28_x86_64.whl")
    asked = "is built for manylinux_2_28, as compatibility of [tool.maturin] asks"
    assert [note.text for note in made.notes if "is built for" in note.text] == [f"{LINUX} {asked}"]


def test_the_plan_of_a_project_that_asks_for_too_much_is_refused() -> None:
    manifest = make_manifest(maturin={"compatibility": "manylinux2010"})
    with pytest.raises(RefusedError, match="manylinux_2_12 cannot be built"):
        plan(make_request(make_target(LINUX, "python3.11")), manifest, None)
    plan(make_request(make_target(WINDOWS, "python3.11")), manifest, make_details())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": [MACOS], "compatibility": "manylinux_2_28"}, f"says nothing about {MACOS}"),
        ({"targets": [MUSL, WINDOWS], "compatibility": "2014"}, f"says nothing about {MUSL}, {WINDOWS}"),
        ({"targets": [LINUX], "target": {LINUX: {"compatibility": "musllinux_1_2"}}}, "says nothing about"),
        ({"targets": [LINUX], "compatibility": "glibc"}, "is no compatibility"),
    ],
)
def test_words_for_no_target_are_refused(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        compose(Settings.from_layers([settings]), tmp_path, load_catalog())
    assert caught.value.code == "bad-compatibility"


def test_a_general_word_and_one_of_a_target(tmp_path: Path) -> None:
    settings = Settings.from_layers(
        [
            {
                "targets": [LINUX, ARM, MACOS],
                "compatibility": "manylinux_2_28",
                "target": {ARM: {"compatibility": "manylinux_2_34"}},
            }
        ]
    )
    request = compose(settings, tmp_path, load_catalog())
    assert [wanted.compatibility for wanted in request.targets] == [
        "manylinux_2_28",
        "manylinux_2_34",
        "manylinux_2_28",
    ]

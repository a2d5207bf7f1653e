"""What is refused before an engine is asked for anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli_runner import xbuild
from support.workshop import Workshop

from xbuild.errors import ExitStatus, RefusedError
from xbuild.plan.precheck import precheck


@pytest.mark.parametrize("below", ["", "dist", "a/dist"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_folder_for_wheels_that_cannot_be_one(tmp_path: Path, below: str, kind: str) -> None:
    shop = Workshop(tmp_path)
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("kept", "utf-8")
    else:
        place.symlink_to("nowhere")
    with pytest.raises(RefusedError) as caught:
        precheck(shop.request(out=place / below), shop.catalog)
    assert caught.value.code == "bad-out"
    assert str(place) in caught.value.details


def test_a_folder_for_wheels_that_is_not_there_yet(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    assert precheck(shop.request(out=tmp_path / "a" / "b" / "dist"), shop.catalog)
    assert not (tmp_path / "a").exists()


def test_the_command_refuses_it_in_a_moment(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    (tmp_path / "file").write_text("kept", "utf-8")
    ended = xbuild("run", shop.project, "--out", tmp_path / "file")
    assert (ended.status, ended.code) == (ExitStatus.REFUSED, "bad-out")
    assert (tmp_path / "file").read_text("utf-8") == "kept"


def test_a_link_that_leads_what_is_beside_the_wheels_elsewhere(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.out.mkdir()
    (tmp_path / "home").mkdir()
    (shop.out / ".xbuild").symlink_to("../home")
    with pytest.raises(RefusedError) as caught:
        precheck(shop.request(), shop.catalog)
    assert (caught.value.code, str(tmp_path / "home") in caught.value.details) == ("out-led-away", True)
    (shop.out / ".xbuild").unlink()
    (shop.out / "kept").mkdir()
    (shop.out / ".xbuild").symlink_to("kept")
    assert precheck(shop.request(), shop.catalog)


def test_a_link_of_the_projects_that_leads_wheels_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(tmp_path)
    (tmp_path / "home").mkdir()
    (shop.project / "dist").symlink_to("../home")
    (tmp_path / "dist").symlink_to("home")
    words = ("plan", shop.project, "--target", "no-such-target")
    monkeypatch.chdir(shop.project)
    refused = xbuild(*words)
    assert (refused.status, refused.code) == (ExitStatus.REFUSED, "out-led-away")
    assert xbuild(*words, environ={"XBUILD_OUT": "dist"}).code == "unknown-target"
    assert xbuild(*words, environ={"XBUILD_TRUSTED_PROJECTS": str(tmp_path)}).code == "unknown-target"
    # Beside the project, the link is the caller's
    monkeypatch.chdir(tmp_path)
    assert xbuild(*words).code == "unknown-target"
    (shop.project / "dist").unlink()
    (shop.project / "kept").mkdir()
    (shop.project / "dist").symlink_to("kept")
    monkeypatch.chdir(shop.project)
    assert xbuild(*words).code == "unknown-target"

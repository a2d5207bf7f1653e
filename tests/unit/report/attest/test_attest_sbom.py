"""Bills of materials of images, held against CycloneDX's own schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from support.cli_runner import xbuild, xbuild_without_engine
from support.fakes import LINUX
from support.workshop import Workshop

from xbuild.errors import ExitStatus, ImageError
from xbuild.images.manifest import image_manifest
from xbuild.images.recipe import toolchain_recipe
from xbuild.report.attest.sbom import image_bom

DIGEST = f"sha256:{'ab' * 32}"
MANIFEST: dict[str, Any] = {
    "schema": 1,
    "tools": {"rustc": "1.85.0", "clang": "22.1.0"},
    "debian": {
        "libc6:amd64": "2.41-12",
        "libstdc++6:amd64": "14.2.0-19",
        "adduser:all": "3.152",
        "login": "1:4.16.0-2+really2.41-5",
    },
    "python": {"maturin": "1.16.0", "Ziglang_Thing": "0.17.1"},
    "components": {"libwine-dev": "10.0~repack-6"},
    "interpreters": {"pypy3.9": "headers:pypy3-dev/trixie"},
}


def made(**changes: Any) -> str:
    return image_bom({**MANIFEST, **changes}, name="base", digest=DIGEST, recipe="cd" * 32, xbuild="0.1.0")


def test_strict_schema() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made()) is None


def test_everything_is_in_it_with_a_package_url() -> None:
    document = json.loads(made())
    urls = {item["purl"] for item in document["components"]}
    assert urls == {
        "pkg:deb/debian/adduser@3.152?arch=all",
        "pkg:deb/debian/libc6@2.41-12?arch=amd64",
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64",
        "pkg:deb/debian/login@1:4.16.0-2%2Breally2.41-5",
        "pkg:pypi/maturin@1.16.0",
        "pkg:pypi/ziglang-thing@0.17.1",
        "pkg:generic/tool/rustc@1.85.0",
        "pkg:generic/tool/clang@22.1.0",
        "pkg:generic/component/libwine-dev@10.0~repack-6",
        "pkg:generic/interpreter/pypy3.9",
    }
    assert all(PackageURL.from_string(url).to_string() == url for url in urls)
    (root,) = [item for item in document["dependencies"] if item["ref"].startswith("image:")]
    assert len(root["dependsOn"]) == len(document["components"])
    assert document["metadata"]["component"]["version"] == DIGEST


def test_the_same_image_gives_the_same_bytes() -> None:
    turned = {
        field: dict(reversed(list(value.items()))) for field, value in MANIFEST.items() if field != "schema"
    }
    assert made() == made(**turned)
    document = json.loads(made())
    assert "timestamp" not in document["metadata"]
    other = json.loads(image_bom(MANIFEST, name="base", digest=f"sha256:{'00' * 32}"))
    assert other["serialNumber"] != document["serialNumber"]


def test_fixed_time() -> None:
    text = image_bom(MANIFEST, name="base", digest=DIGEST, timestamp=datetime(2026, 1, 2, tzinfo=UTC))
    assert json.loads(text)["metadata"]["timestamp"] == "2026-01-02T00:00:00+00:00"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"debian": {}},
        {"debian": []},
        {"debian": {":amd64": "1"}},
        {"tools": {"rustc": 1}},
        {"tools": {"\ud800": "1"}},
        {"python": {"x": ""}},
        {"python": {"": "1"}},
    ],
)
def test_no_manifest(manifest: dict[str, Any]) -> None:
    with pytest.raises(ImageError) as caught:
        image_bom(manifest, name="other", digest=DIGEST)
    assert caught.value.code == "no-manifest"


def test_an_image_says_what_it_takes(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    recipe = toolchain_recipe(shop.catalog.target(LINUX))
    image = shop.engine.image(recipe.tag)
    assert image is not None
    text = image_bom(image_manifest(image), name=LINUX, digest=image.id, recipe=recipe.digest)
    assert {item["name"] for item in json.loads(text)["components"]} == {"libc6", "rustc"}


def test_the_command_knows_its_images(tmp_path: Path) -> None:
    out = tmp_path / "sbom.json"
    ended = xbuild("images", "sbom", "x86_64-unknown-linux", "--out", out)
    assert (ended.status, ended.code) == (ExitStatus.REFUSED, "unknown-target")
    assert xbuild_without_engine("images", "sbom", "base", "--out", out).status == ExitStatus.ENGINE
    assert not out.exists()

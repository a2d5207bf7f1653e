"""The part of the Dockerfile language that recipes use."""

from __future__ import annotations

import pytest

from xbuild.errors import ImageError
from xbuild.images.dockerfile import Copy, Run, parse

GOOD = """\
# a comment
ARG ROOT
ARG TARGET
FROM ${ROOT} AS build
COPY shared/ /recipe/
COPY "with space/" /recipe/
RUN --mount=type=secret,id=ca ["/bin/sh", "-c", \\
    "echo a  b"]
RUN ["true"]

FROM scratch
COPY --from=build /layer/ /
ENV PATH=/opt/${TARGET}/bin:/bin
ENV LANG=C.UTF-8
"""


def test_a_recipe() -> None:
    found = parse(GOOD, {"ROOT": "sha256:parent", "TARGET": "t"})
    assert found.arguments == ("ROOT", "TARGET")
    assert (found.build.parent, found.build.name) == ("sha256:parent", "build")
    assert found.build.steps == (
        Copy("shared/", "/recipe/"),
        Copy("with space/", "/recipe/"),
        Run(("/bin/sh", "-c", "echo a  b"), ("ca",)),
        Run(("true",)),
    )
    assert found.final.parent == "scratch"
    assert found.final.steps == (Copy("/layer/", "/", "build"),)
    assert dict(found.final.env) == {"PATH": "/opt/t/bin:/bin", "LANG": "C.UTF-8"}


@pytest.mark.parametrize(
    "line",
    [
        "ADD a/ b/",
        "USER root",
        "run ['true']",
        "RUN make",
        "RUN ['true']",
        'RUN --mount=type=cache,target=/x ["true"]',
        'RUN --mount=type=secret,id=ca,target=/x ["true"]',
        "COPY a b",
        "COPY a/ b/ c/",
        "COPY a/",
        "COPY --chown=1:1 a/ b/",
        "HEALTHCHECK NONE",
    ],
)
def test_what_recipes_cannot_say(line: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(f"FROM a AS build\n{line}\nFROM scratch\n", {}, path="docker/x/Dockerfile")
    assert caught.value.code == "bad-recipe"
    assert caught.value.brief.startswith("docker/x/Dockerfile")
    assert line.split(maxsplit=1)[0] in caught.value.details


@pytest.mark.parametrize(
    "text",
    ["", "FROM a AS build\n", "FROM a\nFROM b\n", "FROM a AS x\nFROM b AS y\nFROM c\n", 'RUN ["true"]\n'],
)
def test_what_is_no_recipe(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse(text, {})
    assert caught.value.code == "bad-recipe"

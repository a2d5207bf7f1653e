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
        "COPY",
        "COPY --from=x",
        'COPY "a/ b/',
        "COPY ${X}/ b/",
        'RUN "make"',
        "RUN 5",
        "RUN",
        "RUN []",
        'RUN ["a", 1]',
        'RUN {"a": 1}',
        "ENV A=1 B=2",
        "ENV A 1",
        "ENV A",
        "ENV 1=A",
        "ENV A='b'",
        'ENV A="b c"',
        "ENV A=$X",
        "ENV A=${X}",
        "ENV PATH=/opt:${PATH}",
        "ARG A=1",
        "ARG A B",
        "ARG",
        "FROM --platform=x y",
        "FROM a as b",
        "FROM a AS b c",
        "FROM",
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


def test_an_argument_without_a_value_or_a_declaration() -> None:
    text = 'FROM ${BASE} AS build\nRUN ["true"]\nFROM scratch\n'
    assert parse(f"ARG BASE\n{text}", {"BASE": "b"}).build.parent == "b"
    for recipe, values in ((f"ARG BASE\n{text}", {}), (text, {"BASE": "b"})):
        with pytest.raises(ImageError) as caught:
            parse(recipe, values)
        assert caught.value.code == "bad-recipe"
        assert "BASE" in caught.value.brief


def test_dollars_of_a_shell_are_its_own() -> None:
    found = parse('FROM a AS build\nRUN ["sh", "-c", "echo $HOME ${X}"]\nFROM scratch\n', {})
    assert found.build.steps == (Run(("sh", "-c", "echo $HOME ${X}")),)

"""Which files of a project, and of what is around it, a build sees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.repositories import commit, git, names, put

from xbuild.errors import RefusedError, UsageError, XbuildError
from xbuild.execute.diagnosis.leftout import configurations_left_out, left_out, unseen
from xbuild.inspect.crate.manifest import Manifest, read_manifest
from xbuild.inspect.sources.snapshot import Snapshot, take_snapshot

PYPROJECT = '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n[project]\nname = "demo"\n'
CARGO = '[package]\nname = "demo"\nversion = "1.2.3"\n'


@dataclass
class Yard:
    """A folder that projects and what is around them are in."""

    top: Path
    taken: int = field(default=0)

    def crate(self, folder: str, *, maturin: str = "", project: str = "", cargo: str = "") -> Path:
        """Write a project's manifests."""
        place = self.top / folder
        text = f"{PYPROJECT}{project}\n[tool.maturin]\n{maturin}\n"
        put(place, "pyproject.toml", text=text)
        put(place, "Cargo.toml", text=f"{CARGO}{cargo}\n")
        put(place, "src/lib.rs")
        return place

    def take(self, project: Path, *, source_root: Path | None = None) -> tuple[Manifest, Snapshot]:
        """Read the project and copy its sources."""
        self.taken += 1
        manifest = read_manifest(project, source_root=source_root)
        snapshot = take_snapshot(
            manifest.root,
            self.top.parent / f"copy-{self.taken}",
            parts=manifest.folders,
            always=manifest.files,
            project=manifest.project,
        )
        return manifest, snapshot

    def seen(self, project: Path, *, source_root: Path | None = None) -> set[str]:
        """The names that the copy has besides the three files of :meth:`crate`."""
        manifest, snapshot = self.take(project, source_root=source_root)
        own = {project / name for name in ("pyproject.toml", "Cargo.toml", "src/lib.rs")}
        return names(snapshot) - {path.relative_to(manifest.root).as_posix() for path in own}


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path / "yard")


def refusal(project: Path, *, home: Path | None = None) -> XbuildError:
    with pytest.raises(XbuildError) as caught:
        read_manifest(project, home=home)
    return caught.value


# The root


def test_a_repository_is_the_root_of_a_project_that_it_tracks(yard: Yard) -> None:
    project = yard.crate("bindings/python")
    put(yard.top, "c/mix.c", "README.md", ".cargo/config.toml", "other/Cargo.toml", "secret.env")
    put(yard.top, ".gitignore", text="*.env\n")
    commit(yard.top)
    put(yard.top, "id_ed25519", "c/notes")
    put(project, "new.rs")
    manifest, snapshot = yard.take(project)
    assert manifest.root == yard.top
    assert {"c/mix.c", "README.md", ".cargo/config.toml", "bindings/python/new.rs"} <= names(snapshot)
    assert not {"secret.env", "id_ed25519", "c/notes"} & names(snapshot)
    assert snapshot.commit


def test_a_project_that_a_repository_does_not_track_is_no_part_of_it(yard: Yard) -> None:
    put(yard.top, "own.txt")
    commit(yard.top)
    project = yard.crate("unpacked/demo-1.2.3")
    assert read_manifest(project).root == project
    assert yard.seen(project) == set()


def test_a_repository_in_another_one_is_a_root_of_its_own(yard: Yard) -> None:
    project = yard.crate("inner/py")
    commit(yard.top / "inner")
    put(yard.top, "own.txt")
    commit(yard.top)
    assert read_manifest(project).root == yard.top / "inner"


def test_without_a_repository_the_root_has_what_the_manifests_name(yard: Yard) -> None:
    project = yard.crate(
        "bindings/py",
        project='readme = "../../README.md"\nlicense = {file = "../../legal/LICENSE"}',
        cargo='build = "../build.rs"\n[lib]\npath = "../../shared/lib.rs"\n'
        '[[bin]]\nname = "b"\npath = "../bin.rs"',
    )
    put(
        yard.top,
        "README.md",
        "legal/LICENSE",
        "shared/lib.rs",
        "shared/parts/a.rs",
        "diary.txt",
        "legal/draft",
    )
    put(yard.top / "bindings", "build.rs", "bin.rs", "private.rs")
    assert read_manifest(project).root == yard.top
    assert yard.seen(project) == {
        "README.md",
        "legal/LICENSE",
        "shared/lib.rs",
        "shared/parts/a.rs",
        "bindings/build.rs",
        "bindings/bin.rs",
    }


def test_a_readme_that_the_workspace_names_is_in_its_folder(yard: Yard) -> None:
    project = yard.crate("py", cargo="readme.workspace = true\nlicense-file = { workspace = true }")
    text = '[workspace]\nmembers = ["py"]\n[workspace.package]\nreadme = "../R.md"\nlicense-file = "../L"\n'
    put(yard.top / "ws", "Cargo.toml", text=text)
    (yard.top / "py").rename(yard.top / "ws" / "py")
    put(yard.top, "R.md", "L", "other")
    assert read_manifest(yard.top / "ws" / project.name).root == yard.top
    assert yard.seen(yard.top / "ws" / "py") == {"R.md", "L", "ws/Cargo.toml"}


@pytest.mark.parametrize("name", ["../.ssh/id_rsa", "../../ada/.ssh/id_rsa", "src/../../.ssh/id_rsa"])
def test_what_is_named_does_not_bring_in_the_home_folder(yard: Yard, name: str) -> None:
    home = yard.top / "people" / "ada"
    project = yard.crate("people/ada/unpacked", project=f'readme = "{name}"')
    put(home, ".ssh/id_rsa")
    error = refusal(project, home=home)
    assert isinstance(error, RefusedError)
    assert error.code == "outside-sources"
    assert str(home / ".ssh" / "id_rsa") in error.brief
    assert "project.readme of pyproject.toml" in error.details
    assert "source_root" in error.hint
    assert read_manifest(project, source_root=home, home=home).root == home


STRANGERS = """\
[package]
name = "demo"
version = "1.0.0"
[lib]
crate-type = ["cdylib"]
[dependencies]
pyo3 = "0.26"
{name} = {{ path = "{path}" }}
"""


def crate_of_the_users(folder: Path) -> None:
    put(folder, "Cargo.toml", text='[package]\nname = "private"\nversion = "1.0.0"\n')
    put(folder, "src/lib.rs", "key.rs")


@pytest.mark.parametrize("path", ["../../private", "../../nothing", "{top}/work/private"])
@pytest.mark.parametrize("how", ["clone", "submodule", "sdist"])
def test_a_project_does_not_name_what_did_not_come_with_it(yard: Yard, how: str, path: str) -> None:
    """A path dependency on the user's own crate would put its files into a build, and the root around both
    would let all else in it be named."""
    crate_of_the_users(yard.top / "work" / "private")
    project = yard.crate("work/strange/py", project='readme = "../../notes.txt"')
    put(yard.top / "work", "notes.txt")
    put(project, "Cargo.toml", text=STRANGERS.format(name="private", path=path.format(top=yard.top)))
    if how == "sdist":
        put(yard.top / "work" / "strange", "PKG-INFO")
    else:
        commit(yard.top / "work" / "strange")
    if how == "submodule":
        inner = yard.top / "work" / "strange"
        (inner / ".git").rename(yard.top / "work" / "git")
        put(yard.top / "work" / "strange", ".git", text="gitdir: ../git\n")
    error = refusal(project)
    assert (error.code, "is outside of the sources" in error.brief) == ("outside-sources", True)
    assert str(yard.top / "work" / "strange") in error.details
    assert "trusted_projects" in error.hint
    for manifest in (
        read_manifest(project, source_root=yard.top / "work"),
        read_manifest(project, trusted=True),
    ):
        assert manifest.root == yard.top / "work"


@pytest.mark.parametrize(
    "words",
    [
        '[workspace]\nmembers = ["../private"]',
        '[workspace]\nmembers = ["../p*"]',
        '[patch.crates-io]\nprivate = { path = "../private" }',
        '[target."cfg(windows)".build-dependencies]\nprivate = { path = "../private" }',
        '[dev-dependencies]\nprivate = { path = "../private" }',
        '[dependencies]\nnear = { path = "near" }',
    ],
)
def test_all_that_names_crates_is_held_to_it(yard: Yard, words: str) -> None:
    crate_of_the_users(yard.top / "private")
    project = yard.crate("strange", cargo=words)
    text = '[package]\nname = "near"\n[dependencies]\nprivate = { path = "../../private" }\n'
    put(project, "near/Cargo.toml", text=text)
    put(project, "PKG-INFO")
    error = refusal(project)
    assert (error.code, str(yard.top / "private") in error.brief) == ("outside-sources", True)


@pytest.mark.parametrize("how", ["manifest-path", "package.workspace", "found"])
def test_a_crate_of_the_users_around_a_sdist_is_taken_where_the_user_made_it_so(yard: Yard, how: str) -> None:
    """Cargo looks for a workspace above a crate; its members are those that its own manifest names."""
    project = yard.crate(
        "work/strange",
        maturin='manifest-path = "../Cargo.toml"' if how == "manifest-path" else "",
        cargo='workspace = ".."' if how == "package.workspace" else "",
    )
    text = '[package]\nname = "private"\nversion = "1.0.0"\n[workspace]\nmembers = ["strange"]\n'
    put(yard.top / "work", "Cargo.toml", text=text)
    put(yard.top / "work", "key.rs")
    put(project, "PKG-INFO")
    if how == "found":
        assert read_manifest(project).root == yard.top / "work"
    else:
        assert refusal(project).code == "outside-sources"


def test_what_a_sdist_names_is_in_it(yard: Yard) -> None:
    project = yard.crate("work/strange/py", project='readme = "../README.md"')
    put(yard.top / "work" / "strange", "PKG-INFO", "README.md", "other")
    assert yard.seen(project) == {"README.md"}
    put(yard.top / "work", "README.md")
    project = yard.crate("work/strange/py", project='readme = "../../README.md"')
    assert refusal(project).code == "outside-sources"
    assert read_manifest(project, trusted=True).root == yard.top / "work"


def test_a_submodule_came_with_the_repository_around_it(yard: Yard) -> None:
    crate_of_the_users(yard.top / "shared")
    project = yard.crate("bindings")
    put(project, "Cargo.toml", text=STRANGERS.format(name="private", path="../shared"))
    commit(project)
    (yard.top / ".git" / "modules").mkdir(parents=True)
    (project / ".git").rename(yard.top / ".git" / "modules" / "bindings")
    put(project, ".git", text="gitdir: ../.git/modules/bindings\n")
    assert read_manifest(project).root == yard.top


def test_path_dependencies_do_not_bring_in_the_home_folder(yard: Yard) -> None:
    home = yard.top / "people" / "ada"
    crate_of_the_users(home / "private")
    project = yard.crate("people/ada/unpacked")
    put(project, "Cargo.toml", text=STRANGERS.format(name="private", path="../private"))
    error = refusal(project, home=home)
    assert (error.code, str(home / "private") in error.brief) == ("outside-sources", True)
    assert read_manifest(project, home=home, trusted=True).root == home
    assert read_manifest(project, home=home, source_root=home).root == home
    assert read_manifest(project, home=yard.top / "people" / "eve").root == home


def test_the_root_that_the_user_names(yard: Yard) -> None:
    project = yard.crate("crate/py")
    put(yard.top, "c/mix.c", "deep/repo/a", "deep/repo/b.log")
    put(yard.top / "deep/repo", ".gitignore", text="*.log\n")
    commit(yard.top / "deep" / "repo")
    assert yard.seen(project) == set()
    assert yard.seen(project, source_root=yard.top) == {"c/mix.c", "deep/repo/a", "deep/repo/.gitignore"}
    commit(yard.top)
    assert read_manifest(project, source_root=project).root == project
    put(yard.top / "crate", "fresh.c")
    assert yard.seen(project, source_root=yard.top / "crate") == {"fresh.c"}


@pytest.mark.parametrize("name", ["elsewhere", "crate/py/src", "missing", "crate/py/Cargo.toml"])
def test_a_root_that_does_not_have_the_project(yard: Yard, name: str) -> None:
    project = yard.crate("crate/py")
    put(yard.top, "elsewhere/x")
    with pytest.raises(UsageError) as caught:
        read_manifest(project, source_root=yard.top / name)
    assert caught.value.code == "bad-source-root"
    assert str(project) in caught.value.details


# Links


def test_a_readme_that_is_a_link_to_the_repositorys(yard: Yard) -> None:
    project = yard.crate("bindings/py", project='readme = "README.md"\nlicense-files = ["LICENSE"]')
    put(yard.top, "README.md", "LICENSE")
    for name in ("README.md", "LICENSE"):
        (project / name).symlink_to(f"../../{name}")
    error = refusal(project)
    assert error.code == "outside-sources"
    assert f"is a link to {yard.top / 'README.md'}" in error.brief
    put(yard.top, ".gitignore", text="/LICENSE\n")
    commit(yard.top)
    assert yard.seen(project) == {
        ".gitignore",
        "README.md",
        "LICENSE",
        "bindings/py/README.md",
        "bindings/py/LICENSE",
    }


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_to_a_file_of_the_users_is_not_followed(yard: Yard, *, absolute: bool) -> None:
    project = yard.crate("demo", maturin='include = ["assets/*"]', project='readme = "README"')
    put(yard.top, "id_rsa", text="secret")
    target = yard.top / "id_rsa" if absolute else Path("..") / "id_rsa"
    (project / "README").symlink_to(target)
    assert refusal(project).code == "outside-sources"
    (project / "README").unlink()
    put(project, "assets/a")
    (project / "assets" / "key").symlink_to(target if absolute else ".." / target)
    assert "include = 'assets/*'" in refusal(project).details
    (project / "assets" / "key").rename(project / "key" if absolute else project / "src" / "key")
    _, snapshot = yard.take(project)
    ((name, found),) = snapshot.links
    assert (project / name).is_symlink()
    assert found == yard.top / "id_rsa"
    assert b"secret" not in {
        path.read_bytes() for path in snapshot.folder.rglob("*") if not path.is_symlink() and path.is_file()
    }


def test_links_that_lead_nowhere_or_into_the_sources_are_not_told(yard: Yard) -> None:
    project = yard.crate("demo")
    (project / "nowhere").symlink_to("../../../nothing/here")
    (project / "loop").symlink_to("loop")
    (project / "lib").symlink_to("src/lib.rs")
    _, snapshot = yard.take(project)
    assert snapshot.links == ()


def test_files_are_not_taken_through_a_link(yard: Yard) -> None:
    project = yard.crate("demo", maturin='include = ["assets/**/*", "assets/key"]\ndata = "assets"')
    put(yard.top, "private/key")
    (project / "assets").symlink_to("../private")
    error = refusal(project)
    assert error.code == "outside-sources"
    assert "assets" in error.brief


def test_files_behind_a_link_in_the_project_are_taken_where_they_are(yard: Yard) -> None:
    project = yard.crate("demo", maturin='data = "assets/demo.data"')
    put(project, "real/demo.data/data/a.bin", ".gitignore", text="*.bin\n")
    (project / "assets").symlink_to("real")
    commit(project)
    assert yard.seen(project) == {".gitignore", "assets", "real/demo.data/data/a.bin"}


# What maturin packs


@pytest.mark.parametrize(
    ("maturin", "found"),
    [
        ('include = ["web/**/*"]', {"web/app.js", "web/css/app.css", "web/.hidden.js"}),
        ('include = ["web/*"]', {"web/app.js", "web/.hidden.js"}),
        ('include = ["web/css/a[a-p]p.c?s"]', {"web/css/app.css"}),
        ('include = [{ path = "web/app.js", format = "wheel" }]', {"web/app.js"}),
        ('include = [{ path = "web/app.js", format = ["sdist", "wheel"] }]', {"web/app.js"}),
        ('include = [{ path = "web/app.js", format = "sdist" }]', set()),
        ('include = [{ path = "*", from = "out-dir", to = "demo/" }]', set()),
        ('include = ["../**/*", "/etc/passwd", "./nothing", "web"]', set()),
        ('python-source = "web"\ninclude = ["css/*.css"]', {"web/css/app.css"}),
        ('data = "web"', {"web/app.js", "web/css/app.css", "web/.hidden.js", "web/__pycache__/a.js"}),
        ('sbom.include = ["web/app.js"]', {"web/app.js"}),
        ("", set()),
    ],
)
def test_ignored_files_that_maturin_packs_are_sources(yard: Yard, maturin: str, found: set[str]) -> None:
    project = yard.crate("demo", maturin=maturin)
    put(project, "web/app.js", "web/css/app.css", "web/.hidden.js", "web/__pycache__/a.js", "other.js")
    put(project, ".gitignore", text="*.js\n*.css\n")
    put(yard.top, "outside.js")
    commit(project)
    assert yard.seen(project) - {".gitignore"} == found


def test_stubs_readmes_and_licences_that_git_ignores_are_sources(yard: Yard) -> None:
    project = yard.crate("demo", project='readme = "about.txt"', cargo='[lib]\nname = "_demo"')
    put(project, "about.txt", "_demo.pyi", "LICENSE", "NOTICE.md", "_demo.data/scripts/run", "notes.txt")
    put(project, ".gitignore", text="*\n!*.toml\n!src\n!src/lib.rs\n")
    commit(project)
    assert yard.seen(project) == {"about.txt", "_demo.pyi", "LICENSE", "NOTICE.md", "_demo.data/scripts/run"}


PACKED = {"__init__.py", "above.py", "excluded.py", "static/a.js", ".hidden.py"}


@pytest.mark.parametrize("where", ["repository", "below"])
def test_the_ignore_files_that_maturin_goes_by(yard: Yard, where: str) -> None:
    """As maturin 1.16.0 packed them, but for ``tracked_own.py``, which git tracks."""
    project = yard.crate("sub", maturin='python-source = "python"')
    package = project / "python" / "demo"
    put(package, "__init__.py", "above.py", "excluded.py", "static/a.js", ".hidden.py", "own.py", "mine.py")
    put(package, "tracked_own.py", "x.pyc", "__pycache__/a.pyc")
    put(yard.top, ".gitignore", text="above.py\nstatic/\n*.pyc\n")
    put(project, ".gitignore", text="own.py\ntracked_own.py\n")
    put(package, ".gitignore", text="mine.py\n")
    top = yard.top if where == "below" else project
    git(top, "init", "-q")
    put(top, ".git/info/exclude", text="excluded.py\n")
    git(top, "add", "-A")
    git(top, "add", "-f", str(package / "tracked_own.py"))
    commit(top)
    prefix = "sub/python/demo/" if where == "below" else "python/demo/"
    found = {name.removeprefix(prefix) for name in yard.seen(project) if name.startswith(prefix)}
    assert found - {"x.pyc", "__pycache__/a.pyc"} == {*PACKED, "tracked_own.py", ".gitignore"}
    assert ("x.pyc" in found) == (where == "repository")


def test_packages_besides_the_modules_own_are_sources(yard: Yard) -> None:
    project = yard.crate("sub", maturin='module-name = "demo._core"\npython-packages = ["extra"]')
    put(project, "demo/_version.py", "extra/_pb2.py", "third/_pb2.py")
    put(yard.top, ".gitignore", text="_*.py\n")
    commit(yard.top)
    assert yard.seen(project) == {".gitignore", "sub/demo/_version.py", "sub/extra/_pb2.py"}


@pytest.mark.parametrize("link", [True, False])
def test_python_sources_that_maturin_would_not_pack(yard: Yard, *, link: bool) -> None:
    source = "python" if link else "../python"
    project = yard.crate("rust", maturin=f'python-source = "{source}"')
    put(yard.top, "python/demo/__init__.py", "python/demo/labels.json")
    if link:
        put(project, "python/x")
        (project / "python" / "demo").symlink_to("../../python/demo")
    commit(yard.top)
    error = refusal(project)
    assert error.code == "python-source-outside"
    assert "without demo" in error.brief
    assert 'include = ["demo/**/*"]' in error.hint
    if not link:
        yard.crate("rust", maturin=f'python-source = "{source}"\ninclude = ["demo/**/*"]')
        assert {"python/demo/__init__.py", "python/demo/labels.json"} <= yard.seen(project)


def test_an_extension_beside_which_there_is_no_package_has_nothing_to_lose(yard: Yard) -> None:
    put(yard.top, "python/other.py")
    assert read_manifest(yard.crate("rust", maturin='python-source = "../python"')).root == yard.top


# What is left out


def test_patterns_are_from_the_root_or_from_the_project_on(yard: Yard) -> None:
    project = yard.crate("py")
    put(yard.top, "py/gen/a.py", "gen/b.py", "other/gen/c.py")
    put(yard.top, ".gitignore", text="gen/\n")
    commit(yard.top)
    manifest = read_manifest(project)

    def taken(name: str, *, include: tuple[str, ...], exclude: tuple[str, ...] = ()) -> set[str]:
        copy = take_snapshot(
            manifest.root,
            yard.top.parent / name,
            parts=manifest.folders,
            project=project,
            include=include,
            exclude=exclude,
        )
        return {found for found in names(copy) if "gen/" in found}

    assert taken("1", include=("gen/*.py",)) == {"py/gen/a.py", "gen/b.py"}
    assert taken("2", include=("/py/gen/a.py",)) == {"py/gen/a.py"}
    assert taken("3", include=("*.py",), exclude=("/gen",)) == {"other/gen/c.py"}


def test_configurations_of_cargo_that_do_not_count(yard: Yard) -> None:
    home = yard.top / "ada"
    project = yard.crate("ada/work/demo")
    put(home, ".cargo/config.toml", "work/.cargo/config", "work/.cargo/config.toml")
    put(project, ".cargo/config.toml")
    manifest, snapshot = yard.take(project)
    assert list(configurations_left_out(manifest, snapshot, home)) == [home / "work/.cargo/config.toml"]
    put(home / "work", ".gitignore", text=".cargo\n!demo/.cargo\n")
    commit(home / "work")
    manifest, snapshot = yard.take(project)
    assert manifest.root == home / "work"
    assert list(configurations_left_out(manifest, snapshot, home)) == [home / "work/.cargo/config.toml"]
    git(home / "work", "add", "-f", ".cargo/config.toml")
    manifest, snapshot = yard.take(project)
    assert list(configurations_left_out(manifest, snapshot, home)) == []


MISSED = [
    "error: couldn't read `src/../../../README.md`: No such file or directory (os error 2)",
    "error: couldn't read `bindings/python/src/../../../README.md`: No such file or directory (os error 2)",
    "README: /src/README.md: No such file or directory",
    "  clang: error: no such file or directory: '../../README.md'",
    "  <stdin>:1:10: fatal error: '../../README.md' file not found",
    "  failed to read `/src/bindings/../README.md`",
]


@pytest.mark.parametrize("line", MISSED)
def test_a_file_that_is_not_tracked_is_named_where_a_build_misses_it(yard: Yard, line: str) -> None:
    project = yard.crate("bindings/python")
    commit(yard.top)
    put(yard.top, "README.md")
    manifest, snapshot = yard.take(project)
    (found,) = left_out(["error: something else", line, "", "src/lib.rs: not found"], manifest, snapshot)
    assert found.path == yard.top / "README.md"
    assert found.message.endswith("git does not track it")
    assert "git add README.md" in found.hint
    assert left_out(["Compiling ../../README.md"], manifest, snapshot) == ()
    commit(yard.top)
    assert left_out([line], *yard.take(project)) == ()


@pytest.mark.parametrize(
    "line", ["no such file: '../../c/mix.c'", "/src/../../c/mix.c: not found", "cannot find /c/mix.c"]
)
def test_a_file_above_the_root_is_named_where_a_build_misses_it(yard: Yard, line: str) -> None:
    project = yard.crate("bindings/python")
    put(yard.top, "c/mix.c")
    (found,) = left_out([line], *yard.take(project))
    assert found.path == yard.top / "c" / "mix.c"
    assert str(project) in found.message
    assert f"--source-root {yard.top}" in found.hint
    assert left_out([line], *yard.take(project, source_root=yard.top)) == ()


def test_a_file_that_is_ignored_or_excluded_is_named_where_a_build_misses_it(yard: Yard) -> None:
    project = yard.crate("py")
    put(project, "gen/a.c", "data.bin")
    put(yard.top, ".gitignore", text="gen/\n")
    commit(yard.top)
    manifest = read_manifest(project)
    snapshot = take_snapshot(
        manifest.root, yard.top.parent / "c", parts=manifest.folders, project=project, exclude=["/data.bin"]
    )
    lines = [
        "cannot find gen/a.c",
        "'data.bin' not found",
        "/usr/lib/nothing: not found",
        "x" * 9000 + "/ not found",
    ]
    ignored, excluded = left_out(lines, manifest, snapshot, exclude=["/data.bin"])
    assert ignored.path == project / "gen" / "a.c"
    assert ignored.message.endswith("git ignores it")
    assert ignored.hint == 'source_include = ["py/gen/a.c"]'
    assert excluded.path == project / "data.bin"
    assert excluded.message.endswith("source_exclude leaves it out")


@pytest.mark.parametrize(
    ("files", "size", "told"), [(20_001, 0, True), (9, (1 << 30) + 1, True), (9, 9, False)]
)
def test_sources_that_take_long_to_copy_are_told(yard: Yard, files: int, size: int, *, told: bool) -> None:
    project = yard.crate("py")
    manifest, snapshot = yard.take(project)
    found = {item.code: item for item in unseen(manifest, replace(snapshot, files=files, size=size), None)}
    assert ("many-sources" in found) == told
    if told:
        assert f"--source-root {project}" in found["many-sources"].hint


@pytest.mark.parametrize("key", ["python-source", "data"])
def test_a_folder_above_a_project_in_no_repository_is_named_by_the_user_only(yard: Yard, key: str) -> None:
    project = yard.crate("downloads/demo", maturin=f'{key} = ".."\ninclude = ["**/*"]')
    put(yard.top, "downloads/letter.txt", "downloads/demo/demo/__init__.py")
    error = refusal(project)
    assert error.code == "outside-sources"
    assert str(yard.top / "downloads") in error.brief
    assert read_manifest(project, source_root=yard.top / "downloads").root == yard.top / "downloads"
    commit(yard.top / "downloads")
    assert read_manifest(project).root == yard.top / "downloads"


def test_a_readme_that_is_not_used_may_lead_anywhere(yard: Yard) -> None:
    project = yard.crate("demo", project='readme = "about.md"')
    put(project, "about.md")
    put(yard.top, "README.md")
    (project / "README.md").symlink_to("../README.md")
    assert read_manifest(project).root == project
    yard.crate("demo")
    assert refusal(project).code == "outside-sources"

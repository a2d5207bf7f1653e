"""What a crate's own files say."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from support.fakes import kinds, locked, make_crate, make_manifest

from xbuild.errors import RefusedError
from xbuild.inspect.crate.features import features_for
from xbuild.inspect.crate.manifest import read_manifest

MODULE = "[lib]\ncrate-type = ['cdylib']\n"
PYPROJECT = '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'
CARGO = '[package]\nname = "demo"\nversion = "1.2.3"\n[dependencies]\npyo3 = "0.26"\n'


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_toml", ".toml").replace("_lock", ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def refusal(path: Path) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read_manifest(path)
    return caught.value


def test_a_plain_crate(tmp_path: Path) -> None:
    make_crate(tmp_path / "demo")
    found = read_manifest(tmp_path / "demo")
    assert (found.name, found.version, found.requires_python) == ("demo", "1.2.3", ">=3.8")
    assert found.root == found.project == found.workspace == tmp_path / "demo"
    assert found.bindings == "pyo3"
    assert str(found.locked_versions("pyo3")[0]) == "0.26.0"
    assert found.lock_path == tmp_path / "demo" / "Cargo.lock"


@pytest.mark.parametrize("name", ["pyproject.toml", "Cargo.toml"])
def test_a_file_stands_for_its_folder(tmp_path: Path, name: str) -> None:
    make_crate(tmp_path / "demo")
    assert read_manifest(tmp_path / "demo" / name) == read_manifest(tmp_path / "demo")


def test_without_pyproject(tmp_path: Path) -> None:
    found = read_manifest(put(tmp_path, Cargo_toml=CARGO))
    assert (found.name, found.requires_python, found.locked) == ("demo", "", None)
    assert found.specifier.contains("3.8")


@pytest.mark.parametrize("words", ["", '[tool.maturin]\npython-packages = ["other"]\n'])
def test_a_project_that_puts_python_first_has_its_crate_in_rust(tmp_path: Path, words: str) -> None:
    text = f'{PYPROJECT}[project]\nname = "my-demo"\nversion = "1"\n{words}'
    modules = "other" if words else "my_demo"
    place = put(tmp_path, pyproject_toml=text, rust__Cargo_toml=CARGO, **{f"src__{modules}__x": ""})
    assert refusal(place).code == "no-crate"
    (tmp_path / "src" / modules / "__init__.py").touch()
    assert read_manifest(place).cargo_toml == tmp_path / "rust" / "Cargo.toml"


@pytest.mark.parametrize("backend", ["setuptools.build_meta", "hatchling.build", "poetry.core.masonry.api"])
def test_another_backend_is_named(tmp_path: Path, backend: str) -> None:
    text = f'[build-system]\nrequires = ["setuptools>=61", "setuptools-rust"]\nbuild-backend = "{backend}"\n'
    error = refusal(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO))
    assert error.code == "not-maturin"
    assert backend in error.brief
    assert "setuptools-rust" in error.details


def test_a_build_system_without_a_backend_is_setuptools(tmp_path: Path) -> None:
    text = '[build-system]\nrequires = ["setuptools"]\n'
    error = refusal(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO))
    assert error.code == "not-maturin"
    assert "setuptools" in error.brief


def test_setup_py_is_setuptools(tmp_path: Path) -> None:
    put(tmp_path, Cargo_toml=CARGO)
    (tmp_path / "setup.py").write_text("from setuptools_rust import RustExtension\n", "utf-8")
    error = refusal(tmp_path)
    assert error.code == "not-maturin"
    assert "setup.py" in error.brief
    text = '[project]\nname = "demo"\n[[tool.setuptools-rust.ext-modules]]\ntarget = "demo"\n'
    assert "setuptools-rust" in refusal(put(tmp_path, pyproject_toml=text)).brief
    # an old setup.py beside what maturin builds is nobody's
    assert read_manifest(put(tmp_path, pyproject_toml=PYPROJECT)).name == "demo"
    assert read_manifest(put(tmp_path, pyproject_toml='[tool.maturin]\nname = "demo"\n')).name == "demo"


def test_no_crate(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "no-crate"
    assert refusal(tmp_path / "nothing").code == "no-crate"
    assert refusal(put(tmp_path / "py", pyproject_toml=PYPROJECT)).code == "no-crate"
    archive = tmp_path / "demo-1.0.tar.gz"
    archive.write_bytes(b"")
    assert "unpack" in refusal(archive).hint


def test_a_workspace_is_no_crate(tmp_path: Path) -> None:
    error = refusal(put(tmp_path, Cargo_toml='[workspace]\nmembers = ["a"]\n'))
    assert error.code == "no-crate"
    assert "member" in error.hint


@pytest.mark.parametrize("text", ["[package\n", "a = 1\na = 2\n", "\x00", 'x = "\xff\n'])
@pytest.mark.parametrize("name", ["Cargo_toml", "pyproject_toml"])
def test_bad_toml(tmp_path: Path, name: str, text: str) -> None:
    files = {"Cargo_toml": CARGO, "pyproject_toml": PYPROJECT, name: text}
    error = refusal(put(tmp_path, **files))
    assert error.code == "bad-manifest"
    assert name.replace("_", ".") in error.brief


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_bytes(b'[package]\nname = "\xff\xfe"\n')
    assert refusal(tmp_path).code == "bad-manifest"


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("Cargo.toml", "package = 3\n", "package"),
        ("Cargo.toml", "[package]\nversion = '1.0.0'\n", "package.name"),
        ("Cargo.toml", "[package]\nname = 'demo'\nversion = 1.0\n", "package.version"),
        ("Cargo.toml", CARGO + "x = 3\n", "dependencies.x"),
        ("Cargo.toml", CARGO + "x = { path = 3 }\n", "dependencies.x"),
        ("Cargo.toml", CARGO + 'x = { path = "a\\u0000b" }\n', "NUL"),
        ("Cargo.toml", CARGO + "[target]\nx = 3\n", "target.x"),
        ("Cargo.toml", CARGO + "[target.x]\nbuild-dependencies = 3\n", "target.x.build-dependencies"),
        ("Cargo.toml", "dependencies = 3\n[package]\nname = 'demo'\nversion = '1.0.0'\n", "dependencies"),
        ("Cargo.toml", "workspace = 3\n" + CARGO, "workspace"),
        ("Cargo.toml", CARGO + "[workspace]\nmembers = 'py'\n", "workspace.members"),
        ("Cargo.toml", CARGO + "[patch]\ncrates-io = 3\n", "patch.crates-io"),
        ("Cargo.toml", CARGO + "[lib]\ncrate-type = 'cdylib'\n", "lib.crate-type"),
        ("pyproject.toml", "build-system = 3\n", "build-system"),
        ("pyproject.toml", "[build-system]\nrequires = [1]\nbuild-backend = 'x'\n", "build-system.requires"),
        ("pyproject.toml", "project = 3\n", "project"),
        ("pyproject.toml", "[project]\nname = 3\n", "project.name"),
        ("pyproject.toml", "[tool]\nmaturin = 3\n", "tool.maturin"),
        ("pyproject.toml", "[tool.maturin]\nfeatures = 'a'\n", "tool.maturin.features"),
        ("pyproject.toml", "[tool.maturin]\nmanifest-path = []\n", "tool.maturin.manifest-path"),
    ],
)
def test_toml_of_another_shape(tmp_path: Path, name: str, text: str, where: str) -> None:
    put(tmp_path, Cargo_toml=CARGO)
    (tmp_path / name).write_text(text, "utf-8")
    error = refusal(tmp_path)
    assert error.code == "bad-manifest"
    assert str(tmp_path / name) in error.brief
    assert where in error.details


def test_what_is_not_read_may_have_any_shape(tmp_path: Path) -> None:
    cargo = CARGO + "[package.metadata]\na = [1, {}]\n[profile.release]\nlto = 3\n[[bin]]\nname = 3\n"
    other = "[tool.other]\nx = 1\n[tool.maturin]\nstrip = 3\n[project]\nauthors = 3\n"
    assert read_manifest(put(tmp_path, Cargo_toml=cargo, pyproject_toml=PYPROJECT + other)).name == "demo"


def test_features_for_some_versions_of_python(tmp_path: Path) -> None:
    text = (
        '[tool.maturin]\nfeatures = ["a", { feature = "b", python-version = ">=3.11" }, { feature = "c" }, '
        '{ feature = "d", python-implementation = "PyPy" }]\n'
    )
    found = read_manifest(put(tmp_path, Cargo_toml=CARGO, pyproject_toml=PYPROJECT + text))
    assert found.maturin_features == ("a", "c")
    asked = kinds("python3.9", "python3.11", "pypy3.11")
    on = {item.kind: features_for(item, found.conditional_features) for item in asked}
    assert on == {"python3.9": (), "python3.11": ("b",), "pypy3.11": ("b", "d")}


@pytest.mark.parametrize(
    "feature", ['{ python-version = ">=3" }', '{ feature = "a", python-version = "three" }', "3"]
)
def test_features_that_maturin_does_not_take(tmp_path: Path, feature: str) -> None:
    text = f"[tool.maturin]\nfeatures = [{feature}]\n"
    error = refusal(put(tmp_path, Cargo_toml=CARGO, pyproject_toml=PYPROJECT + text))
    assert error.code == "bad-manifest"
    assert "tool.maturin.features.0" in error.details


@pytest.mark.parametrize(
    ("cargo", "python"),
    [
        ("1.2.3", "1.2.3"),
        ("1.0.0-alpha.1", "1.0.0a1"),
        ("1.0.0-alpha1", "1.0.0a1"),
        ("1.0.0-beta", "1.0.0b0"),
        ("1.0.0-rc.2", "1.0.0rc2"),
        ("1.0.0-dev.4", "1.0.0.dev4"),
        ("1.0.0+build.5", "1.0.0+build.5"),
        ("1.0.0-rc.1+build.5", "1.0.0rc1+build.5"),
        ("1.0.0-a.1", "1.0.0a1"),
        ("1.0.0-pre.2", "1.0.0rc2"),
        ("1.0.0-1", "1.0.0.post1"),
        ("1.0.0-rc.1+x-y", "1.0.0rc1+x.y"),
        ("0.1.0", "0.1.0"),
    ],
)
def test_cargo_versions_as_python_spells_them(tmp_path: Path, cargo: str, python: str) -> None:
    found = read_manifest(put(tmp_path, Cargo_toml=f'[package]\nname = "demo"\nversion = "{cargo}"\n'))
    assert found.version == python


@pytest.mark.parametrize("version", ["", "one", "1.0.0-foo.bar", "1.2.3-alpha.1.2.3"])
def test_versions_that_are_none(tmp_path: Path, version: str) -> None:
    error = refusal(put(tmp_path, Cargo_toml=f'[package]\nname = "demo"\nversion = "{version}"\n'))
    assert error.code == "bad-version"


def test_pyproject_names_and_versions_win(tmp_path: Path) -> None:
    text = PYPROJECT + '[project]\nname = "Other.Name"\nversion = "4.0"\nrequires-python = "~=3.9"\n'
    found = read_manifest(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO))
    assert (found.name, found.version, found.requires_python) == ("Other.Name", "4.0", "~=3.9")


@pytest.mark.parametrize("name", ["", "-demo", "de mo", "dé", "../demo"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    error = refusal(put(tmp_path, Cargo_toml=f'[package]\nname = "{name}"\nversion = "1.0.0"\n'))
    assert error.code == "bad-manifest"


def test_requires_python_that_is_none(tmp_path: Path) -> None:
    text = PYPROJECT + '[project]\nname = "demo"\nrequires-python = "three"\n'
    assert refusal(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO)).code == "bad-manifest"


@pytest.mark.parametrize(
    ("name", "wheel"),
    [
        ("rpds-py", "rpds_py"),
        ("Demo", "demo"),
        ("Upper.Dot", "upper_dot"),
        ("Zope.Thing--_.X", "zope_thing_x"),
    ],
)
def test_the_wheels_name(name: str, wheel: str) -> None:
    assert make_manifest(name=name).wheel_name == wheel


def test_inheritance_from_a_workspace(tmp_path: Path) -> None:
    put(
        tmp_path,
        Cargo_toml=(
            '[workspace]\nmembers = ["py"]\n[workspace.package]\nversion = "2.0.0"\nrust-version = "1.80"\n'
        ),
        py__Cargo_toml=(
            '[package]\nname = "demo"\nversion.workspace = true\nrust-version = { workspace = true }\n'
            "[dependencies]\npyo3 = { workspace = true }\n"
        ),
        py__pyproject_toml=PYPROJECT,
        Cargo_lock='version = 4\n[[package]]\nname = "pyo3"\nversion = "0.25.1"\n',
    )
    found = read_manifest(tmp_path / "py")
    assert (found.version, found.rust_version) == ("2.0.0", "1.80")
    assert found.workspace == found.root == tmp_path
    assert found.project == tmp_path / "py"
    assert found.lock_path == tmp_path / "Cargo.lock"
    assert str(found.locked_versions("pyo3")[0]) == "0.25.1"


def test_package_workspace_names_the_root(tmp_path: Path) -> None:
    put(
        tmp_path,
        ws__Cargo_toml='[workspace]\nmembers = ["../py"]\n[workspace.package]\nversion = "3.0.0"\n',
        py__Cargo_toml='[package]\nname = "demo"\nversion.workspace = true\nworkspace = "../ws"\n',
    )
    found = read_manifest(tmp_path / "py")
    assert found.version == "3.0.0"
    assert found.workspace == tmp_path / "ws"
    assert found.root == tmp_path


def test_an_excluded_folder_is_no_member(tmp_path: Path) -> None:
    put(
        tmp_path,
        Cargo_toml='[workspace]\nmembers = ["a/*"]\nexclude = ["py"]\n',
        py__Cargo_toml=CARGO,
    )
    found = read_manifest(tmp_path / "py")
    assert found.workspace == found.root == tmp_path / "py"


@pytest.mark.parametrize(
    ("members", "exclude", "member"),
    [
        ('[".", "py"]', "[]", True),
        ('["./py/"]', '["py"]', True),
        ('["other/*"]', '["./py"]', False),
        ('["other/*"]', '["."]', False),
        ('["/absolute/*", "", "**", "[", "../x"]', "[]", True),
        ("[]", '["p"]', True),
    ],
)
def test_members_and_excluded_folders_are_paths(
    tmp_path: Path, members: str, exclude: str, *, member: bool
) -> None:
    root = f"{CARGO}[workspace]\nmembers = {members}\nexclude = {exclude}\n"
    put(tmp_path, Cargo_toml=root, py__Cargo_toml=CARGO)
    assert read_manifest(tmp_path / "py").workspace == (tmp_path if member else tmp_path / "py")


def test_a_crate_may_be_its_own_workspace(tmp_path: Path) -> None:
    put(tmp_path, Cargo_toml="[workspace]\n", py__Cargo_toml=CARGO + "[workspace]\n")
    assert read_manifest(tmp_path / "py").workspace == tmp_path / "py"


def test_manifest_path_of_maturin(tmp_path: Path) -> None:
    text = PYPROJECT + '[tool.maturin]\nmanifest-path = "rust/py/Cargo.toml"\nfeatures = ["a", "b"]\n'
    put(tmp_path, pyproject_toml=text, rust__py__Cargo_toml=CARGO)
    found = read_manifest(tmp_path)
    assert found.cargo_toml == tmp_path / "rust" / "py" / "Cargo.toml"
    assert found.project == found.root == tmp_path
    assert found.maturin_features == ("a", "b")


def test_path_dependencies_outside_widen_the_root(tmp_path: Path) -> None:
    put(
        tmp_path / "work",
        app__py__Cargo_toml=CARGO + 'near = { path = "../near" }\n',
        app__near__Cargo_toml=(
            '[package]\nname = "near"\n[target."cfg(unix)".build-dependencies]\n'
            'far = { path = "../../far", version = "1" }\n'
        ),
        far__Cargo_toml='[package]\nname = "far"\n[dependencies]\npy = { path = "../app/py" }\n',
    )
    assert read_manifest(tmp_path / "work" / "app" / "py").root == tmp_path / "work"


def test_only_what_is_referred_to_is_a_source(tmp_path: Path) -> None:
    put(
        tmp_path,
        work__app__Cargo_toml=CARGO + 'util = { path = "../../util" }\ngone = { path = "../../gone" }\n',
        util__Cargo_toml='[package]\nname = "util"\n',
        work__other__Cargo_toml=CARGO,
        gone__id="secret",
    )
    found = read_manifest(tmp_path / "work" / "app")
    assert found.root == tmp_path
    assert found.folders == (tmp_path / "util", tmp_path / "work" / "app")
    assert found.files == (found.lock_path,)


def test_a_workspace_is_a_source_with_all_that_its_members_refer_to(tmp_path: Path) -> None:
    put(
        tmp_path,
        ws__Cargo_toml='[workspace]\nmembers = ["*"]\nexclude = ["no"]\n',
        ws__py__Cargo_toml=CARGO,
        ws__more__Cargo_toml='[package]\nname = "more"\n[dependencies]\nfar = { path = "../../far" }\n',
        ws__no__Cargo_toml='[package]\nname = "no"\n[dependencies]\nnot = { path = "../../not" }\n',
        far__Cargo_toml='[package]\nname = "far"\n',
        not__Cargo_toml='[package]\nname = "not"\n',
    )
    found = read_manifest(tmp_path / "ws" / "py")
    assert (found.root, found.folders) == (tmp_path, (tmp_path / "far", tmp_path / "ws"))


def test_a_path_dependency_inherits_from_its_own_workspace(tmp_path: Path) -> None:
    put(
        tmp_path,
        py__Cargo_toml=CARGO + 'util = { path = "../lib/util" }\n',
        lib__Cargo_toml='[workspace]\nmembers = ["*"]\n[workspace.dependencies]\nbase = { path = "base" }\n',
        lib__util__Cargo_toml='[package]\nname = "util"\n[dependencies]\nbase.workspace = true\n',
        lib__base__Cargo_toml='[package]\nname = "base"\n',
        lib__other__Cargo_toml='[package]\nname = "other"\n',
    )
    found = read_manifest(tmp_path / "py")
    lib = tmp_path / "lib"
    assert found.folders == (lib / "base", lib / "util", tmp_path / "py")
    assert set(found.files) == {found.lock_path, lib / "Cargo.toml"}


def test_python_modules_in_another_folder_are_sources(tmp_path: Path) -> None:
    text = PYPROJECT + '[tool.maturin]\nmanifest-path = "../rust/Cargo.toml"\npython-source = "../python"\n'
    text += 'include = ["demo/*"]\n'
    put(tmp_path, py__pyproject_toml=text, rust__Cargo_toml=CARGO, python__demo__init="")
    found = read_manifest(tmp_path / "py")
    assert found.folders == (tmp_path / "py", tmp_path / "python", tmp_path / "rust")


def test_patches_and_dev_dependencies_count_too(tmp_path: Path) -> None:
    put(
        tmp_path / "work",
        py__Cargo_toml=CARGO + '[patch.crates-io]\npyo3 = { path = "../../fork" }\n',
    )
    put(tmp_path, fork__Cargo_toml='[package]\nname = "pyo3"\n')
    assert read_manifest(tmp_path / "work" / "py").root == tmp_path


def test_the_whole_file_system_is_no_root(tmp_path: Path) -> None:
    put(tmp_path / "py", Cargo_toml=CARGO + 'far = { path = "/far" }\n')
    error = refusal(tmp_path / "py")
    assert error.code == "bad-manifest"
    assert "/far" in error.details


@pytest.mark.parametrize(
    ("cargo", "bindings"),
    [
        ("[dependencies]\npyo3 = '0.26'\n", "pyo3"),
        ("[dependencies]\npy = { package = 'pyo3', version = '0.26' }\n", "pyo3"),
        ("[dependencies]\npyo3-ffi = '0.26'\n", "pyo3-ffi"),
        ("[dependencies]\npyo3 = { version = '0.26', optional = true }\n", ""),
        (MODULE + "[dependencies]\npyo3 = { version = '0.26', optional = true }\n", "pyo3"),
        ("[target.'cfg(unix)'.dependencies]\npyo3 = '0.26'\n", ""),
        (MODULE + "[target.'cfg(unix)'.dependencies]\npyo3 = '0.26'\n", "pyo3"),
        ("[workspace.dependencies]\npy.package = 'pyo3'\n[dependencies]\npy.workspace = true\n", "pyo3"),
        ("[dependencies]\nuniffi = '0.28'\n", ""),
        (MODULE, ""),
        ("[lib]\ncrate-type = ['rlib']\n", ""),
        ("[dev-dependencies]\npyo3 = '0.26'\n", "bin"),
        ("", "bin"),
    ],
)
def test_bindings_as_far_as_the_manifest_says(tmp_path: Path, cargo: str, bindings: str) -> None:
    text = '[package]\nname = "demo"\nversion = "1.0.0"\n' + cargo
    assert read_manifest(put(tmp_path, Cargo_toml=text)).bindings == bindings


def test_bindings_as_the_project_sets_them(tmp_path: Path) -> None:
    text = PYPROJECT + '[tool.maturin]\nbindings = "bin"\n'
    assert read_manifest(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO)).bindings == "bin"


@pytest.mark.parametrize(
    "line", ['profile = "--config=x"', 'profile = ""', "profile = 3", 'bindings = "boost"']
)
def test_values_that_maturin_does_not_take(tmp_path: Path, line: str) -> None:
    text = f"{PYPROJECT}[tool.maturin]\n{line}\n"
    error = refusal(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO))
    assert error.code == "bad-manifest"
    assert f"tool.maturin.{line.split(maxsplit=1)[0]}" in error.details


def test_a_bad_lockfile(tmp_path: Path) -> None:
    assert refusal(put(tmp_path, Cargo_toml=CARGO, Cargo_lock="[[package\n")).code == "bad-lockfile"


def test_odd_folder_names(tmp_path: Path) -> None:
    folder = tmp_path / "a: b, ü 'x'"
    make_crate(folder)
    assert read_manifest(folder).project == folder


def test_a_link_to_the_crate(tmp_path: Path) -> None:
    make_crate(tmp_path / "demo")
    (tmp_path / "link").symlink_to(tmp_path / "demo")
    assert read_manifest(tmp_path / "link").project == tmp_path / "demo"


def test_all_locked_versions_the_newest_first() -> None:
    versions = ("0.9.0", "0.10.0+meta", "0.11.0-rc.1", "0.12.0-what.ever")
    manifest = make_manifest(locked=(*(locked("a", version) for version in versions), locked("b", "2.0.0")))
    assert [str(version) for version in manifest.locked_versions("a")] == ["0.11.0rc1", "0.10.0", "0.9.0"]
    assert manifest.locked_versions("c") == ()
    assert make_manifest(locked=None).locked_versions("a") == ()


@pytest.mark.parametrize("key", ["include", "python-source", "manifest-path"])
def test_a_name_that_no_file_can_have_is_refused_or_passed_over(tmp_path: Path, key: str) -> None:
    crate = make_crate(tmp_path / "demo")
    written = (crate.folder / "pyproject.toml").read_text("utf-8")
    crate.write("pyproject.toml", f'{written}\n[tool.maturin]\n{key} = "{"x" * 300}"\n')
    # Newer Pythons say of such a name that there is no file, where older ones raise an OSError
    with suppress(RefusedError):
        assert read_manifest(crate.folder).name == "demo"

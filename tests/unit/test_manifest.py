"""What a crate's own files say."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import locked, make_crate, make_manifest

from xbuild.errors import RefusedError
from xbuild.project.manifest import read_manifest

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
    assert str(found.locked_version("pyo3")) == "0.26.0"
    assert found.lock_path == tmp_path / "demo" / "Cargo.lock"


@pytest.mark.parametrize("name", ["pyproject.toml", "Cargo.toml"])
def test_a_file_stands_for_its_folder(tmp_path: Path, name: str) -> None:
    make_crate(tmp_path / "demo")
    assert read_manifest(tmp_path / "demo" / name) == read_manifest(tmp_path / "demo")


def test_without_pyproject(tmp_path: Path) -> None:
    found = read_manifest(put(tmp_path, Cargo_toml=CARGO))
    assert (found.name, found.requires_python, found.locked) == ("demo", "", None)
    assert found.specifier.contains("3.8")


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


def test_the_wheels_name() -> None:
    assert make_manifest(name="rpds-py").wheel_name == "rpds_py"
    assert make_manifest(name="Demo").wheel_name == "Demo"


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
    assert str(found.locked_version("pyo3")) == "0.25.1"


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
        ("[dependencies]\nuniffi = '0.28'\n", "uniffi"),
        ("[lib]\ncrate-type = ['cdylib']\n", "cffi"),
        ("[lib]\ncrate-type = ['rlib']\n", "bin"),
        ("", "bin"),
    ],
)
def test_bindings(tmp_path: Path, cargo: str, bindings: str) -> None:
    text = '[package]\nname = "demo"\nversion = "1.0.0"\n' + cargo
    assert read_manifest(put(tmp_path, Cargo_toml=text)).bindings == bindings


def test_bindings_as_the_project_sets_them(tmp_path: Path) -> None:
    text = PYPROJECT + '[tool.maturin]\nbindings = "bin"\n'
    assert read_manifest(put(tmp_path, pyproject_toml=text, Cargo_toml=CARGO)).bindings == "bin"


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


def test_the_newest_of_several_locked_versions() -> None:
    manifest = make_manifest(locked=(locked("a", "0.9.0"), locked("a", "0.10.0+meta"), locked("b", "2.0.0")))
    assert str(manifest.locked_version("a")) == "0.10.0"
    assert manifest.locked_version("c") is None
    assert make_manifest(locked=None).locked_version("a") is None

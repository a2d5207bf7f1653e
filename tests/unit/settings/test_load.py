"""Where settings come from: precedence, origins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.configured import Place

from xbuild.settings import AttestSettings, Settings, describe

MSVC = "x86_64-pc-windows-msvc"
MSVC_VARIABLE = "XBUILD_TARGET__X86_64_PC_WINDOWS_MSVC__"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_everything_has_a_default_and_says_so(place: Place) -> None:
    loaded = place.load()
    assert loaded.settings == Settings(cache_dir=place.dirs.cache, state_dir=place.dirs.state)
    assert loaded.settings.timeout == 3600
    assert loaded.settings.memory == 4 << 30
    assert set(loaded.origins.values()) == {"default"}


def test_the_process_environment_is_not_read(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    monkeypatch.setenv("JOBS", "7")
    monkeypatch.setenv("XBUILD_JOBS", "7")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    assert place.load().settings.jobs == "auto"
    assert place.load().settings.network.https_proxy == ""


def test_flags_beat_environment_beats_project_beats_user(place: Place) -> None:
    place.write(
        "jobs = 1\npids = 1000\nprofile = 'user'\nlocked = true\n",
        name="config.toml",
        directory=place.dirs.config,
    )
    place.write("\njobs = 2\npids = 2000\nprofile = 'project'\n")
    loaded = place.load(flags={"jobs": 4}, environ={"XBUILD_JOBS": "3", "XBUILD_PIDS": "3000"})
    settings, origins = loaded.settings, loaded.origins
    assert (settings.jobs, settings.pids, settings.profile, settings.locked) == (4, 3000, "project", True)
    assert origins["jobs"] == "flag --jobs"
    assert origins["pids"] == "environment XBUILD_PIDS"
    assert origins["profile"] == "xbuild.toml:4"
    assert origins["locked"] == f"{place.dirs.config / 'config.toml'}:4"
    assert origins["out"] == "default"


def test_flags_that_were_not_given_say_nothing(place: Place) -> None:
    place.write("targets = ['a']\nstrict = true\n")
    settings = place.load(flags={"targets": [], "features": (), "jobs": None, "strict": False}).settings
    assert settings.targets == ("a",)
    assert settings.strict is False


def test_flags_reach_into_tables(place: Place) -> None:
    flags = {"images.base": "bootstrap", "target": {MSVC: {"sysroot": "/sdk"}}, "environment": {"CC": "x"}}
    loaded = place.load(flags=flags)
    assert loaded.settings.images.base == "bootstrap"
    assert loaded.settings.for_target(MSVC).sysroot == Path("/sdk")
    assert loaded.origins[f"target.{MSVC}.sysroot"] == "flag --sysroot"
    assert loaded.origins["environment.CC"] == "flag --env"


def test_how_attestations_are_signed(place: Place) -> None:
    own = place.say("[attest]\nkey = 'keys/own.pem'\n")
    given = {
        "XBUILD_ATTEST__PASSWORD_VARIABLE": "KEY_PASSWORD",
        "XBUILD_ATTEST__BUILDER": "https://builds.example",
    }
    loaded = place.load(environ=given)
    assert loaded.settings.attest == AttestSettings(
        key=place.dirs.config / "keys" / "own.pem",
        password_variable="KEY_PASSWORD",  # noqa: S106  # a name
        builder="https://builds.example",
    )
    assert loaded.origins["attest.key"] == f"{own}:2"
    wrong = place.refusal(environ={"XBUILD_ATTEST__PASSWORD_VARIABLE": "not a name"})
    assert wrong.code == "bad-setting"
    assert "attest.password_variable" in wrong.brief
    wrong = place.refusal(environ={"XBUILD_ATTEST__BUILDER": "our server"})
    assert (wrong.code, "attest.builder must be a URI" in wrong.details) == ("bad-setting", True)


def test_pyproject_speaks_as_well(place: Place) -> None:
    place.write(
        "[project]\nname = 'x'\n\n[tool.xbuild]\njobs = 1\n\n[tool.xbuild.environment]\nCC = 'x'\n",
        name="pyproject.toml",
    )
    loaded = place.load()
    assert loaded.settings.jobs == 1
    assert loaded.origins["jobs"] == "pyproject.toml:5"
    assert loaded.origins["environment.CC"] == "pyproject.toml:8"
    assert loaded.files == (place.crate / "pyproject.toml",)


def test_a_pyproject_without_a_table_of_ours_is_no_configuration(place: Place) -> None:
    place.write("[tool.maturin]\nbindings = 'pyo3'\n", name="pyproject.toml")
    place.write("jobs = 1\n")
    assert place.load().settings.jobs == 1


def test_both_files_are_refused_by_name(place: Place) -> None:
    place.write("jobs = 2\n")
    place.write("[tool.xbuild]\njobs = 2\n", name="pyproject.toml")
    error = place.refusal()
    assert error.code == "two-config-files"
    assert "xbuild.toml" in error.details
    assert "pyproject.toml" in error.details


def test_a_chosen_file_replaces_the_projects(place: Place, tmp_path: Path) -> None:
    place.write("jobs = 2\nstrict = true\n")
    chosen = place.write("jobs = 3\n", name="other.toml", directory=tmp_path)
    loaded = place.load(config_file=chosen)
    assert (loaded.settings.jobs, loaded.settings.strict) == (3, False)
    assert loaded.origins["jobs"] == f"{chosen}:1"
    assert place.refusal(config_file=tmp_path / "none.toml").code == "config-unreadable"


def test_the_roots_of_workspace_and_repository_speak_behind_the_crate(place: Place, tmp_path: Path) -> None:
    place.write("jobs = 1\n")
    place.write("jobs = 2\npids = 200\n", directory=place.repo / "crates")
    place.write("[workspace]\n", name="Cargo.toml", directory=place.repo / "crates")
    place.write("jobs = 3\npids = 300\nstrict = true\n", directory=place.repo)
    place.write("locked = true\n", directory=tmp_path)
    (place.repo / ".git").mkdir()
    settings = place.load().settings
    assert (settings.jobs, settings.pids, settings.strict) == (1, 200, True)
    assert settings.locked is False


def test_a_directory_that_is_no_root_does_not_speak(place: Place) -> None:
    place.write("jobs = 2\n", directory=place.repo)
    assert place.load().settings.jobs == "auto"


def test_paths_in_a_file_are_relative_to_it(place: Place) -> None:
    place.write("out = 'wheels'\n")
    place.say("cache_dir = '~/c'\ninterpreters = ['cp311', 'venv/bin/python']\n")
    settings = place.load(environ={"HOME": "/home/me", "XBUILD_STATE_DIR": "state"}).settings
    assert settings.out == place.crate / "wheels"
    assert settings.interpreters == ("cp311", str(place.dirs.config / "venv/bin/python"))
    assert settings.cache_dir == Path("/home/me/c")
    assert settings.state_dir == Path("state")


def test_a_project_can_name_kinds_and_the_caller_programs(place: Place, tmp_path: Path) -> None:
    place.write(f"interpreters = ['all']\n[target.{MSVC}]\ninterpreters = ['pypy3.9']\n")
    assert place.load().settings.interpreters == ("all",)
    program = {"interpreters": ["./py"]}
    assert place.load(flags=program).settings.interpreters == ("./py",)
    assert place.load(environ={"XBUILD_INTERPRETERS": "./py"}).settings.interpreters == ("./py",)
    variables = {f"{MSVC_VARIABLE}INTERPRETERS": "./py"}
    assert place.load(environ=variables).settings.for_target(MSVC).interpreters == ("./py",)
    chosen = place.write("interpreters = ['./py']\n", name="own.toml", directory=tmp_path)
    assert place.load(config_file=chosen).settings.interpreters == (str(tmp_path / "py"),)
    # What is overruled is not run
    place.write(f"interpreters = ['./py']\n[target.{MSVC}]\ninterpreters = ['./py']\n")
    assert place.load(flags={"interpreters": ["cp311"]}).settings.for_target(MSVC).interpreters == ("cp311",)


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "expected"),
    [
        ("XBUILD_TARGETS", "a, b c", "targets", ("a", "b", "c")),
        ("XBUILD_INTERPRETERS", '["/with space/python"]', "interpreters", ("/with space/python",)),
        ("XBUILD_RUSTFLAGS", "-C link-arg=-Wl,-z,now", "rustflags", ("-C", "link-arg=-Wl,-z,now")),
        ("XBUILD_SOURCE_INCLUDE", "a b/*.c, c", "source_include", ("a b/*.c", "c")),
        ("XBUILD_LOCKED", "1", "locked", True),
        ("XBUILD_JOBS", "auto", "jobs", "auto"),
        ("XBUILD_TIMEOUT", "90s", "timeout", 90.0),
        ("XBUILD_MEMORY", "512m", "memory", 512 << 20),
        ("XBUILD_CPUS", "1.5", "cpus", 1.5),
        ("XBUILD_CPUSET", "0-2,5", "cpuset", "0-2,5"),
        ("XBUILD_JOBS", "", "jobs", "auto"),
    ],
)
def test_variables(place: Place, variable: str, text: str, attribute: str, expected: object) -> None:
    assert getattr(place.load(environ={variable: text}).settings, attribute) == expected


def test_variables_reach_into_tables_and_keep_the_case_of_names(place: Place) -> None:
    environ = {
        "XBUILD_IMAGES__BASE": "registry",
        "XBUILD_ENVIRONMENT__cc_Flags": "-g",
        "XBUILD_ENVIRONMENT__EMPTY": "",
        f"{MSVC_VARIABLE}PROFILE": "dist",
        f"{MSVC_VARIABLE}ENVIRONMENT__CC": "clang",
        "XBUILD_INTERNAL_ANYTHING": "x",
    }
    settings = place.load(environ=environ).settings
    assert settings.images.base == "registry"
    assert settings.environment == {"cc_Flags": "-g", "EMPTY": ""}
    assert settings.for_target(MSVC).profile == "dist"
    assert settings.for_target(MSVC).environment == {"cc_Flags": "-g", "EMPTY": "", "CC": "clang"}


def test_a_targets_table_is_merged_over_the_general_values(place: Place) -> None:
    place.write(
        f"features = ['a']\ntimeout = '10m'\n[environment]\nA = '1'\nB = '1'\n"
        f"[target.{MSVC}]\nmemory = '1g'\nstrip = true\ninterpreters = ['pypy3.9']\n"
        f"environment = {{ B = '2' }}\n"
    )
    settings = place.load().settings
    own = settings.for_target(MSVC)
    assert (own.memory, own.interpreters, own.features) == (1 << 30, ("pypy3.9",), ("a",))
    assert own.environment == {"A": "1", "B": "2"}
    assert own.timeout == 600
    assert own.strip
    other = settings.for_target("aarch64-apple-darwin")
    assert not other.strip
    assert (other.memory, other.interpreters) == (4 << 30, ())
    assert other.environment == {"A": "1", "B": "1"}


def test_a_general_flag_beats_a_targets_table_in_a_file(place: Place) -> None:
    place.write(
        f"profile = 'base'\n[target.{MSVC}]\n"
        "profile = 'dist'\nfeatures = ['t']\nenvironment = { A = '1' }\n"
    )
    assert place.load().settings.for_target(MSVC).profile == "dist"
    own = place.load(flags={"profile": "dev"}, environ={"XBUILD_ENVIRONMENT__A": "2"}).settings.for_target(
        MSVC
    )
    assert (own.profile, own.features) == ("dev", ("t",))
    assert own.environment == {"A": "2"}


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ("strict = true\njbos = 2\n", "xbuild.toml:2: jbos", 'did you mean "jobs"?'),
        ("[network]\nca-bundel = ''\n", "xbuild.toml:2: network.ca-bundel", 'did you mean "ca_bundle"?'),
        (
            "[target.x86_64-pc-windows-mscv]\n",
            "xbuild.toml:1: target.x86_64-pc-windows-mscv",
            f'did you mean "{MSVC}"?',
        ),
        (
            f"[target.{MSVC}]\nmemroy = '1g'\n",
            f"xbuild.toml:2: target.{MSVC}.memroy",
            'did you mean "memory"?',
        ),
        (f"[target.{MSVC}]\njobs = 1\n", f"xbuild.toml:2: target.{MSVC}.jobs", "`jobs` is a general setting"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(place: Place, text: str, where: str, hint: str) -> None:
    place.write(text)
    error = place.refusal()
    assert error.code == "unknown-setting"
    assert where in error.details
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("XBUILD_JOB", "XBUILD_JOBS"),
        ("XBUILD_NETWORK_CA_BUNDLE", "XBUILD_NETWORK__CA_BUNDLE"),
        (f"{MSVC_VARIABLE}RUSTFLAG", f"{MSVC_VARIABLE}RUSTFLAGS"),
        ("XBUILD_ENVIRONMENT", "XBUILD_ENVIRONMENT__NAME"),
    ],
)
def test_unknown_variables_are_refused_with_the_nearest(place: Place, variable: str, nearest: str) -> None:
    error = place.refusal(environ={variable: "x"})
    assert error.code == "unknown-setting"
    assert variable in error.brief
    assert nearest in error.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs = 0\n", "jobs must be a number above zero, or 'auto', not 0"),
        ("jobs = true\n", "jobs must be a number above zero"),
        ("features = 'x'\n", "features must be a list of strings"),
        ("locked = 'maybe'\n", "locked must be true or false, not 'maybe'"),
        ("timeout = 'soon'\n", "timeout must be a duration"),
        ("memory = '1m'\n", "memory must be at least '64m'"),
        ("profile = 'a b'\n", "profile must be a name"),
        ("environment = { 'A B' = 'x' }\n", "environment has a name that no environment variable can have"),
        ('rustflags = ["a\\u001fb"]\n', "rustflags must not hold control characters"),
        ("source_exclude = ['docs/', '!']\n", "source_exclude has '!', which is no pattern of files"),
        ("source_include = ['[z-a]']\n", "source_include has '[z-a]', which is no pattern of files"),
    ],
)
def test_bad_values_say_where_they_are(place: Place, text: str, message: str) -> None:
    place.write(text)
    error = place.refusal()
    assert error.code == "bad-setting"
    assert message in error.details
    assert error.details.startswith("xbuild.toml")


def test_every_bad_value_is_named_at_once(place: Place) -> None:
    place.write("jobs = 0\n")
    error = place.refusal(environ={"XBUILD_PIDS": "many"})
    assert error.details.splitlines() == [
        "xbuild.toml:1: jobs must be a number above zero, or 'auto', not 0",
        "environment XBUILD_PIDS: pids must be a whole number, not 'many'",
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("jobs =\n", "bad-config"),
        (f"jobs = {'1' * 5000}\n", "bad-config"),
        (f"jobs = {'[' * 5000}\n", "bad-config"),
        ("environment = 'x'\n", "bad-setting"),
        ("target = [1]\n", "bad-setting"),
        ("source-include = []\nsource_include = []\n", "bad-setting"),
    ],
)
def test_shapes_that_are_wrong(place: Place, text: str, code: str) -> None:
    place.write(text)
    assert place.refusal().code == code


def test_secrets_are_not_in_errors(place: Place) -> None:
    place.write("[environment]\nAPI_TOKEN = 12345678\n")
    assert "12345678" not in place.refusal().details
    place.write("")
    place.say("[network]\npip_index_url = 'ftp://me:hunter2@host/simple'\n")
    error = place.refusal()
    assert "network.pip_index_url must be a URL" in error.details
    assert "hunter2" not in error.details


def test_dashes_are_taken_for_underscores(place: Place) -> None:
    place.write("no-default-features = true\n")
    own = place.say("[network]\npip-index-url = 'https://mirror.invalid/simple'\n")
    loaded = place.load()
    assert loaded.settings.no_default_features
    assert loaded.origins["no_default_features"] == "xbuild.toml:1"
    assert loaded.origins["network.pip_index_url"] == f"{own}:2"


def test_the_hosts_proxies_are_the_defaults(place: Place) -> None:
    environ = {
        "HTTPS_PROXY": "http://upper.invalid",
        "https_proxy": "http://lower.invalid",
        "NO_PROXY": "a,b",
    }
    loaded = place.load(environ=environ)
    assert loaded.settings.network.https_proxy == "http://lower.invalid"
    assert loaded.settings.network.no_proxy == "a,b"
    assert loaded.origins["network.https_proxy"] == "environment https_proxy"
    place.say("[network]\nhttps_proxy = ''\n")
    assert place.load(environ=environ).settings.network.https_proxy == ""


def test_the_ca_bundle_is_found_out(place: Place) -> None:
    system = place.write("pem", name="system.pem")
    named = place.write("pem", name="named.pem", directory=place.dirs.config)
    assert place.load().settings.network.ca_bundle is None
    assert place.load(bundles=(place.home / "none", system)).settings.network.ca_bundle == system
    loaded = place.load(
        environ={"SSL_CERT_FILE": "/nowhere", "REQUESTS_CA_BUNDLE": str(named)}, bundles=(system,)
    )
    assert loaded.settings.network.ca_bundle == named
    assert loaded.origins["network.ca_bundle"] == "environment REQUESTS_CA_BUNDLE"
    place.say("[network]\nca_bundle = ''\n")
    assert place.load(bundles=(system,)).settings.network.ca_bundle is None
    place.say("[network]\nca_bundle = 'named.pem'\n")
    assert place.load(bundles=(system,)).settings.network.ca_bundle == named
    place.say("[network]\nca_bundle = 'lost.pem'\n")
    assert "config.toml:2" in place.refusal(bundles=(system,)).details


def test_settings_are_frozen_all_the_way_down(place: Place) -> None:
    settings = place.load(environ={"XBUILD_ENVIRONMENT__A": "1"}).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.jobs = 3
    with pytest.raises(TypeError):
        settings.environment["A"] = "2"  # type: ignore[index]


def test_description_has_every_value_and_no_secret(place: Place) -> None:
    place.write(
        "memory = '1536m'\nfeatures = ['a']\n"
        "environment = { API_TOKEN = 's3cret', my_password = 's3cret', PLAIN = 'x', BELL = \"\\u0007\" }\n"
    )
    place.say("timeout = '1h30m'\n[network]\nhttp_proxy = 'http://me:s3cret@proxy.invalid:1'\n")
    rows = describe(place.load())
    values = {key: value for key, value, _ in rows}
    assert "s3cret" not in repr(rows)
    hidden = {key for key, value in values.items() if value == "(hidden)"}
    assert hidden == {"environment.API_TOKEN", "environment.my_password"}
    assert values["environment.PLAIN"] == '"x"'
    assert values["environment.BELL"] == '"\\u0007"'
    assert values["network.http_proxy"] == '"http://(hidden)@proxy.invalid:1"'
    assert (values["memory"], values["timeout"], values["features"]) == ('"1536m"', '"1h30m"', '["a"]')
    assert (values["cpus"], values["jobs"], values["locked"]) == ("-", '"auto"', "false")
    assert rows[0] == ("targets", "[]", "default")


def test_settings_can_be_written_as_json(place: Place) -> None:
    place.write(f"[target.{MSVC}]\nprofile = 'dist'\n")
    assert place.load().settings.model_dump(mode="json")["target"][MSVC]["profile"] == "dist"


@pytest.mark.parametrize(
    "name", ["Flex", "a", "-o", "flex=1.0", "flex/sid", "flex-", "two words", "../x", ""]
)
def test_build_packages_are_names_of_debian_packages(name: str) -> None:
    with pytest.raises(ValueError, match="no Debian package"):
        Settings(build_packages=(name,))


def test_build_packages_of_one_target_win() -> None:
    table = {"target": {MSVC: {"build_packages": ["bison"]}}}
    settings = Settings.from_layers([{"build_packages": ["flex", "libc++-dev"]}, table])
    assert settings.for_target(MSVC).build_packages == ("bison",)
    assert settings.for_target("other").build_packages == ("flex", "libc++-dev")

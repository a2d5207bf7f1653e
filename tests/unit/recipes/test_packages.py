"""Which Debian packages recipes take, and where from: docker/shared/debs and docker/base/choose-packages."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import ROOT

DOCKER = ROOT / "docker"
DEBS = DOCKER / "shared" / "debs"
CHOOSE = DOCKER / "base" / "choose-packages"
BODY = b"a package"
SUM = hashlib.sha256(BODY).hexdigest()
POOL = "pool/main/t/tool/tool_1.0+b1_amd64.deb"


@dataclass
class Programs:
    """Programs of our own in front of PATH."""

    folder: Path

    def add(self, name: str, text: str) -> None:
        """A program in Python."""
        path = self.folder / name
        path.write_text(
            f"#!{sys.executable} -SE\nimport pathlib, sys\nhere = pathlib.Path(__file__).parent\n{text}"
        )
        path.chmod(0o755)

    def run(self, program: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program of a recipe."""
        return subprocess.run(
            [sys.executable, "-SE", program, *argv],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", "DEBIAN_PAUSES": "0 0", **environment},
        )


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    made = Programs(tmp_path / "bin")
    made.folder.mkdir()
    made.add("dpkg-deb", "print('Package: tool')\n")
    return made


@dataclass
class Archive:
    """An archive of packages on this machine."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: int = 0

    def __post_init__(self) -> None:
        archive = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the base class has it so
                archive.asked.append(self.path)
                body = archive.files.get(self.path)
                if archive.broken:
                    archive.broken -= 1
                    self.send_error(503)
                elif body is None:
                    self.send_error(404)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.uri = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def archive() -> Iterator[Archive]:
    made = Archive()
    yield made
    made.server.shutdown()
    made.server.server_close()


def pins(folder: Path, *, kind: str = "debian", digest: str = SUM) -> Path:
    path = folder / "pins.txt"
    path.write_text(f"# snapshot 20261128T080000Z\ntool 1.0+b1 amd64 {kind} {POOL} {len(BODY)} {digest}\n")
    return path


def fetch(
    programs: Programs, archive: Archive, where: Path, *options: str, kind: str = "debian", digest: str = SUM
) -> subprocess.CompletedProcess[str]:
    return programs.run(
        DEBS,
        "fetch",
        "--suite",
        "trixie",
        *options,
        str(pins(where, kind=kind, digest=digest)),
        str(where / "debs" / "base"),
        DEBIAN_ARCHIVE=f"{archive.uri}/debian",
        DEBIAN_SECURITY=f"{archive.uri}/security/",
        DEBIAN_SNAPSHOT=f"{archive.uri}/snapshot",
    )


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("debian", "/debian"),
        ("debian", "/snapshot/debian/20261128T080000Z"),
        ("debian", "/snapshot/debian/20261129T080000Z"),
        ("security", "/security"),
        ("security", "/debian"),
        ("security", "/snapshot/debian-security/20261128T080000Z"),
    ],
)
def test_the_pinned_files_come_from_wherever_they_are(
    programs: Programs, archive: Archive, tmp_path: Path, kind: str, place: str
) -> None:
    archive.files[f"{place}/{POOL}"] = BODY
    done = fetch(programs, archive, tmp_path, kind=kind)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    repository = tmp_path / "debs" / "base"
    assert (repository / "tool_1.0+b1_amd64.deb").read_bytes() == BODY
    index = (repository / "Packages").read_bytes()
    assert (
        f"Package: tool\nFilename: ./tool_1.0+b1_amd64.deb\nSize: {len(BODY)}\nSHA256: {SUM}\n"
        == index.decode()
    )
    assert hashlib.sha256(index).hexdigest() in (repository / "Release").read_text()


def test_another_file_in_its_place_is_not_taken(programs: Programs, archive: Archive, tmp_path: Path) -> None:
    archive.files[f"/debian/{POOL}"] = b"something else"
    archive.files[f"/snapshot/debian/20261128T080000Z/{POOL}"] = BODY
    assert fetch(programs, archive, tmp_path).returncode == 0
    assert (tmp_path / "debs" / "base" / "tool_1.0+b1_amd64.deb").read_bytes() == BODY


def test_a_file_that_nobody_has(programs: Programs, archive: Archive, tmp_path: Path) -> None:
    archive.files[f"/debian/{POOL}"] = b"something else"
    done = fetch(programs, archive, tmp_path)
    assert done.returncode == 1
    assert "tool 1.0+b1 amd64 cannot be had" in done.stderr
    assert f"{archive.uri}/debian/{POOL}: it is another file" in done.stderr
    assert f"/snapshot/debian/20261128T080000Z/{POOL}: status 404" in done.stderr
    assert "1 of 1 packages" in done.stderr
    assert "being updated" not in done.stderr
    assert not list((tmp_path / "debs" / "base").iterdir())


def test_what_the_index_of_today_names_is_there_soon(
    programs: Programs, archive: Archive, tmp_path: Path
) -> None:
    done = fetch(programs, archive, tmp_path, "--today")
    assert done.returncode == 1
    assert "the mirror is being updated" in done.stderr


def test_a_server_that_fails_is_asked_again(programs: Programs, archive: Archive, tmp_path: Path) -> None:
    archive.files[f"/debian/{POOL}"] = BODY
    archive.broken = 2
    assert fetch(programs, archive, tmp_path).returncode == 0
    archive.broken = 100
    done = fetch(programs, archive, tmp_path)
    assert done.returncode == 1
    # Once it has not answered several times, nothing else is asked of it
    assert archive.asked.count(f"/debian/{POOL}") == 3 + 3
    assert "status 503" in done.stderr


def test_the_repositorys_pins_can_be_read() -> None:
    lists = sorted((DOCKER / "pins").glob("*/*.txt"))
    assert {path.parent.name for path in lists} >= {"base", "cli", "zig", "windows-msvc", "tester-debian"}
    for path in lists:
        head, *lines = path.read_text().splitlines()
        assert head.startswith("# snapshot 20")
        assert lines == sorted(lines)
        for line in lines:
            name, _version, _architecture, archive, pool, size, digest = line.split()
            assert archive in {"debian", "security"}
            assert pool.rpartition("/")[2].startswith(f"{name}_")
            assert int(size) > 0
            assert len(digest) == 64


APT_GET = """
if "update" in sys.argv:
    count = here / "count"
    tries = int(count.read_text()) if count.exists() else 0
    count.write_text(str(tries + 1))
    if tries < int((here / "bad").read_text()):
        sys.exit("E: Failed to fetch x  File has unexpected size (1 != 2). Mirror sync in progress?")
else:
    where = "http://debian.invalid/debian/pool/main/t/tool"
    print(f"'{where}/tool_1.0%2bb1_amd64.deb' tool_1%3a1.0+b1_amd64.deb 9 MD5Sum:0")
"""
APT_CACHE = f"""
assert "tool=1:1.0+b1" in sys.argv
print("Package: tool\\nFilename: {POOL}\\nSize: {len(BODY)}\\nSHA256: {SUM}\\n")
"""


@pytest.mark.parametrize(("bad", "status"), [(0, 0), (2, 0), (3, 1)])
def test_a_mirror_in_mid_sync_is_asked_again(programs: Programs, bad: int, status: int) -> None:
    programs.add("apt-get", APT_GET)
    (programs.folder / "bad").write_text(str(bad))
    done = programs.run(DEBS, "update", "--", "-o", "a=b")
    assert done.returncode == status
    assert ("the mirror is being updated" in done.stderr) == bool(status)
    assert (programs.folder / "count").read_text() == str(min(bad + 1, 3))


def test_what_apt_would_take_becomes_a_list(programs: Programs, tmp_path: Path) -> None:
    programs.add("apt-get", APT_GET)
    programs.add("apt-cache", APT_CACHE)
    path = tmp_path / "pins" / "base.txt"
    done = programs.run(
        DEBS, "resolve", "--how", "whole", "--list", str(path), "--packages", "tool", "--", "-o", "a=b",
        DEBIAN_ARCHIVE="http://debian.invalid/debian",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, line = path.read_text().splitlines()
    assert head.startswith("# snapshot 20")
    assert line == f"tool 1:1.0+b1 amd64 debian {POOL} {len(BODY)} {SUM}"


MADISON = """
table = {line.split()[0]: line.split()[1:] for line in (here / "table").read_text().splitlines()}
name = sys.argv[-1]
if "madison" in sys.argv:
    for version in table.get(name, ()):
        print(f" {name} | {version} | http://debian.invalid sid/main amd64 Packages")
else:
    print("\\n".join(known for known in table if known.startswith(name)))
"""
COMPARE = """
import re
one, _, other = sys.argv[2:]
key = lambda text: [int(word) for word in re.findall("[0-9]+", text)]
sys.exit(key(one) <= key(other))
"""
LIST = "# a comment\nclang-LLVM\nlibc++-LLVM-dev\nlibstdc++-GCC-dev\nmake\nrust-src/rust\nrustc/rust\n"


def choose(programs: Programs, table: str, llvm: int) -> subprocess.CompletedProcess[str]:
    programs.add("apt-cache", MADISON)
    programs.add("dpkg", COMPARE)
    (programs.folder / "table").write_text(table)
    (programs.folder / "list").write_text(LIST)
    return programs.run(CHOOSE, "--llvm", str(llvm), str(programs.folder / "list"), "--", "-o", "a=b")


GCCS = "libstdc++-14-dev 1\nlibstdc++-9-dev 1\n"
LLVMS = f"clang-21 1\nclang-22 1\nclang-24 1\nlibc++-21-dev 1\nlibc++-24-dev 1\n{GCCS}"
RUST = "rustc 1.96.1-1~bpo13+1 1.97.1-1+b2\nrust-src 1.96.1-1~bpo13+1 1.97.1-1\n"


@pytest.mark.parametrize(("asked", "taken"), [(21, 21), (22, 24), (23, 24), (25, 24)])
def test_the_llvm_that_is_whole_and_nearest(programs: Programs, asked: int, taken: int) -> None:
    done = choose(programs, LLVMS + RUST, asked)
    assert done.stdout.split() == [
        f"clang-{taken}",
        f"libc++-{taken}-dev",
        "libstdc++-14-dev",
        "make",
        "rust-src=1.97.1-1",
        "rustc=1.97.1-1+b2",
    ]


def test_the_newest_rust_that_is_whole(programs: Programs) -> None:
    done = choose(
        programs,
        LLVMS + RUST.replace("rust-src 1.96.1-1~bpo13+1 1.97.1-1\n", "rust-src 1.96.1-1~bpo13+1\n"),
        21,
    )
    assert "rustc=1.96.1-1~bpo13+1" in done.stdout.split()


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (
            LLVMS + "rustc 1.96.1-1\nrust-src 1.97.1-1\n",
            "no version of Rust whose packages fit together: rust-src 1.97.1-1",
        ),
        (LLVMS + "rustc 1.96.1-1\n", "rust-src none"),
        (
            "clang-21 1\nlibc++-22-dev 1\nlibstdc++-14-dev 1\n" + RUST,
            "no version of clang-LLVM, libc++-LLVM-dev together",
        ),
    ],
)
def test_an_archive_that_will_not_do(programs: Programs, table: str, why: str) -> None:
    done = choose(programs, table, 21)
    assert done.returncode == 1
    assert why in done.stderr

"""Builds a wheel with xbuild as a library: `python library.py CRATE OUT`."""

import sys
from pathlib import Path

import xbuild

crate, out = (Path(word).absolute() for word in sys.argv[1:])
wanted = {"targets": ["x86_64-unknown-linux-gnu"], "interpreters": ["cp311"], "out": out}
try:
    settings = xbuild.configure(crate, **wanted)
    report = xbuild.build_wheels(crate, settings, on_event=lambda event: print(event.kind, event.job))
except xbuild.XbuildError as error:
    sys.exit(f"{error.code}: {error.brief}")
for wheel in report.wheels:
    print(wheel.path, wheel.sha256, wheel.proof)
sys.exit(report.exit_status)

"""Wheels on real interpreters: which tester can run a wheel, its image, and the run itself."""

from xbuild.testing.binfmt import QEMU_STEPS, runs_foreign
from xbuild.testing.recipes import recipe_for
from xbuild.testing.run import TestResult, proof_text, run_wheel
from xbuild.testing.testers import Choice, Tester, choose, load_testers

__all__ = [
    "QEMU_STEPS",
    "Choice",
    "TestResult",
    "Tester",
    "choose",
    "load_testers",
    "proof_text",
    "recipe_for",
    "run_wheel",
    "runs_foreign",
]

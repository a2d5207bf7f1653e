"""Wheels on real interpreters: which tester can run a wheel, its image, and the run itself."""

from xbuild.check.trial.binfmt import QEMU_STEPS, runs_foreign
from xbuild.check.trial.recipes import recipe_for
from xbuild.check.trial.run import TestResult, proof_text, run_wheel
from xbuild.check.trial.testers import Choice, Tester, choose, load_testers

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

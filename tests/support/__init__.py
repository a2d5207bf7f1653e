"""What tests share: fakes, files that they make, and the real engine."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

SAMPLES = Path(__file__).with_name("samples")
"""Real output of tools."""

"""compose.yaml, which runs xbuild in a container beside the engine."""

from __future__ import annotations

import re
from pathlib import Path

from xbuild.settings import load_settings

TEXT = (Path(__file__).parents[2] / "compose.yaml").read_text("utf-8")


def test_its_own_variables_are_no_settings(tmp_path: Path) -> None:
    """They may be exported for docker-compose while xbuild runs too."""
    names = re.findall(r"\$\{([A-Za-z_]+)", TEXT)
    assert len(names) == 6
    environ = dict.fromkeys(names, "x") | {"HOME": str(tmp_path)}
    load_settings(flags={}, environ=environ, project_dir=None, config_file=None)

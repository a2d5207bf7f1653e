"""docs/project-files.md says what the tables say."""

from __future__ import annotations

import project_files


def test_the_page_has_the_tables_as_they_are() -> None:
    page = project_files.PAGE.read_text("utf-8")
    assert project_files.renewed(page) == page, "python tools/project_files.py"
    for name in project_files.TABLES:
        assert f"<!-- table: {name} -->" in page

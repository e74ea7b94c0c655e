"""The examples on the pages of these adapters are documents that Allstop would take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load

PAGES = Path(__file__).resolve().parents[2] / "docs" / "fleet" / "adapters"
PROTOCOL = "schema: allstop/1\nname: example\nextends: standard\n"
ROSTER = """schema: allstop/1
channels: {console: {adapter: chat-file, options: {path: chat.md}}}
people:
  ada: {name: Ada, login: ada, roles: [commander, deputy], channels: [console], owner: true}
"""


@pytest.mark.parametrize("page", ["haproxy", "redis", "flag-file", "http", "git-release"])
def test_the_example_of_a_page_passes(page: str, tmp_path: Path) -> None:
    """Given the fleet.yaml of a page, checked with the real adapters, nothing in it is a problem."""
    example = re.search(r"```yaml\n(.*?)```", (PAGES / f"{page}.md").read_text("utf-8"), re.DOTALL)
    assert example is not None
    for name, text in (("fleet", example[1]), ("protocol", PROTOCOL), ("roster", ROSTER)):
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")

    loaded = load(tmp_path, catalogue_of(InstalledAdapters()))

    found = [one for one in loaded.problems if one.file == "fleet.yaml"]
    assert [f"{one.line}: {one.code} {one.text}" for one in found] == []
    assert loaded.documents.fleet is not None

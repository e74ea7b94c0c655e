"""The fleet of the page on rollbacks, fixes and restores is one that Allstop takes, and from which it draws them."""

from __future__ import annotations

import re
from pathlib import Path

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fleet" / "returning.md"
PROTOCOL = "schema: allstop/1\nname: example\nextends: standard\n"
ROSTER = """schema: allstop/1
channels: {console: {adapter: chat-file, options: {path: chat.md}}}
people:
  ada: {name: Ada, login: ada, roles: [commander, deputy], channels: [console], owner: true}
"""


def test_the_example_of_the_page_passes(tmp_path: Path) -> None:
    """Given the fleet of the page, checked with the real adapters, then nothing in it is a problem, and the words that
    a plan fills in later are taken for what they become."""
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example is not None
    for name, text in (("fleet", example[1]), ("protocol", PROTOCOL), ("roster", ROSTER)):
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")

    loaded = load(tmp_path, catalogue_of(InstalledAdapters()))

    found = [one for one in loaded.problems if one.file == "fleet.yaml"]
    assert [f"{one.line}: {one.code} {one.text}" for one in found] == []
    assert loaded.documents.fleet is not None

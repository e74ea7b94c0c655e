"""The examples on the pages of the adapters for other machines and containers are documents that pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol.project import load

PAGES = Path(__file__).resolve().parents[2] / "docs" / "fleet" / "adapters"
PROTOCOL = "schema: allstop/1\nname: shop\nextends: standard\n"
ROSTER = """
schema: allstop/1
people:
  ada: {name: Ada, login: ada, roles: [commander, deputy, operations, communications, scribe], owner: true}
"""


@pytest.mark.parametrize("page", ["ssh.md", "container.md"])
def test_the_examples_pass(page: str, tmp_path: Path) -> None:
    """Given the fleet of a page, checked against the installed adapters, then it has no problem."""
    found = re.findall(r"```yaml\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)
    fleets = [text for text in found if "services:" in text]
    assert fleets
    for text in fleets:
        (tmp_path / "protocol.yaml").write_text(PROTOCOL)
        (tmp_path / "roster.yaml").write_text(ROSTER)
        (tmp_path / "fleet.yaml").write_text(text)
        loaded = load(tmp_path, catalogue_of(InstalledAdapters()))
        mine = [str(one) for one in loaded.problems if str(one).startswith("fleet.yaml")]
        assert mine == []

"""docs/fleet: what it shows can be written like that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import render
from allstop.protocol.standalone_fleet import load_fleet
from tests.protocol.fleet_import.trees import CATALOGUE

DOCS = Path(__file__).parents[2] / "docs" / "fleet"
BLOCKS = re.findall(r"```yaml\n(.*?)```", (DOCS / "README.md").read_text("utf-8"), re.DOTALL)
WHOLE = [block for block in BLOCKS if block.startswith("schema:")]
# Cut out of a whole one: what they name beside themselves is not there.
PARTS = [block for block in BLOCKS if not block.startswith("schema:")]


def test_the_whole_example_has_nothing_to_be_mended(tmp_path: Path) -> None:
    (block,) = WHOLE
    path = tmp_path / "fleet.yaml"
    path.write_text(block)
    found = load_fleet(path, CATALOGUE)
    assert render(found.problems) == ""
    assert found.fleet is not None
    assert len(found.fleet.services) == 6


@pytest.mark.parametrize("block", PARTS, ids=range(len(PARTS)))
def test_every_part_is_without_an_error(block: str, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(f"schema: allstop/1\n{block}")
    found = load_fleet(path, catalogue_of(InstalledAdapters()))
    assert [str(one) for one in found.problems if one.is_error] == []


def test_what_it_links_to_is_there() -> None:
    for page in ("README.md", "importing.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (DOCS / page).read_text("utf-8")):
            assert (DOCS / target).exists(), f"{page}: {target}"

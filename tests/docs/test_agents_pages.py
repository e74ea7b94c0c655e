"""The pages on agents say what is true of this version."""

from __future__ import annotations

import re
from pathlib import Path

from allstop.bootstrap import check_fleet

PAGES = Path(__file__).resolve().parents[2] / "docs" / "agents"


def test_the_fleet_on_the_page_about_keys_checks_clean(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (PAGES / "keys.md").read_text("utf-8"), re.DOTALL)
    path = tmp_path / "fleet.yaml"
    path.write_text(f"schema: allstop/1\n{example}", "utf-8")
    fleet, problems = check_fleet(path)
    assert fleet is not None
    assert [str(one) for one in problems] == []

"""Draw the state diagrams of docs/architecture.md from the tables that the program runs on.

`python scripts/diagrams.py` rewrites the page's generated blocks; `--check` only compares, exit 1 when stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from allstop.domain.halt.lifecycle import TRANSITIONS as HOLD
from allstop.domain.incident.lifecycle import INCIDENT_TRANSITIONS
from allstop.domain.plan.lifecycle import PLAN_TRANSITIONS, STEP_TRANSITIONS
from allstop.domain.registry import wire_name

PAGE = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def diagram(table: Mapping[tuple[StrEnum, type], StrEnum], first: str) -> str:
    """A Mermaid state diagram with one arrow per row, labelled with the event's wire name."""
    rows = [f"    [*] --> {first}"]
    for (state, event), target in table.items():
        source, aim = (one.value.replace("-", "_") for one in (state, target))
        rows.append(f"    {source} --> {aim}: {wire_name(event)}")
    return "\n".join(["```mermaid", "stateDiagram-v2", *dict.fromkeys(rows), "```"])


DIAGRAMS = {
    "incident": lambda: diagram(INCIDENT_TRANSITIONS, "open"),
    "hold": lambda: diagram(HOLD, "ordered"),
    "plan": lambda: diagram(PLAN_TRANSITIONS, "proposed"),
    "step": lambda: diagram(STEP_TRANSITIONS, "waiting"),
}


def rendered(page: str) -> str:
    """The page with every generated block drawn anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{DIAGRAMS[found['name']]()}\n{found[3]}", page)


def main(arguments: list[str]) -> int:
    """Rewrite or check; returns the exit code."""
    now = PAGE.read_text(encoding="utf-8")
    wanted = rendered(now)
    if "--check" in arguments:
        if now != wanted:
            print("docs/architecture.md is stale: python scripts/diagrams.py")
        return 0 if now == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Tries every failure of a hook on every client that is here, and keeps what was seen: `python -m tests.agents.matrix`.

Writes tests/agents/results.json and docs/agents/matrix.md. Ends with 1 when a client of the same version did
something else than last time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from allstop.runtimes import RUNTIMES
from allstop.runtimes.failures import ANSWERS, GATE, Seen, try_answer, try_gate
from allstop.runtimes.trying import version_of
from tests.agents.clients import NAMES, ROOT, program

RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "agents" / "matrix.md"
CLOSED = "claude-closed"
# A column for each client as it comes; one more for the only one that can be told to close.
COLUMNS = {**{name: (name, False) for name in NAMES}, CLOSED: ("claude", True)}


def main(names: list[str]) -> int:
    """Tries the named columns, all by default."""
    kept: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    changed = []
    for column in names or COLUMNS:
        name, closed = COLUMNS[column]
        words = program(name)
        if words is None:
            print(f"matrix: {RUNTIMES[name].title} is not here: make test-agents-tools")
            continue
        with tempfile.TemporaryDirectory() as home:
            version = version_of(words, Path(home))
        found = {"version": version, "seen": _tried(name, words, column, closed=closed)}
        before = kept.get(column, {})
        if before.get("version") == version and before != found:
            changed.append(f"{column} {version}")
        kept[column] = found
    RESULTS.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", "utf-8")
    PAGE.write_text(page(kept), "utf-8")
    for one in changed:
        print(f"matrix: {one} did something else than last time: git diff {RESULTS.name}")
    return 1 if changed else 0


def _tried(
    name: str, words: tuple[str, ...], column: str, *, closed: bool
) -> dict[str, dict[str, bool]]:
    seen: dict[str, Seen] = {}
    for answer in ANSWERS:
        seen[answer.id] = try_answer(RUNTIMES[name], words, answer, closed=closed)
        print(f"matrix: {column}: {answer.title}: {cell(seen[answer.id])}", flush=True)
    seen[GATE] = try_gate(RUNTIMES[name], words, closed=closed)
    print(f"matrix: {column}: the gate: {cell(seen[GATE])}", flush=True)
    return {id: asdict(one) for id, one in seen.items()}


def cell(seen: Seen) -> str:
    """What a reader is told of one trial."""
    loop = "the loop ends" if seen.ended else "the loop goes on"
    return f"**RUNS**, {loop}" if seen.ran else f"refused, {loop}"


INTRODUCTION = """# What clients do when a hook fails

A hook that a client starts before each tool call can end in many ways. This is what each client then did with its
tool call, tried on the real client against a model server on loopback. **RUNS** means that the file the tool was to
make was there afterwards: for a halt that relied on such an answer, an open door. "The loop ends" means that the
model was not asked again.

This page is written by `make test-agents` from `tests/agents/results.json`, for the versions that are pinned in
`tests/agents/package.json` and `requirements/agents.txt`. What follows from it for the gate stands in [gate.md](gate.md).

"""


def page(kept: dict[str, Any]) -> str:
    """The page, from what was kept."""
    columns = [column for column in COLUMNS if column in kept]
    heads = [_head(column, kept[column]["version"]) for column in columns]
    lines = [f"| the hook | {' | '.join(heads)} |", "|" + "---|" * (len(heads) + 1)]
    rows = [(answer.id, answer.title) for answer in ANSWERS]
    for id, title in [*rows, (GATE, "**Allstop's gate during a halt**")]:
        cells = [cell(Seen(**kept[column]["seen"][id])) for column in columns]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def _head(column: str, version: str) -> str:
    name, closed = COLUMNS[column]
    return f"{RUNTIMES[name].title} {version}" + (' with `onFailure: "block"`' if closed else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

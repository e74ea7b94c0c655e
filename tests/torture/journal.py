"""The outside journal: which programs were run, as a witness saw it that knows nothing of the log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

KEEPER = Path(__file__).with_name("keep_journal.py")
JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Run:
    """One time a program of ours was run, as the outside journal has it. ended: None if never seen."""

    key: str
    epoch: int
    started: float
    ended: float | None


def runs_in(journal: Path) -> list[Run]:
    """What was run, in order of its beginning."""
    if not journal.exists():
        return []
    lines = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    ends = [line for line in lines if line["phase"] == "end"]
    runs = []
    for line in lines:
        if line["phase"] != "start":
            continue
        end = next((one for one in ends if one["run"] == line["run"]), None)
        runs.append(Run(line["key"], line["epoch"], line["at"], end["at"] if end else None))
    return runs

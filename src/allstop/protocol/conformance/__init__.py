"""The clauses of the five protocols, and what the last run of the conformance suite said of each.

`clauses.yaml` is written by hand; `results.json` by the suite (`make conformance`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

MET, WAITING, FAILING, UNTESTED = "met", "waiting", "failing", "untested"


@dataclass(frozen=True, slots=True)
class Clause:
    """waits: what it needs that is not there yet, or empty."""

    id: str
    pack: str
    title: str
    waits: str


@dataclass(frozen=True, slots=True)
class Standing:
    """state: met | waiting | failing | untested; tests: how many bear the id; failed: names of those."""

    clause: Clause
    state: str
    tests: int
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """at, version: of the run; tests: outcome (passed | failed | skipped) by test, by clause."""

    at: str
    version: str
    tests: dict[str, dict[str, str]]


def clauses() -> tuple[Clause, ...]:
    """All of them, in the order of the table."""
    text = (files(__name__) / "clauses.yaml").read_text("utf-8")
    return tuple(
        Clause(id, about["pack"], about["title"], about.get("waits", ""))
        for id, about in yaml.safe_load(text).items()
    )


def last_run() -> Run | None:
    """What stands in `results.json`, or None when the suite has never run."""
    file = files(__name__) / "results.json"
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return Run(found["at"], found["version"], found["tests"])


def table(run: Run | None) -> tuple[Standing, ...]:
    """Where each clause stands. One that waits is not met, whatever its tests say of the part there is."""
    return tuple(
        _standing(clause, run.tests.get(clause.id, {}) if run else {}) for clause in clauses()
    )


def _standing(clause: Clause, outcomes: dict[str, str]) -> Standing:
    failed = tuple(name for name, outcome in outcomes.items() if outcome != "passed")
    if failed:
        state = FAILING
    elif clause.waits:
        state = WAITING
    else:
        state = MET if outcomes else UNTESTED
    return Standing(clause, state, len(outcomes), failed)

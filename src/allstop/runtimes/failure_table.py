"""How a client on this machine takes every way a hook can end, tried on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from allstop.runtimes import RUNTIMES
from allstop.runtimes.failures import ANSWERS, GATE, try_answer, try_gate
from allstop.runtimes.trying import version_of


@dataclass(frozen=True, slots=True)
class Row:
    """id: of the answer, `gate` for the gate under a halt; ran: whether the tool did its work; ended: whether the loop ended."""

    id: str
    title: str
    ran: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One client, in the version it says."""

    runtime: str
    title: str
    version: str
    rows: tuple[Row, ...]

    @property
    def gate_ran(self) -> bool:
        return any(row.ran for row in self.rows if row.id == GATE)


def tried(name: str, program: tuple[str, ...], progress: Callable[[str], None]) -> Table:
    """Starts a client once for each answer, as it is installed by Allstop: closed where it can be. Blocking, a minute or two. Raises Unavailable."""
    runtime = RUNTIMES[name]
    with tempfile.TemporaryDirectory(prefix="allstop-trial-") as home:
        version = version_of(program, Path(home))
    rows = []
    for answer in ANSWERS:
        progress(f"{runtime.title}: the hook {answer.title}")
        seen = try_answer(runtime, program, answer, closed=True)
        rows.append(Row(answer.id, answer.title, seen.ran, seen.ended))
    progress(f"{runtime.title}: the gate")
    seen = try_gate(runtime, program)
    rows.append(Row(GATE, "Allstop's gate under a halt", seen.ran, seen.ended))
    return Table(name, runtime.title, version, tuple(rows))

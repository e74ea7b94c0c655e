"""The scenario `fleet-stop`: the whole shop is stopped in order and brought back, and nothing is lost.

The people use the public command line, as anybody could. What is claimed at the end was seen by the demo itself:
the ends and beginnings of processes, the books on disk, the orders customers were promised.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from allstop.sandbox.books import BOOKS
from allstop.sandbox.demo_cast import Api, asked, wait_until_well
from allstop.sandbox.demo_eyes import EDGES, Ends, begins, broken_by_start, broken_by_stop
from allstop.sandbox.demo_screen import Screen
from allstop.sandbox.demo_stage import PEOPLE, Stage, cli_json, stage
from allstop.sandbox.documents import ORDERED_STOP, Pace
from allstop.sandbox.layout import AGENTS, SERVICES, Layout, SandboxError
from allstop.sandbox.order_book import check_order_book

STAGES_OF_A_STOP = (
    "Who needs whom",
    "The order is given, and the agents stop first",
    "The plan: what, in which order, how long, against which rules",
    "The books are protected: two people agree, or nothing happens",
    "The stop: dependents first, data safe before its service",
    "The recovery: stage by stage behind gates, customers share by share",
    "Verified on real samples, and handed over",
)
PATIENCE_SECONDS = 120.0
WATER = "water in the machine room: everything must be off in ten minutes"
ORDERS_AGAIN = 5
STAND_DOWN_TRIES = 8
_CLOSING = (
    ("resolved", "The water is gone; everything is back, and every probe is good."),
    ("root-cause", "A pipe above the machine room burst."),
    ("prevention", "The pipe goes around the room, and a sensor lies on the floor."),
)

Rows = dict[str, dict[str, tuple[Any, ...]]]
Check = tuple[str, bool]


@dataclass(slots=True)
class Figures:
    """What was measured. Times in seconds; path: the longest one, by the times the nodes really took."""

    stop: float = 0.0
    stop_path: float = 0.0
    recover: float = 0.0
    path: tuple[str, ...] = ()
    checks: list[Check] = field(default_factory=list)


class _DeclinedError(Exception):
    """The human at the keyboard has said no."""


def fleet_stop(out: Screen, *, window: str, ask: bool, keep: bool, rate: int) -> bool:
    """Run the scenario. Returns whether everything was as it must be. Raises SandboxError, httpx.HTTPError.

    ask: a human at the keyboard decides in Ada's place.
    """
    out.say("starting a small shop of six services, a coordinator and four agents")
    pace = Pace(window=window, roll_call="4s", interval="500ms", gate="1s")
    with (
        stage(pace, keep=keep, rate=rate, all_off=True) as scene,
        _people(scene) as people,
        _eyes() as ends,
    ):
        out.say(f"console: {scene.console}", "notice")
        out.say(
            f"the demo extends the standard pack and shortens it: stability {pace.window} (15m), "
            f"gates {pace.gate} (15s), roll call {pace.roll_call} (5m)"
        )
        wait_until_well(out, people["dana"])
        act = _Act(out, scene, people, ends, ask)
        try:
            act.declared()
            act.stopped()
            act.recovered()
            act.handed_over()
        except _DeclinedError:
            out.say("you declined, so nothing more was done", "bad")
            return True
        return act.told(keep=keep)


@contextmanager
def _people(scene: Stage) -> Iterator[dict[str, Api]]:
    found = {name: Api(scene.url, scene.tokens[name]) for name in (*PEOPLE, "dana")}
    try:
        yield found
    finally:
        for api in found.values():
            api.close()


@contextmanager
def _eyes() -> Iterator[Ends]:
    ends = Ends()
    try:
        yield ends
    finally:
        ends.close()


@dataclass(slots=True)
class _Act:
    """The four parts of it, one after the other. books: as they stood when everything was off."""

    out: Screen
    scene: Stage
    people: Mapping[str, Api]
    ends: Ends
    ask: bool = False
    incident: str = ""
    books: Rows = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)

    def declared(self) -> None:
        """Who needs whom; an incident; every agent stops before anything else does."""
        self.out.stage(1)
        self._run("ada", "fleet", "graph")
        self.out.stage(2)
        self._run("ada", "declare", WATER, "--kind", ORDERED_STOP)
        self.incident = str(self.people["ada"].get("/incidents")[0]["id"])
        self._wait(lambda: _all_stopped(self._view()), "every agent has stopped")
        roll = self._view()["halts"][0]["roll"]
        told = ", ".join(f"{one['agent']} {one['state']}" for one in roll)
        self.out.say(f"agents: {told}", "good")

    def stopped(self) -> None:
        """The preview, two signatures, the stop itself, and what the demo saw of it."""
        self.out.stage(3)
        plan = self._planned("plan", "stop", "all")
        self.out.stage(4)
        self._run("ada", "plan", "run", plan, refused=True)
        self._agreed(plan)
        self.out.stage(5)
        self.ends.watch(self.scene.control)
        self._run("ada", "plan", "run", plan, "--follow")
        self._wait(lambda: len(self.ends.at) == len(SERVICES), "every process is gone")
        view = self.people["ada"].get(f"/plans/{plan}")
        self.figures.stop = _took(view)
        self.figures.stop_path, self.figures.path = _longest(view)
        self._seen_ends()
        self.books = _books(self.scene.folder)
        kept = _snapshots(self.scene.folder)
        rows = sum(len(book) for book in self.books.values())
        same = kept == self.books and rows > 0
        self._check(f"the proven snapshots hold exactly what the books hold: {rows} rows", same)

    def _seen_ends(self) -> None:
        """When each process ended, by the kernel, against the graph."""
        first = min(self.ends.at.values())
        ordered = sorted(self.ends.at.items(), key=lambda one: one[1])
        needs = {name: [one.whom for one in EDGES if one.who == name] for name in SERVICES}
        rows = [(name, f"+{at - first:.3f} s", ", ".join(needs[name]) or "-") for name, at in ordered]  # fmt: skip
        self.out.table(
            "Seen from outside: when each process ended", ("service", "ended", "needs"), rows
        )
        broken = broken_by_stop(self.ends.at)
        self._check(f"stop: {len(broken)} of {len(EDGES)} edges broken{_named(broken)}", not broken)

    def recovered(self) -> None:
        """Back, stage by stage, each behind a gate; then customers, share by share."""
        self.out.stage(6)
        plan = self._planned("plan", "recover", "--incident", self.incident)
        self._agreed(plan)
        self._run("ada", "plan", "run", plan, "--follow")
        view = self.people["ada"].get(f"/plans/{plan}")
        self.figures.recover = _took(view)
        broken = broken_by_start(begins(self.scene.control))
        self._check(
            f"start: {len(broken)} of {len(EDGES)} edges broken{_named(broken)}", not broken
        )
        before = _acknowledged(self.scene)
        self._wait(
            lambda: _acknowledged(self.scene) >= before + ORDERS_AGAIN, "customers buy again"
        )
        self.out.say("customers buy again", "good")

    def handed_over(self) -> None:
        """Stable for the whole window by real samples; then the stand-down releases the agents."""
        self.out.stage(7)
        self._wait(
            lambda: bool(self._view()["phases"][-1]["state"] == "done"),
            "the stability window is over",
        )
        ada = self.people["ada"]
        for subject, text in _CLOSING:
            ada.post(f"/incidents/{self.incident}/statements", {"subject": subject, "text": text})
        ada.post(f"/incidents/{self.incident}/approvals", {"subject": "stand-down", "note": ""})
        self.out.say(
            "Ada (commander) states what it was and what prevents it, and approves", "notice"
        )
        self._stood_down()
        self._wait(lambda: _all_running(self.people["dana"]), "the agents work again")
        self.out.say(f"{len(AGENTS)} agents work again", "good")

    def _stood_down(self) -> None:
        """Stand down. A bad sample, or none in the last moment, refuses it, and rightly: then once more."""
        words = ("stand-down", _CLOSING[0][1], "--incident", self.incident)
        for _ in range(STAND_DOWN_TRIES):
            self._wait(
                lambda: all(one["passed"] for one in self._view()["stand_down"]),
                "everything that standing down asks for",
            )
            if self.out.command("ada", words, _environment(self.scene, "ada")) == 0:
                return
            time.sleep(1.0)
        raise SandboxError(f"standing down was refused {STAND_DOWN_TRIES} times")

    def told(self, *, keep: bool) -> bool:
        """The figures, and whether all of it is as it must be."""
        figures = self.figures
        after = _books(self.scene.folder)
        lost = [
            f"{name} {id}"
            for name, rows in self.books.items()
            for id, row in rows.items()
            if after[name].get(id) != row
        ]
        book = check_order_book(self.scene.folder)
        audit = cli_json(self.scene.home, "audit", "verify")
        path = " -> ".join(figures.path)
        figures.checks += [
            (f"rows that are not what they were before the stop: {len(lost)}", not lost),
            (
                f"orders lost: {len(book.missing)} of {book.acknowledged} acknowledged",
                not book.missing and book.acknowledged > 0,
            ),
            (f"audit: {audit.get('entries', '?')} entries verified", bool(audit["ok"])),
        ]
        stop = f"stop took {figures.stop:.1f} s; its longest path {figures.stop_path:.1f} s: {path}"
        summary = {
            "measures": [],
            "checks": [
                (stop, True),
                (f"recover took {figures.recover:.1f} s", True),
                *figures.checks,
            ],
            "where": [f"kept: {self.scene.folder}"] if keep else [],
            "incident": self.incident,
            "figures": {
                "stop_seconds": round(figures.stop, 3), "longest_path_seconds": round(figures.stop_path, 3),
                "longest_path": list(figures.path), "recover_seconds": round(figures.recover, 3),
                "orders_lost": len(book.missing), "orders_acknowledged": book.acknowledged,
            },
        }  # fmt: skip
        self.out.summary(summary)
        return all(good for _, good in figures.checks)

    def _planned(self, *words: str) -> str:
        """Ask for a plan on the command line. Returns its name."""
        self._run("ada", *words)
        return str(self._view()["plans"][-1]["id"])

    def _agreed(self, plan: str) -> None:
        """Two people read the plan and agree to exactly what they have read."""
        for person, role in (("ada", "commander"), ("ben", "operations")):
            api = self.people[person]
            read = api.get(f"/plans/{plan}")
            if (
                self.ask
                and person == "ada"
                and not asked(self.out, f"Approve {plan}?", [read["title"]])
            ):
                raise _DeclinedError
            body = {"subject": f"plan:{plan}", "binds": read["hash"], "note": "read and agreed"}
            answer = api.post(f"/incidents/{self.incident}/approvals", body)
            if answer.is_error:
                raise SandboxError(f"{person} could not approve {plan}: {answer.text}")
            name = person.capitalize()
            self.out.say(f"{name} ({role}) approves {plan}, hash {read['hash'][:12]}", "notice")

    def _view(self) -> Any:
        return self.people["ada"].get(f"/incidents/{self.incident}")

    def _run(self, person: str, *words: str, refused: bool = False) -> None:
        """One command as this person. Raises SandboxError if it does not end as it must."""
        code = self.out.command(person, words, _environment(self.scene, person))
        if refused != (code != 0):
            text = "was not refused" if refused else f"ended with {code}"
            raise SandboxError(f"allstop {' '.join(words)} {text}")

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not true():
            if time.monotonic() > until:
                raise SandboxError(f"not within {PATIENCE_SECONDS:.0f} s: {what}")
            time.sleep(0.1)

    def _check(self, text: str, good: bool) -> None:
        self.figures.checks.append((text, good))
        self.out.say(text, "good" if good else "bad")


def _environment(scene: Stage, person: str) -> dict[str, str]:
    """What a person's own machine would have: where the coordinator is, and their token."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ALLSTOP_")}
    return own | {"ALLSTOP_URL": scene.url, "ALLSTOP_TOKEN": scene.tokens[person]}


def _all_stopped(view: Mapping[str, Any]) -> bool:
    return bool(view["halts"]) and all(one["settled"] for one in view["halts"][0]["roll"])


def _all_running(api: Api) -> bool:
    return all(one["state"] == "running" for one in api.get("/agents"))


def _acknowledged(scene: Stage) -> int:
    return check_order_book(scene.folder).acknowledged


def _books(folder: Path) -> Rows:
    """Every row of customers, by book and first column. Raises sqlite3.Error."""
    layout = Layout.of(folder)
    return {name: _rows(layout.database(name), query) for name, query in BOOKS.items()}


def _snapshots(folder: Path) -> Rows:
    """The same of the newest snapshots."""
    layout = Layout.of(folder)
    return {
        name: _rows(max((layout.snapshots / name).glob("*.db")), query)
        for name, query in BOOKS.items()
    }


def _rows(path: Path, query: str) -> dict[str, tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as book:
        return {str(row[0]): tuple(row) for row in book.execute(query)}


def _took(plan: Mapping[str, Any]) -> float:
    return _seconds(plan["started_at"], plan["ended_at"])


def _longest(plan: Mapping[str, Any]) -> tuple[float, tuple[str, ...]]:
    """The longest path through the plan by what each node really took, and the nodes on it."""
    nodes = {one["id"]: one for one in plan["nodes"]}
    known: dict[str, tuple[float, tuple[str, ...]]] = {}

    def upto(name: str) -> tuple[float, tuple[str, ...]]:
        if name not in known:
            node = nodes[name]
            before, path = max((upto(one) for one in node["after"]), default=(0.0, ()))
            known[name] = (before + _seconds(node["started_at"], node["ended_at"]), (*path, name))
        return known[name]

    return max(upto(name) for name in nodes)


def _seconds(first: str, last: str) -> float:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def _named(edges: tuple[Any, ...]) -> str:
    return "".join(f", {edge.who} -> {edge.whom}" for edge in edges)

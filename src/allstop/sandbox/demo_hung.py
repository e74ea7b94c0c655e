"""The scenario `hung-dependency`: the catalogue takes every connection and answers none.

Whoever calls it waits, and whoever calls those waits as well. The people cut it off, sell without it, restart it, and
let the prices come from it again share by share.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from allstop.sandbox.demo_cast import Cast
from allstop.sandbox.demo_stage import Stage
from allstop.sandbox.layout import Layout

HUNG = "catalog"
_EVERY_SECONDS = 0.1
_DRAINED_WITHIN_SECONDS = 10.0


class Pile:
    """How many purchases are inside the gateway, seen from outside all the time. most: so far."""

    def __init__(self, gateway: str) -> None:
        self.most = 0
        self._url = f"{gateway}/admin/door"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> int:
        """Raises httpx.HTTPError when the gateway does not say."""
        return int(httpx.get(self._url, timeout=2.0).json()["busy"])

    def drained(self) -> bool:
        """Wait until all of those who are inside now may have left. Returns whether at most one is."""
        until = time.monotonic() + _DRAINED_WITHIN_SECONDS
        while time.monotonic() < until:
            # One: somebody is being served at this very moment.
            if self.now() <= 1:
                return True
            time.sleep(_EVERY_SECONDS)
        return False

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            try:
                self.most = max(self.most, self.now())
            except httpx.HTTPError:
                continue


@dataclass(slots=True)
class HungCast(Cast):
    """The same people, with more to do. plans: the purpose of each plan that was made."""

    scene: Stage | None = None
    pile: Pile | None = None
    plans: dict[str, str] = field(default_factory=dict)
    suspected: tuple[str, ...] = ()
    unwell: tuple[str, ...] = ()
    drained: bool = False
    pulled_at: float = 0.0
    back_at: float = 0.0
    resolved: bool = False
    normal: bool = False

    def react(self, entry: Mapping[str, Any]) -> None:
        """What the people do when they read this entry."""
        kind, stream = str(entry["kind"]), str(entry["stream"])
        plan = stream.partition("/")[2]
        if kind == "plan.made":
            self.plans[plan] = str(self.people["ada"].get(f"/plans/{plan}")["purpose"])
        asked = self.plans.get(plan) in ("degrade", "recover", "undo")
        if kind == "milestone.reached" and "resolved" in str(entry["text"]):
            self.resolved = True
            self._end()
        elif not (kind == "plan.made" and asked):
            # What Ada asks for herself she starts herself; everything else goes its usual way.
            Cast.react(self, entry)
        if kind == "incident.declared":
            self._look()
        elif kind == "plan.done":
            self._next(self.plans.get(plan, ""), _at(entry))

    def _look(self) -> None:
        assert self.pile is not None
        services = self.people["ada"].get("/services")
        self.unwell = tuple(one["name"] for one in services if one["state"] != "up")
        view = self.people["ada"].get(f"/incidents/{self.incident}")
        self.suspected = tuple(view["line"]["services"])
        waiting = self.pile.now()
        self.screen.say(
            f"unwell: {', '.join(self.unwell)}; named as the cause: {', '.join(self.suspected)}, the deepest of them"
        )
        self.screen.say(
            f"{waiting} purchases wait inside the gateway, {self.pile.most} at the most"
        )

    def _next(self, purpose: str, at: float) -> None:
        """A plan has ended well: Ada starts what comes next."""
        if purpose == "contain":
            self._drained()
            self._start({"purpose": "degrade", "targets": [HUNG], "level": "major"})
        elif purpose == "degrade":
            self.pulled_at = at
            self.screen.say("the shop sells without the catalogue, at the prices seen last", "good")
        elif purpose == "remedy":
            self.back_at = at
            self._start({"purpose": "recover", "targets": [HUNG]})
        elif purpose == "recover":
            pulled = next(id for id, one in self.plans.items() if one == "degrade")
            self._start({"purpose": "undo", "plan": pulled})
        elif purpose == "undo":
            self.normal = True
            self._end()

    def _drained(self) -> None:
        assert self.pile is not None
        self.drained = self.pile.drained()
        text = "nobody waits any more" if self.drained else "customers still wait"
        self.screen.say(
            f"the catalogue is cut off: {text}; {self.pile.most} waited at the most",
            "good" if self.drained else "bad",
        )

    def _start(self, body: Mapping[str, Any]) -> None:
        """Ada asks for a plan, agrees to exactly that one, and starts it."""
        ada = self.people["ada"]
        made = ada.post(f"/incidents/{self.incident}/plans", body)
        if made.is_error:
            self.screen.say(f"Ada: {body['purpose']} was refused: {made.text}", "bad")
            return
        plan = str(made.json()["plan"])
        self.plans[plan] = str(body["purpose"])
        if ada.get(f"/plans/{plan}")["state"] == "proposed":
            self._approve_plan(plan)
        started = ada.post(f"/plans/{plan}/run")
        if started.is_error:
            self.screen.say(f"Ada: {plan} was not started: {started.text}", "bad")

    def _end(self) -> None:
        """Standing down waits for both: stable, and nothing left of what was done to get there."""
        if self.resolved and self.normal and not self.finished:
            self._stand_down()

    def checks(self) -> list[tuple[str, bool]]:
        """What the demo itself has seen."""
        assert self.pile is not None
        assert self.scene is not None
        deepest = self.suspected == (HUNG,)
        sold = _sold_between(Layout.of(self.scene.folder), self.pulled_at, self.back_at)
        gateway = httpx.get(f"{self.scene.urls['gateway']}/admin/levers", timeout=5.0).json()
        shares = self._shares()
        return [
            (
                f"named as the cause: {', '.join(self.suspected)}, of {len(self.unwell)} unwell services",
                deepest and len(self.unwell) > 1,
            ),
            (f"{self.pile.most} purchases waited at the most, none once it was cut off", self.drained),
            (f"{sold} orders were taken at remembered prices while the catalogue was away", sold > 0),
            (
                f"it came back by shares, each behind a gate: {', '.join(f'{one} %' for one in shares)}",
                shares == [1, 5, 25, 50, 100],
            ),
            ("the lever is released, and the gateway says so", gateway["remembered_prices"] is False),
        ]  # fmt: skip

    def close(self) -> None:
        if self.pile:
            self.pile.close()

    def _shares(self) -> list[int]:
        """The shares that were set, of the plan that brought it back, in the order of the log."""
        plan = next((id for id, one in self.plans.items() if one == "recover"), "")
        steps = self.people["ada"].get(f"/plans/{plan}")["steps"] if plan else []
        done = [one["id"] for one in steps if one["state"] == "done"]
        return [
            int(one.split("-")[1])
            for one in done
            if one.startswith("scale-") and f"gate-{one.split('-')[1]}-{HUNG}" in done
        ]


def _sold_between(layout: Layout, first: float, last: float) -> int:
    """How many orders customers were promised in a time."""
    lines = layout.ledger.read_text(encoding="utf-8").splitlines()
    times = [
        datetime.fromisoformat(json.loads(line)["acknowledged_at"]).timestamp()
        for line in lines
        if line.endswith("}")
    ]
    return sum(first <= at <= last for at in times)


def _at(entry: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(str(entry["at"])).timestamp()

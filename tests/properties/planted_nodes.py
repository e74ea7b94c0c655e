"""Bugs planted into plans of nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from allstop.domain.deciding import plan_running
from allstop.domain.plan import events as p
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.routes import Routes
from allstop.domain.policy import Fleet
from allstop.domain.record import plan_stream
from allstop.testing.invariants import check
from allstop.testing.traces import Trace, Violation
from tests.domain.fleet import returned
from tests.domain.fleet.fleets import HARD, service
from tests.domain.fleet.ground import Ground

Patch = pytest.MonkeyPatch
SHOP = Fleet((service("web", {"db": HARD}), service("db")))


def stopped(**faults: str) -> Iterable[Violation]:
    """A stop of two services, one of which the other needs."""
    here = Ground(SHOP, faults={name.replace("_", "/"): fault for name, fault in faults.items()})
    here.declared().drawn(Asked("stop", ("all",)))
    here.run("PLAN-1")
    return check(Trace(tuple(here.records), here.book))


def no_order_of_nodes(patch: Patch) -> Iterable[Violation]:
    patch.setattr(Routes, "ready", lambda *_: True)
    return stopped()


def claimed_reached(patch: Patch) -> Iterable[Violation]:
    """A stop that failed is taken for one that went well."""

    def claim(draft: Any, plan: str, step: str, because: str) -> bool:
        node = draft.world.plans[plan].routes.steps[step].node
        draft.emit(plan_stream(plan), p.NodeEnded(node, "reached", because))
        return False

    patch.setattr(plan_running, "node_step_failed", claim)
    return stopped(web_stop="refuse")


def forced_by_nothing(patch: Patch) -> Iterable[Violation]:
    def claim(draft: Any, plan: str, step: str, because: str) -> bool:
        node = draft.world.plans[plan].routes.steps[step].node
        draft.emit(plan_stream(plan), p.NodeEnded(node, "forced", because))
        return False

    patch.setattr(plan_running, "node_step_failed", claim)
    return stopped(web_stop="refuse")


def returned_by_nothing(patch: Patch) -> Iterable[Violation]:
    """A fix that failed is called rolled back, and nothing rolled it back."""

    def claim(draft: Any, plan: str, step: str, because: str) -> bool:
        node = draft.world.plans[plan].routes.steps[step].node
        draft.emit(plan_stream(plan), p.NodeEnded(node, "returned", because))
        return False

    patch.setattr(plan_running, "node_step_failed", claim)
    found = returned.here(faults={"payments/branch": "refuse"})
    found.run(found.drawn(Asked("fix", ("payments",))).id)
    return check(Trace(tuple(found.records), found.book))


def failure_forgotten(patch: Patch) -> Iterable[Violation]:
    """A failed step holds nothing, and what waits for it waits for ever."""
    patch.setattr(plan_running, "node_step_failed", lambda *_: False)
    patch.setattr(plan_running, "hold_where_stuck", lambda *_: "")
    return stopped(web_stop="refuse")

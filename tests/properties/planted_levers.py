"""Bugs planted into levers, circuits and deadlines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from allstop.domain.decide import RULES
from allstop.domain.deciding import cutting_short
from allstop.domain.deciding.levers import begin_own
from allstop.domain.moment import after
from allstop.domain.plan import lever_events as le
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import CutShort, StartPlan
from allstop.domain.plan.lever_commands import ExpireLever
from allstop.domain.policy import Fleet
from allstop.domain.principal import TIMEKEEPER
from allstop.testing.invariants import check
from allstop.testing.traces import Trace, Violation
from tests.domain.builders import EVE
from tests.domain.fleet.fleets import service
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.test_levers import pulled
from tests.properties.planted import Plant

Patch = pytest.MonkeyPatch


def expired(patch: Patch, rule: Any) -> Iterable[Violation]:
    """A lever is pulled; then what should take it back in time does something else, at once."""
    patch.setitem(RULES, ExpireLever, rule)
    here = pulled()
    here.do(ExpireLever("search", "cached"), TIMEKEEPER)
    assert here.refused is None, here.refused
    return check(Trace(tuple(here.records), here.book))


def taken_back_early(patch: Patch) -> Iterable[Violation]:
    def rule(draft: Any, _: Any) -> None:
        begin_own(draft, draft.incident("INC-1"), Asked("release", levers=("search:cached",)))

    return expired(patch, rule)


def said_over_early(patch: Patch) -> Iterable[Violation]:
    return expired(patch, lambda draft, _: draft.on_incident("INC-1", le.LeverExpired("search", "cached")))  # fmt: skip


def extended_by_itself(patch: Patch) -> Iterable[Violation]:
    def rule(draft: Any, _: Any) -> None:
        until = after(draft.now.utc, 3_600_000)
        draft.on_incident("INC-1", le.LeverExtended("search", "cached", until, "nobody answers"))

    return expired(patch, rule)


def killed_too_early(patch: Patch) -> Iterable[Violation]:
    patch.setattr(cutting_short, "to_cut_short", lambda plan, _: tuple(one.id for one in plan.nodes))  # fmt: skip
    here = Ground(Fleet((service("web"),))).declared()
    here.drawn(Asked("stop", ("web",), deadline_ms=600_000))
    here.do(StartPlan("PLAN-1"), EVE)
    here.do(CutShort("PLAN-1"), TIMEKEEPER)
    return check(Trace(tuple(here.records), here.book))


PLANTS_LEVERS = (
    Plant("a lever is taken back while it should stay", "levers_in_time", taken_back_early),
    Plant("a lever is said to be over", "levers_in_time", said_over_early),
    Plant("a lever is extended by a machine", "levers_in_time", extended_by_itself),
    Plant("a deadline kills before its time", "nobody_rushed", killed_too_early),
)

"""What is lost with a service: broken, degraded, functions, and the way that leads there."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.radius import radius_of
from allstop.domain.policy import DependencyKind, Fleet, Function
from tests.domain.fleet.fleets import HARD, SOFT, STARTUP, random_fleet, service

SHOP = Fleet(
    (
        service("web", {"payments": HARD, "search": SOFT}, category="revenue"),
        service("payments", {"ledger": HARD, "mail": STARTUP}, category="revenue", importance=99),
        service("reports", {"web": SOFT}, category="analytics"),
        service("ledger"),
        service("search", {"index": HARD}),
        service("index"),
        service("mail"),
    ),
    (Function("buying", "Buying", True, "p", ("web", "payments")), Function("finding", "Finding", False, "p", ("search",))),
)  # fmt: skip


def test_who_is_broken_and_who_is_degraded_and_why() -> None:
    found = radius_of(SHOP, ["ledger"])
    assert found.broken == ("payments", "web"), "the most important first"
    assert found.way("web") == ("web", "payments", "ledger")
    assert found.degraded == ("reports",)
    assert found.way("reports") == ("reports", "web", "payments", "ledger")
    assert [one.name for one in found.functions] == ["buying"]


def test_a_degraded_service_breaks_nobody() -> None:
    """Given a service that only does worse without another, then who needs it hard still works."""
    found = radius_of(SHOP, ["index"])
    assert found.broken == ("search",)
    assert found.degraded == ("web",)
    assert [one.name for one in found.functions] == ["finding"]


def test_what_was_needed_to_start_is_missed_by_nobody() -> None:
    assert radius_of(SHOP, ["mail"]).broken == ()
    assert radius_of(SHOP, ["mail"]).degraded == ()


def test_unknown_names_and_doubles_do_not_count() -> None:
    found = radius_of(SHOP, ["nobody", "index", "index"])
    assert found.lost == ("index",)


@given(st.integers(0, 10_000), st.integers(1, 40), st.data())
@settings(max_examples=80, deadline=None)
def test_it_agrees_with_the_closure_and_every_way_holds(
    seed: int, size: int, data: st.DataObject
) -> None:
    fleet = random_fleet(seed, size, cycles=True)
    names = [one.name for one in fleet.services]
    chosen = data.draw(st.sets(st.sampled_from(names), max_size=4))
    found = radius_of(fleet, chosen)
    kinds = {
        (one.name, edge.to): edge.kind
        for one in fleet.services
        for edge in one.depends
        if edge.to != one.name
    }
    assert set(found.broken) == blast_radius(fleet, chosen)
    assert not set(found.degraded) & ({*found.broken} | chosen)
    for name in (*found.broken, *found.degraded):
        way = found.way(name)
        assert way[0] == name
        assert way[-1] in chosen
        steps = [kinds[pair] for pair in pairwise(way)]
        assert steps[1:] == [DependencyKind.HARD] * (len(steps) - 1)
        wanted = DependencyKind.SOFT if name in found.degraded else DependencyKind.HARD
        assert steps[0] is wanted
    gone = chosen | set(found.broken)
    soft = {
        who for (who, whom), kind in kinds.items() if kind is DependencyKind.SOFT and whom in gone
    }
    assert set(found.degraded) == soft - gone


def test_an_empty_fleet_loses_nothing() -> None:
    assert radius_of(replace(SHOP, services=(), functions=()), ["web"]).lost == ()

"""The graph of the fleet: who is hit, who is needed, who is in a circle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.domain.fleet.components import components, cycles
from allstop.domain.fleet.graph import HARD, RUNNING, blast_radius, graph_of, needed_by
from allstop.domain.fleet.ordering import may_be_shed, with_dependents
from allstop.domain.policy import Fleet
from tests.domain.fleet.fleets import HARD as NEEDS
from tests.domain.fleet.fleets import SOFT, STARTUP, random_fleet, service

SHOP = Fleet(
    (
        service("web", {"payments": NEEDS, "search": SOFT}),
        service("payments", {"ledger": NEEDS, "mail": STARTUP}),
        service("ledger"),
        service("search"),
        service("mail"),
    )
)


def test_who_is_broken_with_a_service() -> None:
    assert blast_radius(SHOP, ["ledger"]) == {"payments", "web"}
    assert blast_radius(SHOP, ["search"]) == set(), "web is only degraded without it"
    assert blast_radius(SHOP, ["mail"]) == set(), "payments needed it to start only"
    assert blast_radius(SHOP, ["web", "payments"]) == set()


def test_who_a_service_cannot_run_without() -> None:
    assert needed_by(SHOP, ["web"]) == {"payments", "ledger"}
    assert needed_by(SHOP, ["nobody"]) == set()


def test_what_can_be_done_without() -> None:
    assert may_be_shed(SHOP, ["web"]) == {"search", "mail"}
    assert may_be_shed(SHOP, []) == {"web", "payments", "ledger", "search", "mail"}


def test_a_circle_is_found_with_its_edges() -> None:
    fleet = Fleet(
        (service("a", {"b": NEEDS}), service("b", {"c": SOFT}), service("c", {"a": NEEDS}))
    )
    (found,) = cycles(fleet)
    assert found.services == ("a", "b", "c")
    assert found.words() == "a -> b (hard), b -> c (soft), c -> a (hard)"
    assert cycles(fleet, HARD) == (), "the soft edge alone closes it"


def test_a_service_that_needs_itself_is_a_circle_of_one() -> None:
    (found,) = cycles(Fleet((service("a", {"a": NEEDS}),)))
    assert found.words() == "a -> a (hard)"


def test_a_chain_as_long_as_anybody_likes() -> None:
    long = 20_000
    edges = tuple((at + 1,) if at + 1 < long else (0,) for at in range(long))
    assert components(edges) == [tuple(range(long))]


@pytest.mark.parametrize("seed", range(6))
def test_components_are_what_reaches_each_other(seed: int) -> None:
    graph = graph_of(random_fleet(seed, 30, cycles=True), RUNNING)
    reach = [_reached(graph.needs, at) for at in range(30)]
    together = {
        frozenset(other for other in range(30) if at in reach[other] and other in reach[at])
        for at in range(30)
        if at in reach[at]
    }
    assert {frozenset(part) for part in components(graph.needs)} == together


def _reached(edges: tuple[tuple[int, ...], ...], start: int) -> set[int]:
    """Over one edge at least."""
    seen: set[int] = set()
    left = list(edges[start])
    while left:
        one = left.pop()
        if one not in seen:
            seen.add(one)
            left += edges[one]
    return seen


@given(st.integers(0, 10_000), st.integers(1, 40), st.data())
@settings(max_examples=80, deadline=None)
def test_closures_are_closed_and_smallest(seed: int, size: int, data: st.DataObject) -> None:
    fleet = random_fleet(seed, size, cycles=True)
    names = [one.name for one in fleet.services]
    chosen = data.draw(st.sets(st.sampled_from(names), max_size=5))
    whole = with_dependents(fleet, chosen)
    hard = {one.name: {edge.to for edge in one.depends if edge.kind is NEEDS} for one in fleet.services}  # fmt: skip
    for name, needs in hard.items():
        assert name in whole or not needs & whole, "somebody outside is broken without it"
    assert whole - chosen == blast_radius(fleet, chosen)
    shed = may_be_shed(fleet, chosen)
    kept = set(names) - shed
    assert chosen <= kept
    for name in kept:
        assert hard[name] <= kept | (hard[name] - set(names)), "a kept one needs what is shed"

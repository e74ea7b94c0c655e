"""The order of a stop and of a start: hard edges always, importance inherited, a circle as one unit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.domain.fleet.estimating import Limits, Site, estimate
from allstop.domain.fleet.ordering import Ordering, importance_rank, start_order, stop_order
from allstop.domain.policy import DependencyKind, Fleet
from tests.domain.fleet.fleets import HARD, SOFT, STARTUP, random_fleet, service


def second(_: str) -> int:
    return 1000


def stop(fleet: Fleet, *chosen: str) -> Ordering:
    names = chosen or tuple(one.name for one in fleet.services)
    return stop_order(fleet, names, second, importance_rank(fleet))


def test_who_needs_something_stops_before_it() -> None:
    fleet = Fleet((service("web", {"db": HARD, "search": SOFT}), service("db"), service("search")))
    found = stop(fleet)
    assert found.before == {"web": (), "db": ("web",), "search": ("web",)}
    assert found.critical_path() == ("web", "db") or found.critical_path() == ("web", "search")


def test_what_was_only_needed_to_start_orders_a_start_and_no_stop() -> None:
    fleet = Fleet((service("web", {"mail": STARTUP}), service("mail")))
    assert stop(fleet).before == {"web": (), "mail": ()}
    names = ("web", "mail")
    assert start_order(fleet, names, second).before == {"web": ("mail",), "mail": ()}


def test_an_unimportant_service_goes_early_when_an_important_one_waits_for_it() -> None:
    fleet = Fleet(
        (
            service("report", {"payments": HARD}, category="analytics", importance=1),
            service("payments", category="revenue", importance=99),
            service("wiki", category="internal", importance=99),
        )
    )
    found = stop(fleet)
    assert min(("report", "wiki"), key=found.key) == "report"


def test_a_circle_waits_for_all_it_waits_for_and_its_members_go_one_by_one() -> None:
    fleet = Fleet(
        (
            service("web", {"a": HARD}),
            service("a", {"b": HARD, "db": HARD}, category="revenue"),
            service("b", {"a": HARD}),
            service("db"),
        )
    )
    found = stop(fleet)
    assert found.units == (("a", "b"),)
    assert found.before == {"web": (), "a": ("web",), "b": ("a",), "db": ("b",)}


def test_a_soft_edge_that_closes_a_circle_is_dropped_and_named() -> None:
    fleet = Fleet((service("a", {"b": HARD}), service("b", {"a": SOFT})))
    found = stop(fleet)
    assert found.units == ()
    assert found.dropped == (("b", "a"),)
    assert found.before == {"a": (), "b": ("a",)}


def test_limits_make_the_important_ones_go_first() -> None:
    fleet = Fleet(tuple(service(f"s{at}", importance=at + 1) for at in range(4)))
    found = estimate(stop(fleet), second, Limits(together=1))
    assert sorted(found.ends_ms, key=found.ends_ms.__getitem__) == ["s3", "s2", "s1", "s0"]
    assert (found.whole_ms, found.bound_ms) == (4000, 1000)


def test_limits_of_a_host_hold_up_that_host_only() -> None:
    fleet = Fleet(tuple(service(f"s{at}") for at in range(4)))

    def site(name: str) -> Site:
        return Site(host="one" if name in ("s0", "s1", "s2") else "two")

    found = estimate(stop(fleet), second, Limits(together=0, per_host=1), site)
    assert sorted(found.ends_ms.values()) == [1000, 1000, 2000, 3000]
    assert found.ends_ms["s3"] == 1000


@given(st.integers(0, 10_000), st.integers(1, 60), st.booleans(), st.data())
@settings(max_examples=120, deadline=None)
def test_every_order_keeps_every_edge_that_can_be_kept(
    seed: int, size: int, cyclic: bool, data: st.DataObject
) -> None:
    """Given any graph and any choice, edges hold but inside a circle, and a plan of it always ends."""
    fleet = random_fleet(seed, size, cycles=cyclic)
    chosen = data.draw(st.sets(st.sampled_from([one.name for one in fleet.services]), min_size=1))
    found = stop_order(fleet, chosen, second, importance_rank(fleet))
    unit = {name: one for one in found.units for name in one}
    played = estimate(found, second, Limits(together=data.draw(st.integers(0, 4))))
    assert played.ends_ms.keys() == chosen == set(found.names) == set(found.sequence)
    assert played.whole_ms >= played.bound_ms
    for one in fleet.services:
        for edge in one.depends if one.name in chosen else ():
            if edge.to not in chosen or edge.to == one.name or edge.kind is DependencyKind.STARTUP:
                continue
            if edge.to in unit and one.name in unit[edge.to]:
                continue
            if edge.kind is DependencyKind.SOFT and (one.name, edge.to) in found.dropped:
                continue
            assert played.ends_ms[one.name] < played.ends_ms[edge.to], f"{one.name} -> {edge.to}"
    place = {name: at for at, name in enumerate(found.sequence)}
    assert all(place[one] < place[name] for name, earlier in found.before.items() for one in earlier)  # fmt: skip


@given(st.integers(0, 10_000), st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_with_hands_enough_it_takes_as_long_as_its_longest_path(seed: int, size: int) -> None:
    fleet = random_fleet(seed, size, cycles=True)
    names = [one.name for one in fleet.services]
    times = {name: 10 + 7 * (at % 13) for at, name in enumerate(names)}
    found = stop_order(fleet, names, times.__getitem__, importance_rank(fleet))
    played = estimate(found, times.__getitem__)
    assert played.whole_ms == played.bound_ms == sum(times[one] for one in found.critical_path())

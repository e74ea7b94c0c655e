"""Who goes when there is no room for all: as if everybody were looked at each time, without doing so."""

from __future__ import annotations

import heapq

from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.domain.fleet.estimating import Limits, Site, Tokens, estimate
from allstop.domain.fleet.ordering import Ordering, importance_rank, stop_order
from tests.domain.fleet.fleets import random_fleet


def looked_at_each_time(order: Ordering, times: dict[str, int], limits: Limits, sites: dict[str, Site]) -> dict[str, int]:  # fmt: skip
    """Whenever something ends: everybody who could go, the most urgent first, whoever has room."""
    tokens = Tokens(limits)
    waits = {name: set(earlier) for name, earlier in order.before.items()}
    waiting, running, ends, now = set(order.names), [], {}, 0  # type: ignore[var-annotated]  # filled below
    while waiting or running:
        for _, _, name in sorted(order.key(one) for one in waiting if not waits[one]):
            if tokens.room(sites[name]):
                tokens.take(sites[name])
                waiting.discard(name)
                heapq.heappush(running, (now + times[name], name))
        now, name = heapq.heappop(running)
        ends[name] = now
        tokens.give(sites[name])
        for one in waits.values():
            one.discard(name)
    return ends


@given(st.integers(0, 10_000), st.integers(1, 50), st.data())
@settings(max_examples=150, deadline=None)
def test_the_same_ones_go_at_the_same_time(seed: int, size: int, data: st.DataObject) -> None:
    fleet = random_fleet(seed, size, cycles=True)
    names = [one.name for one in fleet.services]
    times = {name: data.draw(st.integers(0, 5)) * 100 for name in names}
    places = st.sampled_from(["", "one", "two", "three"])
    sites = {
        name: Site(data.draw(places), data.draw(places), data.draw(st.sampled_from(["", "script"])))
        for name in names
    }
    few = st.integers(0, 3)
    limits = Limits(data.draw(few), data.draw(few), data.draw(few), {"script": data.draw(few)})
    order = stop_order(fleet, names, times.__getitem__, importance_rank(fleet))
    found = estimate(order, times.__getitem__, limits, sites.__getitem__)
    assert found.ends_ms == looked_at_each_time(order, times, limits, sites)


def test_a_full_zone_does_not_keep_other_zones_waiting() -> None:
    fleet = random_fleet(1, 40)
    names = [one.name for one in fleet.services]
    sites = {name: Site(f"h{at}", "full" if at % 2 else "free") for at, name in enumerate(names)}
    order = stop_order(fleet, names, lambda _: 100, importance_rank(fleet))
    found = estimate(order, lambda _: 100, Limits(0, 1, 1), sites.__getitem__)
    assert found.ends_ms == looked_at_each_time(order, dict.fromkeys(names, 100), Limits(0, 1, 1), sites)  # fmt: skip
    assert found.whole_ms >= 100 * len(names) // 2

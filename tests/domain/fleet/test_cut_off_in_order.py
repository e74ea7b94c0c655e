"""With few hands, what does most harm is cut off first."""

from __future__ import annotations

import pytest

from allstop.domain.plan.asked import Asked
from allstop.domain.policy import Fleet, FleetLimits
from tests.domain.fleet.fleets import service
from tests.domain.fleet.ground import Ground

SERVICES = (
    service("charts", domain="analytics"),
    service("till", domain="payments"),
    service("blog", importance=10),
    service("doors", domain="authentication"),
    service("front", importance=90),
    service("books", domain="core-data"),
)


@pytest.mark.parametrize(
    ("isolation", "order"),
    [
        ((), ["till", "doors", "books", "charts"]),
        (("analytics", "blog", "payments"), ["charts", "blog", "till"]),
        (("authentication", "till", "payments", "doors"), ["doors", "till"]),
    ],
    ids=["by risk", "as the fleet says", "a service by its name as well as by its domain"],
)
def test_one_after_another_in_the_order_of_harm(
    isolation: tuple[str, ...], order: list[str]
) -> None:
    """What is listed goes in that order; what is not listed goes after all that is."""
    limits = FleetLimits(share_percent=100, together=1)
    here = Ground(Fleet(SERVICES, limits=limits, isolation=isolation)).declared()
    here.run(here.drawn(Asked("contain", ("all",))).id)
    cut = [one.partition("/")[0] for one in here.started]
    assert cut[: len(order)] == order
    assert set(cut) == {one.name for one in SERVICES}
    left = [one for one in cut if one in ("front", "blog") and one not in order]
    assert left == [one for one in ("front", "blog") if one not in order]

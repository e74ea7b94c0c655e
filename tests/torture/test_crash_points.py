"""SIGKILL at every named point of a running coordinator; the emergency goes on where it was.

Emergencies are mostly waiting, so a few of them run at a time, each in a shop of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.torture.checks import violations
from tests.torture.emergency import Evidence, emergency
from tests.torture.points import CHAINS, HITS, At, Death, points_in_source

AT_A_TIME = 2
NAMES = ["-".join(str(death).replace(" ", "-") for death in deaths) for _, deaths in CHAINS]

Emergencies = dict[str, "Future[Evidence]"]


def test_every_point_in_the_source_is_covered() -> None:
    """Given the points the source passes, when the tables are read, then each is there, in tests twice."""
    points = set(points_in_source())
    tested = Counter(d.point for _, deaths in CHAINS for d in deaths if isinstance(d, At))

    assert points
    assert points == set(HITS), "tests/torture/points.py: HITS"
    assert points == set(tested), "tests/torture/points.py: CHAINS"
    assert min(tested.values()) >= 2


@pytest.fixture(scope="module")
def emergencies(request: pytest.FixtureRequest) -> Iterator[Emergencies]:
    """Every emergency of the selected tests, begun at once and waiting for its turn."""
    chosen = [
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(AT_A_TIME, "emergency") as pool:
        begun = {
            name: pool.submit(emergency, deaths, fault)
            for name, (fault, deaths) in zip(NAMES, CHAINS, strict=True)
            if name in chosen
        }
        yield begun
        pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", NAMES)
def test_the_emergency_goes_on(name: str, emergencies: Emergencies) -> None:
    """Given a shop in an outage, when the coordinator is killed at each of these points in turn and
    started again, then nothing acknowledged is lost, nothing done is done again, what was in flight is
    looked at first, nobody is let go, and the emergency comes to its end.
    """
    planned: tuple[Death, ...] = CHAINS[NAMES.index(name)][1]

    found = emergencies[name].result()

    assert violations(found) == []
    assert found.unspent == ()
    assert tuple(crash.death for crash in found.crashes) == planned
    assert found.ledger.promised

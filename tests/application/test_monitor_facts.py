"""What the monitor makes of facts: measured impact, and releases to go back to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from allstop.domain.impact import Impact
from allstop.domain.money import Money
from allstop.domain.policy import Meter, Policy, ProbeSpec
from tests.application.ground import SECOND, House, Look, told
from tests.application.test_monitor import LAME, failing, fleet_of, incidents, rounds, simple
from tests.domain import builders

# --- impact ------------------------------------------------------------------------------------

METER = Meter(
    ProbeSpec("till", "payments", "script", {}, 1000, 1, 1),
    "tried", "failed", "lost", "currency", "window", "users",
)  # fmt: skip
FULL: dict[str, Any] = {
    "tried": 200, "failed": 50, "lost": "12.50", "currency": "EUR", "window": 60_000, "users": 7,
}  # fmt: skip
MEASURED = Impact(failed_share_percent=25, lost_per_hour=Money("750.00", "EUR"), users=7)


def metered(*meters: Meter) -> Policy:
    plain = builders.policy()
    return replace(plain, fleet=replace(plain.fleet, meters=meters))


@pytest.mark.parametrize(("facts", "expected"), [
    (FULL, MEASURED),
    ({}, Impact()),
    ({"tried": 0, "failed": 0, "users": 0}, Impact(users=0)),
    (FULL | {"tried": "200"}, replace(MEASURED, failed_share_percent=None)),
    (FULL | {"failed": True}, replace(MEASURED, failed_share_percent=None)),
    (FULL | {"failed": -5}, replace(MEASURED, failed_share_percent=None)),
    (FULL | {"failed": 2**53 - 1}, replace(MEASURED, failed_share_percent=100)),
    (FULL | {"users": 10**400}, replace(MEASURED, users=None)),
    (FULL | {"users": "many"}, replace(MEASURED, users=None)),
    (FULL | {"lost": 12}, replace(MEASURED, lost_per_hour=Money("720.00", "EUR"))),
    (FULL | {"lost": 12.5}, MEASURED),
    (FULL | {"lost": Decimal("12.50")}, MEASURED),
    (FULL | {"lost": "much"}, replace(MEASURED, lost_per_hour=None)),
    (FULL | {"lost": "1e400"}, replace(MEASURED, lost_per_hour=None)),
    (FULL | {"lost": "NaN"}, replace(MEASURED, lost_per_hour=None)),
    (FULL | {"currency": None}, replace(MEASURED, lost_per_hour=None)),
    (FULL | {"currency": "\ud800"}, replace(MEASURED, lost_per_hour=None)),
    (FULL | {"window": 0}, replace(MEASURED, lost_per_hour=None)),
    (FULL | {"window": "60000"}, replace(MEASURED, lost_per_hour=None)),
])  # fmt: skip
@told
async def test_impact_is_what_meters_say_and_otherwise_unknown(
    house: House, facts: dict[str, Any], expected: Impact
) -> None:
    """Given a meter with facts that are missing, of a wrong type or beyond reason, when a service falls,
    then what can be known is in the impact, and what cannot is unknown, never zero."""
    await house.begin(metered(METER))
    failing(house, "payments-deep")
    house.outside.samples["till"] = [(True, "read", facts)]
    await rounds(house, 3)

    assert incidents(house)[0].impact == expected


@told
async def test_a_meter_that_cannot_be_read_says_nothing(house: House) -> None:
    """Given a meter whose probe is bad, then its facts do not count."""
    await house.begin(metered(METER))
    failing(house, "payments-deep")
    house.outside.samples["till"] = [(False, "old figures", FULL)]
    await rounds(house, 3)

    assert incidents(house)[0].impact == Impact()


@told
async def test_several_meters_add_up(house: House) -> None:
    """Given two tills, then attempts, failures and customers are added before the share is taken."""
    second = replace(METER, probe=replace(METER.probe, name="till-2"), lost="", currency="")
    await house.begin(metered(METER, second))
    failing(house, "payments-deep")
    house.outside.samples["till"] = [(True, "read", FULL)]
    house.outside.samples["till-2"] = [
        (True, "read", {"tried": 200, "failed": 150, "users": 2**53 - 1})
    ]
    await rounds(house, 3)

    found = incidents(house)[0].impact
    assert (found.failed_share_percent, found.users) == (50, 2**53 - 1)
    assert found.lost_per_hour == MEASURED.lost_per_hour


@told
async def test_measurement_raises_the_severity(house: House) -> None:
    """Given a small incident, when a core function goes down, then it is the worst severity at once, all
    agents are stopped, and when it is up again the severity stays."""
    failing(house, "payments-deep")
    await rounds(house, 5)
    assert incidents(house)[0].severity == "SEV3"
    failing(house, "payments-deep", "checkout")
    await rounds(house, 3)
    assert incidents(house)[0].severity == "SEV1"
    assert len(house.world.standing_halts()) == 1
    failing(house)
    await rounds(house, 5)

    assert incidents(house)[0].impact == Impact()
    assert incidents(house)[0].worst_impact.core_functions_down == ("buying",)
    assert incidents(house)[0].severity == "SEV1"


@told
async def test_figures_that_move_all_the_time_do_not_fill_the_log(house: House) -> None:
    """Given a meter that changes with every round, when half a minute goes by, then the impact is recorded
    every ten seconds, not every second."""
    await house.begin(metered(METER))
    failing(house, "payments-deep")
    looks: list[Look] = [(True, "read", FULL | {"users": number}) for number in range(100)]
    house.outside.samples["till"] = looks
    await rounds(house, 33)

    assert 3 <= house.kinds().count("impact.measured") <= 4


# --- releases ----------------------------------------------------------------------------------


def running(house: House, release: object, *, good: bool = True) -> None:
    house.outside.samples["payments"] = [(good, "seen", {"release": release})]


async def watched(house: House) -> None:
    """A fleet of one, whose release must be good for ten seconds."""
    await house.begin(fleet_of(simple("payments"), known_good_ms=10 * SECOND))


def known(house: House) -> str:
    found = house.world.known_good.get("payments")
    return found.release if found else ""


@told
async def test_a_release_is_known_good_after_long_enough(house: House) -> None:
    """Given a release that answers well, when it did so for ten seconds, then it is one to go back to, and
    that is recorded once."""
    await watched(house)
    running(house, "v1")
    await rounds(house, 10)
    assert known(house) == ""
    await rounds(house, 20)

    assert known(house) == "v1"
    assert house.kinds("fleet") == ["release.known_good"]


@told
async def test_a_new_release_has_to_prove_itself_anew(house: House) -> None:
    """Given a good release, when another one is deployed, then that takes its own ten seconds; until then
    the old one is the one to go back to."""
    await watched(house)
    running(house, "v1")
    await rounds(house, 15)
    running(house, "v2")
    await rounds(house, 10)
    assert known(house) == "v1"
    await rounds(house, 1)

    assert known(house) == "v2"


@pytest.mark.parametrize("look", [
    (False, "it fails", {"release": "v1"}), LAME, (True, "no word of it", {}), (True, "odd", {"release": 7}),
])  # fmt: skip
@told
async def test_one_round_that_is_not_good_begins_the_wait_anew(house: House, look: Look) -> None:
    """Given a release that is watched, when one sample is bad, missing or names no release, then its ten
    seconds begin again."""
    await watched(house)
    running(house, "v1")
    await rounds(house, 8)
    house.outside.samples["payments"] = [look]
    await rounds(house, 1)
    running(house, "v1")
    await rounds(house, 10)
    assert known(house) == ""
    await rounds(house, 1)

    assert known(house) == "v1"


@told
async def test_two_probes_that_disagree_prove_no_release(house: House) -> None:
    """Given a service in the middle of a deployment, when its probes name two releases, then none is good."""
    service = simple("payments")
    both = (*service.probes, builders.probe("other", "payments"))
    await house.begin(fleet_of(replace(service, probes=both), known_good_ms=10 * SECOND))
    running(house, "v1")
    house.outside.samples["other"] = [(True, "seen", {"release": "v2"})]
    await rounds(house, 20)

    assert known(house) == ""

"""Severity: raised by measurement, lowered only by a person with a reason."""

from decimal import Decimal

import pytest

from allstop.domain.conditions import holds
from allstop.domain.halt.commands import OrderHalt
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident, MeasureImpact, SetSeverity
from allstop.domain.money import Money
from allstop.domain.policy import Condition
from allstop.domain.principal import MONITOR
from allstop.domain.severity import classify
from tests.domain.builders import ADA, BEN, EVE, Story, outage, protocol

CORE = Impact(core_functions_down=("buying",))
TENTH = Impact(failed_share_percent=10)


def small() -> Story:
    return Story().register().when(DeclareIncident("slow", ("payments",)), MONITOR)


def severity(story: Story) -> str:
    return story.world.incidents["INC-1"].severity


def test_measurement_raises_the_severity() -> None:
    story = small()
    assert severity(story) == "SEV3"
    assert severity(story.when(MeasureImpact("INC-1", TENTH), MONITOR)) == "SEV2"
    assert severity(story.when(MeasureImpact("INC-1", CORE), MONITOR)) == "SEV1"


def test_measurement_never_lowers_it() -> None:
    story = outage().when(MeasureImpact("INC-1", Impact(users=0)), MONITOR)
    assert severity(story) == "SEV1"
    assert story.world.incidents["INC-1"].impact == Impact(users=0)


def test_a_raised_severity_orders_the_all_stop_once() -> None:
    story = small()
    assert not story.world.halts
    story.when(MeasureImpact("INC-1", CORE), MONITOR)
    story.when(SetSeverity("INC-1", "SEV2", "smaller than we thought"))
    story.when(SetSeverity("INC-1", "SEV1", "no, it is not"))
    assert [halt.scope for halt in story.world.halts.values()] == ["all"]


def test_a_small_halt_of_the_incident_is_no_substitute_for_the_all_stop() -> None:
    story = small().when(OrderHalt("agent:builder-1", "it deployed last", "INC-1"))
    story.when(MeasureImpact("INC-1", CORE), MONITOR)
    assert [halt.scope for halt in story.world.halts.values()] == ["agent:builder-1", "all"]


def test_by_hand_it_needs_a_person_with_authority_a_known_name_and_a_reason() -> None:
    def refusal(story: Story) -> str:
        assert story.refused is not None
        return story.refused.reasons[0].code

    story = outage()
    assert refusal(story.when(SetSeverity("INC-1", "SEV3", "calm"), BEN)) == "no-authority"
    assert refusal(story.when(SetSeverity("INC-1", "SEV3", "calm"), MONITOR)) == "human-only"
    assert refusal(story.when(SetSeverity("INC-1", "SEV3", " "))) == "no-reason"
    assert refusal(story.when(SetSeverity("INC-1", "SEVEN", "x"))) == "unknown-severity"
    assert refusal(story.when(SetSeverity("INC-1", "SEV1", "x"))) == "same-severity"
    assert story.when(SetSeverity("INC-1", "SEV3", "a false alarm"), EVE).refused is None
    assert severity(story) == "SEV3"


@pytest.mark.parametrize(
    ("given", "impact", "found"),
    [("SEV2", Impact(), "SEV2"), ("SEV3", CORE, "SEV1"), ("SEV1", TENTH, "SEV1")],
)
def test_given_and_measured_the_worse_one_counts(given: str, impact: Impact, found: str) -> None:
    story = Story().when(DeclareIncident("it fails", impact=impact, severity=given), ADA)
    assert severity(story) == found


def test_the_worst_of_each_measure_is_kept_when_later_ones_know_less() -> None:
    """The monitor does not measure breaches: its rounds must not make one unknown again."""
    seen = Impact(data_loss=True, breach=True, compliance="violated", records_exposed=9, users=7)
    story = small().when(MeasureImpact("INC-1", seen), ADA)
    story.when(MeasureImpact("INC-1", Impact(users=3, data_loss=False)), MONITOR)
    worst = story.world.incidents["INC-1"].worst_impact
    assert (worst.data_loss, worst.breach, worst.compliance) == (True, True, "violated")
    assert (worst.records_exposed, worst.users) == (9, 7)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "plenty", ""])
def test_a_figure_that_is_no_number_satisfies_nothing_and_breaks_nothing(amount: str) -> None:
    condition = Condition("lost_per_hour", "at_least", "0", "USD")
    assert not holds(condition, {"lost_per_hour": f"{amount} USD"})
    if amount and amount != "plenty":
        assert classify(protocol(), Impact(lost_per_hour=Money(amount, "USD"))).severity


def test_money_of_another_currency_never_matches() -> None:
    condition = Condition("lost_per_hour", "at_least", "10000", "USD")
    assert holds(condition, {"lost_per_hour": "10000.00 USD"})
    assert not holds(condition, {"lost_per_hour": f"{Decimal(10**9)} JPY"})


def test_what_a_person_reported_outlives_the_next_round_of_measuring() -> None:
    """Given records known to be exposed, when the monitor measures requests, then both are known."""
    story = small().when(MeasureImpact("INC-1", Impact(records_exposed=12_000)), ADA)
    story.when(MeasureImpact("INC-1", Impact(functions_down=("finding",), users=3)), MONITOR)
    now = story.world.incidents["INC-1"].impact
    assert (now.records_exposed, now.users, now.functions_down) == (12_000, 3, ("finding",))
    story.when(MeasureImpact("INC-1", Impact(records_exposed=0)), ADA)
    now = story.world.incidents["INC-1"].impact
    assert (now.records_exposed, now.users, now.functions_down) == (0, 3, ("finding",))

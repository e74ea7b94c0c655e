"""Who lets a lever stay, for how long, and that clocks ask about it once and take it back in its time only."""

from __future__ import annotations

import pytest

from allstop.domain.plan.lever_commands import (
    AskAboutLever,
    ExpireLever,
    ExtendLever,
    SayLeverOverdue,
)
from allstop.domain.plan.lever_events import LeverAsked, LeverExtended
from allstop.domain.principal import TIMEKEEPER
from tests.domain.builders import BUILDER, EVE
from tests.domain.fleet.test_levers import HOUR, MINUTE, pulled
from tests.domain.fleet.test_people_steer import trusted


def test_an_agent_that_may_run_plans_lets_no_lever_stay() -> None:
    here = trusted(pulled())
    here.do(ExtendLever("cached", HOUR, "it helps"), BUILDER)
    assert here.refused is not None
    assert here.refused.reasons[0].code == "human-only"
    assert not [one for one in here.records if isinstance(one.event, LeverExtended)]


@pytest.mark.parametrize(
    ("span", "fits"),
    [(MINUTE - 1, False), (MINUTE, True), (30 * 24 * HOUR, True), (30 * 24 * HOUR + 1, False)],
)
def test_a_lever_stays_for_a_minute_to_thirty_days(span: int, fits: bool) -> None:
    here = pulled().do(ExtendLever("cached", span, "until the disk is there"), EVE)
    assert (here.refused is None) is fits


def test_whoever_speaks_of_a_lever_too_early_twice_or_of_none_says_nothing() -> None:
    """Given a lever that is pulled for two hours, when a clock asks about it at once, takes it back at once, speaks
    of one that is not pulled, or asks twice, then nothing happens but the one question in its time."""
    here = pulled()
    before = len(here.records)
    for command in (
        AskAboutLever("search", "cached"),
        ExpireLever("search", "cached"),
        SayLeverOverdue("search", "cached"),
        *(kind("mail", "later") for kind in (AskAboutLever, ExpireLever, SayLeverOverdue)),
    ):
        here.do(command, TIMEKEEPER)
        assert here.refused is None
    assert len(here.records) == before
    here.let_pass(2 * HOUR - MINUTE)
    for _ in range(2):
        here.do(AskAboutLever("search", "cached"), TIMEKEEPER)
    assert sum(isinstance(one.event, LeverAsked) for one in here.records) == 1
    assert here.world.standing_of("search").levers == {"cached"}

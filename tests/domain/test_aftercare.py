"""Given an incident that was stood down, when it is watched on, then looks come at their time, what they
cannot see is said, and what is bad counts only when it stays bad."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain import aftercare as a
from allstop.domain.fleet.standing import Standing
from allstop.domain.incident.aftercare_commands import EndAftercare, RecordAftercare
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.course_commands import ReopenIncident
from allstop.domain.incident.parts import Watched
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Grant, Obligation, Policy, Span, Watch
from allstop.domain.principal import MONITOR, TIMEKEEPER
from allstop.domain.samples import Sample
from tests.domain import builders
from tests.domain.builders import ADA, EVE, MINUTE, Story
from tests.domain.test_standing_down import closed

HOUR = 60 * MINUTE
HOURLY = Watch("hour", "Health", HOUR, 10 * MINUTE)


def policy(*watches: Watch) -> Policy:
    base = builders.policy()
    owed = Obligation("seen", "See to it", "commander", Span(2 * HOUR), met_by="aftercare:hour")
    rules = replace(
        base.protocol,
        aftercare=watches,
        obligations=(owed,),
        authority=(*base.protocol.authority, Grant("reopen", ("person",))),
        reopen_within_ms=24 * HOUR,
    )
    return replace(base, protocol=rules)


def over(*watches: Watch) -> Story:
    """Stood down, with these watches in the policy it is pinned to."""
    story = closed()
    story.policy = policy(*watches)
    story.when(ReopenIncident("INC-1", "to owe by these rules"), EVE)
    incident = replace(
        story.world.incidents["INC-1"], state="stood-down", stood_down_at=story.now.utc
    )
    story.world = replace(story.world, incidents={"INC-1": incident})
    return story


def found(story: Story) -> Incident:
    return story.world.incidents["INC-1"]


def look(
    story: Story, *, share: int | None = 0, interval: int = 1000, **good: bool | None
) -> Story:
    """A round of the monitor. Probes that are not named are good."""
    names = [spec.name for spec in story.policy.fleet.probes()]
    samples = tuple(Sample(name, good.get(name.replace("-", "_"), True), "seen") for name in names)
    return story.when(RecordAftercare("INC-1", samples, share, interval), MONITOR)


def later(story: Story, milliseconds: int) -> Story:
    """Time passes in which nobody does anything, not even the timekeeper."""
    story.now = Now(
        story.now.utc + timedelta(milliseconds=milliseconds),
        story.now.monotonic_ms + milliseconds,
        story.now.boot,
    )
    return story


def test_a_round_between_two_looks_is_nothing() -> None:
    story = later(over(HOURLY), 9 * MINUTE)
    before = len(story.records)
    look(story)
    assert len(story.records) == before
    look(later(story, MINUTE))
    assert found(story).aftercare["hour"].slot == 1
    look(later(story, 1000))
    assert found(story).aftercare["hour"].good == 1


def test_six_good_looks_end_clean_and_meet_what_is_owed() -> None:
    story = over(HOURLY)
    for _ in range(6):
        look(later(story, 10 * MINUTE))
    story.settle()
    watched = found(story).aftercare["hour"]
    assert (watched.verdict, watched.good) == ("clean", 6)
    assert story.kinds()[-1] == "aftercare.ended"


def test_without_a_single_look_it_ends_inconclusive_a_minute_late() -> None:
    """Given a watch whose last look was not taken, when its time is over, then it waits a minute for it."""
    story = over(HOURLY).wait(HOUR + 59_000)
    assert "hour" not in found(story).aftercare
    story.wait(2000)
    watched = found(story).aftercare["hour"]
    assert (watched.verdict, watched.missed) == ("inconclusive", 6)


def test_a_bad_look_is_repeated_at_once_and_three_in_a_row_open_it_again() -> None:
    story = over(HOURLY)
    look(later(story, 10 * MINUTE), checkout=False)
    look(later(story, 1000), checkout=False)
    assert found(story).state == "stood-down"
    assert found(story).aftercare["hour"].run == 2
    look(later(story, 1000), checkout=False)
    assert found(story).state == "open"
    assert found(story).aftercare == {}
    assert "aftercare.failed" in story.kinds()


def test_a_look_that_could_not_be_judged_ends_no_bad_run() -> None:
    story = over(HOURLY)
    look(later(story, 10 * MINUTE), checkout=False)
    look(later(story, 1000), checkout=None)
    look(later(story, 1000), checkout=False)
    assert found(story).aftercare["hour"].run == 2
    look(later(story, 1000))
    assert found(story).aftercare["hour"].run == 0


def test_a_watch_that_only_tells_says_so_once_and_ends_bad() -> None:
    story = over(replace(HOURLY, when_bad="tell", fall=1))
    for _ in range(6):
        look(later(story, 10 * MINUTE), payments_deep=False)
    story.settle()
    assert found(story).state == "stood-down"
    assert story.kinds().count("aftercare.failed") == 1
    assert found(story).aftercare["hour"].verdict == "bad"
    told = [one for one in found(story).notifications.values() if "not well" in one.subject]
    assert [one.to for one in told] == ["person:ada"]


@pytest.mark.parametrize(
    ("share", "seen"), [(0, "good"), (1, "good"), (2, "bad"), (None, "unknown")]
)
def test_the_share_of_requests_that_fail_is_judged_by_its_bound(
    share: int | None, seen: str
) -> None:
    story = over(replace(HOURLY, failed_share_percent=1))
    look(later(story, 10 * MINUTE), share=share)
    assert getattr(found(story).aftercare["hour"], seen) == 1


def test_every_round_is_a_look_where_no_distance_is_said_and_a_gap_is_counted() -> None:
    story = over(Watch("gapless", "Without a gap", 30 * MINUTE))
    for _ in range(5):
        look(later(story, 1000))
    assert found(story).aftercare["gapless"].good == 5
    look(later(story, 2000))
    assert found(story).aftercare["gapless"].missed == 0
    look(later(story, 10_000))
    assert found(story).aftercare["gapless"].missed == 9


@pytest.mark.parametrize(
    ("probes", "judged"),
    [(None, {"payments-deep", "checkout"}), ((), {"payments-deep", "checkout"}), (("checkout",), {"checkout"})],
)  # fmt: skip
def test_the_samples_it_was_judged_by_are_kept(
    probes: tuple[str, ...] | None, judged: set[str]
) -> None:
    story = over(replace(HOURLY, probes=probes))
    look(later(story, 10 * MINUTE))
    (event,) = [one.event for one in story.records if one.kind == "aftercare.looked"]
    assert {one.probe for one in event.samples} == judged


def test_a_probe_the_fleet_no_longer_has_is_no_pass() -> None:
    story = over(replace(HOURLY, probes=("checkout", "gone")))
    look(later(story, 10 * MINUTE))
    watched = found(story).aftercare["hour"]
    assert (watched.unknown, watched.text) == (1, "no sample of gone")


@pytest.mark.parametrize("gateway", [True, False])
def test_what_another_incident_is_about_is_not_held_against_this_one(*, gateway: bool) -> None:
    """Given another incident for the gateway, when its probe is bad or good, then it says nothing about this one,
    and the other one is not named: it may be private."""
    story = over(HOURLY)
    story.when(DeclareIncident("the gateway fails", ("gateway",)), ADA)
    look(later(story, 10 * MINUTE), checkout=gateway)
    watched = found(story).aftercare["hour"]
    assert watched.unknown == 1
    assert watched.text == (
        "checkout is not judged: something else is known to be wrong with gateway"
    )


def test_what_a_plan_has_stopped_is_not_held_against_it() -> None:
    story = over(HOURLY)
    story.world = replace(story.world, standings={"payments": Standing(stopped=True)})
    look(later(story, 10 * MINUTE), payments_deep=False, checkout=False)
    watched = found(story).aftercare["hour"]
    assert (watched.bad, watched.unknown) == (0, 1)
    assert "payments-deep is not judged: payments is off on purpose" in watched.text


def test_closing_goes_on_watching_and_opening_again_ends_it() -> None:
    story = over(HOURLY)
    incident = replace(found(story), state="closed", closed_at=story.now.utc)
    story.world = replace(story.world, incidents={"INC-1": incident})
    assert a.watched_on(story.world, story.book) == (incident,)
    story.when(ReopenIncident("INC-1", "again"), EVE)
    assert a.watched_on(story.world, story.book) == ()


def test_only_the_severities_that_are_named_are_watched() -> None:
    assert a.watched_on(over(replace(HOURLY, severities=("SEV3",))).world, over().book) == ()
    story = over(replace(HOURLY, severities=("SEV1",)))
    assert len(a.watched_on(story.world, story.book)) == 1


def test_a_clock_that_is_set_back_takes_no_look_twice() -> None:
    story = over(HOURLY)
    look(later(story, 25 * MINUTE))
    assert found(story).aftercare["hour"].missed == 1
    story.now = replace(story.now, utc=story.now.utc - timedelta(minutes=12))
    before = len(story.records)
    look(story)
    assert len(story.records) == before


def test_an_end_before_its_time_is_nothing_and_only_the_coordinator_may_say_it() -> None:
    story = over(HOURLY)
    before = len(story.records)
    story.when(EndAftercare("INC-1", "hour"), TIMEKEEPER)
    assert (story.refused, len(story.records)) == (None, before)
    assert story.when(EndAftercare("INC-1", "hour"), ADA).refused is not None


@pytest.mark.parametrize(
    ("known", "verdict", "words"),
    [
        (Watched(), "inconclusive", "no look yet"),
        (Watched(good=1), "clean", "1 look, good"),
        (Watched(good=6), "clean", "6 looks, all good"),
        (Watched(good=6, bad=1), "clean", "6 looks good, 1 bad"),
        (Watched(good=6, missed=1), "inconclusive", "6 looks good, 1 not taken"),
        (Watched(good=6, unknown=1), "inconclusive", "6 looks good, 1 could not be judged"),
        (Watched(good=6, bad=1, run=1), "bad", "6 looks good, 1 bad"),
        (Watched(good=6, bad=3, failed=True), "bad", "6 looks good, 3 bad"),
    ],
)
def test_not_to_have_looked_is_never_a_pass(known: Watched, verdict: str, words: str) -> None:
    assert (a.verdict_of(known), a.looks_words(known)) == (verdict, words)

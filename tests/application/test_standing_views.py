"""What stands beside the incidents: the ledger, the protocol's review, and its drills."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.application.privacy import Reader
from allstop.application.standing_views import protocol_view, review_line
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.work_events import PointsAwarded
from allstop.domain.policy import Review
from allstop.domain.principal import MONITOR
from allstop.domain.proposals import DismissActivation, ProposeActivation
from allstop.domain.record import LEDGER_STREAM
from tests.application.ground import SECOND, House, told
from tests.application.happening import Happened, happenings
from tests.application.whole import ZOE, whole
from tests.domain.builders import ADA, EVE, START

DAY = timedelta(days=1)


@told
async def test_balances_count_every_entry(house: House) -> None:
    """Given points inside and outside of incidents, then each team has the sum, the richest first."""
    await house.begin(whole())
    await house.declare()
    with happenings():
        await house.do(
            Happened("incident/INC-1", (PointsAwarded("builders", 10, "solved", "solved"),))
        )
        await house.wait(SECOND)
        await house.do(
            Happened(
                LEDGER_STREAM,
                (PointsAwarded("builders", -4, "late"), PointsAwarded("red", 20, "a gift")),
            )
        )
    found = house.views.points()

    assert [(one.team, one.title, one.points) for one in found.balances] == [
        ("red", "red", 20), ("builders", "Builders", 6),
    ]  # fmt: skip
    assert [(one.points, one.incident) for one in found.entries] == [
        (-4, ""),
        (20, ""),
        (10, "INC-1"),
    ]


@pytest.mark.parametrize(("review", "due", "late"), [
    (Review(), None, False),
    (Review(90, ""), None, True),
    (Review(90, "2026-10-01"), "2026-12-30", False),
    (Review(51, "2026-10-01"), "2026-11-21", False),
    (Review(50, "2026-10-01"), "2026-11-20", True),
])  # fmt: skip
def test_the_review_is_late_from_the_day_after(
    review: Review, due: str | None, *, late: bool
) -> None:
    """Given a protocol that is reviewed every so many days, then it is late once its day has passed."""
    policy = whole()
    found = review_line(replace(policy, protocol=replace(policy.protocol, review=review)), START)

    assert (f"{found.due_at:%Y-%m-%d}" if found.due_at else None, found.late) == (due, late)


@told
async def test_a_drill_is_due_again_after_it_was_held(house: House) -> None:
    """Given a drill that was never held, then it is late; after an incident that was this drill it is due
    so many days later."""
    await house.begin(whole())
    (before,) = house.views.protocol().drills
    assert (before.last_at, before.due_at, before.late) == (None, None, True)
    await house.do(c.DeclareIncident("an exercise", trigger="drill:outage"), MONITOR)
    (after,) = house.views.protocol().drills
    assert after.last_at is not None
    assert after.due_at == after.last_at + 90 * DAY
    later = protocol_view(house.post.book.latest, "", Reader(house.post), after.due_at)
    assert (after.late, later.drills[0].late) == (False, True)


@told
async def test_nothing_of_an_incident_that_ended_elsewhere_is_late(house: House) -> None:
    """Given action items of two incidents whose time has passed, when one was merged into the other, then
    nobody can end its items any more, and only those of the other are late."""
    await house.begin(whole())
    for service in ("gateway", "payments"):
        name = await house.declare(service)
        due = house.clock.now().utc + timedelta(hours=1)
        await house.do(w.AddAction(name, "write it down", "ada", due), ADA)
    await house.do(k.MergeIncident("INC-1", "INC-2", "it is the same"), ADA)
    await house.wait(2 * 3_600 * SECOND)

    assert [one.late for one in house.views.owed("INC-1").actions] == [False]
    assert [one.late for one in house.views.owed("INC-2").actions] == [True]


@told
async def test_the_protocol_says_which_it_is(house: House) -> None:
    await house.begin(whole())
    found = house.views.protocol()

    assert (found.name, found.title, found.digest) == (
        "test",
        "Test protocol",
        house.post.book.current,
    )


@told
async def test_an_open_proposal_is_the_next_thing(house: House) -> None:
    """Given a message that looks like an emergency and nothing else, then the next command answers it, and
    once it is dismissed it is gone from the overview."""
    await house.begin(whole())
    await house.do(ProposeActivation("battle stations!", "chat"), ADA)
    seen = house.views.overview()
    assert seen.next == "allstop confirm PROP-1"
    assert [(one.id, one.asked, one.source) for one in seen.proposals] == [
        ("PROP-1", ("eve",), "chat")
    ]
    await house.do(DismissActivation("PROP-1", "a drill"), EVE)

    assert house.views.overview().proposals == ()
    assert [(one.state, one.reason) for one in house.views.for_(ZOE).proposals()] == [
        ("dismissed", "a drill")
    ]

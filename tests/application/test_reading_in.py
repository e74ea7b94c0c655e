"""Reading in: somebody who joins late learns everything that matters, and nothing that is not on record."""

from __future__ import annotations

from dataclasses import replace

from allstop.application.reading_in import TITLES, ReadIn
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.course_events import IncidentClosed
from allstop.domain.incident.events import IncidentStoodDown
from allstop.domain.policy import Policy
from allstop.domain.principal import MONITOR
from tests.application.ground import SECOND, House, told
from tests.application.happening import Happened, happenings
from tests.application.whole import ZOE, whole
from tests.domain.builders import ADA, EVE

DAY = 86_400 * SECOND


def said(found: ReadIn, part: str) -> list[str]:
    return [point.text for one in found.parts if one.id == part for point in one.points]


async def busy(house: House, policy: Policy | None = None) -> None:
    """An incident in which a good deal has happened."""
    await house.begin(policy or whole())
    await house.declare(kind="breach")
    async with house.working(house.runner.run, house.timekeeper.run, house.monitor.run):
        await house.wait(10 * SECOND)
    for command in (
        c.OfferHandoff("INC-1", "commander", "ben", "my shift ends"),
        w.FileForm("INC-1", "briefing", {"situation": "it leaks"}),
        w.AssignCrew("INC-1", "containment", ("person:ben", "agent:builder-1")),
        w.AddTask("INC-1", "call the bank", "ben"),
        w.AddTask("INC-1", "count the records"),
        w.AddEvidence("INC-1", "hypothesis", "somebody left a door open"),
        w.AddEvidence("INC-1", "observation", "a door is open"),
        c.PostUpdate("INC-1", "investigating", "we look"),
        c.RecordStatement("INC-1", "root-cause", "a door"),
    ):
        await house.do(command, ADA)
    await house.do(c.Override("INC-1", "roll-call", "seen by eye"), EVE)


@told
async def test_every_part_says_what_the_record_says(house: House) -> None:
    """Given an incident that has gone on for a while, then each part has what belongs to it."""
    await busy(house)
    found = house.views.read_in("INC-1", ZOE)

    assert [one.id for one in found.parts] == [
        "what", "bad", "who", "done", "decided", "running", "next", "open", "take",
    ]  # fmt: skip
    assert [one.title for one in found.parts] == list(TITLES.values())
    assert said(found, "what")[0] == "buying fails (Security breach)"
    assert said(found, "bad")[0].startswith("SEV1 (sev1): a core function is down")
    assert "emergency mode is on: Scoring, Direct words" in said(found, "bad")
    assert said(found, "who")[:2] == [
        "incident commander: Ada", "incident commander is offered to Ben, who has not accepted yet",
    ]  # fmt: skip
    assert "nobody has acknowledged it" in said(found, "who")
    assert "Shield casters: Ben, builder-1; Keep it from spreading" in said(found, "who")
    assert "Ben does: call the bank" in said(found, "who")
    assert "Threat briefing filed by Ada" in said(found, "done")
    assert "the last update says investigating" in said(found, "done")
    assert "root-cause: a door" in said(found, "decided")
    assert "OVERRIDDEN roll-call: seen by eye" in said(found, "decided")
    assert [text for text in said(found, "running") if text.startswith("agents are held: ")]
    assert "hypothesis of Ada: somebody left a door open" in said(found, "open")
    assert not [text for text in said(found, "open") if "a door is open" in text]
    assert said(found, "take") == ["scribe: nobody has it", "task: count the records"]


@told
async def test_the_sentences_say_when(house: House) -> None:
    """Given points with a time, then the sentences say how long ago or how soon, and the points do not."""
    await busy(house)
    first = house.views.read_in("INC-1")
    await house.wait(60 * SECOND)
    second = house.views.read_in("INC-1")

    assert "How bad, and since when: it began, 10s ago" in first.sentences
    assert "How bad, and since when: it began, 1m 10s ago" in second.sentences
    assert [one for one in first.sentences if one.endswith("the next update is due, in 15m")]
    assert first.parts == second.parts
    assert len(first.sentences) == sum(len(one.points) for one in first.parts)


@told
async def test_what_somebody_may_hold_comes_first(house: House) -> None:
    """Given two roles that nobody has, then the one the reader may hold stands first, and says so."""
    plain = whole()
    people = tuple(
        replace(one, roles=("scribe",)) if one.id == "zoe" else one for one in plain.roster.people
    )
    roles = tuple(replace(rule, fill=rule.name == "commander") for rule in plain.protocol.roles)
    await busy(
        house,
        replace(
            plain,
            roster=replace(plain.roster, people=people),
            protocol=replace(plain.protocol, roles=roles),
        ),
    )

    assert said(house.views.read_in("INC-1", ZOE), "take")[:2] == [
        "scribe: nobody has it, which you may hold", "communications lead: nobody has it",
    ]  # fmt: skip


@told
async def test_of_an_incident_that_is_over_nothing_can_be_taken(house: House) -> None:
    """Given a merged incident, then the summary says where it goes on, and offers nothing."""
    await house.begin(whole())
    await house.declare("gateway")
    await house.declare()
    await house.do(k.MergeIncident("INC-1", "INC-2", "it is the same"), ADA)
    found = house.views.read_in("INC-1")

    assert found.state == "merged"
    assert "it is merged, its response goes on in INC-2" in said(found, "what")
    assert said(found, "take") == []


@told
async def test_it_says_when_it_was_closed(house: House) -> None:
    """Given an incident that stood down, and was closed a day later, then it is closed since the second."""
    await house.begin(whole())
    await house.declare()
    with happenings():
        await house.do(Happened("incident/INC-1", (IncidentStoodDown("all is well"),)))
        await house.wait(DAY)
        await house.do(Happened("incident/INC-1", (IncidentClosed(),)))
    (what,) = [one for one in house.views.read_in("INC-1").parts if one.id == "what"]
    (closed,) = [one for one in what.points if one.text == "it is closed"]

    assert closed.at == house.world.incidents["INC-1"].closed_at == house.clock.now().utc


@told
async def test_an_incident_of_which_nothing_is_known(house: House) -> None:
    """Given an incident that was declared with a title only, then no part stands there empty."""
    await house.do(c.DeclareIncident("something is odd"), MONITOR)
    found = house.views.read_in("INC-1")

    assert all(one.points for one in found.parts)
    assert said(found, "what") == [
        "something is odd", "declared by system:monitor (manual, seen by monitoring)",
    ]  # fmt: skip

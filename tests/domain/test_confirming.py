"""People confirm that they know the protocol: each for themselves, on the record, until it runs out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allstop.domain.confirmations import (
    ConfirmProtocol,
    ProtocolConfirmed,
    everybody,
    understanding_words,
)
from allstop.domain.decide import Decided, decide
from allstop.domain.policy import Person, Policy, PolicyBook, Preflight
from allstop.domain.principal import RUNNER, TIMEKEEPER, Kind, Principal
from allstop.domain.record import PROTOCOL_STREAM, Record
from allstop.domain.world import World, evolve
from tests.domain.builders import ADA, BEN, BUILDER, EVE, START, Story, policy

DAY = 24 * 60 * 60_000
CONFIRM = ConfirmProtocol("test")


def asking(days: int = 90, **changes: Any) -> Policy:
    """A protocol called `test` that asks for everybody's word every so many days."""
    plain = policy()
    rules = replace(plain.protocol, preflight=Preflight(("understood",), False, days), **changes)
    return replace(plain, protocol=rules)


def with_people(rules: Policy, *people: Person) -> Policy:
    return replace(rules, roster=replace(rules.roster, people=people))


def states(story: Story, rules: Policy | None = None) -> dict[str, str]:
    found = everybody(rules or story.policy, story.world.confirmations, story.now.utc)
    return {one.person.id: one.state for one in found}


def says(story: Story, rules: Policy | None = None) -> dict[str, str]:
    rules = rules or story.policy
    found = everybody(rules, story.world.confirmations, story.now.utc)
    return {one.person.id: understanding_words(one, rules, story.now.utc) for one in found}


def code(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    (reason,) = story.refused.reasons
    assert reason.hint
    return reason.code


def test_a_word_is_kept_with_the_documents_it_was_given_on() -> None:
    """Given a protocol in force, when a person confirms it, then who, which and under which documents stand
    on a stream of their own, and the answer says until when it holds."""
    story = Story(asking()).when(CONFIRM, BEN)
    (record,) = story.records
    assert (record.stream, record.kind, record.actor) == (
        PROTOCOL_STREAM,
        "protocol.confirmed",
        "person:ben",
    )
    assert record.event == ProtocolConfirmed("test", "p1")
    until = START + timedelta(days=90)
    assert story.result == {
        "person": "ben", "protocol": "test", "until": until.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    assert states(story) == {"ada": "missing", "ben": "confirmed", "eve": "missing"}


def test_where_nobody_asks_for_it_a_word_does_not_run_out() -> None:
    story = Story(asking(0)).when(CONFIRM, ADA)
    assert story.result["until"] is None
    story.wait(4000 * DAY)
    assert states(story)["ada"] == "confirmed"
    assert says(story)["ada"] == "confirmed 4000 days ago"


@pytest.mark.parametrize(
    ("who", "reason", "said"),
    [
        (BUILDER, "human-only", "agent:builder-1 is none"),
        (Principal("pager", Kind.SOURCE), "human-only", "source:pager is none"),
        (TIMEKEEPER, "human-only", "system:timekeeper is none"),
        (RUNNER, "human-only", "system:runner is none"),
        (Principal("ada", Kind.AGENT), "human-only", "agent:ada is none"),
        (Principal("mallory", Kind.PERSON), "no-authority", "not on the roster"),
    ],
    ids=str,
)
def test_only_a_person_on_the_roster_may_and_only_for_themselves(
    who: Principal, reason: str, said: str
) -> None:
    """The command names nobody: whoever sends it speaks for themselves. An agent of a person's name is
    still an agent."""
    story = Story(asking()).when(CONFIRM, who)
    assert code(story) == reason
    assert story.refused is not None
    assert said in story.refused.reasons[0].text
    assert story.records == []
    assert set(states(story).values()) == {"missing"}


@pytest.mark.parametrize("named", ["patronus", "", "Test"])
def test_what_is_confirmed_is_what_is_in_force(named: str) -> None:
    """Given somebody who read another protocol, when they confirm that, then they are told which it is."""
    story = Story(asking()).when(ConfirmProtocol(named), ADA)
    assert code(story) == "other-protocol"
    assert story.refused is not None
    assert "the protocol in force is test" in story.refused.reasons[0].text
    assert story.records == []


def test_it_runs_out_to_the_millisecond_and_is_renewed() -> None:
    story = Story(asking(90)).when(CONFIRM, ADA)
    story.wait(90 * DAY - 1)
    assert (states(story)["ada"], says(story)["ada"]) == ("confirmed", "confirmed 89 days ago")
    story.wait(1)
    assert states(story)["ada"] == "expired"
    assert says(story)["ada"] == "confirmed 90 days ago, every 90 days is asked for"
    story.wait(30 * DAY)
    assert says(story)["ada"] == "confirmed 120 days ago, every 90 days is asked for"
    story.when(CONFIRM, ADA)
    assert (states(story)["ada"], says(story)["ada"]) == ("confirmed", "confirmed today")
    assert story.kinds() == ["protocol.confirmed"] * 2
    story.wait(DAY)
    assert says(story)["ada"] == "confirmed 1 day ago"


def test_a_clock_that_was_set_back_makes_nobody_confirm_in_the_future() -> None:
    story = Story(asking()).when(CONFIRM, ADA)
    story.now = replace(story.now, utc=story.now.utc - timedelta(days=3))
    assert says(story)["ada"] == "confirmed today"


def test_who_knows_a_protocol_of_that_name_knows_it_whatever_else_changed() -> None:
    """Given somebody who confirmed, when the fleet, the roster and lines of the protocol change and its name
    stays, then their word counts; when the name changes, it is of another protocol."""
    story = Story(asking()).when(CONFIRM, ADA)
    later = asking(title="Test protocol, second edition", stand_down=())
    later = replace(later, fleet=replace(later.fleet, services=()))
    assert states(story, later)["ada"] == "confirmed"
    renamed = asking(name="stricter")
    assert states(story, renamed)["ada"] == "other"
    assert says(story, renamed)["ada"] == "confirmed another protocol, test"


def test_a_second_protocol_does_not_unlearn_the_first() -> None:
    """Given a person who confirmed the first protocol and later the second, when an incident still runs under
    the first, then their word for it counts until it runs out, and no new one of the second does."""
    first, second = asking(), asking(name="second")
    story = Story(first).when(CONFIRM, ADA)
    story.policy = second
    story.wait(10 * DAY).when(ConfirmProtocol("second"), ADA)
    assert says(story, first)["ada"] == "confirmed 10 days ago"
    assert says(story, second)["ada"] == "confirmed today"
    story.wait(85 * DAY)
    assert (states(story, first)["ada"], states(story, second)["ada"]) == ("expired", "confirmed")
    assert says(story, asking(name="third"))["ada"] == "confirmed another protocol, second"


def test_asked_is_who_may_have_to_act() -> None:
    """Given people with roles, owners, others, and somebody away, then only the first two are asked."""
    ada, ben, eve = policy().roster.people
    zoe = Person("zoe", "Zoe", "zoe", (), (), ("chat",), owner=False)
    rules = with_people(asking(), ada, replace(ben, away=True), eve, zoe)
    assert list(states(Story(rules))) == ["ada", "eve"]
    story = Story(rules).when(CONFIRM, Principal("zoe", Kind.PERSON))
    assert story.refused is None
    assert list(states(story)) == ["ada", "eve"]
    assert states(Story(with_people(rules, zoe))) == {}


def test_the_newest_policy_is_what_is_confirmed() -> None:
    """Given documents that were taken again, then the digest is that of the ones in force now."""
    story = Story(asking())
    book = PolicyBook("p2", {"p1": asking(), "p2": asking(name="second")})
    found = decide(ConfirmProtocol("second"), story.world, book, story.now, EVE)
    assert isinstance(found, Decided)
    assert found.records[0].event == ProtocolConfirmed("second", "p2")


def test_what_no_person_wrote_confirms_nothing() -> None:
    """The fold is total: an entry with another actor, or of another kind, changes nothing."""
    event = ProtocolConfirmed("test", "p1")
    world = World()
    for actor, one in (("agent:ada", event), ("", event), ("person:ada", "no event of ours")):
        record = Record(1, PROTOCOL_STREAM, 1, "protocol.confirmed", 1, START, actor, "", one)
        assert evolve(world, record).confirmations == {}
    elsewhere = Record(1, "fleet", 1, "protocol.confirmed", 1, START, "person:ada", "", event)
    assert evolve(world, elsewhere).confirmations == {}

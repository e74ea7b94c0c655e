"""What an order says of a world, and that a host that follows the orders ends up as the world is."""

from __future__ import annotations

from random import Random

import pytest

from allstop.domain.halt.commands import AnswerRollCall, OrderHalt, RegisterAgent, ReleaseHalt
from allstop.domain.halt.order_text import order_text, read_order
from allstop.domain.halt.standing_order import Accepted, Known, accept
from allstop.domain.incident.commands import SetSeverity
from allstop.domain.standing_orders import RELEASES_NAMED, compose, what_stands
from tests.domain.builders import ADA, EVE, MINUTE, Story, outage
from tests.domain.halt.keys import ORDER_KEYS, RELEASE_KEYS, sealed

VALID_MS = 60 * MINUTE


def test_nothing_stands_at_first() -> None:
    story = Story().register()
    stands = what_stands(story.world, story.book)
    assert (stands.halts, stands.passes, stands.frozen, stands.released) == ((), (), (), ())


def test_an_order_says_what_stands_and_no_word_of_why() -> None:
    story = outage()
    story.when(OrderHalt("agent:builder-2", "$(reboot) \" '", classes=("write",)), ADA)
    stands = what_stands(story.world, story.book)
    text = order_text(compose(stands, "key-1", 9, story.now.utc, VALID_MS))
    assert "reboot" not in text
    assert "buying" not in text
    one, other = read_order(text).halts
    assert (one.id, one.incident, one.severity, one.scope) == ("HALT-1", "INC-1", "SEV1", "all")
    assert (other.scope, other.classes, other.incident) == ("agent:builder-2", ("write",), "")


def test_a_responder_whose_session_is_known_gets_a_pass() -> None:
    story = Story().register()
    story.when(OrderHalt("all", "a drill", exempt=("builder-1", "builder-2")))
    assert what_stands(story.world, story.book).passes == ()
    command = RegisterAgent("builder-2", "b", "builders", "script", {}, session="s-2")
    story.when(command, ADA)
    (one,) = what_stands(story.world, story.book).passes
    assert (one.session, one.agent, one.halt) == ("s-2", "builder-2", "HALT-1")
    assert one.until > story.now.utc


def test_whoever_did_not_answer_is_to_be_frozen_until_it_answers() -> None:
    story = outage().answer().wait(6 * MINUTE)
    assert what_stands(story.world, story.book).frozen == ("builder-1", "builder-2")
    story.when(AnswerRollCall("builder-1", "HALT-1", "stopped"), ADA)
    assert what_stands(story.world, story.book).frozen == ("builder-2",)


def test_a_severity_that_changes_is_news() -> None:
    story = outage()
    before = what_stands(story.world, story.book)
    story.when(SetSeverity("INC-1", "SEV2", "it is not that bad"), EVE)
    assert story.refused is None
    assert what_stands(story.world, story.book) != before


def test_only_the_releases_of_late_are_named() -> None:
    story = Story().register()
    for number in range(RELEASES_NAMED + 3):
        story.when(OrderHalt("all", "a drill")).when(ReleaseHalt(f"HALT-{number + 1}", "x"), EVE)
    released = what_stands(story.world, story.book).released
    assert len(released) == RELEASES_NAMED
    assert released[-1].halt == f"HALT-{RELEASES_NAMED + 3}"


@pytest.mark.parametrize("seed", range(25))
def test_a_host_that_hears_some_of_the_orders_ends_up_as_the_world_is(seed: int) -> None:
    """Halts and releases by chance; the host misses orders, hears them late, twice and out of order."""
    chance, story = Random(seed), Story().register()
    known, late = Known("web-1"), list[str]()
    for seq in range(1, 40):
        _something(story, chance)
        stands = what_stands(story.world, story.book)
        envelope = sealed(compose(stands, "coordinator", seq, story.now.utc, VALID_MS))
        late.append(envelope)
        if chance.random() < 0.6:
            known = _heard(known, chance.choice(late), story)
    known = _heard(known, late[-1], story)
    assert {one.id for one in known.halts} == {one.id for one in story.world.standing_halts()}


def _heard(known: Known, envelope: str, story: Story) -> Known:
    found = accept(known, envelope, ORDER_KEYS, RELEASE_KEYS, story.now.utc)
    return found.known if isinstance(found, Accepted) else known


def _something(story: Story, chance: Random) -> None:
    standing = [halt.id for halt in story.world.standing_halts()]
    if standing and chance.random() < 0.5:
        story.when(ReleaseHalt(chance.choice(standing), "enough"), EVE)
    else:
        scope = chance.choice(["all", "team:builders", "agent:builder-1", "repository:/srv/shop"])
        story.when(OrderHalt(scope, "look"), ADA)
    assert story.refused is None

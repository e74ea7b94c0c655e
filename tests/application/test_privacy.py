"""Who may know of a private incident, and what everybody else finds in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from allstop.application.privacy import INSTEAD, Reader, may_read
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.incident import work_commands as w
from allstop.domain.incident.parts import ActionItem, Crew, Task
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Grant
from allstop.domain.principal import MONITOR, TIMEKEEPER, Kind, Principal
from allstop.domain.proposals import ConfirmActivation, ProposeActivation
from allstop.errors import Missing
from tests.application.ground import SECOND, House, told
from tests.application.whole import ZOE, whole
from tests.domain.builders import ADA, BEN, BUILDER, EVE, START

FEED = Principal("prometheus", Kind.SOURCE)
TITLE = "somebody sold the customers' data"
Change = Callable[[Incident], Incident]


async def hidden(house: House, **more: Any) -> Incident:
    """A private incident of ben's in which nobody else takes part."""
    await house.begin(whole())
    await house.do(c.DeclareIncident(TITLE, private=True, **more), BEN)
    incident = house.world.incidents["INC-1"]
    return replace(incident, roles={}, called=())


def crew(*members: str) -> Change:
    return lambda one: replace(one, crews={"a": Crew("a", "", members=members)})


def task(owner: str) -> Change:
    return lambda one: replace(one, tasks={"T1": Task("T1", "t", "", owner)})


def item(owner: str) -> Change:
    return lambda one: replace(one, actions={"A": ActionItem("A", "t", owner, START, "low", "")})


PARTS: list[tuple[Change, Principal, bool]] = [
    (lambda one: one, ZOE, False),
    (lambda one: replace(one, private=False), ZOE, True),
    (lambda one: one, BEN, True),  # declared it
    (lambda one: one, EVE, True),  # the owner
    (lambda one: one, TIMEKEEPER, True),
    (lambda one: replace(one, roles={"scribe": "zoe"}), ZOE, True),
    (lambda one: replace(one, offers={"scribe": "zoe"}), ZOE, True),
    (lambda one: replace(one, called=("zoe",)), ZOE, True),
    (lambda one: replace(one, roles={"scribe": "builder-1"}), BUILDER, False),
    (crew("person:zoe"), ZOE, True),
    (crew("agent:builder-1"), BUILDER, True),
    (crew("agent:zoe"), ZOE, False),
    (lambda one: replace(one, crews={"a": Crew("a", "", proposed=("person:zoe",))}), ZOE, False),
    (task("person:zoe"), ZOE, True),
    (item("zoe"), ZOE, True),
    (lambda one: one, BUILDER, False),
    (lambda one: one, FEED, False),
    (lambda one: replace(one, declared_by="source:prometheus"), FEED, False),
]  # fmt: skip


@pytest.mark.parametrize(("change", "who", "allowed"), PARTS, ids=range(len(PARTS)))
@told
async def test_who_takes_part(
    house: House, change: Change, who: Principal, *, allowed: bool
) -> None:
    """Given a private incident, then whoever declared it, was called to it or works in it may read it."""
    incident = change(await hidden(house))

    assert may_read(house.world, house.post.book, incident, who) is allowed


@pytest.mark.parametrize(("entry", "who"), [
    ("person:zoe", ZOE), ("source", FEED), ("source:prometheus", FEED), ("team:builders", BUILDER),
])  # fmt: skip
@told
async def test_a_grant_lets_others_read(house: House, entry: str, who: Principal) -> None:
    """Given a grant of `read-private`, then whoever it means may read, a source as well."""
    plain = whole()
    authority = (*plain.protocol.authority, Grant("read-private", (entry,)))
    await house.begin(replace(plain, protocol=replace(plain.protocol, authority=authority)))
    await house.do(c.DeclareIncident(TITLE, private=True), BEN)
    incident = house.world.incidents["INC-1"]

    assert may_read(house.world, house.post.book, incident, who)


@told
async def test_whoever_reported_it_may_read_what_came_of_it(house: House) -> None:
    """Given a message that became an incident, when it is made private, then its sender still sees it, and
    the proposal is hidden from everybody else."""
    await house.begin(whole())
    await house.do(ProposeActivation("battle stations, the vault is open"), ZOE)
    other = Principal("nobody", Kind.PERSON)
    assert len(house.views.for_(other).proposals()) == 1
    await house.do(ConfirmActivation("PROP-1"), EVE)
    await house.do(k.SetPrivacy("INC-1", True, "names"), EVE)

    assert house.views.for_(ZOE).incident("INC-1").private
    assert house.views.for_(other).proposals() == ()
    with pytest.raises(Missing):
        house.views.for_(other).proposal("PROP-1")


@told
async def test_made_public_it_is_there_for_everybody(house: House) -> None:
    """Given a private incident, when it is made public, then strangers see it, with its whole past."""
    await hidden(house)
    views = house.views.for_(ZOE)
    assert views.incidents() == ()
    assert {one.kind for one in views.log(0, 100)} == {"private"}
    await house.do(k.SetPrivacy("INC-1", False, "all is known"), BEN)

    assert [one.title for one in views.incidents()] == [TITLE]
    assert "private" not in {one.kind for one in views.log(0, 100)}


@told
async def test_the_overview_of_a_stranger_is_calm(house: House) -> None:
    """Given nothing but a private emergency, then a stranger's overview speaks of no incident; agents are
    held without a reason, and the next command is not to let them go."""
    await house.begin(whole())
    await house.register()
    await house.declare(private=True)
    seen = house.views.for_(ZOE).overview()

    assert seen.incidents == ()
    (halt,) = seen.halts
    assert (halt.reason, halt.incident, halt.private, halt.total) == ("private", "", True, 2)
    assert seen.next == 'allstop declare "what fails" --service NAME'
    assert house.views.overview().halts[0].private is False


@told
async def test_what_is_suspended_is_suspended_for_everybody(house: House) -> None:
    """Given emergency mode because of a private incident, then a stranger knows what is suspended, and not
    because of what."""
    await house.begin(whole())
    await house.declare(private=True)
    mode = house.views.for_(ZOE).mode()

    assert (mode.suspended, mode.incidents) == ({"scoring": "Scoring"}, ())
    assert [one.incident for one in house.views.for_(ADA).mode().incidents] == ["INC-1"]


@told
async def test_refusals_from_before_are_shown(house: House) -> None:
    """Given refusals from before a private incident, during it and of one's own, then the second is hidden."""
    await house.begin(whole())
    with pytest.raises(Exception, match="HALT-9"):
        await house.do(k.CloseIncident("HALT-9"), ADA)
    await house.wait(SECOND)
    await house.do(c.DeclareIncident(TITLE, private=True), BEN)
    for who in (BEN, ZOE):
        with pytest.raises(Exception, match="no task"):
            await house.do(w.EndTask("INC-1", "T9", "done"), who)
    reader = Reader(house.post, ZOE)
    shown = reader.refusals(house.store.refusals())

    assert [(one.actor, one.command) for one in shown] == [
        ("person:zoe", "EndTask"), ("person:ada", "CloseIncident"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), [
    ("see INC-1", f"see {INSTEAD}"),
    ("INC-1's halt, INC-10 and XINC-1", f"{INSTEAD}'s halt, INC-10 and XINC-1"),
    (f"it is that {TITLE}!", f"it is that {INSTEAD}!"),
    ("somebody sold the customers&#39; data", INSTEAD),
    ("somebody sold", "somebody sold"),
])  # fmt: skip
@told
async def test_what_others_wrote_of_it_is_taken_out(house: House, text: str, shown: str) -> None:
    """Given a text that names a hidden incident, then a stranger reads it without the name."""
    await hidden(house)

    assert Reader(house.post, ZOE).text(text) == shown
    assert Reader(house.post, BEN).text(text) == text


@told
async def test_numbers_that_begin_alike_are_told_apart(house: House) -> None:
    """Given hidden INC-1 and INC-12, and others with numbers like theirs, then only the two are taken out."""
    await house.begin(whole())
    for number in range(1, 13):
        await house.do(c.DeclareIncident(f"no {number}", private=number in (1, 12)), BEN)
    said = Reader(house.post, ZOE).text("INC-1 INC-12 INC-11 INC-120 INC-2 VINC-1 INC-1: no 1")

    assert said == f"{INSTEAD} {INSTEAD} INC-11 INC-120 INC-2 VINC-1 {INSTEAD}"


@pytest.mark.parametrize("text", [
    "INC-1: Ransom", "INC-1 (Ransom)", "[INC-1] Ransom", "INC-1, Ransom", "INC-1 Ransom",
])  # fmt: skip
@told
async def test_a_short_title_goes_with_the_number_before_it(house: House, text: str) -> None:
    """Given a hidden incident whose title is a common word, when a text names it by number and title, then
    both are taken out, and the word stays where it means something else."""
    await house.begin(whole())
    await house.do(c.DeclareIncident("Ransom", private=True), BEN)
    said = Reader(house.post, ZOE).text(f"{text}. Ransom and INC-1: Ransomware")

    assert said.removeprefix("[") == f"{INSTEAD}. Ransom and {INSTEAD}: Ransomware"


@told
async def test_a_short_title_is_left_in_other_texts(house: House) -> None:
    """Given a hidden incident whose title is a common word, then the word stays in other texts."""
    await house.begin(whole())
    for title in ("lost_per_hour", "it is down"):
        await house.do(c.DeclareIncident(title, private=True), MONITOR)
    text = '{"lost_per_hour": "it is down"}'

    assert Reader(house.post, ZOE).text(text) == text

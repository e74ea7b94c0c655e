"""Who is behind a request: the peer of the socket, or the bearer of a token."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from allstop.application.access import TOKEN_DAYS, Access, digest_of
from allstop.domain.principal import Kind, Principal
from allstop.errors import Missing, Unauthenticated
from allstop.testing.simulator.virtual_time import HOUR
from tests.application.ground import House, told
from tests.domain import builders

LOGINS = {1000: "ada", 1001: "eve", 1002: "guest"}


def access(house: House) -> Access:
    numbers = count(1)
    return Access(
        house.post, house.store, house.clock, LOGINS.get, lambda: f"secret-{next(numbers)}"
    )


# --- the socket --------------------------------------------------------------------------------


@told
async def test_the_peer_of_the_socket_is_a_person(house: House) -> None:
    """Given a user of the machine who is on the roster, then the peer is that person."""
    found = access(house).by_peer(1000)

    assert (found.id, found.kind, found.via) == ("ada", Kind.PERSON, "socket peer ada")


@pytest.mark.parametrize(("uid", "called"), [(1002, "guest"), (4242, "4242")])
@told
async def test_a_peer_who_is_nobody_is_told_how_to_become_somebody(
    house: House, uid: int, called: str
) -> None:
    """Given a user who is not on the roster, or who has no name at all, then the refusal names them and
    the line of the roster that is missing."""
    with pytest.raises(Unauthenticated, match=f"the user {called} is nobody") as caught:
        access(house).by_peer(uid)

    assert f"login: {called}" in caught.value.hint


@told
async def test_a_person_without_a_login_is_no_peer(house: House) -> None:
    """Given a person whose login is empty, when a peer has no name, then they are not that person."""
    plain = builders.policy()
    people = tuple(replace(one, login="") for one in plain.roster.people)
    house.post.adopt(replace(plain, roster=replace(plain.roster, people=people)))
    with pytest.raises(Unauthenticated):
        access(house).by_peer(4242)


# --- tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("principal", ["person:ada", "agent:builder-1", "source:alertmanager"])
@told
async def test_a_token_is_known_by_its_digest_only(house: House, principal: str) -> None:
    """Given a new token, then its secret opens the door, and nothing that is stored contains it."""
    await house.register()
    who = access(house)
    secret, expires = await who.issue(principal)

    assert str(who.by_token(secret)) == principal
    assert expires - house.clock.now().utc == timedelta(days=TOKEN_DAYS)
    assert list(house.disk.tokens) == [digest_of(secret)]
    assert secret not in repr(house.disk)


@told
async def test_a_token_ends_on_its_day(house: House) -> None:
    """Given a token for a day, when the day is over, then it opens nothing; a moment before it did."""
    who = access(house)
    secret, _ = await who.issue("person:ada", days=1)
    house.time.move_to(24 * HOUR - 1)
    assert who.by_token(secret).id == "ada"
    house.time.move_to(24 * HOUR)
    with pytest.raises(Unauthenticated):
        who.by_token(secret)


@told
async def test_revoking_ends_all_tokens_of_one_principal_and_says_so(house: House) -> None:
    """Given two tokens of ada and one of ben, when ada's are revoked, then both are gone, ben's stays, and
    whoever keeps sessions hears of it."""
    who, heard = access(house), list[str]()
    who.when_revoked(heard.append)
    hers = [(await who.issue("person:ada"))[0] for _ in range(2)]
    his, _ = await who.issue("person:ben")

    assert await who.revoke("person:ada") == 2
    assert await who.revoke("person:ada") == 0
    assert heard == ["person:ada", "person:ada"]
    assert who.by_token(his) == Principal("ben", Kind.PERSON, "token")
    for secret in hers:
        with pytest.raises(Unauthenticated, match="unknown, revoked or expired"):
            who.by_token(secret)


@pytest.mark.parametrize("secret", ["", "allstop_", "allstop_secret-9", "\ud800", "a" * 10_000])
@told
async def test_what_is_no_token_opens_nothing(house: House, secret: str) -> None:
    """Given any other text, then it is refused in the same words, and none of it is repeated."""
    await access(house).issue("person:ada")
    with pytest.raises(Unauthenticated) as caught:
        access(house).by_token(secret)

    assert len(caught.value.text) < 100


@told
async def test_who_left_the_roster_is_locked_out(house: House) -> None:
    """Given a token of a person, when the person is taken off the roster, then it opens nothing."""
    who = access(house)
    secret, _ = await who.issue("person:ben")
    plain = builders.policy()
    people = tuple(one for one in plain.roster.people if one.id != "ben")
    house.post.adopt(replace(plain, roster=replace(plain.roster, people=people)))
    with pytest.raises(Unauthenticated, match="nobody on the roster"):
        who.by_token(secret)


@pytest.mark.parametrize(("principal", "hint"), [
    ("person:adda", "did you mean ada?"),
    ("person:zoe", "known: ada, ben, eve"),
    ("agent:bilder-2", "did you mean builder-2?"),
    ("robot:x", "person:NAME, agent:NAME or source:NAME"),
    ("system:runner", "person:NAME, agent:NAME or source:NAME"),
    ("person:", "person:NAME, agent:NAME or source:NAME"),
    ("source:", "person:NAME, agent:NAME or source:NAME"),
    ("ada", "person:NAME, agent:NAME or source:NAME"),
])  # fmt: skip
@told
async def test_nobody_unknown_gets_a_token(house: House, principal: str, hint: str) -> None:
    """Given a principal that is not known, then there is no token, and the hint names the nearest."""
    await house.register()
    with pytest.raises(Missing) as caught:
        await access(house).issue(principal)

    assert caught.value.hint == hint
    assert not house.disk.tokens

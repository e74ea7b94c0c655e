"""Over the API: each person says for themselves that they know the protocol, and everybody sees who has."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from allstop.domain.policy import Policy, Preflight
from tests.faces.http.house import AGENT, COMMANDER, SOURCE, House, house_policy, living, memory

PLACE = "/api/v1/protocol/confirmation"
BODY = {"protocol": "test"}


def asking(days: int) -> Policy:
    plain = house_policy()
    checks = Preflight(("understood",), False, days)
    return replace(plain, protocol=replace(plain.protocol, preflight=checks))


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose protocol asks for everybody's word each quarter."""
    async with living(tmp_path, store=memory(), policy=asking(90)) as found:
        yield found


async def people(client: httpx.AsyncClient) -> dict[str, tuple[str, str]]:
    found: list[dict[str, Any]] = (await client.get(PLACE)).json()["people"]
    return {one["person"]: (one["state"], one["text"]) for one in found}


async def test_each_person_confirms_and_everybody_sees_it(strict: House) -> None:
    """Given nobody who has confirmed, when the commander and then the owner do, then it is on the record
    under their own names, and whoever is recognised sees whose word is missing."""
    async with strict.remote(COMMANDER) as ada, strict.local() as eve:
        missing = ("missing", "has not confirmed it")
        assert await people(ada) == dict.fromkeys(("ada", "ben", "eve"), missing)
        answer = await ada.post(PLACE, json=BODY)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["person"], told["protocol"]) == ("ada", "test")
        assert (await eve.post(PLACE, json=BODY)).json()["person"] == "eve"
        found = (await eve.get(PLACE)).json()
    assert (found["protocol"], found["title"], found["every_days"]) == ("test", "Test protocol", 90)
    first = found["people"][0]
    assert (first["state"], first["text"]) == ("confirmed", "confirmed today")
    assert first["until"] == told["until"]
    lasts = datetime.fromisoformat(first["until"]) - datetime.fromisoformat(first["at"])
    assert lasts == timedelta(days=90)
    async with strict.remote(AGENT) as agent:
        seen = await people(agent)
    assert {name: state for name, (state, _) in seen.items()} == {
        "ada": "confirmed", "ben": "missing", "eve": "confirmed",
    }  # fmt: skip
    kept = [one for one in strict.coordinator.store.records() if one.stream == "protocol"]
    assert [(one.kind, one.actor) for one in kept] == [
        ("protocol.confirmed", "person:ada"), ("protocol.confirmed", "person:eve"),
    ]  # fmt: skip
    assert set(strict.coordinator.store.policies()) == {strict.coordinator.post.book.current}


@pytest.mark.parametrize("who", [AGENT, SOURCE])
async def test_a_program_cannot_know_a_protocol(strict: House, who: str) -> None:
    async with strict.remote(who) as program:
        answer = await program.post(PLACE, json=BODY)
        assert answer.status_code == 403
        (reason,) = answer.json()["reasons"]
        assert reason["code"] == "human-only"
        assert (
            f"only a person can say that they know the protocol, and {who} is none"
            in reason["text"]
        )
        assert {state for state, _ in (await people(program)).values()} == {"missing"}


async def test_nobody_confirms_for_somebody_else(strict: House) -> None:
    async with strict.remote(COMMANDER) as ada:
        answer = await ada.post(PLACE, json={**BODY, "person": "ben"})
        assert (answer.status_code, answer.json()["reasons"][0]["pointer"]) == (422, "/person")
        assert {state for state, _ in (await people(ada)).values()} == {"missing"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "missing-field"),
        ({"protocol": "patronus"}, 409, "other-protocol"),
        ({"protocol": ""}, 409, "other-protocol"),
        ({"protocol": None}, 422, "string-type"),
    ],
)
async def test_one_confirms_what_one_names(
    strict: House, body: dict[str, Any], status: int, code: str
) -> None:
    async with strict.local() as eve:
        answer = await eve.post(PLACE, json=body)
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (status, code)
        assert {state for state, _ in (await people(eve)).values()} == {"missing"}


async def test_a_repeat_is_one_confirmation_and_doing_it_again_is_two(strict: House) -> None:
    key = {"Idempotency-Key": "once"}
    async with strict.local() as eve:
        first = await eve.post(PLACE, json=BODY, headers=key)
        again = await eve.post(PLACE, json=BODY, headers=key)
        assert again.json() == first.json()
        renewed = await eve.post(PLACE, json=BODY)
    ends = [datetime.fromisoformat(one.json()["until"]) for one in (first, renewed)]
    assert ends[1] > ends[0]
    kept = [one for one in strict.coordinator.store.records() if one.stream == "protocol"]
    assert len(kept) == 2


async def test_where_the_protocol_asks_nobody_it_does_not_run_out(tmp_path: Path) -> None:
    async with (
        living(tmp_path, store=memory(), policy=asking(0)) as house,
        house.local() as eve,
    ):
        assert (await eve.post(PLACE, json=BODY)).json()["until"] is None
        found = (await eve.get(PLACE)).json()
        assert found["every_days"] == 0
        assert found["people"][2]["state"] == "confirmed"
        assert found["people"][2]["until"] is None


async def test_a_stranger_sees_nothing(strict: House) -> None:
    async with strict.remote() as stranger:
        assert (await stranger.get(PLACE)).status_code == 401
        assert (await stranger.post(PLACE, json=BODY)).status_code == 401

"""A repeat with the same Idempotency-Key changes nothing and gets the first answer."""

import asyncio

import httpx
import pytest

from tests.faces.http.house import AGENT, House, declared

KEY = {"Idempotency-Key": "once-1"}


async def test_a_repeat_gets_the_first_answer(owner: httpx.AsyncClient, house: House) -> None:
    body = {"title": "buying fails", "services": ["payments"]}
    first = await owner.post("/api/v1/incidents", json=body, headers=KEY)
    position = house.coordinator.store.last_position()
    # Other blanks and another order of the keys are the same request.
    text = b'{ "services": ["payments"],\n "title": "buying fails" }'
    again = await owner.post(
        "/api/v1/incidents", content=text, headers={**KEY, "Content-Type": "application/json"}
    )
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert len(house.coordinator.post.world.incidents) == 1
    assert house.coordinator.store.last_position() >= position


async def test_many_at_once_are_one(owner: httpx.AsyncClient, house: House) -> None:
    asked = [
        owner.post("/api/v1/halts", json={"scope": "all", "reason": "x"}, headers=KEY)
        for _ in range(10)
    ]
    answers = await asyncio.gather(*asked)
    assert {answer.json()["halt"] for answer in answers} == {"HALT-1"}
    assert len(house.coordinator.post.world.halts) == 1


async def test_a_key_for_another_request_is_refused(owner: httpx.AsyncClient) -> None:
    await owner.post("/api/v1/incidents", json={"title": "one"}, headers=KEY)
    for path, body in (("incidents", {"title": "two"}), ("halts", {"scope": "all", "reason": "x"})):
        answer = await owner.post(f"/api/v1/{path}", json=body, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_keys_are_each_principals_own(owner: httpx.AsyncClient, house: House) -> None:
    await owner.post("/api/v1/incidents", json={"title": "one"}, headers=KEY)
    async with house.remote(AGENT) as agent:
        answer = await agent.post("/api/v1/incidents", json={"title": "two"}, headers=KEY)
    assert answer.json()["incident"] == "INC-2"


async def test_a_repeat_finds_its_answer_when_current_means_nothing_any_more(
    owner: httpx.AsyncClient, house: House
) -> None:
    await declared(owner)
    first = await owner.post("/api/v1/incidents/current/notes", json={"text": "x"}, headers=KEY)
    await declared(owner)
    again = await owner.post("/api/v1/incidents/current/notes", json={"text": "x"}, headers=KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    other = await owner.post(
        "/api/v1/incidents/current/notes", json={"text": "y"}, headers={"Idempotency-Key": "other"}
    )
    assert other.status_code == 404
    assert "2 incidents are open" in other.json()["detail"]


async def test_a_refusal_is_not_remembered(owner: httpx.AsyncClient) -> None:
    body = {"scope": "all", "reason": "x", "incident": "INC-1"}
    assert (await owner.post("/api/v1/halts", json=body, headers=KEY)).status_code == 409
    await declared(owner)
    assert (await owner.post("/api/v1/halts", json=body, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 201])
async def test_keys_that_are_none(owner: httpx.AsyncClient, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    answer = await owner.post("/api/v1/incidents", json={"title": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")

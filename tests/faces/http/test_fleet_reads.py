"""Over the API: the fleet as a whole, and what is lost with some services."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from allstop.domain.policy import Fleet, Function
from tests.domain.fleet.fleets import HARD, SOFT, service, stateful
from tests.faces.http.house import House, house_policy, living, memory

FLEET = Fleet(
    (
        service("web", {"ledger": HARD}, category="revenue"),
        service("search", {"ledger": SOFT}),
        stateful("ledger", host="alpha"),
    ),
    (Function("buying", "Buying", True, "p", ("web",)),),
)
PLACE = "/api/v1/fleet"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    policy = replace(house_policy(), fleet=FLEET)
    async with living(tmp_path, store=memory(), policy=policy) as house, house.local() as client:
        yield client


async def test_the_fleet_with_what_can_be_done_to_it(shop: httpx.AsyncClient) -> None:
    found = (await shop.get(PLACE)).json()
    assert [one["name"] for one in found["services"]] == ["web", "ledger", "search"]
    ledger = found["services"][1]
    assert (ledger["host"], ledger["state"], ledger["policy"], ledger["by_default"]) == (
        "alpha", "unknown", "isolate", True,
    )  # fmt: skip
    assert ledger["needed_by"] == [
        {"service": "web", "kind": "hard"}, {"service": "search", "kind": "soft"},
    ]  # fmt: skip
    assert found["watched"] is True
    line = next(
        one for one in (await shop.get("/api/v1/services")).json() if one["name"] == "ledger"
    )
    assert (line["host"], line["policy"], line["standing"]) == ("alpha", "isolate", "")


async def test_what_is_lost(shop: httpx.AsyncClient) -> None:
    found = (await shop.get(f"{PLACE}/blast-radius", params={"service": "ledger"})).json()
    assert [(one["service"], one["way"]) for one in found["broken"]] == [("web", ["web", "ledger"])]
    assert [one["service"] for one in found["degraded"]] == ["search"]
    assert found["functions"][0]["core"] is True
    both = await shop.get(f"{PLACE}/blast-radius", params={"service": "ledger,web"})
    assert both.json()["services"] == ["ledger", "web"]


@pytest.mark.parametrize(
    ("query", "status", "hint"),
    [("?service=legder", 404, "did you mean ledger?"), ("", 422, "service=NAME,NAME"), ("?service=,", 422, "service=NAME,NAME")],
)  # fmt: skip
async def test_what_cannot_be_answered(
    shop: httpx.AsyncClient, query: str, status: int, hint: str
) -> None:
    answer = await shop.get(f"{PLACE}/blast-radius{query}")
    assert answer.status_code == status
    assert hint in answer.text


async def test_nobody_unknown_may_look(house: House) -> None:
    async with house.remote("") as stranger:
        assert (await stranger.get(PLACE)).status_code == 401

"""From a message that looks like an emergency to the last action item, through real sockets."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.application.whole import whole
from tests.faces.http.house import COMMANDER, OWNER, house_policy, living, memory

LATER = "2099-01-01T00:00:00Z"
ONE = "/api/v1/incidents/INC-1"


async def tell(client: httpx.AsyncClient, path: str, status: int = 200, /, **body: Any) -> Any:
    answer = await client.post(path, json=body or None)
    assert answer.status_code == status, (path, answer.text)
    return answer.json()


async def read(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


async def work(ada: httpx.AsyncClient, eve: httpx.AsyncClient) -> None:
    """People write down, promise and change things."""
    assert await tell(ada, f"{ONE}/forms/briefing", fields={"situation": "cards fail"}) == {
        "form": "briefing", "number": 1,
    }  # fmt: skip
    task = (await tell(ada, f"{ONE}/tasks", title="call the bank"))["task"]
    await tell(ada, f"{ONE}/tasks/{task}/assign", owner="ben")
    await tell(ada, f"{ONE}/tasks/{task}/end", state="done", note="they know")
    assert await tell(ada, f"{ONE}/findings", kind="hypothesis", text="rounding") == {
        "evidence": "F1"
    }
    await tell(ada, f"{ONE}/facts", facts={"cause_understood": True}, because="ada wrote it")
    await tell(ada, f"{ONE}/crews/containment", members=["person:ben"])
    change = (await tell(ada, f"{ONE}/changes", title="refund", risk=2))["change"]
    await tell(ada, f"{ONE}/approvals", 409, subject=f"change:{change}")
    await tell(eve, f"{ONE}/approvals", subject=f"change:{change}")
    await tell(ada, f"{ONE}/changes/{change}/end", state="made", note="all refunded")
    await tell(ada, f"{ONE}/corrections", version=1, text="it began earlier", because="logs")


async def stand_down(ada: httpx.AsyncClient, eve: httpx.AsyncClient) -> None:
    shown = await read(ada, ONE)
    gates = [*(one for phase in shown["phases"] for one in phase["criteria"]), *shown["stand_down"]]
    for criterion in gates:
        await tell(eve, f"{ONE}/overrides", subject=criterion["id"], because="seen by eye")
    for _ in shown["phases"]:
        await ada.post(f"{ONE}/phase")
    await tell(eve, f"{ONE}/stand-down", reason="it is over")


async def test_a_message_becomes_an_incident_that_is_closed(tmp_path: Path) -> None:
    async with (
        living(tmp_path, store=memory(), policy=whole(house_policy())) as house,
        house.remote(COMMANDER) as ada,
        house.remote(OWNER) as eve,
    ):
        said = {"text": "battle stations: cards fail", "source": "chat"}
        assert await tell(ada, "/api/v1/proposals", 201, **said) == {"proposal": "PROP-1"}
        became = await tell(eve, "/api/v1/proposals/PROP-1/confirm", title="Cards fail")
        assert (became["incident"], became["proposal"]) == ("INC-1", "PROP-1")
        await tell(ada, f"{ONE}/triage", real=True, text="three customers called")
        assert (await read(ada, "/api/v1/mode"))["suspended"] == {"scoring": "Scoring"}
        await work(ada, eve)
        shown = await read(ada, ONE)
        assert (shown["source"], shown["line"]["title"], bool(shown["triaged_at"])) == (
            "chat", "Cards fail", True,
        )  # fmt: skip
        assert shown["changes"][0]["signatures"] == [
            {"person": "person:eve", "role": "owner", "review": False}
        ]
        assert shown["facts"] == {"cause_understood": True}
        assert shown["forms"][0]["fields"] == {"Situation": "cards fail"}
        assert (await read(ada, f"{ONE}/read-in"))["parts"][0]["id"] == "what"
        await stand_down(ada, eve)
        await closing(ada, eve)


async def closing(ada: httpx.AsyncClient, eve: httpx.AsyncClient) -> None:
    """What is owed stands in the way until it is done."""
    owed = await read(ada, f"{ONE}/owed")
    assert {one["id"] for one in owed["obligations"]} == {"customers", "review"}
    assert [one["id"] for one in owed["missing"]] == ["form:post-mortem", "action-items"]
    refused = await eve.post(f"{ONE}/close", json={})
    assert refused.status_code == 409
    assert len(refused.json()["reasons"]) == 2
    await tell(ada, f"{ONE}/forms/post-mortem", fields={"cause": "rounding"})
    item = (await tell(ada, f"{ONE}/actions", title="test cents", owner="ben", due_at=LATER))[
        "action"
    ]
    await tell(ada, f"{ONE}/actions/{item}", state="done", note="tested")
    await tell(ada, f"{ONE}/obligations/customers", how="a mail went out")
    soon = (await read(ada, f"{ONE}/owed"))["obligations"]
    review = next(one for one in soon if one["id"] == "review")
    await tell(ada, f"{ONE}/obligations/review/meeting", at=review["due_at"])
    await tell(eve, f"{ONE}/close", note="well done, all")
    assert (await read(ada, ONE))["line"]["state"] == "closed"
    assert (await read(ada, f"{ONE}/owed"))["missing"] == []
    await tell(ada, "/api/v1/points", team="builders", points=5, because="they stayed up")
    assert (await read(ada, "/api/v1/points"))["balances"][0] == {
        "team": "builders", "title": "Builders", "points": 5,
    }  # fmt: skip
    await tell(ada, f"{ONE}/reopen", because="it is back")
    assert (await read(ada, ONE))["line"]["state"] == "open"


@pytest.mark.parametrize("operation", ["forms", "crews", "owed", "read-in"])
async def test_every_part_of_an_incident_can_be_read_at_once(
    tmp_path: Path, operation: str
) -> None:
    """Given an incident with nothing in it yet, then each of its parts is an answer all the same."""
    async with living(tmp_path, store=memory()) as house, house.remote(COMMANDER) as ada:
        await tell(ada, "/api/v1/incidents", 201, title="something is odd")
        assert await read(ada, f"/api/v1/incidents/current/{operation}") is not None


async def test_a_coordinator_without_checks_says_so(tmp_path: Path) -> None:
    async with living(tmp_path, store=memory()) as house, house.remote(COMMANDER) as ada:
        answer = await ada.get("/api/v1/preflight")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")

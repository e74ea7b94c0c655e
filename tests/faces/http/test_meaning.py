"""Every body becomes the command it means, field by field, whatever the rules then say to it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from allstop.application.command_post import CommandPost, Request
from allstop.domain.impact import Impact
from allstop.domain.incident import course_commands as k
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.plan.commands import MakePlan
from allstop.domain.principal import TIMEKEEPER
from allstop.domain.proposals import ProposeActivation
from allstop.faces.http.app import HttpFace
from allstop.faces.http.operations import OPERATIONS
from tests.application.whole import whole
from tests.domain import builders
from tests.faces.http.bodies import LATER, MEANT, path_of
from tests.faces.http.house import OWNER, bearer, build, house_policy, memory

COMMANDS = [one for one in OPERATIONS if one.keyed]


@pytest.fixture
async def busy(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The owner asks a house in which everything the paths name is there."""
    coordinator = await build(tmp_path, memory(), policy=whole(house_policy()))
    impact = Impact(core_functions_down=("buying",))
    for command in (
        DeclareIncident("it fails", ("payments",), impact=impact),
        DeclareIncident("another one"),
        ProposeActivation("battle stations, all of you"),
        MakePlan("INC-1", "contain"),
    ):
        who = TIMEKEEPER if isinstance(command, MakePlan) else builders.EVE
        await coordinator.post.do(command, Request(who))
    secret, _ = await coordinator.access.issue(OWNER)
    face = HttpFace(coordinator, lambda: None, allowed_hosts=["testserver"])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=face),
        base_url="http://testserver",
        headers=bearer(secret),
    ) as client:
        yield client


def test_every_command_of_the_table_is_here() -> None:
    assert {one.id for one in COMMANDS} == set(MEANT)


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda one: one.id)
async def test_a_body_means_its_command(
    busy: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, operation: Any
) -> None:
    """Given a body with every field there is, when it is sent, then this very command is decided."""
    body, wanted = MEANT[operation.id]
    told = await _told(busy, monkeypatch, operation, body)

    assert told == [wanted]


async def test_ending_the_mode_is_another_command(
    busy: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = next(one for one in COMMANDS if one.id == "mode")

    body = {"end": True, "because": "b"}
    assert await _told(busy, monkeypatch, operation, body) == [k.EndMode("INC-1", "b")]


@pytest.mark.parametrize("body", [
    {"because": "b"}, {"because": "b", "end": False}, {"because": "b", "end": True, "until": LATER},
])  # fmt: skip
async def test_mode_is_extended_or_ended_and_not_both(
    busy: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await busy.post("/api/v1/incidents/INC-1/mode", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")


async def _told(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, operation: Any, body: dict[str, Any]
) -> list[Any]:
    told: list[Any] = []

    async def heard(_: CommandPost, command: Any, *__: Any) -> dict[str, Any]:
        told.append(command)
        return {"incident": "INC-1"}

    monkeypatch.setattr(CommandPost, "do", heard)
    answer = await client.request(operation.method, path_of(operation), json=body or None)
    assert answer.status_code == operation.status, answer.text
    return told

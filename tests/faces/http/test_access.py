"""Who may do what from where: identity, borders, and what only people may do."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from allstop.errors import Invalid
from allstop.faces.http.operations import OPERATIONS
from allstop.faces.http.server import serve
from tests.faces.http.bodies import path_of
from tests.faces.http.house import (
    AGENT,
    COMMANDER,
    OWNER,
    SOURCE,
    House,
    bearer,
    build,
    declared,
    living,
    memory,
)

# What an authenticated caller that may not do it at all is told.
BODIES: dict[str, dict[str, Any]] = {
    "approve": {"subject": "stand-down"},
    "override": {"subject": "root-cause", "because": "x"},
    "stand-down": {"reason": "x"},
    "release": {"because": "x"},
    "token-new": {"principal": "agent:builder-1"},
}
HUMAN_ONLY = (
    "approve",
    "override",
    "stand-down",
    "release",
    "reload",
    "token-new",
    "token-revoke",
    "down",
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
async def test_nothing_but_health_answers_a_stranger(house: House, operation: Any) -> None:
    async with house.remote() as stranger:
        answer = await stranger.request(
            operation.method, path_of(operation), json=BODIES.get(operation.id, {})
        )
        assert answer.status_code == (200 if operation.open else 401)
        bad = await stranger.request(
            operation.method, path_of(operation), headers=bearer("allstop_" + "0" * 64)
        )
        assert bad.status_code == (200 if operation.open else 401)
        if not operation.open:
            assert 'error="invalid_token"' in bad.headers["www-authenticate"]


@pytest.mark.parametrize("who", [AGENT, SOURCE])
@pytest.mark.parametrize("name", HUMAN_ONLY)
async def test_no_program_does_what_only_people_may(house: House, who: str, name: str) -> None:
    operation = next(one for one in OPERATIONS if one.id == name)
    async with house.remote(OWNER) as person:
        await declared(person)
        await person.post("/api/v1/halts", json={"scope": "all", "reason": "x"})
    async with house.remote(who) as program:
        path = path_of(operation, id="HALT-1" if name == "release" else "INC-1")
        answer = await program.request(operation.method, path, json=BODIES.get(name, {}))
    # 409 where something else stands against it as well; the reason comes first either way.
    assert answer.status_code == (409 if name == "stand-down" else 403)
    assert answer.json()["reasons"][0]["code"] == "human-only"
    assert house.coordinator.post.world.halts["HALT-1"].stands
    assert not house.stop.is_set()


async def test_a_person_without_the_grant_may_not_administer(house: House) -> None:
    async with house.remote(COMMANDER) as ada:
        answer = await ada.post("/api/v1/tokens", json={"principal": OWNER})
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (403, "no-authority")


async def test_a_token_lives_until_it_is_revoked(house: House, owner: httpx.AsyncClient) -> None:
    issued = await owner.post("/api/v1/tokens", json={"principal": "agent:builder-2", "days": 2})
    assert issued.status_code == 201
    async with house.remote(headers=bearer(issued.json()["token"])) as agent:
        assert (await agent.get("/api/v1/agents")).status_code == 200
        revoked = await owner.delete("/api/v1/tokens/agent:builder-2")
        assert revoked.json() == {"principal": "agent:builder-2", "revoked": 1}
        assert (await agent.get("/api/v1/agents")).status_code == 401


@pytest.mark.parametrize(
    "principal", ["agent:nobody", "system:runner", "person:", "source:a\nb", "owner"]
)
async def test_tokens_only_for_principals(owner: httpx.AsyncClient, principal: str) -> None:
    answer = await owner.post("/api/v1/tokens", json={"principal": principal})
    assert answer.status_code in (404, 422)


async def test_on_the_socket_a_token_wins(house: House) -> None:
    async with house.local(headers=bearer(house.tokens[AGENT])) as agent:
        answer = await agent.post("/api/v1/reload")
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (403, "human-only")
    async with house.local(headers=bearer("allstop_" + "0" * 64)) as wrong:
        assert (await wrong.get("/api/v1/overview")).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "Basic YTpi",
        "Bearer",
        "Bearer short",
        "bearer x y",
        "Bearer " + "x" * 300,
        "Bearer \x7f" + "x" * 20,
    ],
)
async def test_what_is_no_bearer_token(house: House, value: str) -> None:
    async with house.local() as client:
        answer = await client.get("/api/v1/overview", headers={"Authorization": value})
        assert answer.status_code in (400, 401)


async def test_a_peer_that_is_nobody(tmp_path: Path) -> None:
    async with living(tmp_path, store=memory(), peer="mallory") as house, house.local() as client:
        answer = await client.get("/api/v1/overview")
        assert answer.status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        # Whoever can reach the socket may scrape; what they see names nobody.
        assert (await client.get("/metrics")).status_code == 200


async def test_the_socket_is_for_its_owner_only(house: House) -> None:
    assert house.socket.stat().st_mode & 0o777 == 0o600
    assert house.socket.owner() == Path(f"/proc/{os.getpid()}").owner()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil.example"]
)
async def test_a_foreign_host_header_is_turned_away(house: House, host: str) -> None:
    async with house.remote(OWNER) as client:
        answer = await client.get("/api/v1/overview", headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "wrong-host")


async def test_hosts_that_are_ours(tmp_path: Path) -> None:
    async with (
        living(tmp_path, store=memory(), allowed_hosts=["ops.example"]) as house,
        house.remote(OWNER) as client,
    ):
        port = house.port
        for host in (f"localhost:{port}", f"[::1]:{port}", f"LOCALHOST:{port}", "ops.example"):
            answer = await client.get("/api/v1/overview", headers={"Host": host})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://{host}"}, True),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"}, False),
    ],
)  # fmt: skip
async def test_other_sites_change_nothing(
    house: House, headers: dict[str, str], *, allowed: bool
) -> None:
    filled = {name: value.format(host=f"127.0.0.1:{house.port}") for name, value in headers.items()}
    async with house.remote(OWNER, headers=filled) as browser:
        answer = await browser.post("/api/v1/incidents", json={"title": "x"})
        assert answer.status_code == (201 if allowed else 403)
        assert (await browser.get("/api/v1/overview")).status_code == 200
        options = await browser.options("/api/v1/incidents")
        assert (options.status_code, "access-control-allow-origin" in options.headers) == (
            405,
            False,
        )


async def test_routes_of_other_faces_stand_behind_the_same_borders(tmp_path: Path) -> None:
    async def page(request: Request) -> PlainTextResponse:
        csp = {"Content-Security-Policy": "default-src 'self'"}
        return PlainTextResponse(
            f"{request.state.principal} {request.state.request_id}", headers=csp
        )

    routes = [Route("/", page, methods=["GET", "POST"])]
    async with living(tmp_path, store=memory(), extra_routes=routes) as house:
        async with house.remote() as stranger:
            answer = await stranger.get("/")
            assert answer.text.startswith("None req-")
            assert answer.headers["content-security-policy"] == "default-src 'self'"
            assert (
                await stranger.post("/", headers={"Origin": "http://evil.example"})
            ).status_code == 403
        async with house.local() as local:
            assert (await local.get("/")).text.startswith("person:eve ")


@pytest.mark.parametrize(
    ("host", "hint"),
    [("0.0.0.0", "other machines"), ("example.com", "no address"), ("::", "other machines")],
)
async def test_no_open_door_by_accident(tmp_path: Path, host: str, hint: str) -> None:
    coordinator = await build(tmp_path, memory())
    with pytest.raises(Invalid, match=hint):
        await serve(coordinator, host, 0, tmp_path / "s")

"""Everything that is wrong is one RFC 9457 document, with its status from one table."""

import asyncio
import contextlib
import json
import socket
from typing import Any

import httpx
import pytest

from allstop.application.command_post import Request
from allstop.domain.plan.commands import MakePlan
from allstop.domain.principal import TIMEKEEPER
from allstop.errors import Refused
from tests.faces.http.house import AGENT, House, declared

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "reasons", "hint", "request_id"}
JSON = {"Content-Type": "application/json"}


def checked(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == MEMBERS
    assert (found["status"], found["code"]) == (status, code)
    assert found["request_id"] == answer.headers["x-request-id"]
    for reason in found["reasons"]:
        assert set(reason) == {"code", "text", "hint", "pointer"}
    return found


async def test_every_kind_of_problem(owner: httpx.AsyncClient, house: House) -> None:
    url = "/api/v1/incidents"
    checked(await owner.post(url, content=b"{", headers=JSON), 400, "malformed")
    checked(await owner.post(url, json={}), 422, "invalid-body")
    checked(await owner.post(url, content=b"title=x"), 415, "unsupported-media-type")
    checked(await owner.post(url, content=b" " * 1_000_001, headers=JSON), 413, "too-large")
    checked(await owner.get(f"{url}/INC-9"), 404, "not-found")
    checked(await owner.get(f"{url}/current"), 404, "not-found")
    checked(await owner.post(f"{url}/INC-9/notes", json={"text": "x"}), 404, "refused")
    checked(await owner.get("/nothing"), 404, "not-found")
    wrong = await owner.delete(url)
    checked(wrong, 405, "method-not-allowed")
    assert set(wrong.headers["allow"].split(", ")) >= {"GET", "POST"}
    halt = {"scope": "all", "reason": "x", "incident": "INC-9"}
    checked(await owner.post("/api/v1/halts", json=halt), 409, "refused")
    checked(await owner.get("/api/v1/overview?x=1"), 422, "invalid-body")
    async with house.remote() as stranger:
        answer = await stranger.get("/api/v1/overview")
        checked(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="allstop"'
    async with house.remote(AGENT) as agent:
        checked(await agent.post("/api/v1/reload"), 403, "refused")
        await declared(agent)
        body = {"severity": "SEV1", "because": "x"}
        checked(await agent.post(f"{url}/INC-1/severity", json=body), 403, "refused")


async def test_what_breaks_inside_is_not_explained(
    owner: httpx.AsyncClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> dict[str, Any]:
        raise ValueError("the password is swordfish")

    house.coordinator.audit = broken
    answer = await owner.get("/api/v1/audit")
    checked(answer, 500, "internal")
    assert "swordfish" not in answer.text
    assert (await owner.get("/healthz")).status_code == 200


async def test_a_store_that_is_closed_is_unavailable(
    owner: httpx.AsyncClient, house: House
) -> None:
    await house.coordinator.store.close()
    answer = await owner.get("/api/v1/refusals")
    checked(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    checked(await owner.get("/readyz"), 503, "unavailable")


async def test_all_errors_of_a_body_at_once_without_its_values(owner: httpx.AsyncClient) -> None:
    body = {
        "titel": "canary-1",
        "services": "canary-2",
        "impact": {"user": 1, "users": "canary-3"},
        "a/b~c\n": 1,
    }
    found = checked(await owner.post("/api/v1/incidents", json=body), 422, "invalid-body")
    reasons = {one["pointer"]: one for one in found["reasons"]}
    assert reasons["/titel"]["hint"] == "did you mean title?"
    assert reasons["/impact/user"]["hint"] == "did you mean users?"
    assert reasons["/title"]["code"] == "missing-field"
    assert {"/services", "/impact/users", "/a~1b~0c?"} <= reasons.keys()
    assert "canary" not in json.dumps(found)


@pytest.mark.parametrize("missing", [{}, {"binds": ""}, {"binds": " "}])
async def test_a_plan_is_not_approved_without_the_hash_of_what_was_shown(
    owner: httpx.AsyncClient, house: House, missing: dict[str, str]
) -> None:
    """Given a plan that waits, when it is approved without its hash, as a reviewer or not, then it says what
    to send and where it stands, and nothing is approved; with the hash it is. What has none needs none."""
    incident = await declared(owner, services=["payments"])
    with contextlib.suppress(Refused):  # the coordinator may have made it already
        await house.coordinator.post.do(MakePlan(incident, "contain"), Request(TIMEKEEPER))
    name = "PLAN-1"
    url = f"/api/v1/incidents/{incident}/approvals"

    async def shown() -> dict[str, Any]:
        found: dict[str, Any] = (await owner.get(f"/api/v1/plans/{name}")).json()
        return found

    for more in ({}, {"as_reviewer": True}):
        body = {"subject": f"plan:{name}", **missing, **more}
        found = checked(await owner.post(url, json=body), 422, "invalid-body")
        (reason,) = found["reasons"]
        assert (reason["code"], reason["pointer"]) == ("no-hash", "/binds")
        assert "send its `hash` here, as GET /api/v1/plans/{id} gives it" in reason["text"]
    assert ((await shown())["state"], (await shown())["signatures"]) == ("proposed", [])
    body = {"subject": f"plan:{name}", "binds": "0" * 64}
    other = checked(await owner.post(url, json=body), 409, "refused")
    assert other["reasons"][0]["code"] == "plan-changed"
    body["binds"] = (await shown())["hash"]
    assert (await owner.post(url, json=body)).status_code == 200
    assert (await shown())["approved_by"] == "person:eve"
    change = await owner.post(url, json={"subject": "change:CHG-9", **missing})
    assert checked(change, 409, "refused")["reasons"][0]["code"] == "unknown-change"
    assert (await owner.post(url, json={"subject": "stand-down", **missing})).status_code == 200


async def test_ten_thousand_errors_are_cut_short(owner: httpx.AsyncClient) -> None:
    body = {f"field{number}": 1 for number in range(9000)}
    found = checked(await owner.post("/api/v1/incidents", json=body), 422, "invalid-body")
    assert len(found["reasons"]) == 51
    assert found["detail"] == "the body has 9001 errors"


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "Application/JSON",
    ],
)
async def test_media_types_that_are_json(owner: httpx.AsyncClient, value: str) -> None:
    answer = await owner.post(
        "/api/v1/incidents", content=b'{"title":"x"}', headers={"Content-Type": value}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "value",
    ["text/plain", "application/jsonp", "application/problem+json", "application/json; charset=latin-1",
     "application/json, text/html", "multipart/form-data", ""],
)  # fmt: skip
async def test_media_types_that_are_not(owner: httpx.AsyncClient, value: str) -> None:
    answer = await owner.post(
        "/api/v1/incidents", content=b'{"title":"x"}', headers={"Content-Type": value}
    )
    checked(answer, 415, "unsupported-media-type")


async def test_compressed_bodies_are_not_opened(owner: httpx.AsyncClient) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    checked(
        await owner.post("/api/v1/incidents", content=b"\x1f\x8b", headers=headers),
        415,
        "unsupported-media-type",
    )


async def test_a_stream_without_length_is_cut_off(house: House) -> None:
    async def endless() -> Any:
        for _ in range(200):
            yield b" " * 65536

    async with house.local() as client:
        answer = await client.post("/api/v1/incidents", content=endless(), headers=JSON)
        checked(answer, 413, "too-large")
    async with house.local() as client:
        assert (await client.get("/healthz")).text == "ok\n"


async def test_fifty_megabytes_are_refused_and_the_next_request_served(house: House) -> None:
    async with house.local() as client:
        answer = await client.post("/api/v1/incidents", content=b" " * 50_000_000, headers=JSON)
        checked(answer, 413, "too-large")
        assert (await client.get("/api/v1/overview")).status_code == 200


async def test_request_ids_are_kept_when_sane(owner: httpx.AsyncClient) -> None:
    kept = await owner.get("/healthz", headers={"X-Request-Id": "cli-7.a"})
    assert kept.headers["x-request-id"] == "cli-7.a"
    fresh = [
        (await owner.get("/healthz", headers={"X-Request-Id": value})).headers["x-request-id"]
        for value in ("a b", "x" * 65, "<script>", "")
    ]
    assert len(set(fresh)) == 4
    assert all(one.startswith("req-") for one in fresh)


async def test_the_request_id_is_the_cause_of_the_entry(
    owner: httpx.AsyncClient, house: House
) -> None:
    await owner.post("/api/v1/incidents", json={"title": "x"}, headers={"X-Request-Id": "why-1"})
    records = house.coordinator.store.records(stream="incident/INC-1")
    assert records[0].cause == "why-1"
    assert records[0].actor == "person:eve"


async def test_security_headers_are_on_every_answer(owner: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nothing", "/api/v1/overview", "/openapi.json", "/metrics"):
        headers = (await owner.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def raw(house: House, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as peer:
        peer.sendall(request)
        found = b""
        while chunk := peer.recv(65536):
            found += chunk
        return found


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NOT HTTP\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000,
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
    ],
    ids=["no-http", "long-header", "long-path", "many-headers"],
)
async def test_heads_that_are_no_heads(house: House, request_bytes: bytes) -> None:
    found = await asyncio.to_thread(raw, house, request_bytes)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in found

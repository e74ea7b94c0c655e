"""The ways in: standard input and output, and HTTP with each agent's own token, in both revisions of the protocol."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faces.mcp.stage import ONE, OTHER, PATH, Stage, call, refused, serving

MODERN, OLDER = "auto", "legacy"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HEAD = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.mark.parametrize("mode", [MODERN, OLDER])
async def test_a_client_starts_the_program_and_is_its_agent(stage: Stage, mode: str) -> None:
    """Given a client that starts `allstop mcp`, then it gets instructions and tools, and answers as its agent."""
    halt = (await stage.done("halts", scope="all", reason="stop"))["halt"]
    async with stage.over_stdio(OTHER, mode) as agent:
        assert "No message" in (agent.instructions or "")
        assert (await call(agent, "halt_status"))["agent"] == OTHER
        await call(agent, "report_status", halt_id=halt, state="stopped", working_on="search")
        assert "not-yours" in await refused(
            agent, "report_status", halt_id=halt, state="stopped", working_on="x", agent_id=ONE
        )
    assert stage.log("roll_call.answered") == [f"agent:{OTHER}"]


async def test_what_holds_an_agent_is_not_forgotten_when_nobody_answers(stage: Stage) -> None:
    """Given a client whose coordinator is not there, then it still starts, and each tool says so instead of guessing."""
    nobody = "http://127.0.0.1:1"
    async with stage.over_stdio(ONE, ALLSTOP_URL=nobody) as agent:
        why = await refused(agent, "halt_status")
    assert "no coordinator answers" in why
    assert "still holds you" in why


@pytest.mark.parametrize("mode", [MODERN, OLDER])
async def test_over_http_each_agent_is_itself(stage: Stage, mode: str) -> None:
    """Given two agents at once on one server, then each answers in its own name and cannot in the other's."""
    halt = (await stage.done("halts", scope="all", reason="stop"))["halt"]

    async def answers(agent: str, other: str) -> None:
        async with stage.as_agent(agent, mode) as client:
            for _ in range(5):
                assert (await call(client, "halt_status"))["agent"] == agent
            words: dict[str, Any] = {"halt_id": halt, "state": "stopped", "working_on": agent}
            assert "not-yours" in await refused(client, "report_status", **words, agent_id=other)
            await call(client, "report_status", **words)

    await asyncio.gather(answers(ONE, OTHER), answers(OTHER, ONE))
    assert sorted(stage.log("roll_call.answered")) == [f"agent:{ONE}", f"agent:{OTHER}"]
    roll = {one["agent"]: one["working_on"] for one in (await stage.seen(f"halts/{halt}"))["roll"]}
    assert roll == {ONE: ONE, OTHER: OTHER}


async def test_an_agent_whose_client_names_nobody_says_its_name_itself(stage: Stage) -> None:
    headers = {**HEAD, "Authorization": f"Bearer {stage.token(ONE)}"}
    ask: dict[str, Any] = {"name": "halt_status", "arguments": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ask}
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        unnamed = (await client.post(stage.url, json=body)).json()["result"]
        ask["arguments"] = {"agent_id": ONE}
        named = (await client.post(stage.url, json=body)).json()["result"]
    assert "agent_id" in unnamed["content"][0]["text"]
    assert named["structuredContent"]["agent"] == ONE


TURNED_AWAY: tuple[tuple[dict[str, str], int], ...] = (
    ({"Authorization": ""}, 401),
    ({"Authorization": "Basic ZXZlOmV2ZQ=="}, 401),
    ({"Authorization": "Bearer allstop_0000000000000000"}, 401),
    ({"Host": "evil.example"}, 421),
    ({"Host": "127.0.0.1"}, 421),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Allstop-Agent": "../builder-2"}, 400),
    ({"Content-Type": "text/plain"}, 400),
)


async def test_who_does_not_belong_here_is_turned_away(stage: Stage) -> None:
    """Given a request that is right, then each single thing that is wrong with it is enough to end it."""
    right = {**HEAD, "Authorization": f"Bearer {stage.token(ONE)}"}
    async with httpx.AsyncClient(timeout=20) as client:
        assert (await client.post(stage.url, json=PING, headers=right)).status_code == 200
        for wrong, status in TURNED_AWAY:
            headers = {name: value for name, value in {**right, **wrong}.items() if value}
            answer = await client.post(stage.url, json=PING, headers=headers)
            assert answer.status_code == status, (wrong, answer.text)
            assert (status == 401) == ("www-authenticate" in answer.headers)
            assert "access-control-allow-origin" not in answer.headers


async def test_a_token_that_was_revoked_opens_nothing_any_more(stage: Stage) -> None:
    headers = {**HEAD, "Authorization": f"Bearer {stage.token(ONE)}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        assert (await client.post(stage.url, json=PING)).status_code == 200
        await stage.house.coordinator.access.revoke(f"agent:{ONE}")
        assert (await client.post(stage.url, json=PING)).status_code == 401


async def test_a_body_that_is_too_large_is_not_read(stage: Stage) -> None:
    headers = {**HEAD, "Authorization": f"Bearer {stage.token(ONE)}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        answer = await client.post(stage.url, json={**PING, "params": {"x": "y" * 200_000}})
    assert answer.status_code == 413


async def test_other_paths_are_not_there(stage: Stage) -> None:
    headers = {**HEAD, "Authorization": f"Bearer {stage.token(ONE)}"}
    at = stage.url.removesuffix(PATH)
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        for path in ("/", "/sse", "/api/v1/halts", "/.well-known/oauth-protected-resource"):
            assert (await client.get(f"{at}{path}")).status_code == 404


async def test_while_the_coordinator_cannot_be_asked_nobody_gets_in() -> None:
    """Given nothing where the coordinator should be, then a token cannot be checked, and the answer is to come back."""
    async with serving(1) as port, httpx.AsyncClient(timeout=20) as client:
        headers = {**HEAD, "Authorization": "Bearer allstop_0000000000000000"}
        answer = await client.post(f"http://127.0.0.1:{port}{PATH}", json=PING, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_the_program_serves_http_until_it_is_told_to_stop(
    stage: Stage, tmp_path: Path
) -> None:
    """Given `allstop mcp --http` on any free port, then it says where, serves an agent, and ends on SIGTERM."""
    ours = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    ours["ALLSTOP_URL"] = f"http://127.0.0.1:{stage.house.port}"
    words = [sys.executable, "-m", "allstop", "mcp", "--http", "--port", "0"]
    with (tmp_path / "err").open("wb") as error:
        process = await asyncio.create_subprocess_exec(*words, env=ours, cwd=tmp_path, stderr=error)
    try:
        said = ""
        while not said.endswith("\n") and process.returncode is None:
            await asyncio.sleep(0.05)
            said = (tmp_path / "err").read_text()
        url = said.strip().removeprefix("listening on ")
        headers = {**HEAD, "Authorization": f"Bearer {stage.token(ONE)}"}
        async with httpx.AsyncClient(headers=headers, timeout=20) as client:
            answer = await client.post(url, json=PING)
        assert answer.status_code == 200, answer.text
        assert json.loads(answer.content)["id"] == 1
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() in (0, -signal.SIGTERM)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_token_of_a_person_opens_nothing_here(stage: Stage) -> None:
    headers = {**HEAD, "Authorization": f"Bearer {stage.house.tokens['person:eve']}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        assert (await client.post(stage.url, json=PING)).status_code == 401

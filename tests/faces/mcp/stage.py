"""A coordinator with the standard protocol, and agents that speak to it through the official client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import httpx2
import uvicorn
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from allstop.domain.policy import Policy
from allstop.faces.mcp.asking import Coordinator, Way
from allstop.faces.mcp.serving import PATH as PATH
from allstop.faces.mcp.serving import application
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load
from tests.faces.http.house import House, living

_REQUESTS = re.compile(
    r'^allstop_http_requests_total\{.*?operation="([^"]+)".*?\} ([0-9.e+]+)$', re.MULTILINE
)
ONE, OTHER = "builder-1", "builder-2"
DOCUMENTS = {
    "protocol.yaml": """
schema: allstop/1
name: ours
extends: standard
crews:
  repair: {title: Repair, objective: Bring it back., size: 2}
""",
    "roster.yaml": """
schema: allstop/1
people:
  eve: {name: Eve, login: eve, roles: [commander], owner: true}
  ada: {name: Ada, login: ada, roles: [deputy]}
teams:
  builders: {title: Builders}
agents:
  builder-1: {name: Builder 1, team: builders, adapter: agent-process, options: {halt_file: halts/one}}
  builder-2: {name: Builder 2, team: builders, adapter: agent-process, options: {halt_file: halts/two}}
""",
    "fleet.yaml": """
schema: allstop/1
services:
  payments: {title: Payments}
""",
    "playbooks/night.yaml": """
schema: allstop/1
name: night
title: "A night <b>shift</b>"
phases:
  look:
    title: Look
    within: 5m
    steps:
      since-when: {task: Find out since when, role: operations}
""",
}


def policy_in(folder: Path) -> Policy:
    for name, text in DOCUMENTS.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    found = load(folder, catalogue_of(InstalledAdapters()))
    assert found.policy is not None, [str(one) for one in found.problems]
    return found.policy


@dataclass
class Stage:
    """house: the coordinator; port: of the server over HTTP."""

    house: House
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def token(self, agent: str) -> str:
        return self.house.tokens[f"agent:{agent}"]

    @contextlib.asynccontextmanager
    async def as_agent(self, agent: str = ONE, mode: str = "auto") -> AsyncIterator[Client]:
        """An agent's client over HTTP, with its own token."""
        headers = {"Authorization": f"Bearer {self.token(agent)}", "Allstop-Agent": agent}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client

    @contextlib.asynccontextmanager
    async def over_stdio(
        self, agent: str = ONE, mode: str = "auto", **environment: str
    ) -> AsyncIterator[Client]:
        """An agent's client that starts `allstop mcp` itself, as clients do."""
        ours = {
            "ALLSTOP_URL": f"http://127.0.0.1:{self.house.port}", "ALLSTOP_TOKEN": self.token(agent),
            "PYTHONPATH": os.pathsep.join(sys.path), **environment,
        }  # fmt: skip
        words = ["-m", "allstop", "mcp", "--agent", agent]
        start = StdioServerParameters(command=sys.executable, args=words, env=ours)
        async with Client(stdio_client(start), mode=mode) as client:
            yield client

    def person(self, name: str = "eve") -> httpx.AsyncClient:
        return self.house.remote(f"person:{name}")

    async def declared(self, title: str = "buying fails", **more: Any) -> str:
        async with self.person() as eve:
            answer = await eve.post("/api/v1/incidents", json={"title": title, **more})
            assert answer.status_code == 201, answer.text
            return str(answer.json()["incident"])

    async def done(self, path: str, **body: Any) -> dict[str, Any]:
        """Something the owner does."""
        async with self.person() as eve:
            answer = await eve.post(f"/api/v1/{path}", json=body)
            assert answer.is_success, answer.text
            return dict(answer.json())

    async def asked(self) -> Counter[str]:
        """How often each operation of the coordinator was asked for until now, by its own count."""
        async with self.person() as eve:
            text = (await eve.get("/metrics")).text
        found: Counter[str] = Counter()
        for name, number in _REQUESTS.findall(text):
            found[name] += int(float(number))
        return found

    def log(self, kind: str) -> list[str]:
        """Who did what is on record under a kind."""
        records = self.house.coordinator.store.records(0, 10_000)
        return [one.actor for one in records if one.kind == kind]

    async def seen(self, path: str) -> Any:
        async with self.person() as eve:
            answer = await eve.get(f"/api/v1/{path}")
            assert answer.is_success, answer.text
            return answer.json()


@contextlib.asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """A coordinator, and the server for agents in front of it, on loopback."""
    async with living(folder, policy=policy_in(folder)) as house, serving(house.port) as port:
        access = house.coordinator.access
        house.tokens[f"agent:{OTHER}"], _ = await access.issue(f"agent:{OTHER}")
        yield Stage(house, port)


@contextlib.asynccontextmanager
async def serving(coordinator_port: int) -> AsyncIterator[int]:
    """The server for agents alone, in front of whatever answers there."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    way = Way(url=f"http://127.0.0.1:{coordinator_port}")
    coordinator = Coordinator(way, lambda: secrets.token_hex(16))
    app = application(coordinator, (f"127.0.0.1:{port}",))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:  # noqa: ASYNC110 - it tells nobody in another way
            await asyncio.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        await task
        await coordinator.close()


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answered; it must not have been refused."""
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, said(found)
    assert found.structured_content is not None
    return dict(found.structured_content)


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Why a tool was refused."""
    found = await client.call_tool(tool, arguments)
    assert found.is_error, found.structured_content
    return said(found)


def said(result: Any) -> str:
    return " ".join(one.text for one in result.content)

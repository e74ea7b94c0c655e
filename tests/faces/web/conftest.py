"""The console of a stage: as an application to ask, and as a real server to open in a browser."""

import asyncio
import itertools
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from bs4 import BeautifulSoup, Tag
from starlette.applications import Starlette

from allstop.domain.principal import Principal
from allstop.faces.web import Sessions, routes
from tests.faces.web.stage import ADA, Stage


@dataclass
class Console:
    """The console of a stage. get: a page as signed-in ada."""

    stage: Stage
    sessions: Sessions
    app: Starlette
    client: httpx.AsyncClient

    async def get(self, path: str, status: int = 200) -> BeautifulSoup:
        response = await self.client.get(path)
        assert response.status_code == status, response.text
        return BeautifulSoup(response.text, "html.parser")

    def sign_in(self, who: Principal = ADA) -> None:
        self.client.cookies.set("allstop-session-8700", self.sessions.begin(who))

    def link(self) -> str:
        return f"/enter?code={self.sessions.new_code(ADA)}"


def text(page: BeautifulSoup, selector: str) -> str:
    """The words of the one thing a selector finds."""
    found = page.select(selector)
    assert len(found) == 1, f"{selector} finds {len(found)}"
    return words(found[0])


def words(tag: Tag) -> str:
    return re.sub(r"\s+", " ", tag.get_text(" ")).replace(" ,", ",").strip()


BASE = "http://127.0.0.1:8700"
Opener = Callable[[Stage], Console]


def console_of(stage: Stage) -> Console:
    numbers = itertools.count(1)
    sessions = Sessions(stage.clock, lambda: f"secret-{next(numbers):032}")
    app = Starlette(routes=routes(stage.coordinator, sessions))
    transport = httpx.ASGITransport(app)
    return Console(
        stage,
        sessions,
        app,
        httpx.AsyncClient(transport=transport, base_url=BASE, headers={"Accept": "text/html"}),
    )


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """Opens the console of a stage, signed in as ada."""
    consoles: list[Console] = []

    def open_console(stage: Stage) -> Console:
        console = console_of(stage)
        console.sign_in()
        consoles.append(console)
        return console

    yield open_console
    for console in consoles:
        await console.client.aclose()


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """The application on a free port of this machine."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(10):
                while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            with suppress(asyncio.CancelledError):
                await task

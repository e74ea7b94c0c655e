"""Orders as they come: server-sent events that are resumed, and long polls where something in between holds streams back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import httpx

from allstop.domain.halt.host_commands import Question

ORDERS = "/api/v1/orders"
# The coordinator says something at least every 15 s; after twice that and a little the line is dead.
SILENCE_S = 35.0
# A stream that is open and says nothing at all for this long is being held back on its way.
FIRST_WORD_S = 5.0
POLL_WAIT_S = 25
POLLS_BEFORE_STREAM = 20
PAUSES_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
# A standing order of ten thousand halts has about 2 MB; whatever is larger is not one.
LARGEST = 8_000_000

Fault = Callable[[str], None]
Pause = Callable[[float], Awaitable[None]]


class TooLarge(Exception):
    """What came is larger than any order."""


class OrderStream:
    """The envelopes a coordinator publishes, as text, for ever.

    client: with the base address and the token of the host; reached: the number that was accepted last; fault: called
    with a sentence when the line is lost, and with an empty one when it is there again; life: called whenever the
    coordinator is heard; pause: waits so many seconds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        reached: Callable[[], int],
        fault: Fault,
        life: Callable[[], None],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._client = client
        self._reached = reached
        self._fault = fault
        self._life = life
        self._pause = pause
        self._failures = 0
        self._there = False
        self._polls = 0

    async def envelopes(self) -> AsyncGenerator[str, None]:
        """Every envelope that arrives; never ends by itself, and raises nothing that the network does."""
        while True:
            polling = self._polls > 0
            try:
                source = self._polled() if polling else self._streamed()
                async with aclosing(source):
                    async for envelope in source:
                        self._well()
                        if envelope:
                            yield envelope
                if polling:
                    continue  # enough of polling: perhaps streams get through by now
                self._lost("the coordinator closed the line")
            except TimeoutError:
                self._lost("the coordinator says nothing")
            except (httpx.HTTPError, httpx.InvalidURL, TooLarge, ValueError) as error:
                self._lost(f"{type(error).__name__}: {error}")
            await self._pause(PAUSES_S[min(self._failures, len(PAUSES_S)) - 1])

    def _well(self) -> None:
        self._life()
        if not self._there:
            self._fault("")
        self._failures, self._there = 0, True

    def _lost(self, why: str) -> None:
        self._failures += 1
        self._there = False
        self._fault(why)

    async def _streamed(self) -> AsyncGenerator[str, None]:
        """Envelopes of one stream; empty for a sign of life. Raises TimeoutError, httpx.HTTPError, TooLarge."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._reached())}
        limits = httpx.Timeout(10.0, read=SILENCE_S)
        async with self._client.stream(
            "GET", f"{ORDERS}/stream", headers=headers, timeout=limits
        ) as response:
            response.raise_for_status()
            lines = response.aiter_lines()
            first = await self._first(lines)
            if first is None:
                return
            data: list[str] = []
            async for line in _from(first, lines):
                if line.startswith("data:"):
                    data.append(line[5:].removeprefix(" "))
                    if sum(map(len, data)) > LARGEST:
                        raise TooLarge(f"more than {LARGEST} bytes in one event")
                elif not line and data:
                    yield "\n".join(data)
                    data = []
                elif line.startswith(":"):
                    yield ""

    async def _first(self, lines: AsyncIterator[str]) -> str | None:
        try:
            async with asyncio.timeout(FIRST_WORD_S):
                return await anext(lines, None)
        except TimeoutError:
            # Something on the way waits for the end of an answer that has none.
            self._polls = POLLS_BEFORE_STREAM
            raise

    async def _polled(self) -> AsyncGenerator[str, None]:
        """One long poll: what stands now when it is not what was reached, else an empty sign of life."""
        while self._polls:
            query = {"after": str(self._reached()), "wait": str(POLL_WAIT_S)}
            self._polls -= 1  # failures count too: a stream may get through by then
            answer = await self._client.get(ORDERS, params=query, timeout=POLL_WAIT_S + 10)
            answer.raise_for_status()
            if len(answer.content) > LARGEST:
                raise TooLarge(f"more than {LARGEST} bytes in one answer")
            yield answer.text if answer.status_code == httpx.codes.OK else ""


async def _from(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for line in rest:
        yield line


async def acknowledge(
    client: httpx.AsyncClient, host: str, said: dict[str, object]
) -> tuple[str, list[Question]]:
    """Tell the coordinator how far this host is. Returns why it could not be told, or an empty text; and what it asks."""
    try:
        answer = await client.post(
            f"/api/v1/hosts/{host}/acks",
            content=json.dumps(said),
            headers={"Content-Type": "application/json"},
            timeout=5.0,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}", []
    if not answer.is_success:
        return f"the coordinator answered {answer.status_code}", []
    try:
        asked = answer.json().get("questions", [])
        names = ("agent", "halt", "checkpoint", "branch")
        return "", [Question(*(str(one[name]) for name in names)) for one in asked]
    except (ValueError, AttributeError, KeyError, TypeError):
        return "the coordinator answered what makes no sense", []

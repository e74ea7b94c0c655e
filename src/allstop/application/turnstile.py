"""One after another through the event loop, when many are ready at the same moment."""

from __future__ import annotations

import asyncio
from collections import deque


class Turnstile:
    """Lets one pass in each round of the event loop, in order of arrival.

    When fifty services end at the same moment, all would go their next piece of the way before any of them
    gets on to the one after it, and the first would be done only with the last. So each comes in once
    those before it had a round's lead, and whoever depends on the first goes on meanwhile.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._open = True

    async def through(self) -> None:
        """Return when it is one's turn."""
        loop = asyncio.get_running_loop()
        if self._open:
            self._open = False
            loop.call_soon(self._next)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            # Whoever was cancelled meanwhile leaves its turn to the next.
            if not turn.done():
                turn.set_result(None)
                turn.get_loop().call_soon(self._next)
                return
        self._open = True

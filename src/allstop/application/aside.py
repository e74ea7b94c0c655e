"""Reading and rendering that would hold the event loop up, done beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Few and their own: what waits here takes its turn, and keeps neither probes nor halts waiting.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="allstop-aside")


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises, while the event loop goes on.

    It may read values (the world, policies, views made for it alone) and the store, and must change
    nothing that belongs to the loop.
    """
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)

"""Microsoft Agent Framework: middleware before each function and each model call.

    agent = Agent(client=..., middleware=middleware())

A refusal is `MiddlewareFailure`, which reaches the caller of `run`: the framework turns other exceptions into answers
to the model and goes on, and its `MiddlewareTermination` lets a batch of calls that runs already end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

from allstop.shims.guard import Guard


def middleware(
    *, classes: Mapping[str, str] | None = None, agent: str = "", team: str = "", session: str = ""
) -> list[Any]:
    """For `Agent(middleware=...)`, before any other. classes: by the function's name; session: by default the framework's id."""
    framework: Any = import_module("agent_framework")

    guard = Guard("agent_framework", classes, agent=agent, team=team, session=session)
    failure = framework.MiddlewareFailure

    class BeforeFunction(framework.FunctionMiddleware):  # type: ignore[misc]
        async def process(self, context: Any, call_next: Callable[[], Awaitable[None]]) -> None:
            why = guard.refuses(context.function.name, session=session or _session(context))
            if why:
                raise failure(why.text) from why
            await call_next()

    class BeforeModel(framework.ChatMiddleware):  # type: ignore[misc]
        async def process(self, context: Any, call_next: Callable[[], Awaitable[None]]) -> None:
            why = guard.refuses_turn(session=session or _session(context))
            if why:
                raise failure(why.text) from why
            await call_next()

    return [BeforeFunction(), BeforeModel()]


def _session(context: Any) -> str:
    return str(getattr(getattr(context, "session", None), "session_id", None) or "")

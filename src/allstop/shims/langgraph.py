"""LangGraph: a control that drains the graph at the next step, and a wrapper for its tools. The checkpoint is kept.

    tools = ToolNode([...], wrap_tool_call=wrap_tool_call(), awrap_tool_call=awrap_tool_call())
    graph.invoke(input, config, control=control())

Both end the run with `GraphDrained`. After the release `graph.invoke(None, config)` goes on where it was: a step that
was refused a tool runs again from its beginning, steps that had ended do not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

from allstop.shims.guard import Guard

_NAME = "langgraph"


def control(
    *, tool_class: str = "other", agent: str = "", team: str = "", session: str = ""
) -> Any:
    """A run control, for one run: no further step begins once a halt stands that blocks tools of this class.

    Raises ValueError for a class that does not exist.
    """
    run_control: Any = import_module("langgraph.runtime").RunControl

    guard = Guard(_NAME, {"step": tool_class}, agent=agent, team=team, session=session)

    class Control(run_control):  # type: ignore[misc]
        __slots__ = ()

        @property
        def drain_requested(self) -> bool:
            if self.drain_reason is None:
                why = guard.refuses("step")
                if why:
                    self.request_drain(why.text)
            return self.drain_reason is not None

    return Control()


def wrap_tool_call(
    *, classes: Mapping[str, str] | None = None, agent: str = "", team: str = "", session: str = ""
) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """For `ToolNode(wrap_tool_call=...)`. classes: by the tool's name; session: by default the id of the thread."""
    guard = Guard(_NAME, classes, agent=agent, team=team, session=session)

    def wrapped(request: Any, execute: Callable[[Any], Any]) -> Any:
        _look(guard, request, session)
        return execute(request)

    return wrapped


def awrap_tool_call(
    *, classes: Mapping[str, str] | None = None, agent: str = "", team: str = "", session: str = ""
) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    """The same for tools that are coroutines: `ToolNode(awrap_tool_call=...)`."""
    guard = Guard(_NAME, classes, agent=agent, team=team, session=session)

    async def wrapped(request: Any, execute: Callable[[Any], Awaitable[Any]]) -> Any:
        _look(guard, request, session)
        return await execute(request)

    return wrapped


def _look(guard: Guard, request: Any, session: str) -> None:
    why = guard.refuses(str(request.tool_call["name"]), session=session or _thread(request))
    if why:
        # Only what the graph raises for itself passes a tool node whatever it does with errors of tools.
        raise import_module("langgraph.errors").GraphDrained(why.text) from why


def _thread(request: Any) -> str:
    config = getattr(request.runtime, "config", None) or {}
    return str(config.get("configurable", {}).get("thread_id", ""))

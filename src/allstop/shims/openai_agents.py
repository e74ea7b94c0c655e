"""OpenAI Agents SDK: a tool input guardrail that ends the run, and hooks for the tools that know no guardrails.

    await Runner.run(halting(agent), "...", hooks=hooks())

A refused tool ends the run: `ToolInputGuardrailTripwireTriggered` by the guardrail, `AllstopHalted` by the hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from allstop.shims.checking import AllstopHalted
from allstop.shims.guard import Guard

_NAME = "openai_agents"
_OURS = "allstop"


def guardrail(
    *,
    classes: Mapping[str, str] | None = None,
    agent: str = "",
    team: str = "",
    session: str = "",
) -> Any:
    """A tool input guardrail, for `function_tool(tool_input_guardrails=[...])` and for MCP servers.

    classes: by the tool's name. agent: by default the name of the SDK's agent that calls.
    """
    agents: Any = import_module("agents")

    guard = Guard(_NAME, classes, team=team, session=session)

    async def look(data: Any) -> Any:
        why = guard.refuses(data.context.tool_name, agent=agent or data.agent.name)
        output = agents.ToolGuardrailFunctionOutput
        return output.raise_exception(output_info=why.text) if why else output.allow()

    return agents.ToolInputGuardrail(guardrail_function=look, name=_OURS)


def halting(
    agent: Any, *, classes: Mapping[str, str] | None = None, team: str = "", session: str = ""
) -> Any:
    """The agent, with the guardrail first on each of its function tools and MCP servers, and on those of the agents it hands over to.

    Tools and servers are changed where they are, so who shares them has the guardrail too. An agent behind a
    `handoff(...)` or `as_tool(...)` is not seen: give it to this function as well.
    """
    ours = guardrail(classes=classes, team=team, session=session)
    waiting, seen = [agent], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for tool in (*one.tools, *one.mcp_servers):
            # Those of other kinds (a computer, a shell) know no guardrails: the hooks are for them.
            if hasattr(tool, "tool_input_guardrails"):
                others = [it for it in tool.tool_input_guardrails or () if it.get_name() != _OURS]
                tool.tool_input_guardrails = [ours, *others]
        waiting += [other for other in one.handoffs if hasattr(other, "tools")]
    return agent


def hooks(
    *,
    classes: Mapping[str, str] | None = None,
    agent: str = "",
    team: str = "",
    session: str = "",
) -> Any:
    """Run hooks, for `Runner.run(..., hooks=...)`: before each tool of every kind that runs here, and before the model is asked.

    Raise AllstopHalted, which ends the run. Tools that run at the model's provider are not seen by them.
    """
    agents: Any = import_module("agents")

    guard = Guard(_NAME, classes, team=team, session=session)

    class HaltedRun(AllstopHalted, agents.AgentsException):  # type: ignore[misc]
        """The SDK hands on errors of its own kind as they are, and makes others errors of the tool."""

    class Hooks(agents.RunHooks):  # type: ignore[misc]
        async def on_tool_start(self, _context: Any, one: Any, tool: Any) -> None:
            why = guard.refuses(str(getattr(tool, "name", "")), agent=agent or one.name)
            if why:
                raise HaltedRun(why.decision)

        async def on_llm_start(self, _context: Any, one: Any, *_: Any) -> None:
            why = guard.refuses_turn(agent=agent or one.name)
            if why:
                raise HaltedRun(why.decision)

    return Hooks()

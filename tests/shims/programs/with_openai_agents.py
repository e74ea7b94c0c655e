"""An agent of the OpenAI Agents SDK, with its own scripted model."""

from __future__ import annotations

import asyncio
from typing import Any

import desk
from agents import Agent, Runner, function_tool
from agents.testing import ModelStep, ScriptedModel
from agents.testing.model import assistant_message, function_call

from allstop.shims.openai_agents import halting, hooks


def answer(call: object) -> list[object]:
    given = call.input if isinstance(call.input, list) else []  # type: ignore[attr-defined]
    results = sum(
        (one.get("type") if isinstance(one, dict) else one.type) == "function_call_output"
        for one in given
    )
    wanted = desk.next_call(results)
    if wanted is None:
        return [assistant_message(desk.DONE)]
    together = desk.CALLS if desk.ORDER.get("together") else [wanted]
    return [
        function_call(tool, {"name": name}, call_id=f"call-{tool}-{name}")
        for tool, name in together
    ]


def agent() -> Agent[None]:
    steps = [ModelStep.respond(answer) for _ in range(9)]
    tools = [function_tool(desk.make), function_tool(desk.look)]
    return Agent(name="painter", model=ScriptedModel(steps), tools=tools)


def run() -> str:
    with_guardrail, with_hooks = (
        desk.ORDER.get("by", "both") != "hooks",
        desk.ORDER.get("by", "both") != "guardrail",
    )
    session = desk.ORDER.get("session", "")
    one = agent()
    if with_guardrail:
        one = halting(one, classes=desk.CLASSES, session=session)
    looking = hooks(classes=desk.CLASSES, session=session) if with_hooks else None
    if desk.ORDER.get("streamed"):
        return asyncio.run(streamed(one, looking))
    return str(asyncio.run(Runner.run(one, "Please do it.", hooks=looking)).final_output)


async def streamed(one: Agent[None], looking: Any) -> str:
    result = Runner.run_streamed(one, "Please do it.", hooks=looking)
    async for _ in result.stream_events():
        pass
    return str(result.final_output)


desk.report(run)

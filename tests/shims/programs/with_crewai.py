"""A crew of CrewAI with one agent and a model of ours."""

from __future__ import annotations

import json
from typing import Any

import desk
from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool

import allstop.shims.crewai as shim
from allstop.shims.crewai import halting


class Scripted(BaseLLM):
    """Speaks as models do that have no tools of their own (a thought, an action, its input), or as those that have."""

    def supports_function_calling(self) -> bool:
        return desk.ORDER.get("by") == "native"

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        if self.supports_function_calling():
            wanted = desk.next_call(sum(one.get("role") == "tool" for one in messages))
            together = desk.CALLS if desk.ORDER.get("together") else [wanted] if wanted else []
            return [_native(*one) for one in together] if wanted else desk.DONE
        text = "".join(str(one.get("content")) for one in messages)
        wanted = desk.next_call(text.count("Observation:") - text.count("Observation: the result"))
        if wanted is None:
            return f"Thought: I know it.\nFinal Answer: {desk.DONE}"
        return f'Thought: next.\nAction: {wanted[0]}\nAction Input: {{"name": "{wanted[1]}"}}'


def _native(tool: str, name: str) -> dict[str, Any]:
    function = {"name": tool, "arguments": json.dumps({"name": name})}
    return {"id": f"call-{tool}-{name}", "type": "function", "function": function}


@tool("make")
def make(name: str) -> str:
    """Makes a file."""
    return desk.make(name)


@tool("look")
def look(name: str) -> str:
    """Looks at a file."""
    return desk.look(name)


def crew() -> Crew:
    painter = Agent(
        role="painter", goal="paint", backstory="paints", llm=Scripted(model="scripted"),
        tools=[make, look], max_iter=9,
    )  # fmt: skip
    task = Task(description="Please do it.", expected_output="done", agent=painter)
    return Crew(agents=[painter], tasks=[task])


def run() -> str:
    if desk.ORDER.get("broken") == "outside":
        # A crew whose agent is not what the hook takes it for.
        vars(shim)["_role"] = lambda _: 1 / 0
    made_before = crew() if desk.ORDER.get("made_before") else None
    with halting(classes=desk.CLASSES, session=desk.ORDER.get("session", "")):
        return str((made_before or crew()).kickoff())


desk.report(run)

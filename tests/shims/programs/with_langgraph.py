"""A LangGraph graph: a model, a node with tools, and a checkpoint after each step."""

from __future__ import annotations

import asyncio
from typing import Any

import desk
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from allstop.shims.langgraph import awrap_tool_call, control, wrap_tool_call


class Scripted(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[Any], *_: Any, **__: Any) -> ChatResult:
        results = sum(isinstance(one, ToolMessage) for one in messages)
        wanted = desk.next_call(results)
        calls = [
            {"name": tool, "args": {"name": name}, "id": f"call-{tool}-{name}"}
            for tool, name in ([wanted] if wanted else [])
        ]
        message = AIMessage(content="" if calls else desk.DONE, tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


def graph() -> Any:
    model = Scripted()

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def careless(error: Exception) -> str:
        return f"that went wrong: {error}"

    tools = ToolNode(
        [desk.make, desk.look],
        wrap_tool_call=wrap_tool_call(classes=desk.CLASSES),
        awrap_tool_call=awrap_tool_call(classes=desk.CLASSES),
        # The most forgiving a graph can be: each error of a tool is told to the model, which goes on.
        handle_tool_errors=careless,
    )
    built = StateGraph(MessagesState)
    built.add_node("think", think)
    built.add_node("tools", tools)
    built.add_edge(START, "think")
    built.add_conditional_edges("think", tools_condition)
    built.add_edge("tools", "think")
    return built.compile(checkpointer=InMemorySaver())


def run() -> str:
    thread = {"configurable": {"thread_id": desk.ORDER.get("session") or "thread-1"}}
    one = graph()
    start: Any = {"messages": [("user", "Please do it.")]}
    by_steps = {"control": control()} if desk.ORDER.get("by") == "control" else {}
    if desk.ORDER.get("by") == "async":
        return str(asyncio.run(one.ainvoke(start, thread))["messages"][-1].content)
    if not desk.ORDER.get("resumed_with"):
        return str(one.invoke(start, thread, **by_steps)["messages"][-1].content)
    first = "it was not refused"
    try:
        one.invoke(start, thread, **by_steps)
    except Exception as error:  # noqa: BLE001 - what it was is said below
        first = f"{type(error).__name__}: {error}"
    desk.ORDER.pop("halt_after", None)
    desk.Path(desk.ORDER["resumed_with"]).replace(
        desk.Path(desk.os.environ["ALLSTOP_STATE"]) / "state"
    )
    return f"{first}; then {one.invoke(None, thread)['messages'][-1].content}"


desk.report(run)

"""An agent of the Microsoft Agent Framework, with a chat client of ours made of the framework's own layers."""

from __future__ import annotations

import asyncio
from typing import Any

import desk
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
)

from allstop.shims.agent_framework import middleware


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    async def _inner_get_response(self, *, messages: Any, **_: Any) -> ChatResponse:
        contents = [one for message in messages for one in message.contents]
        wanted = desk.next_call(sum(one.type == "function_result" for one in contents))
        if wanted is None:
            content = Content.from_text(desk.DONE)
        else:
            content = Content.from_function_call(
                f"call-{wanted[0]}-{wanted[1]}", wanted[0], arguments={"name": wanted[1]}
            )
        return ChatResponse(messages=[Message(role="assistant", contents=[content])])


async def go() -> str:
    agent = Agent(
        client=Scripted(),
        name="painter",
        tools=[desk.make, desk.look],
        middleware=middleware(classes=desk.CLASSES, agent="painter"),
    )
    session = agent.create_session(session_id=desk.ORDER.get("session") or "session-1")
    return str((await agent.run("Please do it.", session=session)).text)


desk.report(lambda: asyncio.run(go()))

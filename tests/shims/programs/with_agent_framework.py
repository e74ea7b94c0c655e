"""An agent of the Microsoft Agent Framework, with a chat client of ours made of the framework's own layers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import desk
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FunctionInvocationLayer,
    Message,
    ResponseStream,
)

from allstop.shims.agent_framework import middleware


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    def _inner_get_response(self, *, messages: Any, stream: bool, **_: Any) -> Any:
        answer = self._answer(messages)
        if not stream:
            return _soon(ChatResponse(messages=[Message(role="assistant", contents=[answer])]))

        async def updates() -> AsyncIterator[ChatResponseUpdate]:
            yield ChatResponseUpdate(role="assistant", contents=[answer])

        return ResponseStream(updates(), finalizer=ChatResponse.from_updates)

    def _answer(self, messages: Any) -> Content:
        contents = [one for message in messages for one in message.contents]
        wanted = desk.next_call(sum(one.type == "function_result" for one in contents))
        if wanted is None:
            return Content.from_text(desk.DONE)
        return Content.from_function_call(
            f"call-{wanted[0]}-{wanted[1]}", wanted[0], arguments={"name": wanted[1]}
        )


async def _soon(answer: ChatResponse) -> ChatResponse:
    return answer


async def go() -> str:
    agent = Agent(
        client=Scripted(),
        name="painter",
        tools=[desk.make, desk.look],
        middleware=middleware(classes=desk.CLASSES, agent="painter"),
    )
    session = agent.create_session(session_id=desk.ORDER.get("session") or "session-1")
    if desk.ORDER.get("streamed"):
        updates = agent.run("Please do it.", session=session, stream=True)
        return "".join([update.text async for update in updates])
    return str((await agent.run("Please do it.", session=session)).text)


desk.report(lambda: asyncio.run(go()))

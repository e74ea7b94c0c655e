"""An agent of Google's ADK, with its own runner and a model of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import desk
from google.adk.agents import LlmAgent
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types

from allstop.shims.google_adk import plugin


class Scripted(BaseLlm):
    async def generate_content_async(
        self, llm_request: Any, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        parts = [part for content in llm_request.contents for part in content.parts or ()]
        wanted = desk.next_call(sum(part.function_response is not None for part in parts))
        if wanted is None:
            part = types.Part(text=desk.DONE)
        else:
            part = types.Part.from_function_call(name=wanted[0], args={"name": wanted[1]})
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


async def go() -> str:
    agent = LlmAgent(name="painter", model=Scripted(model="scripted"), tools=[desk.make, desk.look])
    runner = InMemoryRunner(agent=agent, app_name="shop", plugins=[plugin(classes=desk.CLASSES)])
    session = await runner.session_service.create_session(
        app_name="shop", user_id="ada", session_id=desk.ORDER.get("session") or "session-1"
    )
    message = types.Content(role="user", parts=[types.Part(text="Please do it.")])
    said = []
    async for event in runner.run_async(user_id="ada", session_id=session.id, new_message=message):
        said += [part.text for part in (event.content.parts if event.content else ()) if part.text]
    return "\n".join(said)


desk.report(lambda: asyncio.run(go()))

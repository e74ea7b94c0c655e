"""A program on the Claude Agent SDK, with the client it brings and a model server on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import desk
from claude_agent_sdk import ClaudeAgentOptions, query

from allstop.shims.claude_agent_sdk import halting


async def go() -> str:
    options = ClaudeAgentOptions(
        cwd=Path.cwd(),
        allowed_tools=["Bash", "Read"],
        setting_sources=desk.ORDER.get("sources", []),
        settings=desk.ORDER.get("settings"),
        **({"session_id": desk.ORDER["session"]} if desk.ORDER.get("session") else {}),
    )
    messages = query(prompt="Please do it.", options=halting(options))
    return "\n".join([str(message) async for message in messages])


desk.report(lambda: asyncio.run(go()))

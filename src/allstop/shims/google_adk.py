"""Google ADK: a plugin for the runner, whose callbacks come before those of agents.

    runner = Runner(agent=..., plugins=[plugin()], ...)

A refused tool is skipped: its answer is why. The invocation ends before the model is asked again, with that sentence
as the agent's last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from allstop.shims.guard import Guard


def plugin(
    *, classes: Mapping[str, str] | None = None, agent: str = "", team: str = "", session: str = ""
) -> Any:
    """For `Runner(plugins=[...])` and `App(plugins=[...])`: first in the list. classes: by the tool's name.

    agent: by default the name of ADK's agent that calls; session: by default the id of ADK's session.
    """
    response = import_module("google.adk.models.llm_response").LlmResponse
    base: Any = import_module("google.adk.plugins.base_plugin").BasePlugin
    types = import_module("google.genai.types")

    guard = Guard("google_adk", classes, team=team, session=session)

    def said(text: str) -> Any:
        return types.Content(role="model", parts=[types.Part(text=text)])

    class Plugin(base):  # type: ignore[misc]
        async def before_tool_callback(
            self, *, tool: Any, tool_context: Any, **_: Any
        ) -> dict[str, Any] | None:
            turn = tool_context.invocation_id
            why = guard.refuses(tool.name, **who(tool_context), turn=turn)
            return {"error": why.text} if why else None

        async def before_model_callback(self, *, callback_context: Any, **_: Any) -> Any:
            turn = callback_context.invocation_id
            why = guard.refuses_turn(**who(callback_context), turn=turn)
            return response(content=said(why.text)) if why else None

    def who(context: Any) -> dict[str, str]:
        return {
            "agent": agent or context.agent_name,
            "session": session or context.session.id,
        }

    return Plugin(name="allstop")

"""Claude Agent SDK: hooks that block also when they fail.

options = halting(ClaudeAgentOptions(...))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from allstop.shims.guard import Guard

# The check takes microseconds; what takes this long is a program that stands still.
_PATIENCE_S = 10.0


def halting(
    options: Any = None,
    *,
    classes: Mapping[str, str] | None = None,
    agent: str = "",
    team: str = "",
) -> Any:
    """The options (default: new ones) with Allstop's hooks before all others: on each tool call and each prompt.

    Tools are classed by their names as Claude Code has them; classes: for others. Session and folder are those the
    client gives. A client too old to honour `on_failure="block"` does not connect.
    """
    sdk = import_module("claude_agent_sdk")

    # No class for a tool not named here: its name says it.
    guard = Guard("claude_agent_sdk", classes, agent=agent, team=team, otherwise="")

    async def before_tool(given: Any, _id: str | None, _context: Any) -> Any:
        why = guard.refuses(
            str(given.get("tool_name", "")), session=_word(given), folder=_folder(given)
        )
        if why is None:
            return {}
        return {
            "continue_": False,
            "stopReason": why.text,
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": why.text,
            },
        }

    async def before_prompt(given: Any, _id: str | None, _context: Any) -> Any:
        why = guard.refuses_turn(session=_word(given))
        return {"decision": "block", "reason": why.text} if why else {}

    options = options if options is not None else sdk.ClaudeAgentOptions()
    hooks: dict[Any, list[Any]] = {
        name: list(found) for name, found in (options.hooks or {}).items()
    }
    for event, hook in (("PreToolUse", before_tool), ("UserPromptSubmit", before_prompt)):
        ours = sdk.HookMatcher(hooks=[hook], timeout=_PATIENCE_S, on_failure="block")
        hooks[event] = [ours, *hooks.get(event, [])]
    return replace(options, hooks=hooks)


def _word(given: Any) -> str:
    return str(given.get("session_id", ""))


def _folder(given: Any) -> str:
    return str(given.get("cwd", ""))

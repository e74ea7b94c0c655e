"""The plugin of Claude Code, and the marketplace it is installed from."""

from __future__ import annotations

from typing import Any

from allstop.runtimes.kit.manifest import (
    CATEGORY,
    DESCRIPTION,
    NAME,
    PATIENCE_S,
    TITLE,
    Given,
    Manifest,
    about,
)

RUNTIME = "claude"
FOLDER = "claude/allstop"
_ROOT = "${CLAUDE_PLUGIN_ROOT}"
_FACTS = ("SessionStart", "Stop", "SessionEnd")


def manifests(given: Given) -> dict[str, Manifest]:
    """Its files that are JSON, by their path in the kit."""
    marketplace = {
        "name": NAME,
        "owner": {"name": TITLE},
        "description": DESCRIPTION,
        "plugins": [
            {
                "name": NAME,
                "source": f"./{FOLDER}",
                "description": DESCRIPTION,
                "category": CATEGORY,
            }
        ],
    }
    return {
        ".claude-plugin/marketplace.json": marketplace,
        f"{FOLDER}/.claude-plugin/plugin.json": about(),
        f"{FOLDER}/.mcp.json": {"mcpServers": {NAME: given.server()}},
        f"{FOLDER}/hooks/hooks.json": {"description": "Allstop's gate", "hooks": _hooks(given)},
    }


def _hooks(given: Given) -> dict[str, Any]:
    asked = _hook(given) | {"onFailure": "block"}
    return {
        "PreToolUse": [{"matcher": "*", "hooks": [asked]}],
        "UserPromptSubmit": [{"hooks": [asked]}],
        # Facts are told, not asked: a gate that cannot write one down keeps nobody.
        **{event: [{"hooks": [_hook(given, event)]}] for event in _FACTS},
    }


def _hook(given: Given, event: str = "") -> dict[str, Any]:
    # In exec form: no shell of the client's takes the words apart.
    program, *words = given.gate(RUNTIME, _ROOT, event)
    return {"type": "command", "command": program, "args": words, "timeout": PATIENCE_S}

"""The plugin of Codex CLI, and the marketplace it is installed from."""

from __future__ import annotations

from typing import Any

from allstop.runtimes.kit.manifest import (
    CATEGORY,
    DESCRIPTION,
    NAME,
    PATIENCE_S,
    SURROUNDINGS,
    TITLE,
    Given,
    Manifest,
    about,
)

RUNTIME = "codex"
FOLDER = "codex/allstop"
# Codex knows a plugin's folder by the name Claude Code gave to it.
_ROOT = "${CLAUDE_PLUGIN_ROOT}"
_FACTS = ("SessionStart", "Stop", "SessionEnd")
# Codex waits no longer for anybody when a session ends, and says so when it is asked to.
_LAST_S = 3


def manifests(given: Given) -> dict[str, Manifest]:
    """Its files that are JSON, by their path in the kit."""
    marketplace = {
        "name": NAME,
        "interface": {"displayName": TITLE},
        "plugins": [
            {
                "name": NAME,
                "source": {"source": "local", "path": f"./{FOLDER}"},
                "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"},
                "category": CATEGORY.capitalize(),
            }
        ],
    }
    plugin = about() | {
        "skills": "./skills/",
        "mcpServers": "./.mcp.json",
        "hooks": "./hooks/hooks.json",
        "interface": {
            "displayName": TITLE,
            "shortDescription": "Halts, roll calls, incidents",
            "longDescription": DESCRIPTION,
            "category": CATEGORY.capitalize(),
        },
    }
    # Codex hands a server only what is named here.
    server = given.server() | {"env_vars": list(SURROUNDINGS)}
    return {
        ".agents/plugins/marketplace.json": marketplace,
        f"{FOLDER}/.codex-plugin/plugin.json": plugin,
        f"{FOLDER}/.mcp.json": {"mcpServers": {NAME: server}},
        f"{FOLDER}/hooks/hooks.json": {"hooks": _hooks(given)},
    }


def _hooks(given: Given) -> dict[str, Any]:
    asked = _hook(given)
    return {
        "PreToolUse": [{"matcher": "*", "hooks": [asked]}],
        "UserPromptSubmit": [{"hooks": [asked]}],
        **{event: [{"hooks": [_hook(given, event)]}] for event in _FACTS},
    }


def _hook(given: Given, event: str = "") -> dict[str, Any]:
    line = given.gate_line(RUNTIME, _ROOT, event)
    patience_s = _LAST_S if event == "SessionEnd" else PATIENCE_S
    return {"type": "command", "command": line, "timeout": patience_s}

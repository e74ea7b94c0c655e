"""The extension of Gemini CLI."""

from __future__ import annotations

from typing import Any

from allstop import __version__
from allstop.runtimes.kit.manifest import (
    DESCRIPTION,
    NAME,
    PATIENCE_S,
    SURROUNDINGS,
    Given,
    Manifest,
)

RUNTIME = "gemini"
FOLDER = "gemini/allstop"
CONTEXT = "GEMINI.md"
_ROOT = "${extensionPath}"
_FACTS = ("SessionStart", "AfterAgent", "SessionEnd")


def manifests(given: Given) -> dict[str, Manifest]:
    """Its files that are JSON, by their path in the kit."""
    # Gemini hands an extension's server only what is named here.
    server = given.server() | {"env": {name: f"${{{name}}}" for name in SURROUNDINGS}}
    extension = {
        "name": NAME,
        "version": __version__,
        "description": DESCRIPTION,
        "contextFileName": CONTEXT,
        "mcpServers": {NAME: server},
    }
    return {
        f"{FOLDER}/gemini-extension.json": extension,
        f"{FOLDER}/hooks/hooks.json": {"hooks": _hooks(given)},
    }


def _hooks(given: Given) -> dict[str, Any]:
    asked = _hook(given)
    return {
        "BeforeTool": [{"matcher": "*", "hooks": [asked]}],
        "BeforeAgent": [{"hooks": [asked]}],
        **{event: [{"hooks": [_hook(given, event)]}] for event in _FACTS},
    }


def _hook(given: Given, event: str = "") -> dict[str, Any]:
    line = given.gate_line(RUNTIME, _ROOT, event)
    milliseconds = PATIENCE_S * 1000
    return {"type": "command", "name": NAME, "command": line, "timeout": milliseconds}

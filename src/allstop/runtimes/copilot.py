"""GitHub Copilot CLI."""

from __future__ import annotations

import shlex
from pathlib import Path

from allstop.runtimes.model_server.script import Call
from allstop.runtimes.runtime import Runtime, Trial, write_json


def _prepare(trial: Trial) -> None:
    if trial.hook:
        hook = {"type": "command", "bash": shlex.join(trial.hook), "timeoutSec": trial.patience_s}
        # Prompts are not asked about: the client does not mind what such a hook says.
        content = {"version": 1, "hooks": {"preToolUse": [hook]}}
        write_json(trial.home / ".copilot" / "hooks" / "allstop.json", content)
    servers = {
        name: one | {"type": "local", "tools": ["*"]} for name, one in trial.tool_server.items()
    }
    write_json(trial.home / ".copilot" / "mcp-config.json", {"mcpServers": servers})


def _words(trial: Trial, prompt: str) -> tuple[str, ...]:
    session = ("--session-id", trial.session) if trial.session else ()
    return ("--prompt", prompt, "--allow-all-tools", "--no-color", *session)


def _environment(trial: Trial) -> dict[str, str]:
    return {
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": trial.server,
        "COPILOT_PROVIDER_TYPE": "anthropic",
        "COPILOT_PROVIDER_API_KEY": "a-key-for-loopback",
        "COPILOT_MODEL": "claude-sonnet-4.5",
        "COPILOT_AUTO_UPDATE": "false",
    }


def _run(command: str) -> Call:
    return Call(("bash",), {"command": command, "description": "as asked"})


def _read(path: Path) -> Call:
    return Call(("view",), {"path": str(path)})


def _report(tool: str) -> Call:
    return Call((f"allstop-{tool}",), {})


COPILOT = Runtime(
    "copilot", "Copilot CLI", "preToolUse", _prepare, _words, _environment, _run, _read, _report
)

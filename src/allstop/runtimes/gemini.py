"""Gemini CLI."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from allstop.runtimes.model_server.script import Call
from allstop.runtimes.runtime import Runtime, Trial, write_json


def _prepare(trial: Trial) -> None:
    hooks: dict[str, Any] = {}
    if trial.hook:
        hook = {
            "type": "command",
            "name": "allstop",
            "command": shlex.join(trial.hook),
            "timeout": trial.patience_s * 1000,
        }
        hooks["BeforeTool"] = [{"matcher": "*", "hooks": [hook]}]
        if trial.prompts:
            hooks["BeforeAgent"] = [{"hooks": [hook]}]
    settings = {
        "hooksConfig": {"enabled": True},
        "hooks": hooks,
        "mcpServers": {name: one | {"trust": True} for name, one in trial.tool_server.items()},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    }
    write_json(trial.home / ".gemini" / "settings.json", settings)


def _words(trial: Trial, prompt: str) -> tuple[str, ...]:
    return (
        "--prompt", prompt,
        "--approval-mode", "yolo",
        "--skip-trust",
        "--model", "gemini-2.5-flash",
        "--output-format", "json",
        *(("--session-id", trial.session) if trial.session else ()),
    )  # fmt: skip


def _environment(trial: Trial) -> dict[str, str]:
    return {"GOOGLE_GEMINI_BASE_URL": trial.server, "GEMINI_API_KEY": "a-key-for-loopback"}


def _run(command: str) -> Call:
    return Call(("run_shell_command",), {"command": command, "description": "as asked"})


def _read(path: Path) -> Call:
    return Call(("read_file",), {"file_path": str(path)})


def _report(tool: str) -> Call:
    return Call((f"mcp_allstop_{tool}",), {})


GEMINI = Runtime(
    "gemini", "Gemini CLI", "BeforeTool", _prepare, _words, _environment, _run, _read, _report
)

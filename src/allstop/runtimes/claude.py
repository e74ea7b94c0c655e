"""Claude Code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from allstop.runtimes.model_server.script import Call
from allstop.runtimes.runtime import Runtime, Trial, write_json


def _prepare(trial: Trial) -> None:
    hooks: dict[str, Any] = {}
    if trial.hook:
        # In exec form: no shell between the client and the gate, and what fails refuses.
        program, *words = trial.hook
        hook = {
            "type": "command",
            "command": program,
            "args": words,
            "timeout": trial.patience_s,
            **({"onFailure": "block"} if trial.closed else {}),
        }
        hooks["PreToolUse"] = [{"matcher": "*", "hooks": [hook]}]
        if trial.prompts:
            hooks["UserPromptSubmit"] = [{"hooks": [hook]}]
    write_json(trial.home / ".claude" / "settings.json", {"hooks": hooks})
    write_json(trial.home / "tools.json", {"mcpServers": trial.tool_server})


def _words(trial: Trial, prompt: str) -> tuple[str, ...]:
    session = ("--resume" if trial.resumed else "--session-id", trial.session)
    return (
        *("--print", prompt, "--allowedTools", "Bash,Read,mcp__allstop"),
        *("--output-format", "json", "--mcp-config", str(trial.home / "tools.json")),
        *(session if trial.session else ()),
    )


def _environment(trial: Trial) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": trial.server,
        "ANTHROPIC_API_KEY": "a-key-for-loopback",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        # Its tools are there before the model is asked for the first time.
        "MCP_CONNECTION_NONBLOCKING": "0",
    }


def _run(command: str) -> Call:
    return Call(("Bash",), {"command": command, "description": "as asked"})


def _read(path: Path) -> Call:
    return Call(("Read",), {"file_path": str(path)})


def _report(tool: str) -> Call:
    return Call((f"mcp__allstop__{tool}",), {})


CLAUDE = Runtime(
    "claude", "Claude Code", "PreToolUse", _prepare, _words, _environment, _run, _read, _report
)

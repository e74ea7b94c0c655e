"""Codex CLI."""

from __future__ import annotations

import json
import shlex

from allstop.runtimes.model_server.script import Call
from allstop.runtimes.runtime import Runtime, Trial, write_json


def _prepare(trial: Trial) -> None:
    folder = trial.home / ".codex"
    if trial.hook:
        hook = {"type": "command", "command": shlex.join(trial.hook), "timeout": trial.patience_s}
        hooks = {"PreToolUse": [{"matcher": "*", "hooks": [hook]}]}
        if trial.prompts:
            hooks["UserPromptSubmit"] = [{"hooks": [hook]}]
        write_json(folder / "hooks.json", {"hooks": hooks})
    folder.mkdir(parents=True, exist_ok=True)
    provider = {"name": "loopback", "base_url": f"{trial.server}/v1", "wire_api": "responses"}
    lines = (
        'model = "gpt-5"',
        'model_provider = "loopback"',
        "check_for_update_on_startup = false",
        "[features]\nhooks = true",
        "[model_providers.loopback]",
        *(f"{name} = {json.dumps(value)}" for name, value in provider.items()),
        *(
            # Required: it is there before the model is asked for the first time.
            f"[mcp_servers.{name}]\ncommand = {json.dumps(one['command'])}\n"
            f"args = {json.dumps(one['args'])}\nrequired = true"
            for name, one in trial.tool_server.items()
        ),
    )
    (folder / "config.toml").write_text("\n".join(lines) + "\n", "utf-8")


def _words(trial: Trial, prompt: str) -> tuple[str, ...]:
    resuming = ("resume",) if trial.resumed else ()
    return (
        "exec",
        *resuming,
        "--json",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        # A hook nobody has looked at is skipped without a word; here we have written it ourselves.
        "--dangerously-bypass-hook-trust",
        *((trial.session,) if trial.resumed else ("--cd", str(trial.work))),
        prompt,
    )


def _environment(trial: Trial) -> dict[str, str]:
    return {"CODEX_HOME": str(trial.home / ".codex")}


def _run(command: str) -> Call:
    # Which of them the model is offered depends on the model and the version.
    return Call(
        ("exec_command", "shell_command", "shell", "local_shell"),
        {"cmd": command, "command": command},
    )


def _report(tool: str) -> Call:
    return Call((f"mcp__allstop__{tool}",), {})


# There is no tool of its own that reads a file: everything is a shell command.
CODEX = Runtime(
    "codex", "Codex CLI", "PreToolUse", _prepare, _words, _environment, _run, None, _report
)

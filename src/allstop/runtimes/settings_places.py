"""Where each client has its settings, an administrator's and a person's own, and how the gate stands in them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.runtimes.settings_file import Change, Hooked, Pinned

MANAGED, USER = "managed", "user"
SCOPES = (MANAGED, USER)
PATIENCE_S = 5
# Codex gives the end of a session no more, and says so at every start when asked for more.
_SHORTEST_S = 3


@dataclass(frozen=True, slots=True)
class Hook:
    """The gate as a client starts it. state: folder with the state file."""

    gate: Path
    runtime: str
    state: Path

    def words(self, event: str = "") -> tuple[str, ...]:
        """event: only where the gate must know it before it reads what the client tells."""
        told = ("--event", event) if event else ()
        return (
            str(self.gate), "--runtime", self.runtime, "--state", str(self.state), *told
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client that bear on hooks.

    managed: the administrator's file; own: a person's, below the folder of its settings; folder: that, below the
    home; variable: what moves it elsewhere; switches: settings in a person's file that switch hooks off or on.
    """

    name: str
    title: str
    program: str
    managed: Path
    own: str
    folder: str
    variable: str
    managed_changes: Callable[[Hook], tuple[Change, ...]]
    own_changes: Callable[[Hook], tuple[Change, ...]]
    switches: tuple[tuple[str, ...], ...] = ()

    def file(self, scope: str, home: Path, environment: Mapping[str, str]) -> Path:
        """The file our part stands in."""
        if scope == MANAGED:
            return self.managed
        moved = environment.get(self.variable, "") if self.variable else ""
        return (Path(moved) if moved.startswith("/") else home / self.folder) / self.own

    def changes(self, scope: str, hook: Hook) -> tuple[Change, ...]:
        return self.managed_changes(hook) if scope == MANAGED else self.own_changes(hook)


def _hooked(event: str, hook: Mapping[str, Any], *, matched: bool = False) -> Hooked:
    group = {"hooks": [dict(hook)]}
    return Hooked(("hooks", event), {"matcher": "*", **group} if matched else group)


def _claude(hook: Hook) -> tuple[Change, ...]:
    def one(event: str = "") -> dict[str, Any]:
        # In exec form: no shell between the client and the gate.
        program, *words = hook.words(event)
        return {"type": "command", "command": program, "args": words, "timeout": PATIENCE_S}

    closed = {**one(), "onFailure": "block"}
    return (
        _hooked("PreToolUse", closed, matched=True),
        _hooked("UserPromptSubmit", closed),
        *(_hooked(event, one(event)) for event in ("SessionStart", "Stop", "SessionEnd")),
    )


def _codex(hook: Hook) -> tuple[Change, ...]:
    def one(event: str = "", patience_s: int = PATIENCE_S) -> dict[str, Any]:
        return {
            "type": "command",
            "command": shlex.join(hook.words(event)),
            "timeout": patience_s,
        }

    return (
        _hooked("PreToolUse", one(), matched=True),
        _hooked("UserPromptSubmit", one()),
        _hooked("SessionStart", one("SessionStart")),
        _hooked("Stop", one("Stop")),
        _hooked("SessionEnd", one("SessionEnd", _SHORTEST_S)),
    )


def _codex_managed(hook: Hook) -> tuple[Change, ...]:
    return (
        Pinned(("allow_managed_hooks_only",), True),
        Pinned(("features", "hooks"), True),
        *_codex(hook),
    )


def _gemini(hook: Hook) -> tuple[Change, ...]:
    def one(event: str = "") -> dict[str, Any]:
        return {
            "type": "command",
            "name": "allstop",
            "command": shlex.join(hook.words(event)),
            "timeout": PATIENCE_S * 1000,
        }

    return (
        Pinned(("hooksConfig", "enabled"), True),
        _hooked("BeforeTool", one(), matched=True),
        _hooked("BeforeAgent", one()),
        *(_hooked(event, one(event)) for event in ("SessionStart", "AfterAgent", "SessionEnd")),
    )


def _copilot(hook: Hook) -> tuple[Change, ...]:
    def one(event: str) -> Hooked:
        words = {"type": "command", "bash": shlex.join(hook.words(event)), "timeoutSec": PATIENCE_S}
        return Hooked(("hooks", event), words)

    events = ("preToolUse", "userPromptSubmitted", "sessionStart", "sessionEnd", "agentStop")
    return (Pinned(("version",), 1), *(one(event) for event in events))


CLAUDE = Settings(
    "claude", "Claude Code", "claude",
    Path("/etc/claude-code/managed-settings.d/50-allstop.json"), "settings.json", ".claude",
    "CLAUDE_CONFIG_DIR", _claude, _claude, (("disableAllHooks",), ("allowManagedHooksOnly",)),
)  # fmt: skip
CODEX = Settings(
    "codex", "Codex CLI", "codex",
    Path("/etc/codex/requirements.toml"), "hooks.json", ".codex",
    "CODEX_HOME", _codex_managed, _codex,
)  # fmt: skip
GEMINI = Settings(
    "gemini", "Gemini CLI", "gemini",
    Path("/etc/gemini-cli/settings.json"), "settings.json", ".gemini",
    "", _gemini, _gemini, (("hooksConfig",),),
)  # fmt: skip
COPILOT = Settings(
    "copilot", "Copilot CLI", "copilot",
    Path("/etc/github-copilot/policy.d/allstop.json"), "hooks/allstop.json", ".copilot",
    "COPILOT_HOME", _copilot, _copilot,
)  # fmt: skip

SETTINGS: dict[str, Settings] = {one.name: one for one in (CLAUDE, CODEX, GEMINI, COPILOT)}

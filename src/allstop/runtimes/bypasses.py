"""Ways around a client's hook: those that can be tried in seconds are tried, the others are named."""

from __future__ import annotations

import json
from collections.abc import Mapping

from allstop.runtimes.canary import Attempt

_NO_HOOKS = json.dumps({"disableAllHooks": True})
_GEMINI_OFF = {"hooksConfig": {"enabled": False}}

ATTEMPTS: Mapping[str, tuple[Attempt, ...]] = {
    "claude": (
        Attempt("started with --bare", ("--bare",)),
        Attempt("started with --safe-mode", ("--safe-mode",)),
        Attempt("started with --setting-sources project", ("--setting-sources", "project")),
        Attempt("started with --settings that disable all hooks", ("--settings", _NO_HOOKS)),
        Attempt(
            "disableAllHooks in the repository's settings",
            work={".claude/settings.json": _NO_HOOKS},
        ),
        Attempt(
            "disableAllHooks in the repository's local settings",
            work={".claude/settings.local.json": _NO_HOOKS},
        ),
        Attempt(
            "disableAllHooks in the person's settings",
            home={".claude/settings.json": {"disableAllHooks": True}},
        ),
        Attempt("CLAUDE_CONFIG_DIR elsewhere", environment={"CLAUDE_CONFIG_DIR": "{empty}"}),
        Attempt(
            "CLAUDE_CODE_MANAGED_SETTINGS_PATH elsewhere",
            environment={"CLAUDE_CODE_MANAGED_SETTINGS_PATH": "{empty}"},
        ),
        Attempt("CLAUDE_CODE_SIMPLE set", environment={"CLAUDE_CODE_SIMPLE": "1"}),
    ),
    "codex": (
        Attempt("started with --disable hooks", ("--disable", "hooks")),
        Attempt("started with -c features.hooks=false", ("-c", "features.hooks=false")),
        Attempt("started with -c hooks={}", ("-c", "hooks={}")),
        Attempt(
            "started with -c allow_managed_hooks_only=false",
            ("-c", "allow_managed_hooks_only=false"),
        ),
    ),
    "gemini": (
        Attempt(
            "hooks disabled in the repository's settings",
            work={".gemini/settings.json": json.dumps(_GEMINI_OFF)},
        ),
        Attempt(
            "hooks disabled in the person's settings", home={".gemini/settings.json": _GEMINI_OFF}
        ),
        Attempt(
            "this hook disabled by its name in the repository's settings",
            work={".gemini/settings.json": json.dumps({"hooksConfig": {"disabled": ["allstop"]}})},
        ),
        Attempt(
            "this hook disabled by its name in the person's settings",
            home={".gemini/settings.json": {"hooksConfig": {"disabled": ["allstop"]}}},
        ),
        Attempt(
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH elsewhere",
            environment={"GEMINI_CLI_SYSTEM_SETTINGS_PATH": "{empty}/settings.json"},
        ),
    ),
    "copilot": (
        Attempt(
            "disableAllHooks in the person's file of hooks",
            home={".copilot/hooks/allstop.json": {"version": 1, "disableAllHooks": True}},
        ),
        Attempt("COPILOT_HOME elsewhere", environment={"COPILOT_HOME": "{empty}"}),
    ),
}

_RUNNING = "a command that runs already, in the background too, asks no hook: start agents with `allstop run`, so that they can be frozen"
_OTHERS = "another program, another copy of the client or another machine has no hook: keep keys behind a gateway"
NAMED: Mapping[str, tuple[str, ...]] = {
    "claude": (_RUNNING, _OTHERS),
    "codex": (
        "text that Codex writes into a shell that is open already (write_stdin) asks no hook: start it with `allstop run`",
        _RUNNING,
        _OTHERS,
    ),
    "gemini": (_RUNNING, _OTHERS),
    "copilot": ("a hook that does not answer in time lets Copilot run the tool", _RUNNING, _OTHERS),
}

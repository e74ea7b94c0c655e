"""What a client is started with: a clean home, its hook where the client looks for it, nothing of the person who tries it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from allstop.errors import Unavailable
from allstop.gate.decision import RUNTIMES as KNOWN_TO_THE_GATE
from allstop.gate.decision import Asked, asked
from allstop.runtimes import RUNTIMES, Runtime
from allstop.runtimes.runtime import Trial
from allstop.runtimes.trying import try_client, version_of

HOOK = ("/opt/allstop/allstop-gate", "--runtime", "any", "--state", "/var/lib/the state")
SETTINGS = {
    "claude": ".claude/settings.json",
    "codex": ".codex/hooks.json",
    "gemini": ".gemini/settings.json",
    "copilot": ".copilot/hooks/allstop.json",
}
ALL = pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=list(RUNTIMES))


def trial_in(folder: Path, **rest: Any) -> Trial:
    return Trial(folder / "home", folder / "work", "http://127.0.0.1:1", HOOK, **rest)


def hooks_of(runtime: Runtime, trial: Trial) -> dict[str, Any]:
    runtime.prepare(trial)
    settings = json.loads((trial.home / SETTINGS[runtime.name]).read_text("utf-8"))
    hooks = settings["hooks"]
    assert isinstance(hooks, dict)
    return hooks


@ALL
def test_the_hook_stands_where_the_client_looks_for_it(runtime: Runtime, tmp_path: Path) -> None:
    hooks = hooks_of(runtime, trial_in(tmp_path))
    assert runtime.before_tool in hooks
    prompts = {Asked.PROMPT} if runtime.name != "copilot" else set()
    assert {asked(event) for event in hooks} == {Asked.TOOL} | prompts
    only_tools = hooks_of(runtime, trial_in(tmp_path, prompts=False))
    assert set(only_tools) == {runtime.before_tool}


def test_a_folder_with_a_blank_stays_one_word(tmp_path: Path) -> None:
    claude = hooks_of(RUNTIMES["claude"], trial_in(tmp_path))["PreToolUse"][0]["hooks"][0]
    assert (claude["command"], *claude["args"]) == HOOK, "no shell between the client and the gate"
    for name, event in (("codex", "PreToolUse"), ("gemini", "BeforeTool")):
        words = hooks_of(RUNTIMES[name], trial_in(tmp_path))[event][0]["hooks"][0]["command"]
        assert words.endswith("'/var/lib/the state'")


def test_claude_is_told_to_take_a_failed_hook_as_a_refusal(tmp_path: Path) -> None:
    for closed in (True, False):
        hooks = hooks_of(RUNTIMES["claude"], trial_in(tmp_path, closed=closed))
        (hook,) = hooks["PreToolUse"][0]["hooks"]
        assert (hook.get("onFailure") == "block") is closed


def test_codex_talks_to_the_model_server_and_to_nobody_else(tmp_path: Path) -> None:
    RUNTIMES["codex"].prepare(trial_in(tmp_path))
    with (tmp_path / "home/.codex/config.toml").open("rb") as file:
        settings = tomllib.load(file)
    provider = settings["model_providers"][settings["model_provider"]]
    assert provider["base_url"] == "http://127.0.0.1:1/v1"


@ALL
def test_nothing_of_the_person_reaches_the_client(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a real one")
    monkeypatch.setenv("HOME", "/home/somebody")
    words, environment = runtime.start(("client",), trial_in(tmp_path), "do it", "/usr/bin")
    assert words[0] == "client"
    assert "do it" in words
    assert environment["HOME"] == str(tmp_path / "home")
    assert "a real one" not in environment.values()


@ALL
def test_the_gate_knows_every_client_and_its_tools(runtime: Runtime) -> None:
    assert runtime.name in KNOWN_TO_THE_GATE


def test_a_client_that_says_no_version_is_none(tmp_path: Path) -> None:
    for body, version in (
        ("echo 'version of ~/.codex/0.1.2, warning'; echo codex-cli 0.169.0", "0.169.0"),
        ("echo '2.1.329 (Claude Code)'", "2.1.329"),
        ("echo 0.62.0-preview.1", "0.62.0-preview.1"),
        ("echo 'GitHub Copilot CLI 1.0.102.'", "1.0.102"),
    ):
        assert version_of(client(tmp_path, body), tmp_path) == version
    with pytest.raises(Unavailable, match="does not say its version"):
        version_of(client(tmp_path, "echo I am a client"), tmp_path)
    with pytest.raises(Unavailable, match="does not say its version"):
        version_of(client(tmp_path, "echo 1.2.3; exit 1"), tmp_path)


def test_a_trial_tells_how_often_the_model_was_asked(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    words = client(tmp_path, 'echo "I asked nothing"; exit 3')
    tried = try_client(RUNTIMES["claude"], words, trial_in(tmp_path), ())
    assert (tried.status, tried.turns, tried.said) == (3, 0, "I asked nothing\n")


def client(folder: Path, body: str) -> tuple[str, ...]:
    program = folder / "client"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return (str(program),)

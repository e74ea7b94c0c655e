"""The real clients that `make test-agents-tools` has installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from allstop.runtimes import RUNTIMES, Runtime

ROOT = Path(__file__).resolve().parents[2]
AGENTS = ROOT / ".agents"
_PLACES = {
    "claude": "python/lib/python*/site-packages/claude_agent_sdk/_bundled/claude",
    "codex": "node_modules/.bin/codex",
    "gemini": "node_modules/.bin/gemini",
    "copilot": "node_modules/.bin/copilot",
}
NAMES = tuple(_PLACES)


@cache
def program(name: str) -> tuple[str, ...] | None:
    """The words that start a client, None when it is not installed."""
    found = next(iter(sorted(AGENTS.glob(_PLACES[name]))), None)
    return (str(found),) if found else None


def required(name: str) -> tuple[Runtime, tuple[str, ...]]:
    """A client and the words that start it; the test is skipped where it is not installed."""
    words = program(name)
    if words is None:
        pytest.skip(f"{RUNTIMES[name].title} is not here: make test-agents-tools")
    return RUNTIMES[name], words


def interpreter_of_tools() -> tuple[str, ...]:
    """The words that start the MCP server of these tests, without its last: the file it leaves when it was called."""
    return (
        str(AGENTS / "python" / "bin" / "python"),
        str(Path(__file__).with_name("tools_server.py")),
    )

"""The clients of agents Allstop knows: how each is started, what it calls its tools, where its hooks stand."""

from __future__ import annotations

from allstop.runtimes.claude import CLAUDE
from allstop.runtimes.codex import CODEX
from allstop.runtimes.copilot import COPILOT
from allstop.runtimes.gemini import GEMINI
from allstop.runtimes.runtime import Runtime as Runtime

RUNTIMES: dict[str, Runtime] = {one.name: one for one in (CLAUDE, CODEX, GEMINI, COPILOT)}

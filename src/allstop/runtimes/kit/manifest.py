"""What the plugins of all clients share: their name, how the gate is started, how the MCP server is started."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allstop import __version__

NAME = "allstop"
TITLE = "Allstop"
DESCRIPTION = (
    "Incident command for services and agents: what to do when a halt refuses a call, how to answer a roll call,"
    " how to work as a responder."
)
CATEGORY = "productivity"
KEYWORDS = ("incident", "halt", "roll-call", "safety")
# A gate that has not answered by then refuses, where the client can be told so.
PATIENCE_S = 5
# What the MCP server is told by its surroundings: whose token, which coordinator, which agent.
SURROUNDINGS = ("ALLSTOP_TOKEN", "ALLSTOP_URL", "ALLSTOP_HOME", "ALLSTOP_AGENT", "ALLSTOP_TEAM")

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What a kit is made for. state: the folder of the state file; program: what starts Allstop."""

    state: str
    program: str

    def gate(self, runtime: str, root: str, event: str = "") -> tuple[str, ...]:
        """The words that start the gate of a plugin in the folder `root`, which may be a client's own variable.

        Through `sh`: a copy of the plugin that lost its executable bit, or its gate, refuses too.
        """
        words = (f"{root}/bin/allstop-gate", "--runtime", runtime, "--state", self.state)
        return ("/bin/sh", *words, *(("--event", event) if event else ()))

    def gate_line(self, runtime: str, root: str, event: str = "") -> str:
        """The same as a line for a shell, in which the client has put its variable already."""
        shell, gate, *rest = self.gate(runtime, root, event)
        return f'{shell} "{gate}" {shlex.join(rest)}'

    def server(self) -> dict[str, Any]:
        """The MCP server, as clients' settings name one."""
        return {"command": self.program, "args": ["mcp"]}


def about() -> dict[str, Any]:
    """What every plugin says of itself."""
    return {
        "name": NAME,
        "version": __version__,
        "description": DESCRIPTION,
        "author": {"name": TITLE},
        "license": "Apache-2.0",
        "keywords": list(KEYWORDS),
    }


def rendered(content: Manifest) -> str:
    return json.dumps(content, indent=2) + "\n"

"""What Allstop knows of one client, and what is needed to try it: a home, a folder, a model server, a hook."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.runtimes.model_server.script import Call

# Nothing of the person who tries it reaches the client: only where programs are. Nothing of the client reaches a
# network: whatever it asks for beyond this machine goes to a port where nobody listens.
_NOWHERE = "http://127.0.0.1:9"
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "CI": "true",
    "HTTP_PROXY": _NOWHERE,
    "HTTPS_PROXY": _NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One start of a client in a clean home. hook: the words its hook runs, absolute; None for no hook.

    server: address of the model server; work: the folder the client works in; prompts: whether the hook is asked
    about prompts too; closed: whether the client is told to take a hook that fails as a refusal, where it can be told;
    patience_s: after how many seconds it gives up on its hook; session: id of the session; resumed: whether that is one
    there has been before. A client that gives its sessions their ids itself takes only one that is resumed.
    tools: words that start an MCP server, which the client knows as `allstop`.
    """

    home: Path
    work: Path
    server: str
    hook: tuple[str, ...] | None
    prompts: bool = True
    closed: bool = True
    patience_s: int = 5
    session: str = ""
    resumed: bool = False
    tools: tuple[str, ...] | None = None

    @property
    def tool_server(self) -> dict[str, Any]:
        """The MCP server as clients' settings name one, empty without one."""
        if self.tools is None:
            return {}
        return {"allstop": {"command": self.tools[0], "args": list(self.tools[1:])}}


@dataclass(frozen=True, slots=True)
class Runtime:
    """A client. `prepare` writes its settings into the home; `words` and `environment` start it, once, without a person.

    run: the call of its tool that runs a shell command; read: the call that reads a file, None where there is none;
    report: the call of a tool of the MCP server `allstop`, by the name that tool has there.
    """

    name: str
    title: str
    before_tool: str
    prepare: Callable[[Trial], None]
    words: Callable[[Trial, str], tuple[str, ...]]
    environment: Callable[[Trial], Mapping[str, str]]
    run: Callable[[str], Call]
    read: Callable[[Path], Call] | None
    report: Callable[[str], Call]

    def start(
        self, program: tuple[str, ...], trial: Trial, prompt: str, path: str
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """The words and the whole environment a client is started with, after its settings are written."""
        self.prepare(trial)
        environment = _ENVIRONMENT | {"PATH": path, "HOME": str(trial.home)}
        return (*program, *self.words(trial, prompt)), environment | dict(self.environment(trial))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A settings file with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")

"""`ctl`: tells a running sandbox what to do, over its control socket.

Standard library only and little of it: a coordinator runs this command as an actuator, so it must
start fast. One JSON object per line each way; an answer with `error` is a failure.
"""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path
from typing import Any

from allstop.sandbox.layout import FAULTS, LOAD, SERVICES, SandboxError, read_record

TIMEOUT_SECONDS = 40.0
SERVICE_VERBS = ("start", "stop", "kill", "restart", "status")


class ControlClient:
    """Talks to the supervisor of the sandbox in `folder`; a connection per call.

    Every method returns the supervisor's answer and raises SandboxError when it says no, does
    not answer, or is not there.
    """

    def __init__(self, folder: Path | str, timeout: float = TIMEOUT_SECONDS) -> None:
        self.folder = Path(folder)
        self._timeout = timeout

    def start(self, service: str) -> dict[str, Any]:
        """Start a service and wait until it listens; one that runs is left alone."""
        return self.call({"verb": "start", "service": service})

    def stop(self, service: str) -> dict[str, Any]:
        """Stop a service: TERM, KILL after 3 s. One that does not run is fine."""
        return self.call({"verb": "stop", "service": service})

    def restart(self, service: str) -> dict[str, Any]:
        """Stop and start a service; deploys whatever its release folder holds."""
        return self.call({"verb": "restart", "service": service})

    def status(self, service: str | None = None) -> dict[str, Any]:
        """One service: {"service","state","pid","release","exit"}; all: {"services": [...]}."""
        return self.call({"verb": "status", "service": service})

    def inject(self, fault: str) -> dict[str, Any]:
        """Do harm, in one of the ways of `FAULTS`."""
        return self.call({"verb": "inject", "fault": fault})

    def start_agents(self, url: str, tokens: Path | str, halt_dir: Path | str) -> dict[str, Any]:
        """Start the agents that do not run yet: {"agents": [{"id","pid"}...]}.

        `url` is the coordinator's, `tokens` a JSON file {agent: token}, `halt_dir` the folder
        with one halt file per agent.
        """
        return self.call(
            {
                "verb": "start-agents",
                "url": url,
                "tokens": str(Path(tokens).resolve()),
                "halt_dir": str(Path(halt_dir).resolve()),
            }
        )

    def down(self) -> dict[str, Any]:
        """End every process of the sandbox; answers when all are gone but the supervisor."""
        return self.call({"verb": "down"})

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and return the answer. Raises SandboxError."""
        path = str(read_record(self.folder)["control"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(self._timeout)
            try:
                channel.connect(path)
                channel.sendall(json.dumps(request).encode() + b"\n")
                with channel.makefile("rb") as lines:
                    line = lines.readline()
            except OSError as error:
                raise SandboxError(
                    f"the sandbox in {self.folder} does not answer ({error}); "
                    "start it again: python -m allstop.sandbox up DIR"
                ) from error
        if not line:
            raise SandboxError("the sandbox ended before it answered")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SandboxError(str(answer["error"]))
        return answer


def main(arguments: list[str]) -> int:
    """The `ctl` command: prints the answer as JSON.

    Returns 0, or 1 when it failed; `status` returns 0 only if what was asked about answers.
    """
    asked = _parser().parse_args(arguments)
    request = {key: value for key, value in vars(asked).items() if key != "folder"}
    client = ControlClient(asked.folder)
    try:
        if asked.verb == "start-agents":
            answer = client.start_agents(asked.url, asked.tokens, asked.halt_dir)
        else:
            answer = client.call(request)
    except SandboxError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    print(json.dumps(answer))
    return 0 if asked.verb != "status" or _all_answer(answer) else 1


def _all_answer(answer: dict[str, Any]) -> bool:
    found = answer.get("services", [answer])
    return all(service["state"] == "running" for service in found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m allstop.sandbox ctl")
    parser.add_argument("folder", metavar="DIR", help="the sandbox's folder")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in SERVICE_VERBS:
        command = verbs.add_parser(verb, help=f"{verb} a service")
        optional = {"nargs": "?"} if verb == "status" else {}
        command.add_argument("service", choices=(*SERVICES, LOAD), **optional)  # type: ignore[arg-type]
    inject = verbs.add_parser("inject", help="do harm")
    inject.add_argument("fault", choices=FAULTS)
    agents = verbs.add_parser("start-agents", help="start the four agents")
    agents.add_argument("--url", required=True, help="the coordinator's URL")
    agents.add_argument("--tokens", required=True, help="JSON file {agent: token}")
    agents.add_argument("--halt-dir", required=True, help="folder with a halt file per agent")
    verbs.add_parser("down", help="end every process of the sandbox")
    return parser

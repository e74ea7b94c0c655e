"""A project of its own with a real coordinator, a web service deployed from a real repository, and people who speak
to it over its socket."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.adapters import loopback
from tests.adapters.worlds import Repo

PATIENCE_SECONDS = 60
CALL_SECONDS = 20

# Answers with the tree it was started from; BROKEN makes it answer that it is not well.
APP = """\
import http.server, json, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"release": sys.argv[2]}).encode()
        self.send_response(500 if "BROKEN" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
GOOD, BAD = APP.replace('"BROKEN"', "False"), APP.replace('"BROKEN"', "True")
# Ends what runs, and starts what lies in the work tree.
RESTART = """\
#!/bin/sh
cd "$(dirname "$0")"
if [ -f pid ]; then kill "$(cat pid)" 2>/dev/null; while kill -0 "$(cat pid)" 2>/dev/null; do sleep 0.02; done; fi
setsid {python} repo/app.py {port} "$(git -C repo rev-parse 'HEAD^{{tree}}')" >app.log 2>&1 &
echo $! > pid
# Before this ends, it must have a session of its own: what is left in this one is ended with it.
until [ "$(ps -o sid= -p $! | tr -d ' ')" = "$!" ]; do kill -0 $! || exit 1; sleep 0.02; done
"""


def eventually(look: Callable[[], Any], what: str) -> Any:
    """Wait until something is there, and give it; a story that waits in vain fails here."""
    latest = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < latest, f"{what} did not come about"
        time.sleep(0.05)
    return found


@dataclass
class Deployed:
    """A service on disk: a repository whose branch is deployed, its remote, and the process that runs it."""

    folder: Path
    port: int = field(default_factory=loopback.closed_port)

    @property
    def repo(self) -> Repo:
        return Repo(self.folder / "repo")

    @property
    def remote(self) -> Repo:
        return Repo(self.folder / "remote")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/health"

    @property
    def restart(self) -> Path:
        return self.folder / "restart.sh"

    def set_up(self) -> None:
        """Good from the beginning, with a merge in its history."""
        repo = Repo.make(self.folder / "repo")
        Repo.bare(self.folder / "remote")
        repo.commit("the first", {"app.py": GOOD, "check.sh": "grep -q 'if False' app.py\n"})
        repo.git("checkout", "--quiet", "-b", "feature")
        repo.commit("a feature", {"feature": "x"})
        repo.git("checkout", "--quiet", "main")
        repo.commit("meanwhile", {"other": "y"})
        repo.git("merge", "--quiet", "--no-ff", "-m", "merge the feature", "feature")
        repo.git("remote", "add", "origin", str(self.remote.folder))
        repo.git("push", "--quiet", "origin", "main")
        self.restart.write_text(RESTART.format(python=sys.executable, port=self.port))
        self.restart.chmod(0o755)
        self.run()

    def run(self) -> None:
        subprocess.run([str(self.restart)], check=True, stdin=subprocess.DEVNULL)

    def ship(self, subject: str, files: dict[str, str]) -> str:
        """Somebody deploys: commit, push, restart."""
        commit = self.repo.commit(subject, files)
        self.repo.git("push", "--quiet", "origin", "main")
        self.run()
        return commit

    def says(self) -> tuple[int, str]:
        """What it answers, past Allstop: status, and the tree it runs."""
        try:
            answer = httpx.get(self.url, timeout=2)
        except httpx.TransportError:
            return 0, ""
        return answer.status_code, str(answer.json()["release"])

    def end(self) -> None:
        pid = self.folder / "pid"
        if pid.is_file():
            try:
                psutil.Process(int(pid.read_text())).kill()
            except psutil.NoSuchProcess:
                return


@dataclass
class Project:
    """A project folder and its coordinator. me: who calls over the socket."""

    folder: Path
    me: str = ""

    @contextmanager
    def running(self) -> Iterator[Project]:
        """The coordinator, in a process of its own; ended with the story."""
        log = self.folder / "coordinator.log"
        argv = [sys.executable, "-m", "allstop", "--home", str(self.folder), "up"]
        with log.open("wb") as file:
            process = subprocess.Popen(
                argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=dict(os.environ), start_new_session=True,
            )  # fmt: skip
            try:
                eventually(lambda: self._answers(process), "the coordinator")
                yield self
            except BaseException:
                sys.stderr.write(log.read_text("utf-8", "replace")[-4000:])
                raise
            finally:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, "the coordinator has ended"
        if not (self.folder / ".allstop" / "allstop.sock").is_socket():
            return False
        try:
            return self.call("GET", "overview").status_code < 500
        except httpx.TransportError:
            return False

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> httpx.Response:
        socket = str(self.folder / ".allstop" / "allstop.sock")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=socket), timeout=CALL_SECONDS
        ) as client:
            return client.request(
                method, f"http://localhost/api/v1/{path}", json=body, headers=headers
            )

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, path: str, token: str = "", **body: Any) -> Any:
        """A command that must be accepted."""
        answer = self.call("POST", path, body, token)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, path: str, token: str = "", **body: Any) -> dict[str, Any]:
        """The first reason of a command that must be refused."""
        answer = self.call("POST", path, body, token)
        assert answer.status_code in (403, 409), answer.text
        found: dict[str, Any] = answer.json()["reasons"][0]
        return found

    def declare(self, title: str, *services: str, **more: Any) -> str:
        body = {"title": title, "services": list(services), **more}
        return str(self.do("incidents", **body)["incident"])

    def token(self, who: str) -> str:
        return str(self.do("tokens", principal=who, days=1)["token"])

    def plan(self, incident: str, purpose: str, *targets: str, **more: Any) -> dict[str, Any]:
        """A plan is made, looked at, and not yet agreed to."""
        made = self.do(
            f"incidents/{incident}/plans", purpose=purpose, targets=list(targets), **more
        )
        found: dict[str, Any] = self.get(f"plans/{made['plan']}")
        return found

    def agree(self, plan: dict[str, Any], *tokens: str) -> None:
        """As many as must agree to exactly what was shown: whoever calls, then whoever has a token."""
        path = f"incidents/{plan['incident']}/approvals"
        for token in ("", *tokens)[: plan["people"]]:
            self.do(path, token, subject=f"plan:{plan['id']}", binds=plan["hash"])

    def ends(self, plan: str, *states: str) -> dict[str, Any]:
        """Wait until a plan has ended, or waits for a person."""

        def look() -> Any:
            found = self.get(f"plans/{plan}")
            return found if found["state"] in (states or ("done", "held")) else None

        found: dict[str, Any] = eventually(look, f"an end of {plan}: {self.get(f'plans/{plan}')}")
        return found

    def run(self, plan: dict[str, Any], *tokens: str) -> dict[str, Any]:
        """Agree to a plan, start it, and wait for its end."""
        self.agree(plan, *tokens)
        self.do(f"plans/{plan['id']}/run")
        return self.ends(plan["id"])


def steps(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in plan["steps"]}


def nodes(plan: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["state"] for one in plan["nodes"]}


def write(folder: Path, name: str, document: dict[str, Any]) -> None:
    # As JSON, which is YAML too, and never abbreviates.
    text = json.dumps({"schema": "allstop/1", **document}, indent=1)
    (folder / name).write_text(text, "utf-8")


def roster(**offices: str) -> dict[str, Any]:
    """Whoever runs the tests commands; two more are people with tokens."""
    people: dict[str, Any] = {
        "me": {"name": "Me", "login": getpass.getuser(), "roles": ["commander", "operations"], "channels": ["chat"], "owner": True},
        "ben": {"name": "Ben", "roles": ["deputy", "communications", "scribe"], "channels": ["chat"]},
        "dee": {"name": "Dee", "roles": [], "channels": ["chat"]},
    }  # fmt: skip
    for name, office in offices.items():
        people[name]["office"] = office
    return {
        "people": people,
        "channels": {"chat": {"adapter": "chat-file", "options": {"path": "chat.md"}}},
    }


def protocol(pack: str, limit: str = "60s") -> dict[str, Any]:
    """The pack, with gates that a test can wait for. limit: how long one waits to pass."""
    gate = {"samples": 2, "window": "400ms", "limit": limit}
    audiences = {
        name: {"channels": ["chat"]}
        for name in ("responders", "stakeholders", "public", "planning")
    }
    return {
        "name": "returning", "extends": pack, "remedy": {"gate": gate}, "audiences": audiences,
        "preflight": {"required": False},
    }  # fmt: skip

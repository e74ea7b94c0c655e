"""One agent: works in its git worktree step by step, and stops when its halt file says so.

Before each step it reads its halt file. On a halt it starts nothing more: it commits all its work
as a checkpoint, answers the roll call, and waits until the file lets it go on where it was.
`tester-1` is the one that does not: it reads no halt file and answers no roll call, and part of
its work is done by a child in a session of its own, as real clients do.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from allstop.sandbox.agent_work import WORK, Work, WorkFailedError
from allstop.sandbox.gitrepo import Repository
from allstop.sandbox.halt_file import RUN, Order, read_order
from allstop.sandbox.layout import Layout, write_json

STEP_SECONDS = 0.7
POLL_SECONDS = 0.2
STEPS_PER_COMMIT = 4
DISOBEDIENT = "tester-1"
MEASUREMENTS = "measurements.txt"
"""The file in its worktree that the disobedient agent's child writes to."""

_ANSWER_ATTEMPTS = 30
_LONGEST_PAUSE_SECONDS = 2.0
_ANSWER_TIMEOUT_SECONDS = 2.0
_MEASURING = """
import sys, time
count = 0
while True:
    count += 1
    with open(sys.argv[1], "a") as file:
        file.write(f"{count} {time.time():.3f}\\n")
    time.sleep(0.5)
"""


@dataclass
class RollCall:
    """Answers one roll call, with bounded retry: 30 attempts, up to 2 s apart."""

    url: str
    agent: str
    token: str
    answer: dict[str, object]
    done: bool = False
    attempts: int = 0
    _next: float = 0.0

    def try_now(self) -> None:
        """Send the answer if it is time to. Never raises; what went wrong goes to the log."""
        if self.done or time.monotonic() < self._next:
            return
        self.attempts += 1
        try:
            status, text = self._post()
        except (OSError, http.client.HTTPException) as error:
            status, text = 0, str(error)
        if 200 <= status < 300:
            self.done = True
            say(f"roll call of {self.answer['halt']} answered")
            return
        say(f"roll call not taken (attempt {self.attempts}): {status or 'no answer'} {text[:200]}")
        self.done = self.attempts >= _ANSWER_ATTEMPTS
        pause = min(_LONGEST_PAUSE_SECONDS, POLL_SECONDS * 2**self.attempts)
        self._next = time.monotonic() + pause

    def _post(self) -> tuple[int, str]:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=_ANSWER_TIMEOUT_SECONDS)
        path = f"{parts.path.rstrip('/')}/api/v1/agents/{quote(self.agent)}/roll-call"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(self.answer), headers)
            response = connection.getresponse()
            return response.status, response.read(4096).decode(errors="replace")
        finally:
            connection.close()


@dataclass
class Agent:
    """An agent at work."""

    name: str
    layout: Layout
    work: Work
    url: str
    token: str
    halt_file: Path
    number: int = 0
    commits: int = 0
    checkpoint: str | None = None
    doing: str = "looking around"
    branch: str = ""
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        self.repository = Repository(self.layout.worktree(self.name))
        self.branch = self.repository.branch()
        # The worktree is this agent's alone: a lock in it was left by a killed predecessor.
        Path(self.repository.run("rev-parse", "--git-path", "index.lock")).unlink(missing_ok=True)
        self.number = self._steps_done_before()
        # In one step: whoever may freeze this agent must never read half a number.
        pid_file = self.layout.pid_file(self.name)
        draft = pid_file.with_suffix(".draft")
        draft.write_text(f"{os.getpid()}\n", encoding="ascii")
        draft.replace(pid_file)
        self.write_status("working")

    @property
    def obeys(self) -> bool:
        """Whether this agent reads its halt file."""
        return self.name != DISOBEDIENT

    def run(self) -> None:
        """Work until killed."""
        say(f"{self.name} starts at step {self.number} on {self.branch}")
        while True:
            began = time.monotonic()
            order = read_order(self.halt_file) if self.obeys else RUN
            if order.halted:
                self.hold(order)
            else:
                self.step()
            time.sleep(max(0.0, STEP_SECONDS - (time.monotonic() - began)))

    def step(self) -> None:
        """Do one piece of work; every few pieces, commit what is there first.

        First and not afterwards: at almost any moment there is work that is not committed.
        """
        if self.number and self.number % STEPS_PER_COMMIT == 0:
            self.commit(f"{self.name}: {self.doing}")
        self.doing = self.work.title(self.number)
        self.write_status("working")
        try:
            say(f"step {self.number}: {self.doing}: {self._do()}")
        except WorkFailedError as failed:
            say(f"step {self.number}: {self.doing} failed: {failed}")
        self.number += 1

    def hold(self, order: Order) -> None:
        """Stand still: checkpoint, answer the roll call of each halt in force, wait for release."""
        say(f"halted by {order.halt or 'an unreadable order'}: {order.reason or 'no reason given'}")
        self.checkpoint = self.commit(
            f"checkpoint: {self.doing} ({order.halt or 'unreadable order'})", allow_empty=True
        )
        say(f"checkpoint {self.checkpoint}")
        answers: dict[str, RollCall] = {}
        while order.halted:
            self.write_status("stopped", order.halt)
            if order.halt:
                answers.setdefault(order.halt, self._roll_call(order.halt)).try_now()
            time.sleep(POLL_SECONDS)
            order = read_order(self.halt_file)
        say(f"released, going on from {self.checkpoint}: {self.work.title(self.number)}")
        self.write_status("working")

    def commit(self, message: str, allow_empty: bool = False) -> str:
        """Commit everything in the worktree; returns the commit."""
        if allow_empty or self.repository.run("status", "--porcelain"):
            self.commits += 1
            return self.repository.commit(message, allow_empty=allow_empty)
        return self.repository.head()

    def write_status(self, state: str, halt: str | None = None) -> None:
        """Write the status file: what the agent is doing, for whoever looks."""
        write_json(
            self.layout.status_file(self.name),
            {
                "id": self.name,
                "pid": os.getpid(),
                "state": state,
                "working_on": self.doing,
                "branch": self.branch,
                "steps": self.number,
                "commits": self.commits,
                "checkpoint": self.checkpoint,
                "halt": halt,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            },
        )

    def _do(self) -> str:
        return self.work.do(self.repository.folder, self.number)

    def _roll_call(self, halt: str) -> RollCall:
        answer: dict[str, object] = {
            "halt": halt,
            "state": "stopped",
            "working_on": self.doing,
            "checkpoint": self.checkpoint,
            "branch": self.branch,
            "available": True,
        }
        return RollCall(self.url, self.name, self.token, answer)

    def _steps_done_before(self) -> int:
        try:
            text = self.layout.status_file(self.name).read_text(encoding="utf-8")
            return int(json.loads(text)["steps"])
        except (OSError, ValueError, KeyError):
            return 0


def say(text: str) -> None:
    """A line in the agent's log, with the UTC time."""
    print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}", flush=True)


def main(arguments: list[str]) -> None:
    """Run one agent until it is killed."""
    parser = argparse.ArgumentParser(prog="python -m allstop.sandbox.agent")
    parser.add_argument("folder")
    parser.add_argument("agents_home")
    parser.add_argument("name", choices=sorted(WORK))
    parser.add_argument("--url", required=True)
    parser.add_argument("--tokens", required=True, type=Path)
    parser.add_argument("--halt-dir", required=True, type=Path)
    asked = parser.parse_args(arguments)
    tokens = json.loads(asked.tokens.read_text(encoding="utf-8"))
    agent = Agent(
        name=asked.name,
        layout=Layout.of(asked.folder, asked.agents_home),
        work=WORK[asked.name],
        url=asked.url,
        token=str(tokens.get(asked.name, "")),
        halt_file=asked.halt_dir / asked.name,
    )
    if not agent.obeys:
        measurements = agent.repository.folder / MEASUREMENTS
        subprocess.Popen(
            [sys.executable, "-E", "-s", "-S", "-c", _MEASURING, str(measurements)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    agent.run()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Agents work, stop when told, answer the roll call, and go on; one of them does not."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from allstop.sandbox.gitrepo import Repository
from allstop.sandbox.layout import AGENTS
from tests.sandbox.living import Living, eventually, living_sandbox

OBEDIENT = ("builder-1", "builder-2", "docs-1")


class Coordinator(ThreadingHTTPServer):
    """Takes roll-call answers; refuses the first one of each agent, as one that just restarts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.tokens: dict[str, str] = {}
        self.seen: set[str] = set()
        self.lock = threading.Lock()


class Post(BaseHTTPRequestHandler):
    server: Coordinator

    def do_POST(self) -> None:
        agent = self.path.removeprefix("/api/v1/agents/").removesuffix("/roll-call")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            first = agent not in self.server.seen
            self.server.seen.add(agent)
            if not first:
                self.server.answers.setdefault(agent, []).append(body)
                self.server.tokens[agent] = self.headers["Authorization"]
        self.send_response(503 if first else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class Team:
    """The agents of a sandbox, and the coordinator's side of them."""

    def __init__(self, living: Living, coordinator: Coordinator, halt_dir: Path) -> None:
        self.living = living
        self.coordinator = coordinator
        self._halt_dir = halt_dir
        self._seq = 0

    def order(self, mode: str, halt: str) -> None:
        self._seq += 1
        for agent in AGENTS:
            self.write(agent, f"v 1\nseq {self._seq}\nmode {mode}\nhalt {halt}\nreason drill\n")

    def write(self, agent: str, text: str) -> None:
        draft = self._halt_dir / f".{agent}"
        draft.write_text(text)
        draft.replace(self._halt_dir / agent)

    def status(self, agent: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.living.layout.status_file(agent).read_text())
        return found

    def repository(self, agent: str) -> Repository:
        return Repository(self.living.layout.worktree(agent))

    def measurements(self) -> int:
        path = self.living.layout.worktree("tester-1") / "measurements.txt"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def answers(self, halt: str) -> dict[str, list[dict[str, Any]]]:
        """The answers to one roll call, by agent."""
        with self.coordinator.lock:
            taken = self.coordinator.answers.items()
            by_agent = {name: [one for one in all_ if one["halt"] == halt] for name, all_ in taken}
        return {name: found for name, found in by_agent.items() if found}

    def wait_until_working(self, agent: str, more: int = 1) -> None:
        before = self.status(agent)["steps"]
        eventually(lambda: self.status(agent)["steps"] >= before + more, f"{agent} works")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Four agents at work, with a coordinator that takes their answers."""
    folder = tmp_path_factory.mktemp("agents")
    halt_dir = folder / "halts"
    halt_dir.mkdir()
    tokens = folder / "tokens.json"
    tokens.write_text(json.dumps({agent: f"token of {agent}" for agent in AGENTS}))
    with (
        Coordinator() as coordinator,
        living_sandbox(folder / "s", "--rate", "1") as living,
    ):
        threading.Thread(target=coordinator.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{coordinator.server_port}"
        started = living.control.start_agents(url, tokens, halt_dir)
        assert living.control.start_agents(url, tokens, halt_dir) == started
        for agent in AGENTS:
            eventually(living.layout.status_file(agent).exists, f"{agent} says what it does")
        yield Team(living, coordinator, halt_dir)
        coordinator.shutdown()


def test_agents_work_on_their_branches_with_work_not_committed_yet(team: Team) -> None:
    """Each agent has its own process, branch and worktree, and something to lose."""
    eventually(lambda: all(team.status(agent)["steps"] >= 5 for agent in AGENTS), "all work")
    for agent in AGENTS:
        pid = int(team.living.layout.pid_file(agent).read_text())
        assert team.status(agent)["pid"] == pid
        assert team.repository(agent).branch() == f"agent/{agent}"
        assert "failed" not in team.living.layout.log(f"agent-{agent}").read_text()
    assert any(team.repository(agent).run("status", "--porcelain") for agent in AGENTS)


def test_a_halt_checkpoints_and_answers_and_a_release_goes_on(team: Team) -> None:
    """The obedient commit all they have and answer, also after a refusal; then they go on.

    The disobedient agent works through the halt, and so does its child in another session.
    """
    team.order("halt", "HALT-1")
    eventually(lambda: set(team.answers("HALT-1")) == set(OBEDIENT), "all the obedient answered")
    answers = team.answers("HALT-1")
    steps = {agent: team.status(agent)["steps"] for agent in AGENTS}
    measured = team.measurements()

    for agent in OBEDIENT:
        (answer,) = answers[agent]
        assert team.coordinator.tokens[agent] == f"Bearer token of {agent}"
        repository = team.repository(agent)
        assert not repository.run("status", "--porcelain")
        assert answer == {
            "halt": "HALT-1",
            "state": "stopped",
            "working_on": answer["working_on"],
            "checkpoint": repository.head(),
            "branch": f"agent/{agent}",
            "available": True,
        }
        message = repository.run("log", "-1", "--format=%s")
        assert message == f"checkpoint: {answer['working_on']} (HALT-1)"
    time.sleep(1.5)
    for agent in OBEDIENT:
        assert team.status(agent)["steps"] == steps[agent]
        assert team.status(agent)["state"] == "stopped"
    assert team.status("tester-1")["steps"] > steps["tester-1"]
    assert team.measurements() > measured
    assert team.answers("HALT-1") == answers, "one answer each, and none of tester-1"

    team.order("run", "HALT-1")

    for agent in OBEDIENT:
        team.wait_until_working(agent)
        assert f"released, going on from {answers[agent][0]['checkpoint']}" in (
            team.living.layout.log(f"agent-{agent}").read_text()
        )


def test_a_halt_file_that_makes_no_sense_stops_an_agent(team: Team) -> None:
    """Fail closed: the agent checkpoints and waits, and answers once it knows the halt's name."""
    team.write("docs-1", "v 1\nseq")
    eventually(lambda: team.status("docs-1")["state"] == "stopped", "docs-1 stops")
    assert not team.answers("HALT-2")
    team.write("docs-1", "v 1\nseq 9\nmode halt\nhalt HALT-2\n")
    eventually(lambda: "docs-1" in team.answers("HALT-2"), "docs-1 answers")

    assert team.answers("HALT-2")["docs-1"][0]["checkpoint"] == team.repository("docs-1").head()
    team.write("docs-1", "v 1\nseq 10\nmode run\n")
    team.wait_until_working("docs-1")

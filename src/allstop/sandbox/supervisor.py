"""`up`: builds the sandbox, starts the fleet, answers the control socket, injects faults.

It never restarts a dead service by itself: that is the coordinator's business.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socketserver
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from allstop.sandbox import history, reaping
from allstop.sandbox.build import build, choose_ports, write_release
from allstop.sandbox.gitrepo import GitError, Repository
from allstop.sandbox.layout import (
    AGENTS,
    FAULTS,
    LOAD,
    SERVICES,
    Layout,
    SandboxError,
    read_record,
    write_json,
)
from allstop.sandbox.processes import (
    Child,
    base_environment,
    module_command,
    service_command,
)

Answer = dict[str, Any]

UPSTREAM = {"gateway": SERVICES[:-1], "orders": ("catalog",), LOAD: ("gateway",)}
"""Whom each process of the shop calls."""


class Supervisor:
    """The sandbox's processes and what can be done to them. Safe to call from many threads."""

    def __init__(self, layout: Layout, rate: float) -> None:
        self.layout = layout
        self.over = threading.Event()
        self._ending = False
        self._ports = choose_ports(layout)
        self._services = {name: self._service(name) for name in SERVICES}
        self._load = self._load_generator(rate)
        self._agents: dict[str, Child] = {}
        self._agents_lock = threading.Lock()

    def start_all(self) -> None:
        """Start the shop and the load generator, and write the record when all are healthy.

        Raises SandboxError if one does not come up.
        """
        for service in self._services.values():
            service.start()
        for service in self._services.values():
            service.wait_until_listening()
        self._load.start()
        self._load.wait_until_listening()
        self.write_record()

    def write_record(self) -> None:
        """Write `sandbox.json`."""
        write_json(
            self.layout.record,
            {
                **reaping.identity(),
                "control": str(self.layout.control_socket()),
                "folder": str(self.layout.folder),
                "ports": self._ports,
                "urls": {name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()},
                "releases": {name: str(self.layout.release(name)) for name in SERVICES},
                "data": {name: str(self.layout.database(name)) for name in ("payments", "orders")},
                "logs": str(self.layout.logs),
                "ledger": str(self.layout.ledger),
                "agents": [self._agent_record(name) for name in AGENTS],
            },
        )

    def perform(self, request: Answer) -> Answer:
        """Do what a control request asks. Raises SandboxError or GitError if it cannot."""
        verbs: dict[str, Callable[[Answer], Answer]] = {
            "start": lambda asked: self._start(self._child(asked)),
            "stop": lambda asked: self._stop(self._child(asked)),
            "kill": lambda asked: self._kill(self._child(asked)),
            "restart": lambda asked: self._restart(self._child(asked)),
            "status": self._status,
            "inject": self._inject,
            "start-agents": self._start_agents,
            "down": lambda _: self.end_all(),
        }
        verb = verbs.get(str(request.get("verb")))
        if verb is None:
            raise SandboxError(f"no such verb; there are {', '.join(verbs)}")
        return verb(request)

    def end_all(self) -> Answer:
        """End every process of the sandbox but this one. The load goes first, then the shop.

        Nothing can be started any more afterwards.
        """
        self._ending = True
        self._load.stop()
        for name in reversed(SERVICES):
            self._services[name].stop()
        # Agents are killed with their descendants, and so is what they left in other sessions.
        ended = reaping.end_processes(self.layout.folder, exact=True)
        self.layout.record.unlink(missing_ok=True)
        self.layout.control_socket().unlink(missing_ok=True)
        reaping.unregister(self.layout.folder, only_own=True)
        return {"down": str(self.layout.folder), "killed": list(ended)}

    def _child(self, asked: Answer) -> Child:
        name = asked.get("service")
        if name == LOAD:
            return self._load
        if name not in self._services:
            raise SandboxError(f"no service {name}; there are {', '.join((*SERVICES, LOAD))}")
        return self._services[name]

    def _start(self, child: Child) -> Answer:
        with child.lock:
            self._refuse_if_ending()
            changed = child.start()
            child.wait_until_listening()
            return _describe(child) | {"changed": changed}

    def _stop(self, child: Child) -> Answer:
        changed = child.stop()
        return _describe(child) | {"changed": changed}

    def _kill(self, child: Child) -> Answer:
        changed = child.stop(grace=0.0)
        return _describe(child) | {"changed": changed}

    def _restart(self, child: Child) -> Answer:
        with child.lock:
            child.stop()
            return self._start(child)

    def _status(self, asked: Answer) -> Answer:
        if asked.get("service") is not None:
            return _describe(self._child(asked))
        return {"services": [_describe(child) for child in (*self._services.values(), self._load)]}

    def _inject(self, asked: Answer) -> Answer:
        match asked.get("fault"):
            case "bad-release":
                return self._deploy_bad_release()
            case "killed-process":
                return self._kill_orders()
            case "hung-dependency":
                return self._hang_catalog()
        raise SandboxError(f"no such fault; there are {', '.join(FAULTS)}")

    def _deploy_bad_release(self) -> Answer:
        payments = self._services["payments"]
        repository = Repository(payments.folder)
        with payments.lock:
            commit = history.commit_bad_release(
                repository, lambda text, version: write_release(payments.folder, text, version)
            )
            at = _now()
            deployed = self._restart(payments)
        return {
            "service": "payments",
            "commit": commit,
            "tree": repository.tree(commit),
            "at": at,
            "pid": deployed["pid"],
        }

    def _kill_orders(self) -> Answer:
        orders = self._services["orders"]
        at = _now()
        pid = orders.signal(signal.SIGKILL)
        if pid is None:
            raise SandboxError("orders does not run; start it first")
        return {"service": "orders", "pid": pid, "at": at}

    def _hang_catalog(self) -> Answer:
        """The kernel goes on taking connections for it, and nobody ever answers one."""
        catalog = self._services["catalog"]
        at = _now()
        pid = catalog.signal(signal.SIGSTOP)
        if pid is None:
            raise SandboxError("catalog does not run; start it first")
        return {"service": "catalog", "pid": pid, "at": at}

    def _start_agents(self, asked: Answer) -> Answer:
        with self._agents_lock:
            self._refuse_if_ending()
            for name in AGENTS:
                if name not in self._agents:
                    self._agents[name] = self._agent(name, asked)
                self._agents[name].start()
            self.write_record()
            return {
                "agents": [{"id": name, "pid": child.pid} for name, child in self._agents.items()]
            }

    def _refuse_if_ending(self) -> None:
        if self._ending:
            raise SandboxError("the sandbox is going down")

    def _service(self, name: str) -> Child:
        return Child(
            name=name,
            command=service_command(name),
            folder=self.layout.release(name),
            environment=self._shop_environment(name),
            log=self.layout.log(name),
            port=self._ports[name],
        )

    def _load_generator(self, rate: float) -> Child:
        return Child(
            name=LOAD,
            command=module_command("allstop.sandbox.load"),
            folder=self.layout.data,
            environment=self._shop_environment(LOAD) | {"SHOP_RATE": str(rate)},
            log=self.layout.log(LOAD),
            port=self._ports[LOAD],
        )

    def _shop_environment(self, name: str) -> dict[str, str]:
        # Each is told only of the services it calls.
        upstream = UPSTREAM.get(name, ())
        return base_environment(self.layout) | {
            "SHOP_PORT": str(self._ports[name]),
            "SHOP_DATA": str(self.layout.data),
            "SHOP_ROUTES": ",".join(f"{other}={self._ports[other]}" for other in upstream),
        }

    def _agent(self, name: str, asked: Answer) -> Child:
        try:
            told = ["--url", asked["url"], "--tokens", asked["tokens"]]
            told += ["--halt-dir", asked["halt_dir"]]
        except KeyError as missing:
            raise SandboxError(f"start-agents needs {missing}") from None
        place = [str(self.layout.folder), str(self.layout.agents_home), name]
        return Child(
            name=f"agent-{name}",
            command=module_command("allstop.sandbox.agent", *place, *told),
            folder=self.layout.worktree(name),
            environment=base_environment(self.layout),
            log=self.layout.log(f"agent-{name}"),
        )

    def _agent_record(self, name: str) -> Answer:
        return {
            "id": name,
            "branch": f"agent/{name}",
            "worktree": str(self.layout.worktree(name)),
            "pid_file": str(self.layout.pid_file(name)),
            "status_file": str(self.layout.status_file(name)),
            "log": str(self.layout.log(f"agent-{name}")),
        }


class _ControlServer(socketserver.ThreadingUnixStreamServer):
    """The control socket: a JSON line in, a JSON line out, then the connection closes."""

    daemon_threads = True

    def __init__(self, path: Path, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        path.unlink(missing_ok=True)
        # Only this user may give orders; set before the socket exists, not after.
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _ControlRequest)
        finally:
            os.umask(before)


class _ControlRequest(socketserver.StreamRequestHandler):
    server: _ControlServer

    def handle(self) -> None:
        line = self.rfile.readline(64 * 1024)
        request: Answer = {}
        try:
            request = _request(line)
            answer = self.server.supervisor.perform(request)
        except (SandboxError, GitError, ValueError, OSError) as error:
            answer = {"error": str(error)}
        print(f"{_now()} {line.decode(errors='replace').strip()} -> {answer}", flush=True)
        self.wfile.write(json.dumps(answer).encode() + b"\n")
        if request.get("verb") == "down" and "error" not in answer:
            # Only now: the process may end at once, and the answer must be out by then.
            self.server.supervisor.over.set()


def main(arguments: list[str]) -> int:
    """The `up` command: runs until SIGTERM, SIGINT or `ctl DIR down`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m allstop.sandbox up")
    parser.add_argument("folder", metavar="DIR", help="made if it does not exist")
    parser.add_argument("--rate", type=float, default=8.0, help="purchases per second")
    parser.add_argument("--agents-home", help="where agents work; by default DIR/agents")
    asked = parser.parse_args(arguments)
    if not 0 < asked.rate <= 200:
        parser.error("--rate must be above 0 and at most 200")
    try:
        return run(Layout.of(asked.folder, asked.agents_home), asked.rate)
    except (SandboxError, GitError) as error:
        print(f"allstop.sandbox: {error}", file=sys.stderr)
        return 1


def run(layout: Layout, rate: float) -> int:
    """Bring the sandbox up, and down again when told to. Raises SandboxError or GitError."""
    _refuse_second(layout)
    build(layout)
    reaping.register_if_alone(layout.folder)
    supervisor = Supervisor(layout, rate)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.over.set())
    server = _ControlServer(layout.control_socket(), supervisor)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        supervisor.start_all()
        print(f"{_now()} the shop in {layout.folder} sells", flush=True)
        supervisor.over.wait()
    finally:
        supervisor.end_all()
        server.shutdown()
        server.server_close()
    return 0


def _request(line: bytes) -> Answer:
    """A control request. Raises ValueError or SandboxError if it is not a JSON object."""
    request = json.loads(line)
    if not isinstance(request, dict):
        raise SandboxError("a request is a JSON object")
    return request


def _refuse_second(layout: Layout) -> None:
    """One supervisor per folder. What a killed one left running is ended first."""
    if layout.record.exists():
        record = read_record(layout.folder)
        if reaping.is_alive(record):
            raise SandboxError(f"a sandbox is up in {layout.folder} (pid {record['pid']})")
    layout.record.unlink(missing_ok=True)
    reaping.end_processes(layout.folder, exact=True)


def _describe(child: Child) -> Answer:
    """How a service is: running (it answers), unresponsive (it does not), or stopped."""
    found = child.health() if child.running else None
    alive = "running" if found else "unresponsive"
    state = alive if child.running else "stopped"
    how = f"pid {child.pid}" if child.running else f"exit code {child.exit_code}"
    return {
        "service": child.name,
        "state": state,
        "pid": child.pid,
        "release": found["release"] if found else None,
        "exit": child.exit_code,
        "text": f"{child.name} is {state}, {how}",
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

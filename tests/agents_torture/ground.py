"""Twelve stub agents on one machine, halted and let go again and again, and what somebody outside sees of it."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import allstop
from allstop.adapters.mechanisms.cgroups import NoGroup, group_name, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.errors import AllstopError
from tests.agents_torture.checks import STOPPED, Run, Seen
from tests.host.whole import Whole, environment, until

STUB = Path(__file__).with_name("stub.py")
SOURCE = str(Path(allstop.__file__).resolve().parents[1])
STOPPED_WITHIN_S = 60.0
WATCHED_S = 0.7
AWAKE_WITHIN_S = 30.0
# Whatever an agent says of its work tree, it is as it says.
_COMMIT = ("-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "--message=work")
# Ends whenever it is told to, so nothing has to go on after the release.
MAY_END = frozenset({"mortal"})


class Ground(Whole):
    """A project, a machine, and stub agents of the given kinds."""

    _names: tuple[str, ...] = ()

    def settle(self, kinds: Sequence[str]) -> None:
        """Everything is up, and every agent works."""
        self.begin()
        self.host_up()
        until(lambda: self.ask()["connected"])
        said = self.cli("token", "new", f"person:{getpass.getuser()}", "--json")
        self._token = str(json.loads(said)["token"])
        (self.folder / "old-orders").mkdir()
        self._keep_order(0)
        # Two trials on one machine must not share groups: their agents have names of their own.
        self._names = tuple(f"{kind}-{os.getpid()}" for kind in kinds)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._read_to: dict[Path, int] = {}
        self.all_work()

    def agent_folder(self, name: str) -> Path:
        return self.folder / "agents" / name

    def all_work(self) -> None:
        """Start whoever does not run, and wait until everybody works."""
        for name in self._names:
            known = self._running.get(name)
            if known is None or known.poll() is not None:
                self._running[name] = self._stub(name)
        for name in self._names:
            until(partial(self._works, name), AWAKE_WITHIN_S)
            folder = self.agent_folder(name)
            if not (folder / "token").exists():
                body = {"principal": f"agent:{name}"}
                (folder / "token").write_text(str(self.api("POST", "tokens", body)["token"]))

    def _works(self, name: str) -> bool:
        """Whether it has worked within the last half second."""
        ticks = self._lines(name, "ticks")
        return bool(ticks) and float(ticks[-1]) > time.monotonic() - 0.5

    def _stub(self, name: str) -> subprocess.Popen[bytes]:
        folder = self.agent_folder(name)
        work = folder / "work"
        if not work.exists():
            work.mkdir(parents=True)
            (work / "file").write_text("work\n")
            for one in (("init", "--quiet"), ("add", "--all"), _COMMIT):
                subprocess.run(["git", *one], cwd=work, check=True)
        other = next((one for one in self._names if one != name), "nobody")
        stub = [sys.executable, "-S", str(STUB), kind_of(name), str(folder), str(self.place), str(self.port), other]  # fmt: skip
        words = ["run", "--home", str(self.home), "--agent", name, "--host-folder", str(self.place)]
        output = (self.folder / f"{name}.out").open("ab")
        self._files.append(output)
        process = subprocess.Popen(
            [sys.executable, "-m", "allstop", *words, "--", *stub],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=work,
            env={**environment(), "PYTHONPATH": SOURCE},
        )  # fmt: skip
        self.agents.append(process)
        return process

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """As the person whose project this is. Raises OSError when it is refused."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            head = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            line.request(method, f"/api/v1/{path}", json.dumps(body) if body else None, head)
            answer = line.getresponse()
            said = answer.read()
        except HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            line.close()
        if answer.status >= 300:
            raise OSError(f"{path}: {answer.status} {said.decode(errors='replace')[:300]}")
        return json.loads(said)

    def _keep_order(self, number: int) -> None:
        """What the coordinator says now, for whoever offers it again later."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=20)
        token = (self.folder / "token").read_text().strip()
        line.request("GET", "/api/v1/orders", headers={"Authorization": f"Bearer {token}"})
        (self.folder / "old-orders" / f"{number % 3}.json").write_bytes(line.getresponse().read())
        line.close()

    # --- one halt ---

    def run_once(self, number: int) -> Run:
        """Halt everybody, look until all have stopped and a little longer, let them go."""
        self.all_work()
        self._keep_order(number)
        halt = str(self.api("POST", "halts", {"scope": "all", "reason": "a trial"})["halt"])
        until(lambda: halt in self.standing())
        held_at = time.monotonic()
        with self._watching(halt) as gaps:
            stopped = self._until_stopped(halt)
            time.sleep(WATCHED_S)
            states = self._states(halt)
            troubles = self._troubles()
            released_at = time.monotonic()
        self.api("POST", f"halts/{halt}/release", {"because": "a trial"})
        seen = tuple(self._seen(name, states.get(name, "absent"), stopped.get(name)) for name in self._names)  # fmt: skip
        return Run(held_at, released_at, seen, tuple(gaps), self._asleep(), troubles)

    def _until_stopped(self, halt: str) -> dict[str, float]:
        """When it was said of each first. Not everybody may be in it: then time has run out."""
        stopped: dict[str, float] = {}
        deadline = time.monotonic() + STOPPED_WITHIN_S
        while len(stopped) < len(self._names) and time.monotonic() < deadline:
            states, at = self._states(halt), time.monotonic()
            for name in self._names:
                if states.get(name) in STOPPED:
                    stopped.setdefault(name, at)
            time.sleep(0.05)
        return stopped

    def _states(self, halt: str) -> dict[str, str]:
        roll = self.api("GET", f"halts/{halt}")["roll"]
        return {str(one["agent"]): str(one["state"]) for one in roll}

    @contextmanager
    def _watching(self, halt: str) -> Iterator[list[float]]:
        """The times at which gates would have read that it does not stand."""
        gaps: list[float] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                if not {halt, "unreadable"} & set(self.standing()):
                    gaps.append(time.monotonic())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield gaps
        finally:
            over.set()
            thread.join()

    def _troubles(self) -> tuple[str, ...]:
        try:
            self.ask()
        except AllstopError as error:
            return (f"the host process does not answer: {error.text}",)
        spool = self.place / "spool" / "receipts"
        size = spool.stat().st_size if spool.exists() else 0
        return (f"the spool has grown to {size} bytes",) if size > 64_000_000 else ()

    def _asleep(self) -> tuple[str, ...]:
        """Who did not go on in time. Whoever ended is not asleep."""
        deadline = time.monotonic() + AWAKE_WITHIN_S
        waiting = [name for name in self._names if kind_of(name) not in MAY_END]
        while waiting and time.monotonic() < deadline:
            waiting = [name for name in waiting if not self._works(name)]
            time.sleep(0.05)
        return tuple(waiting)

    def _seen(self, name: str, state: str, stopped_at: float | None) -> Seen:
        """What it has written down so far; begun anew for the next run."""
        ticks = tuple(float(line) for line in self._lines(name, "ticks", anew=True))
        calls = tuple((float(at), int(code)) for at, code in map(json.loads, self._lines(name, "calls", anew=True)))  # fmt: skip
        tries = tuple((str(what), bool(taken)) for what, taken in map(json.loads, self._lines(name, "tries", anew=True)))  # fmt: skip
        return Seen(name, state, stopped_at, ticks, calls, tries)

    def _lines(self, name: str, file: str, *, anew: bool = False) -> list[str]:
        """Its whole lines. anew: what is read is not read again."""
        path = self.agent_folder(name) / file
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            return []
        begun = self._read_to.get(path, 0)
        end = body.rfind(b"\n") + 1
        if anew:
            self._read_to[path] = end
        return body[begun:end].decode().split("\n")[:-1]

    def end(self) -> None:
        """Everything that was started here, also what hides."""
        for agent in self._names:
            for name in (agent, f"{agent}-free"):
                group = make_group(group_name(name))
                group.kill(Deadline.within(5000))
                group.remove()
        super().end()


def kind_of(name: str) -> str:
    """What an agent does, from its name in a trial."""
    return name.partition("-")[0]


def groups_are_here() -> bool:
    """Whether agents can be held here at all."""
    try:
        return make_group(f"try-{os.getpid()}").remove()
    except NoGroup:
        return False

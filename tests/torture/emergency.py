"""One emergency from the fault to "resolved", through as many deaths of the coordinator as planned."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allstop.sandbox.layout import AGENTS
from allstop.sandbox.order_book import OrderBook, check_order_book
from tests.torture.coordinator import Crash, Lives, command, environment
from tests.torture.ground import Ground, ground
from tests.torture.journal import JOURNAL, Run, runs_in
from tests.torture.ledger import Customer, Ledger
from tests.torture.points import Death
from tests.torture.talk import NoAnswer, ask

PATIENCE_SECONDS = 100.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log as it lies on the disk. at: seconds since the epoch."""

    position: int
    stream: str
    version: int
    kind: str
    at: float
    actor: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known after an emergency; `checks` judges it.

    halt_flips: (when, agent, halted) each time a halt file changed its mind; agents: those in scope;
    resolved: whether the emergency came to its end; unspent: deaths that were planned and not reached.
    """

    fault: str
    resolved: bool
    faults: tuple[str, ...]
    crashes: tuple[Crash, ...]
    unspent: tuple[Death, ...]
    log: tuple[Entry, ...]
    ledger: Ledger
    runs: tuple[Run, ...]
    rollbacks: tuple[str, ...]
    routes: dict[str, dict[str, Any]]
    release: str
    book: OrderBook
    audit: dict[str, Any]
    halt_flips: tuple[tuple[float, str, bool], ...]
    stopped: tuple[int, float]
    seconds: float


class HaltWatch(threading.Thread):
    """Reads the halt files all the time, as the agents do."""

    def __init__(self, place: Ground) -> None:
        super().__init__(name="halt-watch", daemon=True)
        self.flips: list[tuple[float, str, bool]] = []
        self._place = place
        self._over = threading.Event()

    def run(self) -> None:
        known = dict.fromkeys(AGENTS, False)
        while not self._over.wait(0.03):
            for agent, halted in self._place.halted().items():
                if halted != known[agent]:
                    known[agent] = halted
                    self.flips.append((time.time(), agent, halted))

    def end(self) -> tuple[tuple[float, str, bool], ...]:
        self._over.set()
        self.join(5)
        return tuple(self.flips)


@dataclass(slots=True)
class Driver:
    """Sets agents to work, breaks the shop, lets a customer write, and waits for the end."""

    place: Ground
    lives: Lives
    fault: str
    agents_at_work: bool = False
    broken: bool = False
    customer: Customer | None = None

    def until(self, true: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> bool:
        """Tend the coordinator and take the next step again and again; False when time is up."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if self.lives.tend():
                try:
                    self._step()
                    if true():
                        return True
                except NoAnswer:
                    pass  # it has just died; it is tended in the next round
            if self.lives.faults:
                return False
            time.sleep(LOOK_SECONDS)
        return False

    def resolved(self) -> bool:
        """Whether the emergency has reached its last milestone."""
        if self.customer is None:
            return False
        with contextlib.closing(opened(self.place)) as book:
            rows = book.execute(
                "SELECT body FROM events WHERE kind = 'milestone.reached'"
            ).fetchall()
        return any(json.loads(body)["name"] == "resolved" for (body,) in rows)

    def _step(self) -> None:
        if not self.agents_at_work:
            self._employ_agents()
        elif not self.broken:
            if all(one["known_good"] and one["state"] == "up" for one in self._get("/services")):
                self.place.control.inject(self.fault)
                self.broken = True
        elif self.customer is None:
            incidents = self._get("/incidents")
            if incidents:
                self.customer = Customer(self.place.home, str(incidents[0]["id"]))
                self.customer.start()

    def _employ_agents(self) -> None:
        tokens = {}
        for agent in AGENTS:
            wanted = {"principal": f"agent:{agent}"}
            issued = ask(self.place.home, "POST", "/api/v1/tokens", wanted).json()
            tokens[agent] = str(issued["token"])
        secrets = self.place.folder / "agent-tokens.json"
        secrets.touch(mode=0o600)
        secrets.write_text(json.dumps(tokens), "utf-8")
        port = (self.place.home / "allstop.toml").read_text("utf-8").split("=")[1].strip()
        url = f"http://127.0.0.1:{port}"
        self.place.control.start_agents(url, secrets, self.place.home / "halts")
        self.agents_at_work = True

    def _get(self, path: str) -> Any:
        return ask(self.place.home, "GET", f"/api/v1{path}").json()


def opened(place: Ground) -> sqlite3.Connection:
    """The database, read-only: a look must not tidy up what a killed coordinator left."""
    return sqlite3.connect(f"{place.database.as_uri()}?mode=ro", uri=True, timeout=5.0)


def read_log(place: Ground) -> list[Entry]:
    """The log as it lies on the disk, read past every face of Allstop."""
    if not place.database.exists():
        return []
    with contextlib.closing(opened(place)) as book:
        rows = book.execute(
            "SELECT position, stream, version, kind, at, actor, body FROM events ORDER BY position"
        ).fetchall()
    return [
        Entry(p, s, v, k, datetime.fromisoformat(at).timestamp(), a, json.loads(body))
        for p, s, v, k, at, a, body in rows
    ]


def emergency(deaths: Sequence[Death], fault: str) -> Evidence:
    """Run one. Raises GroundError when the shop cannot be set up."""
    began = time.monotonic()
    with ground() as place:
        lives = Lives(place.home, list(deaths))
        watch = HaltWatch(place)
        watch.start()
        driver = Driver(place, lives, fault)
        try:
            lives.start()
            resolved = driver.until(driver.resolved)
            ledger = driver.customer.end() if driver.customer else Ledger()
            stopped = lives.stop()
        finally:
            lives.kill()
            flips = watch.end()
        return _collected(driver, ledger, resolved, flips, stopped, began)


def _collected(
    driver: Driver, ledger: Ledger, resolved: bool, flips: tuple[tuple[float, str, bool], ...],
    stopped: tuple[int, float], began: float,
) -> Evidence:  # fmt: skip
    place, lives = driver.place, driver.lives
    service = "payments" if driver.fault == "bad-release" else "orders"
    place.control.stop("load")
    verified = subprocess.run(
        command(place.home, "audit", "verify", "--json"), capture_output=True, text=True,
        check=False, timeout=60, env=environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    audit = (
        json.loads(verified.stdout)
        if verified.stdout.startswith("{")
        else {"said": verified.stderr}
    )
    return Evidence(
        fault=driver.fault,
        resolved=resolved,
        faults=tuple(lives.faults),
        crashes=tuple(lives.crashes),
        unspent=tuple(lives.deaths) + ((lives.armed,) if lives.armed else ()),
        log=tuple(read_log(place)),
        ledger=ledger,
        runs=tuple(runs_in(place.folder / JOURNAL)),
        rollbacks=tuple(place.rollbacks(service)),
        routes=place.routes(),
        release=place.release(service),
        book=check_order_book(place.folder),
        audit=audit,
        halt_flips=flips,
        stopped=stopped,
        seconds=time.monotonic() - began,
    )

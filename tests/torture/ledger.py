"""A customer of the API that writes down what it was promised: each request is sent until it is answered."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture.talk import NoAnswer, ask

PAUSE_SECONDS = 0.08
UPDATE_EVERY = 8


@dataclass(slots=True)
class Ledger:
    """tried: every text that was ever sent; promised: those answered 2xx; repeats: sent again."""

    tried: list[str] = field(default_factory=list)
    promised: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    repeats: int = 0


class Customer(threading.Thread):
    """Sends notes and updates, each under its own idempotency key and over the Unix socket."""

    def __init__(self, home: Path, incident: str) -> None:
        super().__init__(name=f"customer-{incident}", daemon=True)
        self.ledger = Ledger()
        self._home = home
        self._incident = incident
        self._over = threading.Event()

    def end(self) -> Ledger:
        """Send nothing new, and wait until what was begun is answered."""
        self._over.set()
        self.join(30)
        return self.ledger

    def run(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self._one(number)
            self._over.wait(PAUSE_SECONDS)

    def _one(self, number: int) -> None:
        text = f"torture {self._incident} {number:05d}"
        update = number % UPDATE_EVERY == 0
        path = f"/api/v1/incidents/{self._incident}/{'updates' if update else 'notes'}"
        body = {"text": text} | ({"status": "investigating"} if update else {})
        self.ledger.tried.append(text)
        key = f"torture-{self._incident}-{number}"
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                answer = ask(self._home, "POST", path, body, key)
            except NoAnswer:
                self.ledger.repeats += 1
                time.sleep(0.05)
                continue
            if answer.good:
                self.ledger.promised.append(text)
                return
            if answer.status != 503:
                self.ledger.refused.append(f"{text}: {answer.status} {answer.text[:300]}")
                return
            time.sleep(0.05)
        self.ledger.refused.append(f"{text}: no answer within 30 s")

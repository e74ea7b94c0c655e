"""The load generator: customers who buy all the time, and a ledger of what they were promised.

Run as its own process: `python -m allstop.sandbox.load`, told by SHOP_PORT, SHOP_DATA and
SHOP_ROUTES like a service, and SHOP_RATE for the purchases per second.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from allstop.sandbox.shop.accounts import CUSTOMERS, TEST_CUSTOMER
from allstop.sandbox.shop.catalog import PRICES_CENTS
from allstop.sandbox.shop.wire import (
    Answer,
    Body,
    Request,
    Service,
    UnreachableError,
    Upstream,
    data_folder,
    port,
    upstream_ports,
)

# So many customers wait at the same time, when the shop lets them wait.
_THREADS = 16
_PATIENCE_SECONDS = 8.0
# Behind by more than this, the missed purchases are given up: no burst after an outage.
_LARGEST_LAG_SECONDS = 1.0


class Ledger:
    """One line per acknowledged order, on disk before it counts."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, order: Body) -> None:
        """Append a line and wait for the disk."""
        with self._lock:
            self._file.write(json.dumps(order) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


class Customers:
    """Buys at a steady rate from a few threads, and counts."""

    def __init__(self, shop: Upstream, ledger: Ledger, rate: float) -> None:
        self._shop = shop
        self._ledger = ledger
        self._pause = 1.0 / rate
        self._lock = threading.Lock()
        self._next = time.monotonic()
        self._number = 0
        self._run = secrets.token_hex(3)
        self._customers = sorted(CUSTOMERS - {TEST_CUSTOMER})
        self._articles = sorted(PRICES_CENTS)
        self._counts: Counter[str] = Counter()
        self._failed_at: Counter[str] = Counter()

    def start(self) -> None:
        """Start buying; the threads end with the process."""
        for _ in range(_THREADS):
            threading.Thread(target=self._buy_for_ever, daemon=True).start()

    def counters(self) -> Body:
        """What happened since the start."""
        with self._lock:
            return {
                "attempts": self._counts["attempts"],
                "acknowledged": self._counts["acknowledged"],
                "failed": self._counts["failed"],
                "failed_at": dict(self._failed_at),
            }

    def _buy_for_ever(self) -> None:
        while True:
            number = self._wait_for_turn()
            self._buy(f"ord-{self._run}-{number:06}")

    def _wait_for_turn(self) -> int:
        with self._lock:
            now = time.monotonic()
            if now - self._next > _LARGEST_LAG_SECONDS:
                self._next = now
            turn, self._next = self._next, self._next + self._pause
            self._number += 1
            number = self._number
        time.sleep(max(0.0, turn - now))
        return number

    def _buy(self, order: str) -> None:
        wish = {
            "order": order,
            "customer": random.choice(self._customers),
            "sku": random.choice(self._articles),
            "quantity": random.randint(1, 4),
        }
        with self._lock:
            self._counts["attempts"] += 1
        try:
            status, answer = self._shop.call("POST", "/buy", wish)
        except UnreachableError:
            status, answer = 0, {"stage": "gateway"}
        if status == 201:
            at = datetime.now(UTC).isoformat()
            self._ledger.add(
                {"order": order, "amount_cents": answer["amount_cents"], "acknowledged_at": at}
            )
        with self._lock:
            self._counts["acknowledged" if status == 201 else "failed"] += 1
            if status != 201:
                self._failed_at[str(answer.get("stage", "gateway"))] += 1


def main() -> None:
    """Buy until SIGTERM; GET /counters tells how it goes."""
    shop = Upstream("gateway", upstream_ports()["gateway"], _PATIENCE_SECONDS)
    ledger = Ledger(data_folder() / "ledger.jsonl")
    customers = Customers(shop, ledger, float(os.environ["SHOP_RATE"]))

    def get_counters(_: Request) -> Answer:
        return Answer(200, customers.counters())

    service = Service("load", customers.counters, {"GET /counters": get_counters}, release="none")
    customers.start()
    service.serve(port())


if __name__ == "__main__":
    main()

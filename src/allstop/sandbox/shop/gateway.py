"""Gateway: the shop's front door. Sells by calling the services behind it, one after the other.

Which services it may call is in its routes table. A coordinator isolates a service by closing its
route; the table outlives the process, and an order from an older coordinator (a lower epoch) is
refused.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from allstop.sandbox.shop.wire import (
    Answer,
    Body,
    RefusedError,
    Request,
    Service,
    UnreachableError,
    Upstream,
    data_folder,
    name_of,
    port,
    text_of,
    upstream_ports,
    whole_of,
)

WINDOW_MS = 10_000
NEEDED = ("accounts", "catalog", "payments", "orders")
BEST_EFFORT = "analytics"
_BACKLOG = 1000


class Routes:
    """Which services may be called, each with the epoch and key of the order that set it."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._table: dict[str, Body] = {
            name: {"state": "open", "epoch": 0, "key": ""} for name in names
        }
        if path.exists():
            self._table |= json.loads(path.read_text())

    def is_open(self, service: str) -> bool:
        """Whether the gateway may call the service."""
        return bool(self._table[service]["state"] == "open")

    def table(self) -> dict[str, Body]:
        """A copy of the whole table."""
        with self._lock:
            return {name: dict(route) for name, route in self._table.items()}

    def stored(self) -> dict[str, Body]:
        """The table as the next start of the gateway would find it."""
        with self._lock:
            if not self._path.exists():
                return {name: dict(route) for name, route in self._table.items()}
            found: dict[str, Body] = json.loads(self._path.read_text())
            return found

    def put(self, service: str, state: str, epoch: int, key: str) -> Body:
        """Set a route durably. Raises RefusedError: 404 unknown, 409 an epoch already overtaken."""
        with self._lock:
            if service not in self._table:
                raise RefusedError(404, f"no route to {service}")
            last = self._table[service]["epoch"]
            if epoch < last:
                raise RefusedError(
                    409, f"epoch {epoch} is over, {service} obeys {last}", epoch=last
                )
            route: Body = {"state": state, "epoch": epoch, "key": key}
            self._write(self._table | {service: route})
            self._table[service] = route
            return {"service": service, **route}

    def _write(self, table: dict[str, Body]) -> None:
        draft = self._path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(table, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True)
class Outcome:
    """One purchase, for the statistics. `at` is monotonic seconds."""

    at: float
    customer: str
    failed: bool
    cents: int


class Statistics:
    """The last ten seconds of purchases; synthetic ones never get in here."""

    def __init__(self) -> None:
        self._recent: deque[Outcome] = deque()
        self._lock = threading.Lock()

    def add(self, customer: str, failed: bool, cents: int) -> None:
        """Note a purchase that has just ended."""
        with self._lock:
            self._recent.append(Outcome(time.monotonic(), customer, failed, cents))
            self._forget_old()

    def report(self) -> Body:
        """The figures; `lost` is the value of the failed purchases."""
        with self._lock:
            self._forget_old()
            failures = [outcome for outcome in self._recent if outcome.failed]
            attempts = len(self._recent)
        lost = sum(outcome.cents for outcome in failures)
        return {
            "window_ms": WINDOW_MS,
            "attempts": attempts,
            "failures": len(failures),
            "lost": f"{lost // 100}.{lost % 100:02}",
            "currency": "USD",
            "customers_failed": len({outcome.customer for outcome in failures}),
        }

    def _forget_old(self) -> None:
        oldest = time.monotonic() - WINDOW_MS / 1000
        while self._recent and self._recent[0].at < oldest:
            self._recent.popleft()


@dataclass(frozen=True)
class Purchase:
    """What a customer wants."""

    order: str
    customer: str
    sku: str
    quantity: int
    synthetic: bool

    @classmethod
    def read(cls, body: Body) -> Purchase:
        """From the body of POST /buy. Raises RefusedError (400)."""
        return cls(
            name_of(body, "order"),
            name_of(body, "customer"),
            name_of(body, "sku"),
            whole_of(body, "quantity", 1, 20),
            body.get("synthetic") is True,
        )


class Gateway:
    """Sells, and keeps the routes and the statistics."""

    def __init__(self) -> None:
        ports = upstream_ports()
        self.services = {name: Upstream(name, number) for name, number in ports.items()}
        self.routes = Routes(data_folder() / "routes.json", tuple(ports))
        self.statistics = Statistics()
        # The last price seen per article: a purchase that fails before the catalog answers has
        # a value too.
        self._prices: dict[str, int] = {}
        self._events: queue.Queue[Body] = queue.Queue(_BACKLOG)
        threading.Thread(target=self._send_events, daemon=True).start()

    def buy(self, request: Request) -> Answer:
        """POST /buy: 201 once the order row is durable; 502 or 503 with the stage that failed."""
        purchase = Purchase.read(request.body)
        try:
            self._refuse_if_isolated()
            sold = self._sell(purchase)
        except RefusedError as refused:
            # 4xx is the customer's mistake, not the shop's failure.
            if refused.status >= 500 and not purchase.synthetic:
                cents = self._prices.get(purchase.sku, 0) * purchase.quantity
                self.statistics.add(purchase.customer, True, cents)
            raise
        if not purchase.synthetic:
            self.statistics.add(purchase.customer, False, sold["amount_cents"])
            self._tell_analytics(purchase)
        return Answer(201, sold)

    def get_stats(self, _: Request) -> Answer:
        """GET /stats."""
        return Answer(200, self.statistics.report())

    def get_routes(self, _: Request) -> Answer:
        """GET /admin/routes."""
        return Answer(200, {"routes": self.routes.table()})

    def put_route(self, request: Request) -> Answer:
        """PUT /admin/routes/<service> {"state","epoch","key"}."""
        state = text_of(request.body, "state")
        if state not in ("open", "isolated"):
            raise RefusedError(400, "state must be open or isolated")
        epoch = whole_of(request.body, "epoch", 0, 2**53)
        return Answer(
            200, self.routes.put(request.tail, state, epoch, text_of(request.body, "key"))
        )

    def deep(self) -> Body:
        """The routes table: complete, and on disk what it is in memory."""
        table, stored = self.routes.table(), self.routes.stored()
        if table != stored:
            raise RefusedError(500, "the routes on disk are not the routes in memory")
        if missing := {*NEEDED, BEST_EFFORT} - set(table):
            raise RefusedError(500, f"no route to {', '.join(sorted(missing))}")
        return {"routes": {name: route["state"] for name, route in table.items()}}

    def _refuse_if_isolated(self) -> None:
        """Before the first call, so that an isolated service leaves no half purchase behind."""
        for name in NEEDED:
            if not self.routes.is_open(name):
                raise RefusedError(503, f"{name} is isolated", stage=name)

    def _sell(self, purchase: Purchase) -> Body:
        self._call("accounts", "POST", "/sign-in", {"customer": purchase.customer})
        price = self._call("catalog", "GET", f"/price/{purchase.sku}")
        unit_cents, currency = _whole("catalog", price, "unit_cents"), price.get("currency")
        self._prices[purchase.sku] = unit_cents
        what = {
            "order": purchase.order,
            "amount_cents": unit_cents * purchase.quantity,
            "synthetic": purchase.synthetic,
        }
        charge = {**what, "currency": currency}
        paid = self._call("payments", "POST", "/charge", charge, f"charge-{purchase.order}")
        order = {
            **what,
            "customer": purchase.customer,
            "sku": purchase.sku,
            "quantity": purchase.quantity,
            "payment": paid.get("payment"),
        }
        self._call("orders", "POST", "/orders", order, f"order-{purchase.order}")
        return {**what, "payment": paid.get("payment"), "currency": currency}

    def _call(
        self, stage: str, method: str, path: str, body: Body | None = None, key: str | None = None
    ) -> Body:
        """Call a service. Raises RefusedError: 503 isolated, 502 broken, 422 it turned us down."""
        if not self.routes.is_open(stage):
            raise RefusedError(503, f"{stage} is isolated", stage=stage)
        try:
            status, answer = self.services[stage].call(method, path, body, key)
        except UnreachableError as error:
            raise RefusedError(502, str(error), stage=stage) from error
        if status >= 400:
            why = str(answer.get("error", f"{stage} answered {status}"))
            raise RefusedError(502 if status >= 500 else 422, why, stage=stage)
        return answer

    def _tell_analytics(self, purchase: Purchase) -> None:
        try:
            self._events.put_nowait({"kind": "sold", "sku": purchase.sku})
        except queue.Full:
            return

    def _send_events(self) -> None:
        """Apart from the sale: a slow or dead analytics costs no customer a moment."""
        while True:
            event = self._events.get()
            if not self.routes.is_open(BEST_EFFORT):
                continue
            try:
                self.services[BEST_EFFORT].call("POST", "/events", event)
            except UnreachableError:
                continue


def _whole(stage: str, answer: Body, name: str) -> int:
    """A number out of a service's answer. Raises RefusedError (502) if it is not there."""
    value = answer.get(name)
    if not isinstance(value, int):
        raise RefusedError(502, f"the answer of {stage} lacks {name}", stage=stage)
    return value


def main() -> None:
    """Serve the front door and the admin routes."""
    gateway = Gateway()
    Service(
        "gateway",
        gateway.deep,
        {
            "POST /buy": gateway.buy,
            "GET /stats": gateway.get_stats,
            "GET /admin/routes": gateway.get_routes,
            "PUT /admin/routes/*": gateway.put_route,
        },
    ).serve(port())


if __name__ == "__main__":
    main()

"""Gateway: the shop's front door. Sells by calling the services behind it, one after the other.

Which services it may call is in its routes table: a coordinator isolates a service by closing its
route. With the lever `remembered-prices` it sells at the prices it has seen last, and asks the
catalog only for a share of them. Both outlive the process.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from dataclasses import dataclass

from allstop.sandbox.shop.switches import Door, Switches
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
CATALOG = "catalog"
LEVER = "remembered-prices"
_BACKLOG = 1000


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
        self.door = Door("gateway")
        self.routes = Switches(data_folder() / "routes.json", dict.fromkeys(ports, "open"))
        self.levers = Switches(data_folder() / "levers.json", {LEVER: "off", CATALOG: 100})
        self.statistics = Statistics()
        # The last price seen per article: a purchase that fails before the catalog answers has
        # a value too.
        self._prices: dict[str, Body] = {}
        self._counting = threading.Lock()
        self._asked = 0
        self._events: queue.Queue[Body] = queue.Queue(_BACKLOG)
        threading.Thread(target=self._send_events, daemon=True).start()

    def buy(self, request: Request) -> Answer:
        """POST /buy: 201 once the order row is durable; 502 or 503 with the stage that failed."""
        purchase = Purchase.read(request.body)
        try:
            with self.door.inside(synthetic=purchase.synthetic):
                self._refuse_if_isolated()
                sold = self._sell(purchase)
        except RefusedError as refused:
            # 4xx is the customer's mistake, not the shop's failure.
            if refused.status >= 500 and not purchase.synthetic:
                seen = self._prices.get(purchase.sku, {"unit_cents": 0})
                cents = seen["unit_cents"] * purchase.quantity
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
        return Answer(200, self.routes.put(request.tail, state, request.body))

    def get_levers(self, _: Request) -> Answer:
        """GET /admin/levers: whether prices are remembered, and the share the catalog is asked for."""
        told = {"remembered_prices": self._remembers, "share": self.levers.state(CATALOG)}
        return Answer(200, told)

    def put_lever(self, request: Request) -> Answer:
        """PUT /admin/levers/remembered-prices {"state","epoch","key"}. Nothing is asked of the catalog from
        then on, until its share says so."""
        state = text_of(request.body, "state")
        if request.tail != LEVER or state not in ("on", "off"):
            raise RefusedError(400, f"{LEVER} is on or off")
        if state == "on" and not self._remembers:
            self.levers.put(CATALOG, 0, request.body)
        self.levers.put(LEVER, state, request.body)
        return self.get_levers(request)

    def put_share(self, request: Request) -> Answer:
        """PUT /admin/shares/catalog {"percent","epoch","key"}: of the prices, while they are remembered."""
        percent = whole_of(request.body, "percent", 0, 100)
        if request.tail != CATALOG:
            raise RefusedError(404, f"no share of {request.tail}")
        self.levers.put(CATALOG, percent, request.body)
        return self.get_levers(request)

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
            spared = name == CATALOG and self._remembers
            if not spared and self.routes.state(name) != "open":
                raise RefusedError(503, f"{name} is isolated", stage=name)

    @property
    def _remembers(self) -> bool:
        return bool(self.levers.state(LEVER) == "on")

    def _price(self, sku: str) -> tuple[Body, bool]:
        """What an article costs, and whether that was only remembered. Raises RefusedError."""
        if not self._remembers:
            return self._live_price(sku), False
        if self._is_asked():
            try:
                return self._live_price(sku), False
            except RefusedError as refused:
                if refused.status == 422:
                    raise
        if sku not in self._prices:
            raise RefusedError(503, f"no price of {sku} is remembered", stage=CATALOG)
        return self._prices[sku], True

    def _is_asked(self) -> bool:
        """Whether this price is one of those the catalog is asked for; evenly, and not by chance."""
        share = self.levers.state(CATALOG)
        with self._counting:
            self._asked += 1
            return bool(self._asked * share // 100 != (self._asked - 1) * share // 100)

    def _live_price(self, sku: str) -> Body:
        price = self._call(CATALOG, "GET", f"/price/{sku}")
        self._prices[sku] = {**price, "unit_cents": _whole(CATALOG, price, "unit_cents")}
        return self._prices[sku]

    def _sell(self, purchase: Purchase) -> Body:
        self._call("accounts", "POST", "/sign-in", {"customer": purchase.customer})
        price, remembered = self._price(purchase.sku)
        currency = price.get("currency")
        what = {
            "order": purchase.order,
            "amount_cents": price["unit_cents"] * purchase.quantity,
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
            "remembered": remembered,
        }
        self._call("orders", "POST", "/orders", order, f"order-{purchase.order}")
        return {**what, "payment": paid.get("payment"), "currency": currency}

    def _call(
        self, stage: str, method: str, path: str, body: Body | None = None, key: str | None = None
    ) -> Body:
        """Call a service. Raises RefusedError: 503 isolated, 502 broken, 422 it turned us down."""
        if self.routes.state(stage) != "open":
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
            if self.routes.state(BEST_EFFORT) != "open":
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
            "GET /admin/levers": gateway.get_levers,
            "PUT /admin/levers/*": gateway.put_lever,
            "PUT /admin/shares/*": gateway.put_share,
            **gateway.door.routes(),
        },
    ).serve(port())


if __name__ == "__main__":
    main()

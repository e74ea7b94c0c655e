"""Orders: the order book. An order is on disk before it is answered.

What an order costs is compared with the catalog, unless whoever sells says that it sells at a remembered price.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading

from allstop.sandbox.shop.switches import Door
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

BUSY_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id           TEXT PRIMARY KEY,
    customer     TEXT NOT NULL,
    sku          TEXT NOT NULL,
    quantity     INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    payment      TEXT NOT NULL,
    synthetic    INTEGER NOT NULL,
    at           TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
"""
_FIND = """
SELECT id AS "order", customer, sku, quantity, amount_cents, payment, synthetic, at
FROM orders WHERE id = ?
"""

_lock = threading.Lock()


def connect() -> sqlite3.Connection:
    """Open the order book; a commit returns only once it is on disk."""
    book = sqlite3.connect(
        data_folder() / "orders.db",
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    book.row_factory = sqlite3.Row
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("PRAGMA synchronous=FULL")
    book.executescript(_SCHEMA)
    return book


def find(book: sqlite3.Connection, order: str) -> Body:
    """One order. Raises RefusedError (404) if there is none."""
    row = book.execute(_FIND, (order,)).fetchone()
    if row is None:
        raise RefusedError(404, f"no order {order}")
    return {**row, "synthetic": bool(row["synthetic"])}


def insert(book: sqlite3.Connection, body: Body) -> str:
    """Enter an order inside the current transaction; one that is there already stays as it is."""
    order = text_of(body, "order")
    row = (
        order,
        text_of(body, "customer"),
        text_of(body, "sku"),
        whole_of(body, "quantity", 1, 20),
        whole_of(body, "amount_cents", 0, 1_000_000_000),
        text_of(body, "payment"),
        bool(body.get("synthetic")),
    )
    book.execute(
        "INSERT INTO orders (id, customer, sku, quantity, amount_cents, payment, synthetic)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        row,
    )
    return order


def place(book: sqlite3.Connection, body: Body) -> Body:
    """Enter an order durably and return it; a repeat returns the first."""
    with _lock:
        book.execute("BEGIN IMMEDIATE")
        try:
            found = find(book, insert(book, body))
        except BaseException:
            book.execute("ROLLBACK")
            raise
        book.execute("COMMIT")
    return found


def catalog_price(catalog: Upstream, sku: str) -> int:
    """Cents for one piece. Raises RefusedError: 502 the catalog does not answer, 422 it knows no such article."""
    try:
        status, found = catalog.call("GET", f"/price/{sku}")
    except UnreachableError as error:
        raise RefusedError(502, str(error)) from error
    if status >= 400:
        raise RefusedError(502 if status >= 500 else 422, str(found.get("error", status)))
    return whole_of(found, "unit_cents", 0, 1_000_000_000)


def check_price(catalog: Upstream, body: Body) -> None:
    """Refuse (422) an order whose amount is not what the catalog asks."""
    price = catalog_price(catalog, name_of(body, "sku")) * whole_of(body, "quantity", 1, 20)
    if price != body.get("amount_cents"):
        raise RefusedError(422, f"the catalog asks {price} cents for it")


def round_trip(book: sqlite3.Connection, catalog: Upstream) -> Body:
    """Price, write, read and delete an order inside a transaction that leaves nothing behind."""
    price = catalog_price(catalog, "kettle")
    sample = {
        "order": f"deep-{secrets.token_hex(8)}",
        "customer": "probe",
        "sku": "kettle",
        "quantity": 1,
        "amount_cents": price,
        "payment": "none",
        "synthetic": True,
    }
    with _lock:
        book.execute("BEGIN IMMEDIATE")
        try:
            found = find(book, insert(book, sample))
            book.execute("DELETE FROM orders WHERE id = ?", (found["order"],))
        finally:
            book.execute("ROLLBACK")
    if found["sku"] != sample["sku"]:
        raise RefusedError(500, f"wrote {json.dumps(sample)}, read {json.dumps(found)}")
    return {"round_trip": found["order"]}


def main() -> None:
    """Serve POST /orders and GET /orders/<id>."""
    book = connect()
    catalog = Upstream("catalog", upstream_ports()["catalog"])

    def post_order(request: Request) -> Answer:
        if request.body.get("remembered") is not True:
            check_price(catalog, request.body)
        return Answer(201, place(book, request.body))

    def get_order(request: Request) -> Answer:
        with _lock:
            return Answer(200, find(book, request.tail))

    Service(
        "orders",
        lambda: round_trip(book, catalog),
        Door("orders").guard({"POST /orders": post_order, "GET /orders/*": get_order}),
    ).serve(port())


if __name__ == "__main__":
    main()

"""Payments: charges customers. A charge is on disk before it is answered."""

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
    data_folder,
    port,
    text_of,
    whole_of,
)

BUSY_SECONDS = 5.0
CURRENCIES = ("USD", "EUR", "GBP")
CARD_LIMIT_CENTS = 500_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    key          TEXT PRIMARY KEY,
    order_id     TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    synthetic    INTEGER NOT NULL,
    answer       TEXT NOT NULL,
    at           TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE INDEX IF NOT EXISTS payments_by_order ON payments (order_id);
"""

_lock = threading.Lock()


def connect() -> sqlite3.Connection:
    """Open the book of payments; a commit returns only once it is on disk."""
    book = sqlite3.connect(
        data_folder() / "payments.db",
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("PRAGMA synchronous=FULL")
    book.executescript(_SCHEMA)
    return book


def authorise(body: Body) -> tuple[int, str]:
    """Amount in cents and currency of a charge that may go ahead. Raises RefusedError."""
    currency = text_of(body, "currency")
    if currency not in CURRENCIES:
        raise RefusedError(422, f"{currency} is not accepted")
    amount = whole_of(body, "amount_cents", 0, 1_000_000_000)
    if amount > CARD_LIMIT_CENTS:
        raise RefusedError(422, f"{amount} cents is above the card limit")
    return amount, currency


def charge(book: sqlite3.Connection, key: str, body: Body, keep: bool = True) -> Body:
    """Charge an order once per key; a repeat gets the first answer.

    With `keep` false everything is done but the commit: the deep check takes this very path.
    """
    order = text_of(body, "order")
    amount, currency = authorise(body)
    with _lock:
        book.execute("BEGIN IMMEDIATE")
        try:
            answer = _record(book, key, order, amount, currency, bool(body.get("synthetic")))
        except BaseException:
            book.execute("ROLLBACK")
            raise
        book.execute("COMMIT" if keep else "ROLLBACK")
    return answer


def _record(
    book: sqlite3.Connection, key: str, order: str, amount: int, currency: str, synthetic: bool
) -> Body:
    first = book.execute(
        "SELECT answer, order_id, amount_cents FROM payments WHERE key = ?", (key,)
    ).fetchone()
    if first:
        if first[1:] != (order, amount):
            raise RefusedError(422, f"key {key} was used for another charge")
        repeated: Body = json.loads(first[0])
        return repeated
    answer = {
        "payment": f"pay-{secrets.token_hex(6)}",
        "order": order,
        "amount_cents": amount,
        "currency": currency,
    }
    book.execute(
        "INSERT INTO payments (key, order_id, amount_cents, currency, synthetic, answer)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (key, order, amount, currency, synthetic, json.dumps(answer)),
    )
    return answer


def main() -> None:
    """Serve POST /charge {"order","amount_cents","currency"} with an Idempotency-Key."""
    book = connect()

    def post_charge(request: Request) -> Answer:
        key = request.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= 128:
            raise RefusedError(400, "a charge needs an Idempotency-Key of 1 to 128 characters")
        return Answer(201, charge(book, key, request.body))

    def deep() -> Body:
        nothing = {"order": "deep-check", "amount_cents": 0, "currency": "USD", "synthetic": True}
        charge(book, f"deep-{secrets.token_hex(8)}", nothing, keep=False)
        return {"charged_cents": 0}

    work = Door("payments").guard({"POST /charge": post_charge})
    Service("payments", deep, work).serve(port())


if __name__ == "__main__":
    main()

"""Does every acknowledged order have its rows? The one question a rescue must not get wrong."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from allstop.sandbox.layout import Layout


@dataclass(frozen=True)
class OrderBook:
    """Counts of real (not synthetic) orders.

    `acknowledged` orders stand in the ledger: the customer was told yes. Of these `found` have an
    order row and `paid` have a payment row; `missing` names those that lack either.
    """

    acknowledged: int
    found: int
    paid: int
    missing: tuple[str, ...]

    @property
    def balances(self) -> bool:
        """Whether no acknowledged order was lost."""
        return not self.missing


def check_order_book(folder: Path | str) -> OrderBook:
    """Compare the ledger with both databases, read-only; the shop may be selling meanwhile.

    Raises sqlite3.Error if a database cannot be read.
    """
    layout = Layout.of(folder)
    # The ledger first: whatever it acknowledges was on disk before, so rows that are written
    # while we look can only add to the databases, never make an order look lost.
    acknowledged = _acknowledged(layout.ledger)
    orders = _column(layout.database("orders"), "SELECT id FROM orders WHERE NOT synthetic")
    paid = _column(layout.database("payments"), "SELECT order_id FROM payments WHERE NOT synthetic")
    return OrderBook(
        acknowledged=len(acknowledged),
        found=sum(order in orders for order in acknowledged),
        paid=sum(order in paid for order in acknowledged),
        missing=tuple(order for order in acknowledged if order not in orders or order not in paid),
    )


def _acknowledged(ledger: Path) -> list[str]:
    """The orders in the ledger. A last line without its end was never acknowledged."""
    if not ledger.exists():
        return []
    text = ledger.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [str(json.loads(line)["order"]) for line in whole.splitlines()]


def _column(database: Path, query: str) -> frozenset[str]:
    if not database.exists():
        return frozenset()
    book = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5.0)
    try:
        return frozenset(row[0] for row in book.execute(query))
    finally:
        book.close()

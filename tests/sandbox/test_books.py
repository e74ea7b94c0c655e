"""The books: kept from being written to, flushed, kept as snapshots, and restored to prove it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from allstop.sandbox.books import Book, contents_of
from allstop.sandbox.layout import Layout, SandboxError
from tests.sandbox.living import Living

ORDER = (
    "INSERT INTO orders (id, customer, sku, quantity, amount_cents, payment, synthetic)"
    " VALUES (?, 'customer-001', 'mug', 1, 950, 'pay-1', ?)"
)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    """A book of orders with two rows of customers, and its service away."""
    layout = Layout.of(tmp_path)
    layout.data.mkdir()
    monkeypatch.setenv("SHOP_DATA", str(layout.data))
    from allstop.sandbox.shop import orders  # noqa: PLC0415 - it reads where its book is when it opens it

    with closing(orders.connect()) as opened:
        for id in ("ord-1", "ord-2"):
            opened.execute(ORDER, (id, 0))
        # Kept open, as the service would: the write-ahead log stays beside the book.
        yield Book(layout, "orders")


def write(book: Book, id: str, *, synthetic: bool = False) -> None:
    with closing(sqlite3.connect(book.path, isolation_level=None)) as opened:
        opened.execute(ORDER, (id, int(synthetic)))


def change(book: Book, statement: str) -> None:
    with closing(sqlite3.connect(book.path, isolation_level=None)) as opened:
        opened.execute(statement)


def test_a_fence_keeps_out_every_writer_but_test_transactions(book: Book) -> None:
    """Whoever writes is refused, with another connection too; a test transaction goes through, and uncounted."""
    before = contents_of(book.path, "orders")
    with pytest.raises(SandboxError, match="takes writes"):
        book.fenced()

    book.fence(3)
    book.fence(3)

    assert book.fenced() == {"fenced": True}
    with pytest.raises(SandboxError, match="takes no writes"):
        book.unfenced()
    with pytest.raises(sqlite3.IntegrityError, match="fenced"):
        write(book, "ord-3")
    for statement in ("DELETE FROM orders", "UPDATE orders SET quantity = 9"):
        with pytest.raises(sqlite3.IntegrityError, match="fenced"):
            change(book, statement)
    write(book, "probe-1", synthetic=True)
    assert contents_of(book.path, "orders") == before

    book.unfence(3)

    assert book.unfenced() == {"unfenced": True}
    write(book, "ord-3")
    assert contents_of(book.path, "orders").rows == before.rows + 1


def test_an_older_coordinator_neither_fences_nor_lifts_a_fence(book: Book) -> None:
    book.fence(5)
    for order in (book.fence, book.unfence):
        with pytest.raises(SandboxError, match="epoch 4 is over, orders obeys 5"):
            order(4)
    assert book.fenced() == {"fenced": True}
    book.unfence(6)
    assert book.unfenced() == {"unfenced": True}


def test_a_flush_leaves_nothing_in_the_log_only(book: Book) -> None:
    with pytest.raises(SandboxError, match="stand in the write-ahead log only"):
        book.flushed()
    book.flush()
    assert book.flushed() == {"flushed": True}


def test_a_flush_says_so_when_a_reader_is_in_the_way(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allstop.sandbox.books._BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(book.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM orders").fetchone()
        write(book, "ord-3")
        with pytest.raises(SandboxError, match="is being read"):
            book.flush()


def test_a_snapshot_is_proven_by_a_restore(book: Book) -> None:
    """The newest one is restored, is whole, takes a write, and leaves nothing behind."""
    with pytest.raises(SandboxError, match="no snapshot of orders"):
        book.verify()
    book.snapshot(1)
    write(book, "ord-3")
    book.fence(1)
    with pytest.raises(SandboxError, match="not what the book holds now"):
        book.verify()

    book.snapshot(1)

    proven = book.verify()
    assert (proven["rows"], proven["integrity"], proven["restored"]) == (3, "ok", True)
    assert book.kept()["rows"] == 3
    assert sorted(one.suffix for one in book.snapshots.iterdir()) == [
        ".db",
        ".db",
        ".json",
        ".json",
    ]
    assert book.fenced() == {"fenced": True}, "the book itself was left as it is"


@pytest.mark.parametrize(
    ("statement", "because"),
    [
        ("DELETE FROM orders WHERE id = 'ord-1'", "1 rows were restored, 2 others were kept"),
        ("UPDATE orders SET amount_cents = 1", "2 rows were restored, 2 others were kept"),
    ],
)
def test_a_snapshot_that_is_not_what_was_noted_proves_nothing(
    book: Book, statement: str, because: str
) -> None:
    book.snapshot(1)
    (kept,) = book.snapshots.glob("*.db")
    with closing(sqlite3.connect(kept, isolation_level=None)) as opened:
        opened.execute(statement)
    with pytest.raises(SandboxError, match=because):
        book.verify()
    with pytest.raises(SandboxError, match="others were noted"):
        book.kept()


def test_a_torn_snapshot_proves_nothing(book: Book) -> None:
    book.snapshot(1)
    (kept,) = book.snapshots.glob("*.db")
    kept.write_bytes(kept.read_bytes()[:4096])
    with pytest.raises((SandboxError, sqlite3.Error)):
        book.verify()


def test_the_command_says_it_in_json_and_in_words_and_fails_with_the_reason(shop: Living) -> None:
    """On a living shop: a fence turns customers away and lets test purchases pass; nothing is lost."""

    def order(verb: str, epoch: int = 1) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "allstop.sandbox", "book", str(shop.folder), "orders", verb],
            capture_output=True, text=True, check=False,
            env={**os.environ, "ALLSTOP_EPOCH": str(epoch)},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    shop.wait_for_sales(3)
    code, told, _ = order("fence", 7)
    assert code == 0
    assert json.loads(told)["text"] == "writes are kept out"
    try:
        assert shop.buy("while-fenced", synthetic=False)[0] == 502
        assert shop.buy("probe-fenced")[0] == 201
        assert shop.get("orders", "/deep")[0] == 200, "it can be tried before writes are let in"
        assert order("unfence", 6)[::2] == (1, "epoch 6 is over, orders obeys 7\n")
        for verb in ("flush", "flushed", "snapshot", "kept", "verify"):
            code, told, errors = order(verb)
            assert (code, errors) == (0, ""), verb
            assert "{" not in json.loads(told)["text"]
    finally:
        assert order("unfence", 8)[0] == 0
    assert shop.buy("while-fenced", synthetic=False)[0] == 201

"""The shop sells, isolates, breaks and is mended, and never loses an acknowledged order."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from allstop.sandbox.gitrepo import Repository
from allstop.sandbox.layout import SERVICES
from allstop.sandbox.order_book import check_order_book
from tests.sandbox.living import Living, eventually


def rows(shop: Living, service: str, query: str) -> list[tuple[object, ...]]:
    book = sqlite3.connect(f"{shop.layout.database(service).as_uri()}?mode=ro", uri=True)
    try:
        return book.execute(query).fetchall()
    finally:
        book.close()


def roll_back(shop: Living, commit: str) -> dict[str, object]:
    """By hand, as a person would: the old tree in a new commit, and a restart."""
    repository = Repository(shop.layout.release("payments"))
    repository.run("read-tree", "-u", "--reset", commit)
    repository.commit("Roll back payments")
    return shop.control.restart("payments")


def test_every_service_is_its_own_process_and_its_own_release(shop: Living) -> None:
    """Health names the process and the git tree it runs; the deep check does real work."""
    answers = {name: shop.get(name, "/health") for name in SERVICES}

    assert {status for status, _ in answers.values()} == {200}
    assert len({body["pid"] for _, body in answers.values()}) == len(SERVICES)
    for name, (_, body) in answers.items():
        assert body["service"] == name
        assert body["release"] == Repository(shop.layout.release(name)).tree()
        assert shop.get(name, "/deep")[0] == 200
    assert not rows(shop, "payments", "SELECT 1 FROM payments WHERE order_id = 'deep-check'")


def test_the_shop_sells_and_the_order_book_balances(shop: Living) -> None:
    """What the load generator was promised is in both databases."""
    shop.wait_for_sales(20)

    book = check_order_book(shop.folder)

    assert book.acknowledged >= 20
    assert book.acknowledged == book.found == book.paid
    assert book.balances
    status, figures = shop.get("gateway", "/stats")
    assert status == 200
    assert figures["attempts"] >= 20
    if not figures["failures"]:
        assert (figures["lost"], figures["customers_failed"]) == ("0.00", 0)


def test_a_lost_row_is_missed(shop: Living) -> None:
    """The check is able to fail: an acknowledged order without rows is named."""
    text = shop.layout.ledger.read_text("utf-8")
    try:
        with shop.layout.ledger.open("a", encoding="utf-8") as ledger:
            ledger.write('{"order": "ord-never-placed"}\n')

        assert "ord-never-placed" in check_order_book(shop.folder).missing
    finally:
        kept = [
            line
            for line in shop.layout.ledger.read_text("utf-8").splitlines()
            if "never" not in line
        ]
        assert len(kept) >= len(text.splitlines())
        shop.control.stop("load")
        shop.layout.ledger.write_text("".join(f"{line}\n" for line in kept), "utf-8")
        shop.control.start("load")


def test_a_synthetic_purchase_goes_the_whole_way_and_counts_nowhere(shop: Living) -> None:
    """Probes buy for real, marked in both databases, and leave the figures alone."""
    shop.control.stop("load")
    before = shop.get("gateway", "/stats")[1]["attempts"]
    acknowledged = check_order_book(shop.folder).acknowledged

    status, sold = shop.buy("probe-1", synthetic=True)

    assert (status, sold["order"], sold["amount_cents"]) == (201, "probe-1", 1900)
    assert rows(shop, "orders", "SELECT synthetic FROM orders WHERE id = 'probe-1'") == [(1,)]
    assert rows(shop, "payments", "SELECT synthetic FROM payments WHERE order_id = 'probe-1'") == [
        (1,)
    ]
    assert shop.get("orders", "/orders/probe-1")[1]["synthetic"] is True
    assert shop.get("gateway", "/stats")[1]["attempts"] <= before
    assert check_order_book(shop.folder).acknowledged == acknowledged
    shop.control.start("load")


def test_a_repeated_charge_gets_the_first_answer(shop: Living) -> None:
    """A key charges once; the same key for another amount is refused."""
    charge = {"order": "twice", "amount_cents": 500, "currency": "USD", "synthetic": True}

    first = shop.post("payments", "/charge", charge, Idempotency_Key="twice-1")
    again = shop.post("payments", "/charge", charge, Idempotency_Key="twice-1")
    other = shop.post(
        "payments", "/charge", charge | {"amount_cents": 1}, Idempotency_Key="twice-1"
    )

    assert first[0] == 201
    assert again == first
    assert other[0] == 422
    assert len(rows(shop, "payments", "SELECT 1 FROM payments WHERE order_id = 'twice'")) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"quantity": 0}, 400),
        ({"sku": "../x"}, 400),
        ({"sku": "boat"}, 422),
        ({"customer": "eve"}, 422),
    ],
)
def test_a_customers_mistake_is_no_failure_of_the_shop(
    shop: Living, change: dict[str, object], status: int
) -> None:
    """A wish that makes no sense is turned down and stays out of the statistics."""
    before = shop.get("gateway", "/stats")[1]["failures"]
    wish = {"order": "odd", "customer": "customer-001", "sku": "mug", "quantity": 1, **change}
    assert shop.post("gateway", "/buy", wish)[0] == status
    assert shop.get("gateway", "/stats")[1]["failures"] <= before


def test_a_dead_analytics_costs_nobody_a_purchase(shop: Living) -> None:
    """Analytics is best effort: the shop sells on without it."""
    before = shop.get("gateway", "/stats")[1]["failures"]
    shop.control.stop("analytics")
    try:
        assert shop.buy("no-analytics", synthetic=False)[0] == 201
        shop.wait_for_sales(10)
        assert shop.get("gateway", "/stats")[1]["failures"] <= before
    finally:
        shop.control.start("analytics")


def test_an_isolated_service_is_not_called_and_an_old_epoch_is_refused(shop: Living) -> None:
    """Isolation answers at once, outlives the gateway, and is lifted only by a current epoch."""
    assert shop.route("payments", "isolated", 7)[0] == 200
    assert shop.route("payments", "isolated", 7)[0] == 200

    assert shop.buy("isolated-1") == (503, {"error": "payments is isolated", "stage": "payments"})
    assert shop.route("payments", "open", 6)[0] == 409
    shop.control.restart("gateway")
    route = {"state": "isolated", "epoch": 7, "key": "isolated-7"}
    assert shop.get("gateway", "/admin/routes")[1]["routes"]["payments"] == route
    assert shop.buy("isolated-1")[0] == 503
    assert not rows(shop, "payments", "SELECT 1 FROM payments WHERE order_id = 'isolated-1'")

    assert shop.route("payments", "open", 8)[0] == 200
    assert shop.buy("isolated-1")[0] == 201
    assert shop.route("moon", "open", 9)[0] == 404


def test_a_killed_orders_process_loses_no_acknowledged_order(shop: Living) -> None:
    """KILL in mid-traffic: purchases fail, nobody restarts it, and the order book balances."""
    shop.wait_for_sales(10)

    killed = shop.control.inject("killed-process")

    assert killed["service"] == "orders"
    eventually(lambda: shop.control.status("orders")["state"] == "stopped", "orders is dead")
    assert shop.control.status("orders")["exit"] == -9
    status, answer = shop.buy("while-dead")
    assert (status, answer["stage"]) == (502, "orders")
    started = shop.control.start("orders")
    assert started["state"] == "running"
    assert started["pid"] != killed["pid"]
    shop.wait_for_sales(10)
    assert shop.buy("while-dead")[0] == 201, "the same order can be bought after all"
    assert check_order_book(shop.folder).balances


def test_a_bad_release_is_healthy_and_useless_until_it_is_rolled_back(shop: Living) -> None:
    """Health says 200 while no purchase works; a commit of the old tree sells again."""
    repository = Repository(shop.layout.release("payments"))
    good_commit, good_tree = repository.head(), repository.tree()
    assert len(repository.run("rev-list", "HEAD").splitlines()) >= 5
    assert len(repository.run("rev-list", "--merges", "HEAD").splitlines()) == 1

    bad = shop.control.inject("bad-release")

    assert (bad["service"], bad["commit"]) == ("payments", repository.head())
    assert bad["tree"] == repository.tree() != good_tree
    status, health = shop.get("payments", "/health")
    assert (status, health["release"]) == (200, bad["tree"])
    assert shop.get("payments", "/deep")[0] == 500
    status, answer = shop.buy("bad-1")
    assert (status, answer["stage"]) == (502, "payments")
    eventually(lambda: shop.get("gateway", "/stats")[1]["failures"] >= 5, "purchases fail")
    assert float(shop.get("gateway", "/stats")[1]["lost"]) > 0

    restarted = roll_back(shop, good_commit)

    assert restarted["release"] == good_tree == repository.tree()
    assert shop.get("payments", "/deep")[0] == 200
    assert shop.buy("bad-1")[0] == 201
    shop.wait_for_sales(5)
    assert check_order_book(shop.folder).balances


def test_the_command_line_is_an_idempotent_actuator(shop: Living) -> None:
    """Exit codes and JSON say what is; asking twice changes nothing more."""

    def ctl(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "allstop.sandbox", "ctl", str(shop.folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    assert ctl("stop", "catalog")[0] == 0
    assert ctl("stop", "catalog")[0] == 0
    code, text = ctl("status", "catalog")
    assert code == 1
    assert '"state": "stopped"' in text
    assert ctl("start", "catalog")[0] == 0
    code, text = ctl("start", "catalog")
    assert code == 0
    assert '"changed": false' in text
    assert ctl("status")[0] == 0
    good = Repository(shop.layout.release("payments")).head()
    assert ctl("inject", "bad-release")[0] == 0
    code, text = ctl("inject", "bad-release")
    assert code == 1
    assert "already" in text
    roll_back(shop, good)


def test_a_stuck_service_is_restarted_by_force(shop: Living) -> None:
    """A stopped process ignores TERM; restart kills it after its grace and starts a new one."""
    stuck = shop.control.status("catalog")["pid"]
    os.kill(stuck, signal.SIGSTOP)

    assert shop.control.status("catalog")["state"] == "unresponsive"
    status, answer = shop.buy("stuck-1")
    assert (status, answer["stage"]) == (502, "catalog")
    restarted = shop.control.restart("catalog")

    assert restarted["state"] == "running"
    assert restarted["pid"] != stuck
    assert shop.buy("stuck-1")[0] == 201

"""Doors, shares and the lever of the shop: who is let in, and how it sells without its catalogue."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from typing import Any

from tests.sandbox.living import Living, ask, eventually


def put(shop: Living, service: str, path: str, epoch: int = 1, **body: Any) -> int:
    order = {**body, "epoch": epoch, "key": f"key-{epoch}"}
    return ask("PUT", f"{shop.record['urls'][service]}{path}", order)[0]


def door(shop: Living, service: str = "gateway") -> dict[str, Any]:
    return shop.get(service, "/admin/door")[1]


def is_empty(shop: Living, service: str) -> bool:
    return bool(door(shop, service)["busy"] == 0)


def test_a_closed_door_takes_nothing_new_outlives_the_process_and_lets_test_purchases_pass(
    shop: Living,
) -> None:
    assert put(shop, "gateway", "/admin/door", 3, state="closed") == 200
    try:
        assert shop.buy("closed-1", synthetic=False)[0] == 503
        assert shop.buy("closed-2")[0] == 201
        eventually(lambda: door(shop)["busy"] == 0, "who was inside has left")
        shop.control.restart("gateway")
        assert door(shop)["door"] == "closed"
        assert put(shop, "gateway", "/admin/door", 2, state="open") == 409
        assert put(shop, "gateway", "/admin/door", 3, state="ajar") == 400
    finally:
        assert put(shop, "gateway", "/admin/door", 3, state="open") == 200
    assert shop.buy("closed-1", synthetic=False)[0] == 201


def test_every_service_has_a_door_of_its_own(shop: Living) -> None:
    shop.control.stop("load")
    for service in ("accounts", "catalog", "payments", "orders", "analytics"):
        assert put(shop, service, "/admin/door", state="closed") == 200
        try:
            eventually(partial(is_empty, shop, service), "what was sent before is done")
            told = {"service": service, "door": "closed", "share": 100, "busy": 0}
            assert door(shop, service) == told
            assert shop.get(service, "/health")[0] == 200
        finally:
            assert put(shop, service, "/admin/door", state="open") == 200
    shop.control.start("load")
    assert shop.buy("doors-1", synthetic=False)[0] == 201


def test_a_share_lets_in_exactly_so_many_of_a_hundred(shop: Living) -> None:
    shop.control.stop("load")
    try:
        for percent, let_in in ((0, 0), (25, 5), (100, 20)):
            assert put(shop, "gateway", "/admin/share", percent=percent) == 200
            wishes = [shop.buy(f"share-{percent}-{one}", synthetic=False)[0] for one in range(20)]
            assert wishes.count(201) == let_in
            assert shop.buy(f"share-{percent}-probe")[0] == 201
        assert put(shop, "gateway", "/admin/share", percent=101) == 400
    finally:
        put(shop, "gateway", "/admin/share", percent=100)
        shop.control.start("load")


def test_who_is_inside_is_counted_while_a_service_behind_hangs(shop: Living) -> None:
    """Given a catalogue that takes connections and answers none, callers pile up, and leave once it is cut off."""
    shop.control.stop("load")
    hung = shop.control.inject("hung-dependency")
    try:
        assert hung["service"] == "catalog"
        assert shop.control.status("catalog")["state"] == "unresponsive"
        buyers = [
            threading.Thread(target=shop.buy, args=(f"hung-{one}",), kwargs={"synthetic": False})
            for one in range(3)
        ]
        for buyer in buyers:
            buyer.start()
        eventually(lambda: door(shop)["busy"] == 3, "all of them wait inside")
        assert shop.get("orders", "/deep")[0] == 500
        for buyer in buyers:
            buyer.join()
        assert door(shop)["busy"] == 0
        assert shop.route("catalog", "isolated", 20)[0] == 200
        assert shop.buy("hung-9")[1]["error"] == "catalog is isolated"
    finally:
        os.kill(hung["pid"], signal.SIGCONT)
        shop.route("catalog", "open", 20)
        shop.control.start("load")


def test_with_the_lever_the_shop_sells_at_remembered_prices_and_asks_for_a_share_of_them(
    shop: Living,
) -> None:
    shop.control.stop("load")
    assert shop.buy("seen-1", sku="mug")[0] == 201
    shop.control.restart("gateway")
    lever = "/admin/levers/remembered-prices"
    assert put(shop, "gateway", lever, 30, state="on") == 200
    assert put(shop, "gateway", lever, 30, state="on") == 200
    try:
        assert shop.buy("unseen")[0] == 503, "nobody has asked for it since the start"
        assert put(shop, "gateway", "/admin/shares/catalog", 30, percent=100) == 200
        assert shop.buy("seen-2")[0] == 201
        assert put(shop, "gateway", "/admin/shares/catalog", 30, percent=0) == 200
        shop.control.stop("catalog")
        assert shop.route("catalog", "isolated", 30)[0] == 200
        sold = shop.buy("without", synthetic=False)
        assert (sold[0], sold[1]["amount_cents"]) == (201, 1900)
        assert shop.get("gateway", "/admin/levers")[1] == {"remembered_prices": True, "share": 0}
        assert put(shop, "gateway", "/admin/shares/orders", 30, percent=0) == 404
        assert put(shop, "gateway", "/admin/levers/free-beer", 30, state="on") == 400
        assert put(shop, "gateway", lever, 29, state="off") == 409
    finally:
        shop.control.start("catalog")
        assert shop.route("catalog", "open", 31)[0] == 200
        assert put(shop, "gateway", lever, 31, state="off") == 200
        shop.control.start("load")
    assert shop.buy("with-again", sku="honey")[0] == 201


def test_an_order_at_another_price_than_the_catalogue_asks_is_refused(shop: Living) -> None:
    wish = {
        "order": "cheap", "customer": "customer-001", "sku": "mug", "quantity": 2, "amount_cents": 1,
        "payment": "pay-1", "synthetic": True,
    }  # fmt: skip
    assert shop.post("orders", "/orders", wish)[0] == 422
    assert shop.post("orders", "/orders", wish | {"remembered": True})[0] == 201


def test_a_process_is_killed_at_once_on_request(shop: Living) -> None:
    pid = shop.control.status("analytics")["pid"]
    killed = shop.control.call({"verb": "kill", "service": "analytics"})
    assert (killed["state"], killed["changed"]) == ("stopped", True)
    assert killed["exit"] in (0, -9)
    again = shop.control.call({"verb": "kill", "service": "analytics"})
    assert again["changed"] is False
    assert shop.control.start("analytics")["pid"] != pid

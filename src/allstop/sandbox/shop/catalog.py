"""Catalog: what there is to buy, and for how much."""

from __future__ import annotations

from allstop.sandbox.shop.switches import Door
from allstop.sandbox.shop.wire import Answer, Body, RefusedError, Request, Service, port

CURRENCY = "USD"
PRICES_CENTS = {
    "kettle": 3490,
    "teapot": 2850,
    "mug": 950,
    "coffee-beans": 1490,
    "green-tea": 1190,
    "biscuits": 450,
    "honey": 720,
    "lamp": 5900,
    "blanket": 4450,
    "notebook": 680,
    "pencils": 390,
    "clock": 7990,
}


def price(sku: str) -> Body:
    """The price of one piece. Raises RefusedError (404) for what the shop does not sell."""
    try:
        return {"sku": sku, "unit_cents": PRICES_CENTS[sku], "currency": CURRENCY}
    except KeyError:
        raise RefusedError(404, f"no such article: {sku}") from None


def get_price(request: Request) -> Answer:
    """GET /price/<sku>."""
    return Answer(200, price(request.tail))


def deep() -> Body:
    """Look up a price."""
    return price("kettle")


if __name__ == "__main__":
    Service("catalog", deep, Door("catalog").guard({"GET /price/*": get_price})).serve(port())

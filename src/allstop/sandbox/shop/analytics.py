"""Analytics: counts what was sold. Nothing depends on it."""

from __future__ import annotations

import threading
from collections import Counter

from allstop.sandbox.shop.switches import Door
from allstop.sandbox.shop.wire import Answer, Body, Request, Service, port, text_of

_sold: Counter[str] = Counter()
_lock = threading.Lock()


def post_event(request: Request) -> Answer:
    """POST /events {"kind","sku"}: best effort, kept in memory only."""
    kind, sku = text_of(request.body, "kind"), text_of(request.body, "sku")
    with _lock:
        _sold[f"{kind} {sku}"] += 1
    return Answer(202, {"counted": True})


def deep() -> Body:
    """Count."""
    with _lock:
        return {"events": sum(_sold.values())}


if __name__ == "__main__":
    Service("analytics", deep, Door("analytics").guard({"POST /events": post_event})).serve(port())

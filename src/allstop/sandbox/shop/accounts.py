"""Accounts: signs customers in."""

from __future__ import annotations

import secrets
import threading

from allstop.sandbox.shop.switches import Door
from allstop.sandbox.shop.wire import Answer, Body, RefusedError, Request, Service, port, text_of

TEST_CUSTOMER = "probe"
CUSTOMERS = frozenset({TEST_CUSTOMER, *(f"customer-{number:03}" for number in range(1, 501))})

_sessions: dict[str, str] = {}
_lock = threading.Lock()


def sign_in(customer: str) -> Body:
    """Open a session for a customer, or renew it. Raises RefusedError (404) for a stranger."""
    if customer not in CUSTOMERS:
        raise RefusedError(404, f"no customer {customer}")
    session = secrets.token_hex(8)
    with _lock:
        _sessions[customer] = session
    return {"customer": customer, "session": session}


def post_sign_in(request: Request) -> Answer:
    """POST /sign-in {"customer"}."""
    return Answer(200, sign_in(text_of(request.body, "customer")))


def deep() -> Body:
    """Sign the test customer in."""
    return {"customer": sign_in(TEST_CUSTOMER)["customer"]}


if __name__ == "__main__":
    Service("accounts", deep, Door("accounts").guard({"POST /sign-in": post_sign_in})).serve(port())

"""The notifier `webhook`: signed, keyed, patient."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from allstop.adapters.webhook import Webhook
from allstop.domain.effects import Ending
from tests.adapters import loopback
from tests.adapters.worlds import Blobs, effect

SECRET = base64.b64encode(b"x" * 24).decode()


@pytest.mark.parametrize("written", [f"whsec_{SECRET}\n", SECRET])
async def test_a_message_is_signed_as_the_standard_says(tmp_path: Path, written: str) -> None:
    """Given a secret, the signature covers id, time and body; the id is the same at each attempt."""
    secret = tmp_path / "secret"
    secret.write_text(written)
    async with loopback.serving({"/": loopback.says(200, {})}) as world:
        options = {
            "url": world.url("/"),
            "secret_file": str(secret),
            "to": "ops",
            "subject": "Stop",
            "text": "Now.\nPlease.",
        }
        for _ in range(2):
            outcome = await Webhook().act(effect("post", options), Blobs())
            assert outcome.ending is Ending.DONE
        first, second = world.requests
    assert first.json() == {
        "id": "incident/INC-1:7:0",
        "to": "ops",
        "subject": "Stop",
        "text": "Now.\nPlease.",
    }
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.json()["id"]
    assert first.headers["idempotency-key"] == first.headers["webhook-id"]
    signed = f"{first.headers['webhook-id']}.{first.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(b"x" * 24, signed + first.body, hashlib.sha256).digest()
    assert first.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


@pytest.mark.parametrize("written", ["", "whsec_", "not base64!", "a" * 5000])
async def test_a_bad_secret_sends_nothing(tmp_path: Path, written: str) -> None:
    """Given a secret that is none, it fails before anything is sent, and does not show it."""
    secret = tmp_path / "secret"
    secret.write_text(written)
    async with loopback.serving({"/": loopback.says(200, {})}) as world:
        options = {"url": world.url("/"), "secret_file": str(secret)}
        outcome = await Webhook().act(effect("post", options), Blobs())
        assert outcome.ending is Ending.FAILED
        assert world.requests == []
    assert not written or written not in outcome.because


@pytest.mark.parametrize(
    ("handler", "ending"),
    [
        (loopback.says(429, b"", {"retry-after": "30"}), Ending.RETRY),
        (loopback.says(502, b""), Ending.RETRY),
        (loopback.says(409, b""), Ending.DONE),
        (loopback.says(410, b"gone"), Ending.FAILED),
        (loopback.says(307, b"", {"location": "/x"}), Ending.FAILED),
        (loopback.hangs, Ending.UNKNOWN),
    ],
)
async def test_how_it_ends(handler: loopback.Handler, ending: Ending) -> None:
    """Given an answer, the table of the http adapter holds; 409 means: already received."""
    async with loopback.serving({"/": handler}) as world:
        wanted = effect("post", {"url": world.url("/")}, timeout_ms=400)
        assert (await Webhook().act(wanted, Blobs())).ending is ending


async def test_an_id_that_cannot_stand_in_a_header_is_encoded() -> None:
    """Given an id with line breaks, no header can be smuggled in."""
    async with loopback.serving({"/": loopback.says(200, {})}) as world:
        wanted = effect("post", {"url": world.url("/")}, id="a\r\nx-evil: 1")
        assert (await Webhook().act(wanted, Blobs())).ending is Ending.DONE
        assert "x-evil" not in world.requests[0].headers

"""The probe `http` against hostile answers."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from allstop.adapters.http_probe import HttpProbe
from tests.adapters import loopback


async def measure(
    url: str, timeout_ms: int = 3000, **options: Any
) -> tuple[bool | None, str, dict[str, Any]]:
    sample, facts = await HttpProbe().measure("p", {"url": url, **options}, timeout_ms)
    return sample.good, sample.text, facts


async def test_facts_are_the_top_level_scalars() -> None:
    """Given a JSON object, floats become decimal strings, nested values and nulls are no facts."""
    body = b'{"n": 3, "ok": true, "rate": 0.10, "big": 12345678901234567890, "s": "x", "d": {}, "z": null}'
    async with loopback.serving({"/": loopback.says(200, body)}) as world:
        good, _, facts = await measure(world.url("/"))
    assert good is True
    assert facts == {"n": 3, "ok": True, "rate": "0.10", "big": "12345678901234567890", "s": "x"}


@pytest.mark.parametrize(
    ("body", "expected", "why"),
    [
        (b'{"a": {"b": 1}}', {"a.b": 1}, ""),
        (b'{"a": [{"b": "x"}]}', {"a.0.b": "x"}, ""),
        (b'{"a": 1.50}', {"a": "1.50"}, ""),
        (b'{"a": null}', {"a": None}, ""),
        (b'{"a": true}', {"a": 1}, "a is true, not 1"),
        (b'{"a": 1}', {"a": True}, "a is 1, not true"),
        (b'{"a": "1"}', {"a": 1}, 'a is "1", not 1'),
        (b"{}", {"a.b": 1}, "a.b is missing"),
        (b"[]", {"9.b": 1}, "9.b is missing"),
        (b'{"a": {}}', {"a": 1}, "a is something else, not 1"),
        (b'{"a": NaN}', {"a": 1}, "no JSON"),
        (b'{"a": 1e999999999}', {"a": 1}, "something else"),
        (b'{"a": "\\ud800"}', {"a": "x"}, 'a is "", not "x"'),
        (b"[" * 100_000, {"a": 1}, "longer than"),
        (b"[" * 60_000, {"a": 1}, "no JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": 1}, "no JSON"),
        (b"\xff\xfe", {"a": 1}, "no JSON"),
        (b"", {"a": 1}, "no JSON"),
    ],
)
async def test_what_the_answer_must_say(body: bytes, expected: dict[str, Any], why: str) -> None:
    """Given an expectation, only an answer that says exactly this is good, whatever comes."""
    async with loopback.serving({"/": loopback.says(200, body)}) as world:
        good, text, _ = await measure(world.url("/"), expect_json=expected)
    assert good is (not why), text
    assert why in text


async def test_a_redirect_is_not_followed() -> None:
    """Given a redirect to a page that is fine, the answer counts as what it is: not the page."""
    routes = {"/": loopback.says(302, b"", {"location": "/fine"}), "/fine": loopback.says(200, {})}
    async with loopback.serving(routes) as world:
        good, text, _ = await measure(world.url("/"))
        assert (good, text) == (False, "answered 302")
        assert [request.path for request in world.requests] == ["/"]
        assert (await measure(world.url("/"), expect_status=[302]))[0] is True


@pytest.mark.parametrize("handler", [loopback.trickles, loopback.hangs])
async def test_slowness_ends_at_the_timeout(handler: loopback.Handler) -> None:
    """Given an answer that never ends, the whole time counts, not the silence between bytes."""
    async with loopback.serving({"/": handler}) as world:
        good, text, _ = await measure(world.url("/"), 500)
    assert (good, text) == (False, "no answer within 0.5s")


async def test_an_endless_body_is_cut() -> None:
    """Given a body without end, the status still counts, and no more than max_bytes is read."""
    async with loopback.serving({"/": loopback.floods}) as world:
        good, _, facts = await measure(world.url("/"), max_bytes=1000)
        assert (good, facts) == (True, {})
        good, text, _ = await measure(world.url("/"), max_bytes=1000, expect_json={"a": 1})
    assert good is False
    assert "longer than 1000 bytes" in text


async def test_a_compressed_bomb_is_not_unfolded() -> None:
    """Given a compressed answer nobody asked for, it is taken as bytes without sense."""
    bomb = gzip.compress(b"[" + b" " * 10_000_000 + b"]")
    async with loopback.serving(
        {"/": loopback.says(200, bomb, {"content-encoding": "gzip"})}
    ) as world:
        good, text, _ = await measure(world.url("/"), expect_json={"a": 1})
        assert world.requests[0].headers["accept-encoding"] == "identity"
    assert good is False
    assert "no JSON" in text


async def test_who_does_not_listen_refuses() -> None:
    """Given a closed port, it is bad with the words people know."""
    good, text, _ = await measure(f"http://127.0.0.1:{loopback.closed_port()}/")
    assert (good, text) == (False, "connection refused")


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "nonsense", "", "http://[::1", "http://x:99999999/"]
)
async def test_an_impossible_address_is_neither_good_nor_bad(url: str) -> None:
    """Given an address nobody can ask, the probe could not run."""
    assert (await measure(url))[0] is None


async def test_synthetic_transactions_are_fresh_each_time() -> None:
    """Given {unique} in the body, every measurement sends another id, in nested places too."""
    async with loopback.serving({"/": loopback.says(201, {})}) as world:
        for _ in range(2):
            good, _, _ = await measure(
                world.url("/"), method="POST", json={"id": "{unique}", "l": ["x-{unique}"]}
            )
            assert good is True
        first, second = (request.json() for request in world.requests)
    assert first["id"] != second["id"]
    assert first["l"] == [f"x-{first['id']}"]


async def test_no_proxy_and_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given proxy settings around us, the probe asks the target itself."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{loopback.closed_port()}")
    async with loopback.serving({"/": loopback.says(200, {})}) as world:
        assert (await measure(world.url("/")))[0] is True


async def test_hanging_up_is_bad() -> None:
    """Given a server that closes without a word, or talks no HTTP, it is bad and says why."""
    async with loopback.serving({"/": loopback.hangs_up, "/n": loopback.no_http}) as world:
        for path in ("/", "/n"):
            good, text, _ = await measure(world.url(path))
            assert good is False
            assert text


async def test_a_cancelled_measurement_ends_at_once() -> None:
    """Given a measurement under way, when cancelled, it does not swallow the cancellation."""
    async with loopback.serving({"/": loopback.hangs}) as world:
        task = asyncio.ensure_future(measure(world.url("/"), 60_000))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

"""The actuator `http`: fencing, retry, unknown, observation."""

from __future__ import annotations

import email.utils
from dataclasses import dataclass
from typing import Any

import pytest

from allstop.adapters.http import Http
from allstop.adapters.mechanisms.http_calls import retry_after_ms
from allstop.domain.effects import Ending, Outcome
from tests.adapters import loopback
from tests.adapters.worlds import Blobs, effect


async def put(handler: loopback.Handler, timeout_ms: int = 5000, **options: Any) -> Outcome:
    async with loopback.serving({"/": handler}) as world:
        wanted = effect("put", {"url": world.url("/"), **options}, timeout_ms=timeout_ms)
        return await Http().act(wanted, Blobs())


async def test_placeholders_become_the_epoch_and_the_key() -> None:
    """Given placeholders, {epoch} alone is a number, inside a text it is text, {key} the id."""
    async with loopback.serving({"/": loopback.says(200, {})}) as world:
        body = {"seq": "{epoch}", "note": "order {epoch}", "deep": [{"id": "{key}"}], "n": 1}
        wanted = effect("put", {"url": world.url("/"), "json": body})
        await Http().act(wanted, Blobs())
        assert world.requests[0].method == "PUT"
        assert world.requests[0].json() == {
            "seq": 5,
            "note": "order 5",
            "deep": [{"id": wanted.id}],
            "n": 1,
        }


@pytest.mark.parametrize(
    ("status", "headers", "ending", "after_ms"),
    [
        (200, {}, Ending.DONE, 0),
        (204, {}, Ending.DONE, 0),
        (302, {"location": "/"}, Ending.FAILED, 0),
        (400, {}, Ending.FAILED, 0),
        (409, {}, Ending.FAILED, 0),
        (429, {"retry-after": "7"}, Ending.RETRY, 7000),
        (503, {}, Ending.RETRY, 1000),
        (500, {"retry-after": "garbage"}, Ending.RETRY, 1000),
        (503, {"retry-after": "99999999"}, Ending.RETRY, 3_600_000),
    ],
)
async def test_what_a_status_means(
    status: int, headers: dict[str, str], ending: Ending, after_ms: int
) -> None:
    """Given a status, it is done, later, or never; Retry-After is honoured up to an hour."""
    outcome = await put(loopback.says(status, b"", headers))
    assert (outcome.ending, outcome.after_ms) == (ending, after_ms)


async def test_a_newer_order_is_named() -> None:
    """Given 409, the reason says that somebody has decided meanwhile."""
    outcome = await put(loopback.says(409, b""))
    assert outcome.because == "refused: a newer order has been given"


async def test_sent_and_unanswered_is_unknown() -> None:
    """Given a request that was sent, silence or a hang-up leaves it unknown, not failed."""
    for handler in (loopback.hangs, loopback.hangs_up, loopback.no_http, loopback.trickles):
        assert (await put(handler, 400)).ending is Ending.UNKNOWN


async def test_never_sent_is_later() -> None:
    """Given nobody who listens, nothing was sent: try again."""
    wanted = effect("put", {"url": f"http://127.0.0.1:{loopback.closed_port()}/"})
    outcome = await Http().act(wanted, Blobs())
    assert (outcome.ending, outcome.because) == (Ending.RETRY, "connection refused")


async def test_observation_asks_the_service() -> None:
    """Given observe_url, the state decides: it holds, it does not, or nobody can tell."""
    state: dict[str, Any] = {"mode": "open", "seq": 4}

    async def show(_: loopback.Received, writer: Any) -> None:
        await loopback.says(200, state)(_, writer)

    async with loopback.serving({"/s": show, "/hang": loopback.hangs}) as world:
        options = {
            "url": world.url("/s"),
            "observe_url": world.url("/s"),
            "expect_json": {"mode": "closed", "seq": "{epoch}"},
        }
        assert (await Http().observe(effect("put", options))).ending is Ending.FAILED
        state.update(mode="closed", seq=5)
        assert (await Http().observe(effect("put", options))).ending is Ending.DONE
        options["observe_url"] = world.url("/hang")
        late = await Http().observe(effect("put", options, timeout_ms=300))
        assert late.ending is Ending.UNKNOWN
    assert (await Http().observe(effect("put", {"url": "http://x/"}))).ending is Ending.UNKNOWN


async def test_a_reading_is_kept() -> None:
    """Given an answer, its body is evidence and its scalars are facts, also of an error page."""
    blobs = Blobs()
    routes = {"/ok": loopback.says(200, {"rows": 3}), "/no": loopback.says(403, b"go away")}
    async with loopback.serving(routes) as world:
        fine = await Http().act(effect("read", {"url": world.url("/ok")}), blobs)
        refused = await Http().act(effect("read", {"url": world.url("/no")}), blobs)
    assert (fine.ending, fine.facts) == (Ending.DONE, {"rows": 3, "status": 200})
    assert blobs.held[fine.evidence] == b'{"rows": 3}'
    assert (refused.ending, blobs.held[refused.evidence]) == (Ending.FAILED, b"go away")


@dataclass
class Till:
    """A service that can be drained. It has `left` purchases under way, one less at each look."""

    left: int = 3
    draining: bool = False
    seq: int = 0
    orders: int = 0
    deaf: bool = False

    async def order(self, request: loopback.Received, writer: Any) -> None:
        self.orders += 1
        if request.json()["seq"] < self.seq:
            writer.write(loopback.raw(409, b"{}"))
            return
        self.draining, self.seq = not self.deaf, request.json()["seq"]
        writer.write(loopback.raw(202, b"{}"))

    async def show(self, request: loopback.Received, writer: Any) -> None:
        if self.draining and self.left:
            self.left -= 1
        state = {"draining": self.draining, "left": self.left, "seq": self.seq}
        await loopback.says(200, state)(request, writer)


async def switch(world: loopback.Loopback, timeout_ms: int = 5000, **more: Any) -> Outcome:
    options = {
        "url": world.url("/drain"),
        "json": {"seq": "{epoch}"},
        "read_url": world.url("/state"),
        "read_json": {"draining": True, "left": 0},
        **more,
    }
    return await Http().act(effect("switch", options, timeout_ms=timeout_ms), Blobs())


async def test_a_switch_is_done_when_it_is_seen_not_when_it_is_accepted() -> None:
    """Given a service that takes a drain with 202, it is done once nothing is under way any more."""
    till = Till()
    async with loopback.serving({"/drain": till.order, "/state": till.show}) as world:
        outcome = await switch(world)
        assert (outcome.ending, outcome.because) == (
            Ending.DONE,
            "answered 202; the state holds",
        )
        assert outcome.facts == {"draining": True, "left": 0, "seq": 5}
        again = await switch(world)
        assert (again.because, till.orders) == ("the state held already", 1)


async def test_a_switch_that_is_accepted_and_not_seen_is_unknown() -> None:
    """Given a service that says 202 and does nothing, or not in time, then nothing is claimed."""
    till = Till(deaf=True)
    async with loopback.serving({"/drain": till.order, "/state": till.show}) as world:
        outcome = await switch(world, 400)
    assert outcome.ending is Ending.UNKNOWN
    assert outcome.because == ("answered 202; not seen within 0.4s: draining is false, not true")


@pytest.mark.parametrize("lost", [loopback.hangs_up, loopback.no_http])
async def test_a_lost_answer_does_not_matter_when_the_state_holds(lost: loopback.Handler) -> None:
    """Given a request that took effect and whose answer was lost, the state tells."""
    till = Till()

    async def take(request: loopback.Received, writer: Any) -> None:
        till.draining = True
        await lost(request, writer)

    async with loopback.serving({"/drain": take, "/state": till.show}) as world:
        outcome = await switch(world)
    assert outcome.ending is Ending.DONE
    assert outcome.because.startswith("sent, but ")


async def test_a_switch_can_be_refused() -> None:
    """Given a newer order, an unexpected status, or nobody there, the reason is the ordinary one."""
    till = Till(seq=9)
    routes = {"/drain": till.order, "/state": till.show, "/busy": loopback.says(503, b"")}
    async with loopback.serving(routes) as world:
        newer = await switch(world)
        assert newer.because == "refused: a newer order has been given"
        assert not till.draining
        assert (await switch(world, url=world.url("/busy"))).ending is Ending.RETRY
        absent = await switch(world, url=f"http://127.0.0.1:{loopback.closed_port()}/")
        assert absent.ending is Ending.RETRY
        till.seq = 0
        picky = await switch(world, expect_status=[200])
        assert (picky.ending, picky.because) == (Ending.FAILED, "answered 202")
        till.draining = False
        fine = await switch(world, expect_status=[200, 202])
        assert fine.ending is Ending.DONE


async def test_a_switch_needs_something_to_read() -> None:
    """Given no state to expect, it is no switch: nothing could be seen."""
    async with loopback.serving({}) as world:
        outcome = await switch(world, read_json={})
        assert (outcome.ending, "read_json" in outcome.because) == (Ending.FAILED, True)
        assert world.requests == []


async def test_a_check_beforehand_only_reads() -> None:
    """Given options, `verify` connects and reads the state, and sends nothing else."""
    till = Till()
    routes = {"/drain": till.order, "/state": till.show, "/page": loopback.says(200, b"<html>")}
    async with loopback.serving(routes) as world:
        options = {
            "url": world.url("/drain"),
            "read_url": world.url("/state"),
            "read_json": {"left": 0},
        }
        assert (await Http().verify(options, 2000)).ending is Ending.DONE
        page = {**options, "read_url": world.url("/page")}
        assert (await Http().verify(page, 2000)).because.endswith("answered what is no JSON")
        assert (await Http().verify({"url": world.url("/drain")}, 2000)).ending is Ending.DONE
        assert {request.method for request in world.requests} == {"GET"}
        assert till.orders == 0
    absent = {"url": f"http://127.0.0.1:{loopback.closed_port()}/"}
    assert (await Http().verify(absent, 2000)).ending is Ending.UNKNOWN
    assert (await Http().verify({"url": "ftp://x/"}, 2000)).ending is Ending.FAILED
    assert (await Http().verify({"nonsense": 1}, 2000)).ending is Ending.FAILED


def test_retry_after_may_be_a_date() -> None:
    """Given a date, the wait is until then; a date in the past is no wait."""
    assert retry_after_ms({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 1000
    far = email.utils.formatdate(4_000_000_000, usegmt=True)
    assert retry_after_ms({"retry-after": far}) == 3_600_000

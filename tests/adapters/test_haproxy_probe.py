"""The probe `haproxy`: servers, backends, frontends, and the share of errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from allstop.adapters.haproxy.probe import HAProxyProbe
from tests.adapters import haproxies, loopback
from tests.adapters.haproxies import Shop, World, get

FARM = """
frontend shop
  bind 127.0.0.1:{{port}}
  default_backend be
backend be
  server up 127.0.0.1:{shop} check inter 30ms rise 1 fall 1
  server down 127.0.0.1:{nobody} check inter 30ms rise 1 fall 1
  server unchecked 127.0.0.1:{shop} weight 0
backend leader
  server a 127.0.0.1:{shop} check inter 30ms rise 1
backend follower
  server x 127.0.0.1:{shop} track leader/a
backend heavy
  server one 127.0.0.1:{shop} weight 100
listen raw
  mode tcp
  bind unix@{{folder}}/raw
  server one 127.0.0.1:{shop}
"""


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with haproxies.serving_shop() as shop:
        yield shop


@pytest.fixture
async def world(shop: Shop) -> AsyncIterator[World]:
    with haproxies.running(FARM.format(shop=shop.port, nobody=loopback.closed_port())) as world:
        world.until(
            lambda: world.status("be/up") == "UP" and world.status("be/down") == "DOWN",
            "the checks came to nothing",
        )
        yield world


async def measure(
    world: World, probe: HAProxyProbe | None = None, **options: Any
) -> tuple[bool | None, str, dict[str, Any]]:
    chosen = {"socket": world.admin, **options}
    sample, facts = await (probe or HAProxyProbe()).measure("p", chosen, 5000)
    return sample.good, sample.text, facts


async def test_up_needs_a_health_check_that_passes(world: World) -> None:
    """Given servers, only one whose check passes is up; one nobody checks is neither."""
    good, _, facts = await measure(world, expect="up", server="be/up")
    assert (good, facts["status"], facts["takes_traffic"]) == (True, "UP", True)

    good, text, _ = await measure(world, expect="up", server="be/down")
    assert (good, "takes no traffic" in text) == (False, True)

    world.order("set server be/unchecked weight 1")
    good, text, _ = await measure(world, expect="up", server="be/unchecked")
    assert (good, "nothing checks" in text) == (None, True)
    assert (await measure(world, expect="ready", server="be/unchecked"))[0] is True

    world.order("set server be/up state drain")
    assert (await measure(world, expect="up", server="be/up"))[0] is False


async def test_drained_is_when_nothing_is_left(world: World, shop: Shop) -> None:
    """Given a drain, it is not over while a session is left, nor when a server is merely down."""
    assert (await measure(world, expect="drained", server="be/up"))[0] is False
    assert (await measure(world, expect="drained", server="be/down"))[0] is False
    request = asyncio.ensure_future(get(world.port, "/slow"))
    await shop.begun.wait()
    world.order("set server be/up state drain")

    good, text, facts = await measure(world, expect="drained", server="be/up")
    assert (good, facts["sessions"]) == (False, 1)
    assert "1 sessions" in text

    shop.finish.set()
    await request
    world.until(lambda: world.sessions("be/up") == 0, "the session did not end")
    assert (await measure(world, expect="drained", server="be/up"))[0] is True
    assert (await measure(world, expect="drained", server="be/unchecked"))[0] is True, "weight 0"


async def test_who_follows_a_drained_server_is_drained(world: World) -> None:
    """Given a server that tracks another, then it is drained with it, by no order of its own."""
    assert (await measure(world, expect="drained", server="follower/x"))[0] is False
    world.order("set server leader/a state drain")
    assert (await measure(world, expect="drained", server="follower/x"))[0] is True


async def test_weighs_sees_each_step_of_a_ramp(world: World) -> None:
    """Given a share, the weight is compared with what it comes to; one that comes to nothing is none."""
    world.order("set server heavy/one weight 25%")
    assert (await measure(world, expect="weighs", server="heavy/one", percent=25))[0] is True
    good, text, _ = await measure(world, expect="weighs", server="heavy/one", percent=50)
    assert (good, text) == (False, "heavy/one weighs 25 of 100, 50 wanted")
    world.order("set server be/up weight 0")
    assert (await measure(world, expect="weighs", server="be/up", percent=0))[0] is True
    good, text, _ = await measure(world, expect="weighs", server="be/up", percent=50)
    assert (good, "is nothing" in text) == (None, True)
    unfilled = await measure(world, expect="weighs", server="heavy/one", percent="{percent}")
    assert unfilled[0] is None


async def test_enough_counts_who_takes_traffic(world: World) -> None:
    """Given three servers of which one takes traffic, then one is enough and two are not."""
    good, text, facts = await measure(world, expect="enough", backend="be")
    assert (good, facts) == (True, {"servers": 3, "serving": 1})
    assert text == "1 of 3 servers of be take traffic, 1 wanted"
    assert (await measure(world, expect="enough", backend="be", at_least=2))[0] is False


async def test_errors_are_counted_since_the_last_look(world: World) -> None:
    """Given answers, the share of errors is that since the last look, and nothing without answers."""
    probe, few = HAProxyProbe(), {"expect": "few-errors", "backend": "be", "most_percent": 25}
    await get(world.port, "/broken")
    assert (await measure(world, probe, **few))[:2] == (
        None,
        "the first look: nothing to compare with",
    )
    assert (await measure(world, probe, **few))[0] is None, "no answers, no share"

    for path in ("/", "/", "/", "/broken"):
        await get(world.port, path)
    good, text, facts = await measure(world, probe, **few)
    assert (good, facts) == (True, {"answers": 4, "errors": 1})
    assert text == "1 of 4 answers since the last look are errors"

    for path in ("/", "/broken"):
        await get(world.port, path)
    assert (await measure(world, probe, **few))[0] is False
    assert (await measure(world, probe, **few, server=""))[0] is None
    of_server = {"expect": "few-errors", "server": "be/up", "least_answers": 2}
    await measure(world, probe, **of_server)
    await get(world.port, "/")
    good, text, _ = await measure(world, probe, **of_server)
    assert (good, text) == (None, "only 1 answers since the last look")


async def test_a_restart_begins_the_count_anew(world: World) -> None:
    """Given an HAProxy that was restarted, then its smaller counts are no share of anything."""
    probe, few = HAProxyProbe(), {"expect": "few-errors", "backend": "be"}
    await get(world.port)
    await measure(world, probe, **few)
    world.stop()
    world.start()

    good, text, _ = await measure(world, probe, **few)

    assert (good, "anew" in text) == (None, True)


async def test_tcp_has_no_statuses(world: World) -> None:
    """Given a proxy in mode tcp, then nobody counts errors, and that is said."""
    good, text, _ = await measure(world, expect="few-errors", backend="raw")
    assert (good, text) == (None, "HAProxy counts no statuses in mode tcp")


async def test_frontends_are_open_or_closed(world: World) -> None:
    """Given a frontend, then it is open until it is disabled."""
    assert (await measure(world, expect="open", frontend="shop"))[0] is True
    world.order("disable frontend shop")
    assert (await measure(world, expect="open", frontend="shop"))[0] is False
    assert (await measure(world, expect="closed", frontend="shop"))[0] is True


@pytest.mark.parametrize(
    "options",
    [
        {"expect": "up"},
        {"expect": "up", "backend": "be"},
        {"expect": "up", "server": "be/up", "backend": "be"},
        {"expect": "open", "server": "be/up"},
        {"expect": "up", "server": "be/no"},
        {"expect": "up", "server": "be/up", "percent": 5},
        {"expect": "weighs", "server": "be/up"},
        {"expect": "enough", "backend": "no"},
        {"expect": "open", "frontend": "be"},
        {"expect": "up", "server": "be/up;show info"},
    ],
)
async def test_what_does_not_exist_is_neither_good_nor_bad(
    world: World, options: dict[str, Any]
) -> None:
    """Given options that name nothing, or the wrong kind of thing, then the probe could not run."""
    good, text, facts = await measure(world, **options)
    assert good is None
    assert text
    assert facts == {}

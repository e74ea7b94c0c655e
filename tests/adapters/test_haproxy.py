"""The actuator `haproxy`: drains, weights, closed frontends, and what HAProxy does not say by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.haproxy.actuator import HAProxy
from allstop.domain.effects import Ending, Outcome
from tests.adapters import haproxies
from tests.adapters.haproxies import Shop, World, get
from tests.adapters.worlds import Blobs, effect

FARM = """
frontend shop
  bind 127.0.0.1:{{port}}
  default_backend be
backend be
  server a 127.0.0.1:{shop} weight 100
  server b 127.0.0.1:9 weight 1 disabled
backend pair
  server one 127.0.0.1:9 weight 100
  server two 127.0.0.1:9 weight 100
backend spare
  server main 127.0.0.1:9
  server backup 127.0.0.1:9 backup
backend leader
  server a 127.0.0.1:{shop} check inter 50ms rise 1
  server b 127.0.0.1:{shop} check inter 50ms rise 1
backend follower
  server x 127.0.0.1:9 track leader/a
backend static
  balance static-rr
  server one 127.0.0.1:9 weight 100
  server two 127.0.0.1:9 weight 100
"""


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with haproxies.serving_shop() as shop:
        yield shop


@pytest.fixture
async def world(shop: Shop) -> AsyncIterator[World]:
    with haproxies.running(FARM.format(shop=shop.port)) as world:
        yield world


async def act(
    verb: str, world: World, epoch: int = 5, timeout_ms: int = 8000, **more: Any
) -> Outcome:
    options = {"socket": world.admin, **more}
    return await HAProxy().act(effect(verb, options, epoch=epoch, timeout_ms=timeout_ms), Blobs())


# --- draining --------------------------------------------------------------------------------


async def test_a_drain_loses_no_request(world: World, shop: Shop) -> None:
    """Given a request under way, when drained, then it is answered, and only then the drain is done."""
    request = asyncio.ensure_future(get(world.port, "/slow"))
    await shop.begun.wait()
    drain = asyncio.ensure_future(act("drain", world, server="be/a", last=True))
    await asyncio.to_thread(
        world.until, lambda: world.state("be/a") == "drain", "nothing was drained"
    )
    assert not drain.done()

    shop.finish.set()

    assert await request == "HTTP/1.1 200 X"
    outcome = await drain
    assert outcome.ending is Ending.DONE
    assert outcome.because == "be/a takes nothing new, no session left, 1 session ended"
    assert outcome.facts["sessions"] == 0


async def test_a_drain_that_is_not_over_in_time_has_failed_and_stays(
    world: World, shop: Shop
) -> None:
    """Given a request that does not end, then the drain says how many are left, and is no no-op."""
    request = asyncio.ensure_future(get(world.port, "/slow"))
    await shop.begun.wait()

    outcome = await act("drain", world, server="be/a", last=True, timeout_ms=2000)

    assert outcome.ending is Ending.FAILED
    assert outcome.because == "1 session left on be/a after 2s; it takes nothing new"
    assert world.state("be/a") == "drain"
    wanted = effect("drain", {"socket": world.admin, "server": "be/a"})
    assert (await HAProxy().observe(wanted)).because == "1 session left on be/a"
    shop.finish.set()
    assert await request == "HTTP/1.1 200 X"


async def test_a_drain_notices_that_somebody_undid_it(world: World, shop: Shop) -> None:
    """Given a drain that waits, when a newer order ends it, then it says so and claims nothing."""
    request = asyncio.ensure_future(get(world.port, "/slow"))
    await shop.begun.wait()
    drain = asyncio.ensure_future(act("drain", world, server="be/a", last=True))
    await asyncio.to_thread(
        world.until, lambda: world.state("be/a") == "drain", "nothing was drained"
    )

    undone = await act("undrain", world, epoch=6, server="be/a")

    assert undone.ending is Ending.DONE
    outcome = await drain
    assert (outcome.ending, outcome.because) == (
        Ending.FAILED,
        "somebody let be/a take traffic again",
    )
    shop.finish.set()
    await request


async def test_maintenance_kills_when_asked(world: World, shop: Shop) -> None:
    """Given a request under way, then maintenance leaves it alone, and cuts it with `kill`."""
    request = asyncio.ensure_future(get(world.port, "/slow"))
    await shop.begun.wait()

    gentle = await act("maint", world, server="be/a", last=True)
    assert (gentle.ending, gentle.because) == (Ending.DONE, "be/a takes nothing, 1 session left")
    assert world.sessions("be/a") == 1

    harsh = await act("maint", world, server="be/a", last=True, kill=True)
    assert harsh.ending is Ending.DONE
    assert world.sessions("be/a") == 0
    assert not (await request).startswith("HTTP/1.1 200")


async def test_a_drain_does_not_weaken_maintenance(world: World) -> None:
    """Given a server in maintenance, then a drain leaves it there, and its end does not end that."""
    await act("maint", world, server="pair/one")

    drained = await act("drain", world, server="pair/one")
    undrained = await act("undrain", world, server="pair/one")

    assert drained.ending is Ending.DONE
    assert undrained.ending is Ending.FAILED
    assert "in maintenance" in undrained.because
    assert world.state("pair/one") == "maint"
    assert (await act("ready", world, server="pair/one")).ending is Ending.DONE


# --- the last one ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "more"), [("drain", {}), ("maint", {}), ("maint", {"kill": True})]
)
async def test_the_last_server_is_not_taken_by_mistake(
    world: World, verb: str, more: dict[str, Any]
) -> None:
    """Given the last server of a backend, it is refused by the backend's name, unless said plainly."""
    await act("drain", world, server="pair/one")

    refused = await act(verb, world, server="pair/two", **more)
    assert refused.ending is Ending.FAILED
    assert "backend pair" in refused.because
    assert "last: true" in refused.because
    assert world.state("pair/two") == "ready"

    assert (await act(verb, world, server="pair/two", last=True, **more)).ending is Ending.DONE
    again = await act(verb, world, server="pair/two", **more)
    assert again.ending is Ending.DONE, "what takes nothing already takes nothing away"


async def test_no_weight_is_like_a_drain(world: World) -> None:
    """Given the last server that has a weight, a weight of 0 is refused as a drain would be."""
    assert (await act("weight", world, server="pair/one", percent=0)).ending is Ending.DONE

    refused = await act("weight", world, server="pair/two", percent=0)

    assert "backend pair" in refused.because
    assert world.weight("pair/two") == 100
    assert (await act("drain", world, server="pair/two")).ending is Ending.FAILED


async def test_a_backup_takes_over(world: World) -> None:
    """Given a backup server, then the others are not the last."""
    assert (await act("drain", world, server="spare/main")).ending is Ending.DONE
    assert "backend spare" in (await act("drain", world, server="spare/backup")).because


async def test_who_follows_is_counted(world: World) -> None:
    """Given a server that another backend's only server tracks, then that backend would be empty."""
    for path in ("leader/a", "leader/b"):
        world.until(lambda path=path: world.status(path) == "UP", "the checks do not pass")  # type: ignore[misc]

    refused = await act("maint", world, server="leader/a")

    assert "backend follower" in refused.because
    assert world.state("leader/a") == "ready"
    assert (await act("weight", world, server="leader/a", percent=0)).ending is Ending.DONE


async def test_two_drains_at_once_do_not_empty_a_backend(world: World) -> None:
    """Given two orders for the last two servers at the same time, then one of them is refused."""
    outcomes = await asyncio.gather(
        *(act("drain", world, server=f"pair/{name}") for name in ("one", "two"))
    )
    assert {outcome.ending for outcome in outcomes} == {Ending.DONE, Ending.FAILED}


# --- weights ---------------------------------------------------------------------------------


async def test_a_ramp_goes_up_step_by_step_and_back_to_where_it_began(world: World) -> None:
    """Given a weight set by hand, a ramp of several orders remembers it, and gives it back."""
    world.order("set server be/a weight 80")
    for percent in (1, 5, 25, 50, 100):
        outcome = await act("weight", world, server="be/a", percent=percent)
        assert outcome.ending is Ending.DONE
        assert world.weight("be/a") == percent
        assert (outcome.facts["previous_weight"], outcome.facts["percent"]) == (80, percent)

    assert (await act("unweight", world, epoch=6, server="be/a")).ending is Ending.DONE
    assert world.weight("be/a") == 80


async def test_a_weight_that_somebody_changed_is_not_overwritten(world: World) -> None:
    """Given a weight changed by hand since, then `unweight` refuses and says so."""
    await act("weight", world, server="be/a", percent=50)
    world.order("set server be/a weight 70")

    outcome = await act("unweight", world, server="be/a")

    assert outcome.ending is Ending.FAILED
    assert "somebody has changed it" in outcome.because
    assert world.weight("be/a") == 70


async def test_half_of_one_is_nothing(world: World) -> None:
    """Given a configured weight of 1, then half of it would be 0, a drain: refused, nothing changed."""
    outcome = await act("weight", world, server="be/b", percent=50)

    assert outcome.ending is Ending.FAILED
    assert "give it a weight of 2 or more" in outcome.because
    assert world.weight("be/b") == 1
    first_step = await act("weight", world, server="be/b", percent=1)
    assert "give it a weight of 100 or more" in first_step.because


async def test_an_error_is_a_text(world: World) -> None:
    """Given a backend whose algorithm takes no weights, then the text HAProxy says is the reason."""
    outcome = await act("weight", world, server="static/one", percent=50)

    assert outcome.ending is Ending.FAILED
    assert outcome.because.startswith("HAProxy says: Backend is using a static LB algorithm")
    assert world.weight("static/one") == 100


async def test_a_share_nobody_filled_in_is_no_share(world: World) -> None:
    """Given {percent} as a document has it, then it passes the check of documents, and is no order."""
    outcome = await act("weight", world, server="be/a", percent="{percent}")
    assert outcome.ending is Ending.FAILED
    assert "nobody has filled in" in outcome.because


# --- frontends -------------------------------------------------------------------------------


async def test_a_closed_frontend_refuses_connections(world: World) -> None:
    """Given a closed frontend, then who comes is refused, which is not a page that says 503."""
    assert await get(world.port) == "HTTP/1.1 200 X"

    assert (await act("close", world, frontend="shop")).ending is Ending.DONE
    with pytest.raises(ConnectionRefusedError):
        await get(world.port)

    assert (await act("open", world, frontend="shop")).ending is Ending.DONE
    assert await get(world.port) == "HTTP/1.1 200 X"


# --- orders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server", ["be/a; shutdown frontend shop", "be/a\nshutdown frontend shop", "be", "be/", "#3/#1"]
)
async def test_a_name_is_a_name(world: World, server: str) -> None:
    """Given something that could be more than a name, then it is no option at all."""
    outcome = await act("drain", world, server=server)
    assert outcome.ending is Ending.FAILED
    assert "server" in outcome.because
    assert world.frontend("shop") == "OPEN"


async def test_a_misspelt_name_selects_nobody_else(world: World) -> None:
    """Given a name that is nearly right, then it fails, says what there is, and nothing has changed."""
    outcome = await act("drain", world, server="pair/onE")
    assert outcome.because == "no server onE in backend pair, only one, two"
    assert (await act("drain", world, server="Pair/one")).because == "no backend Pair"
    assert (await act("close", world, frontend="pair")).because == "no frontend pair"


async def test_the_numbers_of_orders_survive(world: World) -> None:
    """Given a restart of HAProxy and of the coordinator, then an older order is still refused."""
    await act("drain", world, server="pair/one", epoch=7)
    world.stop()
    world.start()

    late = await act("drain", world, server="pair/one", epoch=6)

    assert late.because == "a newer order stands: 7, not 6"
    assert world.state("pair/one") == "ready"
    assert (await act("drain", world, server="pair/two", epoch=6)).ending is Ending.DONE


async def test_damaged_numbers_hold_back_only_what_gives_traffic_back(world: World) -> None:
    """Given a state file without sense, a drain still works and keeps it; an undrain wants a person."""
    await act("drain", world, server="pair/one", epoch=7)
    state = Path(f"{world.admin}.allstop")
    state.write_text("{")

    refused = await act("undrain", world, server="pair/one", epoch=8)
    assert refused.ending is Ending.FAILED
    assert "makes no sense" in refused.because
    assert world.state("pair/one") == "drain"

    assert (await act("drain", world, server="pair/one", epoch=8)).ending is Ending.DONE
    assert state.with_name(f"{state.name}.damaged").read_text() == "{"
    assert json.loads(state.read_text())["marks"]["pair/one"]["epoch"] == 8


async def test_over_tcp_the_numbers_need_a_place(world: World, tmp_path: Path) -> None:
    """Given the admin socket on TCP, then a state file must be named, and the rest is the same."""
    options: dict[str, Any] = {"socket": f"127.0.0.1:{world.admin_port}", "server": "pair/one"}
    homeless = await HAProxy().act(effect("drain", options), Blobs())
    assert (homeless.ending, "state_file" in homeless.because) == (Ending.FAILED, True)

    options["state_file"] = str(tmp_path / "orders.json")
    outcome = await HAProxy().act(effect("drain", options), Blobs())

    assert outcome.ending is Ending.DONE
    assert world.state("pair/one") == "drain"


async def test_a_socket_that_may_only_look(world: World) -> None:
    """Given a socket below the level admin, then a check beforehand says so, and the order fails."""
    options = {"socket": str(world.folder / "user.sock"), "server": "pair/one"}
    seen = await HAProxy().verify(options, 2000)
    assert (seen.ending, seen.because) == (
        Ending.FAILED,
        "the socket's level is 'user', not admin",
    )
    outcome = await HAProxy().act(effect("drain", options), Blobs())
    assert outcome.because == "HAProxy says: Permission denied"


async def test_a_check_beforehand_changes_nothing(world: World) -> None:
    """Given options, `verify` says whether an order could be given, without giving one."""
    ready = {"socket": world.admin, "server": "pair/one", "percent": 50}
    before = world.ask("show servers state pair")
    assert (await HAProxy().verify(ready, 2000)).ending is Ending.DONE
    assert (await HAProxy().verify({**ready, "server": "pair/x"}, 2000)).ending is Ending.FAILED
    closing = {"socket": world.admin, "frontend": "shop"}
    assert (await HAProxy().verify(closing, 2000)).ending is Ending.DONE
    absent = {**ready, "socket": str(world.folder / "none")}
    assert (await HAProxy().verify(absent, 2000)).ending is Ending.UNKNOWN
    assert (await HAProxy().verify({"nonsense": 1}, 2000)).ending is Ending.FAILED
    assert world.ask("show servers state pair") == before


# --- an HAProxy that does not answer ----------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (None, "does not answer"),
        (b"", "hung up without an answer"),
        (b"half an ans", "the answer broke off"),
    ],
)
async def test_an_order_that_was_sent_and_not_answered_is_unknown(
    answer: bytes | None, because: str
) -> None:
    """Given an HAProxy that takes an order and falls silent, then nobody knows, and it is said."""

    def says(command: str) -> haproxies.Answer | None:
        return answer if command.startswith("set server") else haproxies.honest(command)

    async with haproxies.lying(says) as path:
        options = {"socket": path, "server": "be/a"}
        outcome = await HAProxy().act(effect("drain", options, timeout_ms=1500), Blobs())
    assert outcome.ending is Ending.UNKNOWN
    assert because in outcome.because
    assert "may have taken effect" in outcome.because


async def test_a_look_that_is_not_answered_is_tried_again() -> None:
    """Given an HAProxy that is silent from the start, then nothing was ordered: try again."""
    async with haproxies.lying(lambda _: None) as path:
        options = {"socket": path, "server": "be/a"}
        outcome = await HAProxy().act(effect("drain", options, timeout_ms=300), Blobs())
        assert outcome.ending is Ending.RETRY
        seen = await HAProxy().observe(effect("drain", options, timeout_ms=300))
        assert seen.ending is Ending.UNKNOWN


async def test_an_empty_answer_alone_is_no_success() -> None:
    """Given an HAProxy that accepts everything and does nothing, then it is found out."""

    def says(command: str) -> haproxies.Answer | None:
        return b"\n" if command.startswith("set server") else haproxies.honest(command)

    async with haproxies.lying(says) as path:
        for verb, more in (("drain", {}), ("maint", {}), ("weight", {"percent": 5})):
            options = {"socket": path, "server": "be/a", **more}
            outcome = await HAProxy().act(effect(verb, options), Blobs())
            assert outcome.ending is Ending.FAILED, verb

"""Standing orders: signed and numbered when what stands has changed, and only then; and who has reached which."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.signing import PublicKeys, SigningKey
from allstop.application.access import Access
from allstop.application.command_post import Request
from allstop.application.hosts import LOST_AFTER_MS, Acknowledged, Hosts
from allstop.application.standing_orders import VALID_MS, StandingOrders
from allstop.domain.halt.commands import OrderHalt, RegisterAgent, ReleaseHalt
from allstop.domain.halt.host_commands import FrozenAgent, RefusedOrder
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.halt.standing_order import Accepted, Known, accept
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import AddNote
from allstop.domain.policy import Grant, Policy
from allstop.domain.principal import Principal, host_principal
from allstop.errors import Missing, Refused, Unauthenticated
from tests.application.ground import House, told
from tests.domain import builders
from tests.domain.builders import ADA, EVE


def rules() -> Policy:
    policy = builders.policy()
    authority = (*policy.protocol.authority, Grant("administer", ("owner",)))
    return replace(policy, protocol=replace(policy.protocol, authority=authority))


class Post:
    """A coordinator that signs, and the keys its hosts have pinned."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.key = house, SigningKey(folder / "order.key")
        self.pinned = PublicKeys(self.key.public_path).check
        self.secrets = iter(f"secret-{number}" for number in range(1000))
        self.begin()

    def begin(self) -> None:
        house = self.house
        self.orders = StandingOrders(house.post, house.store, house.hub, house.clock, self.key)
        self.access = Access(
            house.post, house.store, house.clock, lambda _: None, lambda: next(self.secrets)
        )
        self.hosts = Hosts(house.post, self.orders, self.access, house.clock)

    def passes(self, milliseconds: int) -> None:
        self.house.time.move_to(self.house.time.us + milliseconds * 1000)

    async def again(self) -> None:
        """The coordinator crashes and starts again."""
        await self.house.begin()
        self.begin()

    async def enrol(self, *names: str) -> None:
        for name in names:
            await self.hosts.enrol(name, Request(EVE))

    def heard(self, known: Known) -> Known:
        found = accept(
            known, self.orders.current().envelope, self.pinned, lambda *_: None,
            self.house.clock.now().utc,
        )  # fmt: skip
        assert isinstance(found, Accepted), found
        return found.known

    async def says(self, host: str, seq: int, who: Principal | None = None, **more: Any) -> int:
        said = Acknowledged(seq, **more)
        return await self.hosts.acknowledge(host, said, Request(who or host_principal(host)))


async def post(folder: Path) -> Post:
    house = await House(policy=rules()).begin()
    await house.register()
    return Post(house, folder)


# --- orders --------------------------------------------------------------------------------------


async def test_a_host_that_hears_the_order_of_the_moment_is_right(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.house.do(OrderHalt("all", "stop"))
    known = at.heard(Known("web-1"))
    assert [halt.id for halt in known.halts] == ["HALT-1"]
    await at.house.do(ReleaseHalt("HALT-1", "it is over"), EVE)
    assert at.heard(known).halts == ()


async def test_the_number_is_the_place_in_the_log_of_what_changed(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.house.do(OrderHalt("all", "stop"))
    (ordered,) = (one for one in at.house.store.records() if one.kind == "halt.ordered")
    assert at.orders.current().seq == ordered.position


async def test_a_halt_that_is_the_first_thing_ever_has_a_number_of_its_own(tmp_path: Path) -> None:
    """Given a host that has heard that nothing stands, in a log that is empty, the first halt is news to it."""
    at = Post(await House(policy=rules()).begin(), tmp_path)
    known = at.heard(Known("web-1"))
    await at.house.do(OrderHalt("all", "stop"))
    assert at.heard(known).seq > known.seq
    before = at.orders.current().seq
    await at.again()
    assert at.orders.current().seq >= before


async def test_what_changes_nothing_that_stands_makes_no_order(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.house.do(OrderHalt("all", "stop"))
    before = at.orders.current()
    incident = await at.house.declare(impact=Impact(failed_share_percent=20))
    await at.house.do(AddNote(incident, "look at that"))
    command = RegisterAgent("builder-3", "b", "builders", "script")
    await at.house.do(command, ADA)
    assert at.orders.current() is before


async def test_whoever_waits_is_woken_by_the_next_order_and_not_for_ever(tmp_path: Path) -> None:
    at = await post(tmp_path)
    seq = at.orders.current().seq
    waiting = asyncio.create_task(at.orders.later_than(seq, 60_000))
    await asyncio.sleep(0)
    await at.house.do(OrderHalt("all", "stop"))
    assert (await waiting).halts == ("HALT-1",)
    now = at.orders.current().seq
    assert (await at.orders.later_than(now, 0)).seq == now
    assert (await at.orders.later_than(0, 60_000)).seq == now


async def test_an_order_is_signed_again_before_its_time_is_over(tmp_path: Path) -> None:
    """Given an order of yesterday, a host that comes today is given the same one, good for today."""
    at = await post(tmp_path)
    await at.house.do(OrderHalt("all", "stop"))
    first = at.orders.current()
    known = at.heard(Known("web-1"))
    at.passes(24 * VALID_MS)
    later = at.orders.current()
    assert (later.seq, later.envelope != first.envelope) == (first.seq, True)
    assert at.heard(known) == known
    assert at.heard(Known("web-2")).seq == first.seq


@pytest.mark.parametrize("released", [False, True])
async def test_after_a_crash_no_number_is_lower_than_before(tmp_path: Path, released: bool) -> None:
    at = await post(tmp_path)
    await at.house.do(OrderHalt("all", "stop"))
    await at.house.do(OrderHalt("agent:builder-1", "that one too"))
    if released:
        await at.house.do(ReleaseHalt("HALT-2", "x"), EVE)
        await at.house.do(ReleaseHalt("HALT-1", "x"), EVE)
    known, before = at.heard(Known("web-1")), at.orders.current()
    await at.again()
    after = at.orders.current()
    assert after.seq >= before.seq
    assert (after.halts, after.ended) == (before.halts, before.ended)
    assert at.heard(known).halts == known.halts


async def test_with_nothing_standing_a_restart_is_no_news_to_anybody(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.house.do(OrderHalt("all", "stop"))
    await at.house.do(ReleaseHalt("HALT-1", "x"), EVE)
    before = at.orders.current().seq
    await at.enrol("web-1")
    await at.again()
    assert at.orders.current().seq == before


# --- hosts ---------------------------------------------------------------------------------------


async def test_a_host_that_is_enrolled_again_gets_a_new_token_and_the_old_one_ends(
    tmp_path: Path,
) -> None:
    at = await post(tmp_path)
    first = await at.hosts.enrol("web-1", Request(EVE))
    assert at.access.by_token(first.token) == host_principal("web-1")
    second = await at.hosts.enrol("web-1", Request(EVE))
    assert at.access.by_token(second.token).host == "web-1"
    with pytest.raises(Unauthenticated):
        at.access.by_token(first.token)
    with pytest.raises(Refused):
        await at.hosts.enrol("web-2", Request(ADA))


async def test_nobody_is_issued_the_token_of_a_host(tmp_path: Path) -> None:
    at = await post(tmp_path)
    with pytest.raises(Missing, match="is a host"):
        await at.access.issue("source:host:web-1")


async def test_a_thousand_hosts_that_answer_at_once_are_few_entries(tmp_path: Path) -> None:
    at = await post(tmp_path)
    names = [f"web-{number}" for number in range(1000)]
    await at.enrol(*names)
    await at.house.do(OrderHalt("all", "stop"))
    seq, before = at.orders.current().seq, at.house.store.last_position()
    answers = await asyncio.gather(*(at.says(name, seq) for name in names))
    assert set(answers) == {seq}
    assert {host.seq for host in at.house.world.hosts.values()} == {seq}
    assert at.house.store.last_position() - before <= 10
    assert {line.state for line in at.hosts.lines()} == {"current"}


async def test_a_sign_of_life_is_not_recorded_and_silence_is(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.enrol("web-1", "web-2")
    seq = at.orders.current().seq
    await at.says("web-1", seq)
    end = at.house.store.last_position()
    for _ in range(5):
        at.passes(LOST_AFTER_MS // 2)
        await at.says("web-1", seq)
        await at.hosts.look()
    assert at.house.kinds("hosts")[-1] == "host.lost"
    assert at.house.store.last_position() == end + 1
    assert [(line.host, line.state) for line in at.hosts.lines()] == [
        ("web-1", "current"), ("web-2", "lost"),
    ]  # fmt: skip
    await at.says("web-2", seq)
    assert at.hosts.lines()[1].state == "current"


async def test_an_acknowledgement_of_an_older_order_tells_nobody_of_the_newer_one(
    tmp_path: Path,
) -> None:
    at = await post(tmp_path)
    await at.enrol("web-1")
    await at.house.do(RegisterAgent("coder", "c", "builders", "host", {}, "web-1"), ADA)
    await at.house.do(OrderHalt("agent:builder-1", "first"))
    older = at.orders.current().seq
    await at.house.do(OrderHalt("agent:coder", "second"))
    await at.says("web-1", older, agents=("coder",))
    roll = at.house.world.halts["HALT-2"].roll
    assert roll["coder"].state is Hold.ORDERED
    assert await at.says("web-1", at.orders.current().seq, agents=("coder",)) > older
    assert at.house.world.halts["HALT-2"].roll["coder"].state is Hold.TOLD
    assert at.hosts.lines()[0].agents == ("coder",)


async def test_a_host_ahead_of_the_log_is_no_good_news(tmp_path: Path) -> None:
    """An older copy of the database was put back: the host takes nothing from it, and a person must know."""
    at = await post(tmp_path)
    await at.enrol("web-1")
    await at.says("web-1", 99_999)
    (line,) = at.hosts.lines()
    assert (line.state, line.seq) == ("new", 0)
    assert [one.code for one in line.refused] == ["ahead"]


async def test_what_a_host_refused_and_froze_is_on_the_record(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.enrol("web-1")
    refused = (RefusedOrder(0, "forged", "its signature is not of its text"),)
    await at.says("web-1", 1, refused=refused, frozen=(FrozenAgent("ghost", 1, "x"),))
    record = at.house.store.records(stream="hosts")[-2]
    assert (record.kind, record.actor) == ("host.refused", "source:host:web-1")
    assert [one.code for one in at.hosts.lines()[0].refused] == ["forged"]


async def test_a_host_speaks_for_itself_only(tmp_path: Path) -> None:
    at = await post(tmp_path)
    await at.enrol("web-1", "web-2")
    for who in (host_principal("web-2"), EVE):
        with pytest.raises(Refused, match="may not report for the host web-1"):
            await at.says("web-1", 1, who)
    with pytest.raises(Missing):
        await at.says("web-9", 1)


async def test_one_that_gives_up_keeps_nobody_else_from_being_recorded(tmp_path: Path) -> None:
    """Given many that acknowledge at once, when the one that records for all is cut off, the rest are recorded."""
    at = await post(tmp_path)
    names = [f"web-{number}" for number in range(20)]
    await at.enrol(*names)
    seq = at.orders.current().seq
    tasks = [asyncio.create_task(at.says(name, seq)) for name in names]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {at.house.world.hosts[name].seq for name in names[1:]} == {seq}


@told
async def test_a_full_disk_ends_nothing_and_the_silence_is_recorded_later(
    house: House, tmp_path: Path
) -> None:
    """Given a host that falls silent while the disk is full, it is noted as lost when there is room again."""
    await house.begin(rules())
    at = Post(house, tmp_path)
    await at.enrol("web-1")
    async with house.working(at.hosts.run):
        house.crash.full = True
        await house.wait(LOST_AFTER_MS + 20_000)
        assert house.world.hosts["web-1"].lost_at is None
        house.crash.full = False
        await house.wait(20_000)
    assert house.world.hosts["web-1"].lost_at is not None

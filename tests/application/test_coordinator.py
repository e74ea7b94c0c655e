"""The coordinator as a whole: its roster, its policy, and that half of it is none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from allstop.adapters.report_files import ReportFiles
from allstop.application.access import Access
from allstop.application.command_post import CommandPost
from allstop.application.coordinator import Coordinator
from allstop.application.reports import Reports
from allstop.application.views import Views
from allstop.domain.halt.commands import OrderHalt
from allstop.domain.policy import AgentEntry, Policy
from allstop.errors import Invalid
from tests.application.ground import SECOND, House, told
from tests.domain import builders


def with_agents(*names: str, **options: str) -> Policy:
    plain = builders.policy()
    agents = tuple(AgentEntry(name, name, "builders", "script", dict(options)) for name in names)
    return replace(plain, roster=replace(plain.roster, agents=agents))


async def audit() -> dict[str, object]:
    return {"ok": True}


def coordinator(house: House, home: Path, *documents: Policy) -> Coordinator:
    """The whole of it; `documents` are what reading the documents gives, one after the other."""
    waiting = list(documents)

    def read() -> Policy:
        if not waiting:
            raise Invalid("the documents are not well formed", "mend them")
        return waiting.pop(0)

    access = Access(house.post, house.store, house.clock, lambda _: None, lambda: "secret")
    return Coordinator(
        home, "1", house.clock.now().utc, house.post, house.store, house.hub, house.views, access,
        Reports(house.views, house.post, house.clock, ReportFiles(home)), house.outside, house.clock,
        house.monitor, house.runner, house.timekeeper, read, audit,
    )  # fmt: skip


@told
async def test_the_roster_is_registered_at_the_start_and_only_news_later(
    house: House, tmp_path: Path
) -> None:
    """Given a start, a restart and a changed roster, then each agent was registered when it was new, and
    the known ones were left alone."""
    for policy in (with_agents("one"), with_agents("one"), with_agents("one", "two")):
        await house.begin(policy)
        async with house.working(coordinator(house, tmp_path).run):
            await house.wait(SECOND)

    assert list(house.world.agents) == ["one", "two"]
    assert house.kinds("agents") == ["agent.registered"] * 2


@told
async def test_an_agent_that_moved_is_registered_anew(house: House, tmp_path: Path) -> None:
    """Given an agent that is reached in another way now, when the documents are read again, then orders
    go the new way."""
    await house.begin(with_agents("one", file="old"))
    whole = coordinator(house, tmp_path, with_agents("one", file="new"))
    await whole.sync_roster()
    digest = await whole.reload()

    assert digest == house.post.book.current
    assert house.world.agents["one"].options == {"file": "new"}


@told
async def test_a_newcomer_in_the_scope_of_a_halt_starts_halted(
    house: House, tmp_path: Path
) -> None:
    """Given a standing halt, when a new agent comes with the documents, then it is held at once."""
    await house.begin(with_agents("one"))
    whole = coordinator(house, tmp_path, with_agents("one", "two"))
    await whole.sync_roster()
    await house.do(OrderHalt("all", "stop"))
    await whole.reload()

    assert list(house.world.halts["HALT-1"].roll) == ["one", "two"]


@told
async def test_documents_that_are_wrong_change_nothing(house: House, tmp_path: Path) -> None:
    """Given documents with an error, when they are read again, then the old policy stays."""
    before = house.post.book.current
    with pytest.raises(Invalid):
        await coordinator(house, tmp_path).reload()

    assert house.post.book.current == before


@told
async def test_it_is_said_that_the_last_good_policy_is_in_force(
    house: House, tmp_path: Path
) -> None:
    """Given documents that could not be taken at the start or when they were read again, then the first problem
    is shown beside the policy that stays, until they are taken."""
    started = CommandPost(house.store, house.clock, house.crash)
    started.load(
        house.policy, broken="fleet.yaml:3 AP003 no key nmae\nfleet.yaml:9 AP004 no port 0"
    )
    shown = Views(started, house.store, house.monitor, house.clock).protocol()
    assert shown.kept_because == "fleet.yaml:3 AP003 no key nmae (and 1 more)"

    whole = coordinator(house, tmp_path)
    with pytest.raises(Invalid):
        await whole.reload()
    assert house.views.protocol().kept_because == "the documents are not well formed"
    await coordinator(house, tmp_path, with_agents("one")).reload()
    assert house.views.protocol().kept_because == ""


@told
async def test_a_part_that_dies_ends_the_coordinator(house: House, tmp_path: Path) -> None:
    """Given one part that fails, then the whole ends with its error, and no other part goes on."""

    async def fails() -> None:
        await house.wait(10 * SECOND)
        raise OSError("no more")

    whole = coordinator(house, tmp_path)
    whole.background = (fails,)
    with pytest.raises(ExceptionGroup) as caught:
        await whole.run()
    before = len(house.outside.asked)
    await house.wait(60 * SECOND)

    assert [str(one) for one in caught.value.exceptions] == ["no more"]
    assert len(house.outside.asked) == before > 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@told
async def test_it_starts_on_a_full_disk(house: House, tmp_path: Path) -> None:
    """Given a disk without space, when the coordinator starts, then it lives, because halts are still
    recorded; when there is space again, everything goes on by itself."""
    await house.register()
    await house.declare()
    await house.begin()
    house.crash.full = True
    async with house.working(coordinator(house, tmp_path).run):
        await house.wait(60 * SECOND)
        position = house.store.last_position()
        house.crash.full = False
        await house.do(OrderHalt("all", "stop"))
        await house.wait(10 * SECOND)

    assert house.store.last_position() > position
    assert "plan.done" in house.kinds()
    assert "samples.recorded" in house.kinds()

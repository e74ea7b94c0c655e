"""What the console says of a halt: whom and what it blocks, who disagrees, and how far its release is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.policy import Policy, ReleaseRule, ReleaseStage
from tests.faces.web.conftest import Opener, text
from tests.faces.web.rules import shop
from tests.faces.web.stage import raised


async def test_a_halt_says_what_it_blocks_and_who_disagrees(opened: Opener) -> None:
    stage = await raised()
    agents = tuple(stage.coordinator.post.world.agents)
    await stage.do(OrderHalt("all", "no writes", exempt=agents[:1], classes=("write", "exec")))
    await stage.do(OrderHalt("all", "nothing", classes=("hard",)))
    page = await opened(stage).get("/")
    assert "scope all, write, exec" in text(page, "article[data-halt=HALT-1]")
    assert f"HALT-1 lets {agents[0]} act, HALT-2 stops it" in text(
        page, "article[data-halt=HALT-1]"
    )
    assert "scope all, every tool" in text(page, "article[data-halt=HALT-2]")


def rules(**stop: Any) -> Policy:
    """The shop, where a release takes more than a word."""
    policy: Policy = shop()
    all_stop = replace(policy.protocol.all_stop, **stop)
    return replace(policy, protocol=replace(policy.protocol, all_stop=all_stop))


async def test_a_release_that_takes_two_says_what_it_waits_for(opened: Opener) -> None:
    stage = await raised(rules(release=(ReleaseRule("", 2),)))
    await stage.do(OrderHalt("all", "look"))
    await stage.do(ReleaseHalt("HALT-1", "it is over"))
    page = await opened(stage).get("/")
    assert "waits for one more person" in text(page, "article[data-halt=HALT-1]")


async def test_a_release_by_stages_is_seen_with_what_has_happened_since(opened: Opener) -> None:
    stage = await raised(rules(stages=(ReleaseStage("canary", 0),)))
    await stage.do(OrderHalt("all", "look"))
    await stage.do(ReleaseHalt("HALT-1", "it is over"))
    page = await opened(stage).get("/")
    seen = text(page, "article[data-halt=HALT-1]")
    assert "Release, stage canary: " in seen
    assert "declared since" not in seen
    await stage.do(OrderHalt("all", "it is back"))
    page = await opened(stage).get("/")
    assert "HALT-2 was ordered since" in text(page, "article[data-halt=HALT-1]")
    assert "All stopped" not in page.get_text()
